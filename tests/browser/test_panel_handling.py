"""Who answers, as operators see it: the line under the name, the pause by a key, and Esc."""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Route, expect

from tests import scenario
from tests.browser.people import NETWORK, Operator, Stage, beneath, until
from tests.server import Server

PHONE = (390, 844)
SHOTS = os.environ.get("REPLYX_SHOTS")  # a folder for pictures, for whoever wants to look


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A demo server without limits."""
    with Server(tmp_path_factory.mktemp("server") / "data", env={"RATE_LIMITS": "off"}) as running:
        yield running


def asks(boris: httpx.Client, text: str) -> scenario.Visitor:
    """A new visitor of an assistant, who wrote ``text``."""
    anna = scenario.guest(boris)
    anna.say(boris, text)
    return anna


def standing_of(operator: Operator) -> Locator:
    """The line that says who answers."""
    return operator.page.locator(".dialog__about")


def picture(operator: Operator, name: str) -> None:
    """Keep what the operator sees, in light and in dark."""
    if SHOTS:
        for scheme in ("light", "dark"):
            operator.page.emulate_media(color_scheme=scheme)
            operator.page.screenshot(path=f"{SHOTS}/{name}-{scheme}.png")


@pytest.mark.parametrize(
    ("locale", "size", "answers", "stopped", "waits", "own"),
    [
        ("ru-RU", (1280, 800), "Отвечает ассистент", "остановлен вами", "пишет Борис", "Отвечает Борис (вы)"),
        ("en-GB", PHONE, "Answered by the assistant", "stopped by you", "Борис is writing", "Answered by Борис (you)"),
    ],
)
def test_a_key_stops_the_assistant_esc_gives_back_and_a_message_takes_over(
    stage: Stage,
    server: Server,
    boris: httpx.Client,
    locale: str,
    size: tuple[int, int],
    answers: str,
    stopped: str,
    waits: str,
    own: str,
) -> None:
    question = f"Есть 42 размер? {locale}"
    anna = asks(boris, question)
    writer = stage.operator(server.url, stage.context(locale, size))
    watcher = stage.operator(server.url, stage.context(locale, size), email="admin@example.com")
    for operator in (writer, watcher):
        operator.open_dialog(question)
        expect(standing_of(operator)).to_contain_text(answers)
    writer.composer.press_sequentially("Сей")
    expect(standing_of(writer)).to_contain_text(stopped)
    expect(standing_of(watcher)).to_contain_text(waits)
    picture(writer, f"stopped-{locale}")
    picture(watcher, f"waits-{locale}")
    writer.composer.press("Escape")
    for operator in (writer, watcher):
        expect(standing_of(operator)).to_contain_text(answers)
    expect(writer.composer, "the draft stays, and so does the dialog").to_have_value("Сей")
    writer.composer.press_sequentially("час")
    expect(standing_of(writer)).to_contain_text(stopped)
    writer.composer.press("Enter")
    expect(standing_of(writer)).to_contain_text(own)
    writer.shows(question, "Сейчас")
    picture(writer, f"own-{locale}")
    writer.composer.press("Escape")
    expect(writer.composer, "in a dialog of one's own Esc leads back to the list").to_have_count(0)
    assert scenario.as_json(boris.get(f"/api/dialogs/{anna.dialog_id}"))["dialog"]["handler"] == "manager"


@pytest.mark.parametrize("size", [(1440, 900), PHONE])
def test_a_closed_dialog_is_shown_to_its_end_and_a_double_click_does_not_open_it_again(
    stage: Stage, server: Server, boris: httpx.Client, size: tuple[int, int]
) -> None:
    anna = asks(boris, f"Первое {size[0]}")
    for number in range(24):
        anna.say(boris, f"Строка {number}")
    last = f"Последнее {size[0]}"
    anna.say(boris, last)
    operator = stage.operator(server.url, stage.context("ru-RU", size))
    operator.open_dialog(last)
    expect(operator.messages.last).to_contain_text(last)
    operator.page.get_by_test_id("action-close").dblclick()
    notice = operator.page.locator(".dialog__notice")
    expect(notice).to_contain_text("Диалог закрыт")
    until(operator.page, lambda: beneath(operator) < 1, "the end in view after closing")
    again = operator.page.get_by_test_id("action-reopen")
    again.dispatch_event("click", {"detail": 2})
    operator.page.reload()
    expect(notice).to_contain_text("Диалог закрыт")
    expect(operator.messages.last).to_contain_text(last)
    until(operator.page, lambda: beneath(operator) < 1, "the end in view after a reload")
    picture(operator, f"closed-{size[0]}")
    marked = operator.page.locator("[data-testid=dialog-item][aria-current]")
    expect(marked, "the list that has it is shown").to_have_attribute("data-dialog-id", str(anna.dialog_id))
    other = asks(boris, f"Другой {size[0]}")
    operator.page.goto(f"{server.url}/admin#/dialogs/{other.dialog_id}")
    expect(operator.messages).to_have_count(1)
    operator.page.goto(f"{server.url}/admin#/dialogs/{anna.dialog_id}?status=closed")
    expect(operator.messages.last).to_contain_text(last)
    until(operator.page, lambda: beneath(operator) < 1, "the end in view in place of another dialog")
    assert scenario.as_json(boris.get(f"/api/dialogs/{anna.dialog_id}"))["dialog"]["status"] == "closed"


def test_the_visitors_page_is_a_link_that_is_short_to_read(stage: Stage, server: Server) -> None:
    anna = stage.visitor(f"{server.url}/demo-site/")
    anna.open_chat()
    anna.say("Откуда я?")
    anna.shows("Откуда я?")
    operator = stage.operator(server.url, stage.context("ru-RU", PHONE))
    operator.open_dialog("Откуда я?")
    page = operator.page.get_by_test_id("visitor-page")
    expect(page).to_have_text(f"Страница: {server.url.removeprefix('http://')}/demo-site/")
    expect(page).to_have_attribute("href", f"{server.url}/demo-site/")
    expect(page).to_have_attribute("rel", "noopener noreferrer")
    picture(operator, "page")


def test_a_pause_that_nobody_ends_is_over_by_itself(stage: Stage, server: Server, boris: httpx.Client) -> None:
    anna = asks(boris, "Кто-нибудь?")
    operator = stage.operator(server.url)
    operator.page.clock.install()
    operator.open_dialog("Кто-нибудь?")
    typing = boris.post(f"/api/dialogs/{anna.dialog_id}/typing", json={"typing": True})
    assert typing.status_code == 204
    expect(standing_of(operator)).to_contain_text("остановлен вами")
    expect(operator.page.get_by_test_id("action-release")).to_be_visible()
    operator.page.clock.fast_forward(61_000)
    expect(standing_of(operator)).to_contain_text("Отвечает ассистент")
    expect(operator.page.get_by_test_id("action-release")).to_have_count(0)


def test_who_presses_second_is_told_and_may_take_over_anyway(stage: Stage, server: Server, boris: httpx.Client) -> None:
    anna = asks(boris, "Кто первый?")
    operator = stage.operator(server.url)
    operator.console.expected.append(NETWORK)
    operator.open_dialog("Кто первый?")
    with scenario.operator(server, "admin@example.com") as maria:

        def maria_is_faster(route: Route) -> None:
            assert maria.post(f"/api/dialogs/{anna.dialog_id}/takeover").status_code == 200
            route.continue_()

        operator.page.route("**/takeover", maria_is_faster, times=1)
        operator.act("takeover")
        expect(operator.page.locator(".dialog__notice")).to_contain_text("Вас опередил оператор Мария")
        expect(standing_of(operator)).to_contain_text("Отвечает Мария")
        expect(operator.page.get_by_test_id("action-assign")).to_have_text("Взять всё равно")
        picture(operator, "taken")
        operator.act("assign")
        expect(standing_of(operator)).to_contain_text("Отвечает Борис (вы)")
        expect(operator.page.locator(".dialog__notice")).to_be_hidden()


@pytest.mark.parametrize(
    ("locale", "size", "words"), [("ru-RU", PHONE, "ждёт 5 мин"), ("en-GB", (1280, 800), "waits 5 min")]
)
def test_the_list_says_how_long_somebody_waits(
    stage: Stage, server: Server, boris: httpx.Client, locale: str, size: tuple[int, int], words: str
) -> None:
    anna = asks(boris, f"Долго ещё? {locale}")
    operator = stage.operator(server.url, stage.context(locale, size))
    waits = operator.row(f"Долго ещё? {locale}").get_by_test_id("waits")
    expect(operator.row(f"Долго ещё? {locale}")).to_be_visible()
    expect(waits).to_have_count(0)
    operator.page.clock.install()
    operator.page.reload()
    operator.is_live()
    operator.page.clock.fast_forward("05:10")
    expect(waits).to_have_text(words)
    picture(operator, f"waits-list-{locale}")
    assert boris.post(f"/api/dialogs/{anna.dialog_id}/messages", json={"text": f"Минуту {locale}"}).status_code == 201
    expect(operator.row(f"Минуту {locale}")).to_be_visible()
    expect(operator.row(f"Минуту {locale}").get_by_test_id("waits")).to_have_count(0)
