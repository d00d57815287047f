"""Search in the operators' panel: what was said is found while one types, and opened where it was said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Route, expect

from tests import scenario
from tests.browser import accessibility
from tests.browser.people import NETWORK, Operator, Stage
from tests.scenario import Visitor
from tests.server import Server

PAGE = 50
PHONE = (390, 780)
SEARCH = "**/api/search?*"
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A demo server without limits: long conversations are made from one address."""
    with Server(tmp_path_factory.mktemp("server") / "data", env={"RATE_LIMITS": "off"}) as running:
        yield running


def says(boris: httpx.Client, *texts: str) -> Visitor:
    """A new visitor, who wrote ``texts``."""
    anna = scenario.guest(boris)
    for text in texts:
        anna.say(boris, text)
    return anna


def opened(boris: httpx.Client, subject: str, *texts: str) -> None:
    """A ticket in which its customer wrote ``texts``."""
    answer = boris.post("/api/support/tickets", json={"subject": subject, "description": "Описание"})
    url = f"/api/support/tickets/{scenario.as_json(answer)['id']}/messages"
    for text in texts:
        assert boris.post(url, json={"content": text, "senderType": "USER"}).status_code == 201


def field(panel: Operator) -> Locator:
    """Where one types what to search for."""
    return panel.page.get_by_test_id("search")


def found(panel: Operator) -> Locator:
    """The results."""
    return panel.page.get_by_test_id("found")


def status(panel: Operator) -> Locator:
    """What a screen reader is told of the search."""
    return panel.page.get_by_test_id("search-status")


def shown_at(panel: Operator, text: str) -> None:
    """Wait until the open conversation stands at the message with this text, marked and with the focus."""
    message = panel.page.locator(".message--found")
    expect(message.locator(".message__text")).to_have_text(text)
    expect(message).to_be_in_viewport()
    expect(message).to_be_focused()


class TestFinding:
    def test_cyrillic_and_latin_words_are_found_in_dialogs_and_tickets_and_marked(
        self, stage: Stage, server: Server, boris: httpx.Client
    ) -> None:
        says(boris, "Ещё вопрос: где Ёлочные шары, order AB-77?")
        opened(boris, "Разбитые игрушки", "Пришли битые ёлочные игрушки, order ZX-12")
        panel = stage.operator(server.url)
        field(panel).fill("ЕЛОЧН")
        expect(found(panel)).to_have_count(2)
        expect(status(panel)).to_have_text("Найдено 2 сообщения")
        ticket, dialog = found(panel).first, found(panel).last
        expect(ticket.locator(".dialog-item__name")).to_have_text("Разбитые игрушки")
        expect(ticket.locator(".mark--ticket")).to_have_text("Тикет")
        expect(ticket.locator("mark")).to_have_text("ёлочные")
        expect(dialog.locator(".mark--ticket")).to_have_count(0)
        expect(dialog.locator("mark")).to_have_text("Ёлочные")
        field(panel).fill("order zx")
        expect(found(panel)).to_have_count(1)
        expect(found(panel).locator("mark")).to_have_text(["order", "ZX"])
        found(panel).click()
        expect(panel.page.locator("h1")).to_have_text("Разбитые игрушки")
        shown_at(panel, "Пришли битые ёлочные игрушки, order ZX-12")
        expect(found(panel)).to_have_attribute("aria-current", "true")

    def test_what_was_said_is_shown_as_text(self, stage: Stage, server: Server, boris: httpx.Client) -> None:
        opened(boris, f"{MARKUP} тема", f"{MARKUP} сломана <b>вазочка</b>")
        panel = stage.operator(server.url)
        field(panel).fill("сломана вазо")
        expect(found(panel).locator(".found__text")).to_have_text(f"{MARKUP} сломана <b>вазочка</b>")
        expect(found(panel).locator("mark")).to_have_text(["сломана", "вазочка"])
        expect(found(panel).locator(".dialog-item__name")).to_have_text(f"{MARKUP} тема")
        expect(panel.page.locator("img, .found b")).to_have_count(0)

    def test_more_brings_the_next_page_until_there_is_no_other(
        self, stage: Stage, server: Server, boris: httpx.Client
    ) -> None:
        says(boris, *[f"листание {number}" for number in range(PAGE + 5)])
        panel = stage.operator(server.url)
        field(panel).fill("листание")
        expect(found(panel)).to_have_count(PAGE)
        expect(status(panel)).to_have_text("Показано 50 самых новых сообщений")
        more = panel.page.get_by_test_id("found-list").get_by_role("button", name="Показать ещё")
        more.click()
        expect(found(panel)).to_have_count(PAGE + 5)
        expect(status(panel)).to_have_text("Найдено 55 сообщений")
        expect(more).to_be_hidden()
        texts = found(panel).locator(".found__text").all_inner_texts()
        assert texts == [f"листание {number}" for number in reversed(range(PAGE + 5))]

    def test_a_message_far_up_is_opened_where_it_was_said_and_a_result_can_be_chosen_again(
        self, stage: Stage, server: Server, boris: httpx.Client
    ) -> None:
        anna = says(boris, "Мой паспорт 4509", *[f"слово {number}" for number in range(2 * PAGE)])
        panel = stage.operator(server.url)
        field(panel).fill("паспорт")
        found(panel).click()
        shown_at(panel, "Мой паспорт 4509")
        seen = scenario.as_json(boris.get(f"/api/dialogs/{anna.dialog_id}"))["dialog"]
        assert seen["unread"] == 2 * PAGE + 1, "the end of the conversation was not before the operator"
        panel.page.get_by_role("button", name="Новые сообщения").click()
        expect(panel.messages.last).to_be_in_viewport()
        found(panel).click()
        shown_at(panel, "Мой паспорт 4509")
        panel.page.reload()
        panel.is_live()
        shown_at(panel, "Мой паспорт 4509")


class TestTheList:
    def test_results_give_way_to_the_list_as_it_was_and_news_meanwhile_destroy_neither(
        self, stage: Stage, server: Server, boris: httpx.Client
    ) -> None:
        for number in range(20):
            says(boris, f"очередь {number}")
        anna = says(boris, "первая находка")
        panel = stage.operator(server.url)
        scroll = panel.page.locator(".dialogs__scroll").first
        expect(panel.row("первая находка")).to_be_visible()
        scroll.evaluate("node => node.scrollTop = 300")
        field(panel).fill("находка")
        expect(found(panel)).to_have_count(1)
        expect(panel.rows.first).to_be_hidden()
        result = found(panel).element_handle()
        anna.say(boris, "вторая находка")
        says(boris, "кто-то ещё")
        expect(panel.rows.first).to_contain_text("кто-то ещё")  # the list behind the results
        expect(found(panel)).to_have_count(1)
        assert result.evaluate("node => node.isConnected")
        panel.page.get_by_test_id("search-clear").click()
        expect(found(panel)).to_have_count(0)
        expect(status(panel)).to_be_empty()
        expect(panel.row("вторая находка")).to_have_count(1)
        assert scroll.evaluate("node => node.scrollTop") == 300
        expect(field(panel)).to_be_focused()
        expect(field(panel)).to_have_value("")

    def test_the_keyboard_alone_searches_walks_opens_and_returns(
        self, stage: Stage, server: Server, boris: httpx.Client
    ) -> None:
        says(boris, "клавиша один")
        says(boris, "клавиша два")
        panel = stage.operator(server.url)
        expect(panel.row("клавиша два")).to_be_visible()
        keys = panel.page.keyboard
        keys.press("/")
        expect(field(panel)).to_be_focused()
        keys.type("клавиша")
        expect(found(panel)).to_have_count(2)
        keys.press("ArrowDown")
        expect(found(panel).first).to_be_focused()
        keys.press("ArrowDown")
        keys.press("Enter")
        shown_at(panel, "клавиша один")
        keys.press("Alt+ArrowUp")
        shown_at(panel, "клавиша два")
        keys.press("Escape")
        expect(panel.composer).to_have_count(0)
        expect(found(panel).first).to_be_focused()
        keys.press("Escape")
        expect(found(panel)).to_have_count(0)
        expect(panel.row("клавиша два")).to_be_visible()
        panel.open_dialog("клавиша два")
        panel.composer.fill("a/b")
        expect(panel.composer).to_have_value("a/b")

    def test_on_a_phone_a_result_opens_its_dialog_and_back_leads_to_the_results(
        self, stage: Stage, server: Server, boris: httpx.Client
    ) -> None:
        says(boris, "карманный вопрос")
        panel = stage.operator(server.url, stage.context(size=PHONE))
        field(panel).fill("карман")
        found(panel).click()
        expect(field(panel)).to_be_hidden()
        shown_at(panel, "карманный вопрос")
        panel.page.locator(".dialog__back").click()
        expect(found(panel)).to_be_focused()
        expect(field(panel)).to_have_value("карман")
        width = panel.page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE[0]


class TestTrouble:
    def test_nothing_found_no_word_and_no_network_are_told_apart(
        self, stage: Stage, server: Server, boris: httpx.Client
    ) -> None:
        says(boris, "сетевой вопрос")
        panel = stage.operator(server.url)
        field(panel).fill("нигдетакогонет")
        expect(status(panel)).to_contain_text("Ничего не нашлось.")
        field(panel).fill("?!")
        expect(status(panel)).to_have_text("Напишите слово или число.")
        panel.console.expected.append(NETWORK)
        panel.page.route(SEARCH, lambda route: route.abort())
        field(panel).fill("сетевой")
        expect(status(panel)).to_contain_text("Найти не удалось.")
        panel.page.unroute(SEARCH)
        panel.page.get_by_role("button", name="Повторить").click()
        expect(found(panel)).to_have_count(1)
        expect(panel.page.get_by_role("button", name="Повторить")).to_be_hidden()

    def test_an_answer_that_is_late_never_stands_below_another_question(
        self, stage: Stage, server: Server, boris: httpx.Client
    ) -> None:
        says(boris, "медленный ответ")
        says(boris, "быстрый ответ")
        panel = stage.operator(server.url)
        held: list[Route] = []

        def hold(route: Route) -> None:
            if "%D0%BC%D0%B5%D0%B4" in route.request.url:
                held.append(route)
            else:
                route.continue_()

        panel.console.expected.append(NETWORK)
        panel.page.route(SEARCH, hold)
        with panel.page.expect_event("requestfailed", lambda request: "/api/search" in request.url) as given_up:
            field(panel).fill("медленный")
            expect(status(panel)).to_contain_text("сервер отвечает медленно")
            assert len(held) == 1
            field(panel).fill("быстрый")
        assert "ERR_ABORTED" in str(given_up.value.failure)
        expect(found(panel)).to_have_count(1)
        expect(found(panel)).to_contain_text("быстрый ответ")
        expect(status(panel)).to_have_text("Найдено 1 сообщение")


@pytest.mark.parametrize(
    ("locale", "name", "nothing"),
    [
        ("ru-RU", "Поиск по сообщениям", "Ничего не нашлось."),
        ("en-US", "Search messages", "Nothing was found."),
    ],
)
def test_a_screen_reader_finds_the_search_and_is_told_its_results_in_the_browsers_language(
    stage: Stage, server: Server, boris: httpx.Client, locale: str, name: str, nothing: str
) -> None:
    says(boris, f"голосом {locale}")
    panel = stage.operator(server.url, stage.context(locale))
    place: Any = panel.page.get_by_role("search", name=name)
    expect(place.get_by_role("searchbox", name=name)).to_be_visible()
    announced = place.get_by_role("status")
    field(panel).fill("нигдетакогонет")
    expect(announced).to_contain_text(nothing)
    field(panel).fill(f"голосом {locale[-2:]}")
    expect(found(panel)).to_have_count(1)
    expect(announced).to_contain_text("1")
    assert accessibility.nameless(panel.page) == []


class TestWhatIsNotInTheMessage:
    def test_a_name_and_a_subject_are_found_and_marked(self, stage: Stage, server: Server, boris: httpx.Client) -> None:
        panel = stage.operator(server.url)
        come = {"assistant_id": 3, "guest_id": "the-guest-who-is-looked-for", "name": "Зоэ Лефевр"}
        dialog = scenario.as_json(boris.post("/api/widget/dialogs", json=come))["dialog"]["id"]
        address = f"/api/widget/dialogs/{dialog}/messages"
        assert boris.post(address, params=come, json={"text": "Добрый день"}).status_code == 201
        opened(boris, "Лефевр: не пришёл заказ")
        field(panel).fill("лефевр")
        expect(found(panel)).to_have_count(2)
        expect(found(panel).locator(".dialog-item__name mark")).to_have_text(["Лефевр", "Лефевр"])
        found(panel).first.click()
        expect(panel.page.get_by_test_id("ticket-description")).to_have_text("Описание")

    @pytest.mark.parametrize(
        ("typed", "written", "marked"),
        [
            ("andre", "Merci, Andre\u0301 !", "Andre\u0301"),
            ("שלום", "שָׁלוֹם לכולם", "שָׁלוֹם"),
            ("京都", "我在东京都工作", "京都"),
            ("89995554433", "Мой номер 8 (999) 555-44-33", "8 (999) 555-44-33"),
            ("кофе", "ко\u00adфе 👨\u200d👩\u200d👧", "ко\u00adфе"),
        ],
    )
    def test_the_hit_is_marked_as_it_was_written(
        self, stage: Stage, server: Server, boris: httpx.Client, typed: str, written: str, marked: str
    ) -> None:
        says(boris, written)
        panel = stage.operator(server.url)
        field(panel).fill(typed)
        expect(found(panel).locator(".found__text mark").first).to_have_text(marked)
