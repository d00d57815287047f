"""Webhooks in the panel, against a real receiver: what an admin adds, sees, repairs and takes back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Locator, expect

from replyx.outside.webhooks import signing
from tests import scenario
from tests.browser import accessibility
from tests.browser.people import DESKTOP, NETWORK, Operator, Stage, until
from tests.receiver import Answer, Received, Receiver
from tests.scenario import Json, as_json
from tests.server import Server

HOOKS = "/api/v1/webhooks"
PHONE = (360, 740)
# What failed stays so until somebody replays it: no test waits for the first repetition.
FLAGS = ["--webhook-private-networks", "127.0.0.0/8", "--webhook-retry-seconds", "600", "--rate-limits", "off"]
WIDER = """() => [document.documentElement, document.querySelector('#content')]
  .some((box) => box.scrollWidth > box.clientWidth)"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A demo server that may send to receivers on loopback."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=FLAGS) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Takes everything unless told otherwise."""
    with Receiver() as listening:
        yield listening


@pytest.fixture(scope="module")
def olga(server: Server) -> Iterator[httpx.Client]:
    """Another admin, who works by HTTP."""
    with scenario.operator(server) as client:
        yield client


Say = Callable[[str], Json]


@pytest.fixture
def say(boris: httpx.Client) -> Say:
    """What Anna does, a visitor with a new dialog."""
    anna = scenario.guest(boris)
    return lambda text: anna.say(boris, text)


@pytest.fixture(autouse=True)
def nothing_is_left(olga: httpx.Client) -> Iterator[None]:
    """Each test has its webhooks alone."""
    yield
    for hook in as_json(olga.get(f"{HOOKS}?after=0&limit=200"))["items"]:
        olga.delete(f"{HOOKS}/{hook['id']}")


def added(olga: httpx.Client, url: str, **fields: object) -> Json:
    """A webhook that somebody had added before."""
    answer = olga.post(HOOKS, json={"url": url, "events": ["message:new"], **fields})
    assert answer.status_code == 201, answer.text
    return as_json(answer)


def signed(received: Received, *secrets: str) -> bool:
    """Whether a request has the signatures of these secrets and no others."""
    sent = int(received.headers["replyx-timestamp"])
    found = received.headers["replyx-signature"].split(", ")
    return found == [signing.signature(secret, sent, received.body) for secret in secrets]


class Maria(Operator):
    """An admin in the section of webhooks."""

    def one(self, test_id: str) -> Locator:
        """A part of the page."""
        return self.page.get_by_test_id(test_id)

    @property
    def hooks(self) -> Locator:
        """The rows of the list."""
        return self.one("webhook")

    @property
    def deliveries(self) -> Locator:
        """The rows of the log, the newest first."""
        return self.one("delivery")

    @property
    def secret(self) -> str:
        """The secret that is shown now."""
        expect(self.one("secret-box")).to_be_visible()
        return self.one("secret").input_value()

    def visit(self, server: Server, hook: Json) -> None:
        """Open a webhook's page by its address."""
        self.page.goto(f"{server.url}/admin#/webhooks/{hook['id']}")
        expect(self.one("webhook-address")).to_have_text(hook["url"])

    def refuses(self, field: str, words: str) -> None:
        """Press "Add" and read at the field why it is not taken."""
        self.one("webhook-save").click()
        expect(self.one(f"problem-{field}")).to_contain_text(words)


def maria_at(stage: Stage, server: Server, locale: str = "ru-RU", size: tuple[int, int] = DESKTOP) -> Maria:
    """Maria has opened the section."""
    context = stage.context(locale, size, permissions=("clipboard-read", "clipboard-write"))
    panel = stage.operator(server.url, context, "admin@example.com")
    panel.page.get_by_role("link", name="Вебхуки" if locale == "ru-RU" else "Webhooks").click()
    expect(panel.page.get_by_test_id("webhook-add")).to_be_visible()
    panel.console.expected.append(NETWORK)  # refusals are what many of these tests provoke
    return Maria(panel.page, panel.console)


class TestWhoSeesIt:
    def test_a_manager_has_no_webhooks_and_their_address_leads_to_the_dialogs(
        self, stage: Stage, server: Server
    ) -> None:
        boris = stage.operator(server.url)
        expect(boris.page.get_by_role("link", name="Диалоги")).to_be_visible()
        expect(boris.page.get_by_role("link", name="Вебхуки")).to_have_count(0)
        boris.page.goto(f"{server.url}/admin#/webhooks/1")
        boris.is_live()
        expect(boris.page.get_by_test_id("dialog-list")).to_be_attached()
        expect(boris.page.locator(".webhooks")).to_have_count(0)


class TestAdding:
    def test_a_new_webhook_shows_its_secret_once_and_what_happens_arrives_signed_and_is_shown(
        self, stage: Stage, server: Server, say: Say, receiver: Receiver
    ) -> None:
        maria = maria_at(stage, server)
        expect(maria.one("webhooks-empty")).to_contain_text("CRM")
        maria.one("webhook-add").click()
        maria.one("webhook-url").fill(receiver.url)
        maria.one("webhook-description").fill("CRM")
        maria.one("event-message:new").check()
        maria.one("webhook-save").click()
        secret = maria.secret
        assert secret.startswith("whsec_")
        maria.one("copy").click()
        expect(maria.one("copy")).to_have_text("Скопировано")
        assert maria.page.evaluate("navigator.clipboard.readText()") == secret

        say("Есть 42-й размер?")
        (received,) = receiver.wait_for(1)
        assert signed(received, secret)
        assert received.notice["data"]["message"]["text"] == "Есть 42-й размер?"
        expect(maria.deliveries).to_have_count(1)
        expect(maria.deliveries).to_contain_text("Доставлено")
        expect(maria.deliveries).to_contain_text("ответ 200")

        maria.page.reload()
        expect(maria.deliveries).to_have_count(1)
        expect(maria.one("secret-box")).to_have_count(0)
        assert secret not in maria.page.content()
        maria.page.go_back()
        expect(maria.hooks).to_contain_text(receiver.url)
        expect(maria.one("webhook-form")).to_have_count(0)
        expect(maria.one("webhook-last")).to_contain_text("Доставлено · ответ 200")

    def test_the_keyboard_is_enough(self, stage: Stage, server: Server, receiver: Receiver, olga: httpx.Client) -> None:
        maria = maria_at(stage, server, "en-US")
        maria.one("webhook-add").focus()
        maria.page.keyboard.press("Enter")
        expect(maria.one("webhook-form")).to_be_visible()
        for _ in range(2):  # from the title over the way back
            maria.page.keyboard.press("Tab")
            if maria.page.evaluate("document.activeElement.dataset.testid") == "webhook-url":
                break
        maria.page.keyboard.type(receiver.url)
        maria.page.keyboard.press("Tab")
        maria.page.keyboard.type("By keys")
        maria.page.keyboard.press("Tab")
        maria.page.keyboard.press("Space")
        maria.page.keyboard.press("Enter")
        expect(maria.one("secret-box").get_by_role("heading")).to_be_focused()
        (hook,) = as_json(olga.get(HOOKS))["items"]
        assert (hook["description"], hook["events"]) == ("By keys", ["dialog"])
        maria.one("secret-done").press("Enter")
        expect(maria.one("secret-box")).to_have_count(0)
        expect(maria.one("secret-card").locator("summary")).to_be_focused()

    def test_the_choice_is_what_the_server_has_and_a_group_covers_its_types(
        self, stage: Stage, server: Server, olga: httpx.Client, receiver: Receiver
    ) -> None:
        groups = as_json(olga.get(f"{HOOKS}/event-types"))["items"]
        maria = maria_at(stage, server)
        maria.one("webhook-add").click()
        expect(maria.one("webhook-form")).to_be_visible()
        offered = maria.page.locator("[data-testid^=event-]").evaluate_all("boxes => boxes.map((box) => box.value)")
        assert offered == [name for each in groups for name in (each["group"], *each["types"])]
        for name in ("ticket:updated", "product.approved", "product.rejected", "message"):
            maria.one(f"event-{name}").check()
        expect(maria.one("event-message:new")).to_be_checked()
        expect(maria.one("event-message:new")).to_be_disabled()
        maria.one("event-product").check()
        maria.one("event-product").uncheck()
        expect(maria.one("event-product.approved")).to_be_checked()
        expect(maria.one("event-product.submitted")).not_to_be_checked()
        maria.one("webhook-url").fill(receiver.url)
        maria.one("webhook-save").click()
        assert maria.secret
        (hook,) = as_json(olga.get(HOOKS))["items"]
        assert hook["events"] == ["message", "product.approved", "product.rejected", "ticket:updated"]

    def test_what_the_server_refuses_is_told_at_its_field_and_nothing_is_added(
        self, stage: Stage, server: Server, olga: httpx.Client
    ) -> None:
        maria = maria_at(stage, server)
        maria.one("webhook-add").click()
        maria.one("webhook-url").fill("http://10.0.0.1/hook")
        maria.refuses("events", "хотя бы одно")
        expect(maria.one("event-dialog")).to_be_focused()
        maria.one("event-message").check()
        maria.refuses("url", "частной или служебной сети")
        expect(maria.one("problem-url")).to_contain_text("WEBHOOK_PRIVATE_NETWORKS")
        expect(maria.one("problem-events")).to_be_empty()
        expect(maria.one("webhook-url")).to_be_focused()
        expect(maria.one("webhook-url")).to_have_accessible_description(re.compile("частной"))
        maria.one("webhook-url").fill("http://shop.example:22/")
        maria.refuses("url", "Порт 22 не для HTTP")
        assert as_json(olga.get(HOOKS))["items"] == []

    def test_a_name_that_leads_into_a_private_network_is_explained_by_a_test(
        self, stage: Stage, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        with Server(tmp_path_factory.mktemp("closed") / "data") as closed:
            maria = maria_at(stage, closed)
            maria.one("webhook-add").click()
            maria.one("webhook-url").fill("http://localhost:8080/hook")
            maria.one("event-message").check()
            maria.one("webhook-save").click()
            assert maria.secret
            maria.one("webhook-test").click()
            expect(maria.one("test-result")).to_contain_text("Не доставлено · localhost ведёт на")
            expect(maria.one("test-result")).to_contain_text("WEBHOOK_PRIVATE_NETWORKS")


class TestTheLog:
    def test_what_fails_is_shown_as_waiting_and_delivered_once_the_receiver_is_well_and_it_is_replayed(
        self, stage: Stage, server: Server, olga: httpx.Client, say: Say, receiver: Receiver
    ) -> None:
        receiver.behave = lambda _: Answer(500, b"the database <b>is</b> away")
        maria = maria_at(stage, server)
        maria.visit(server, added(olga, receiver.url))
        say("Привет")
        expect(maria.deliveries).to_contain_text("Ждёт повтора")
        expect(maria.deliveries).to_contain_text(re.compile("ответ 500 · 1 попытка · следующая: "))
        maria.deliveries.locator("summary").click()
        expect(maria.deliveries).to_contain_text("the database <b>is</b> away")
        receiver.behave = lambda _: Answer()
        replay = maria.one("replay")
        expect(replay).to_have_text("Отправить сейчас")
        replay.click()
        expect(maria.deliveries).to_contain_text("Доставлено")
        expect(maria.deliveries.locator("details")).to_have_attribute("open", "")
        expect(replay).to_have_text("Отправить снова")
        expect(replay).to_be_focused()
        replay.click()
        until(maria.page, lambda: len(receiver.received) == 3, "the replay of what was delivered")
        assert len(set(receiver.ids())) == 1

    def test_a_test_says_what_came_of_it_and_stands_in_the_log(
        self, stage: Stage, server: Server, olga: httpx.Client
    ) -> None:
        with Receiver() as receiver:
            maria = maria_at(stage, server)
            maria.visit(server, added(olga, receiver.url))
            maria.one("webhook-test").click()
            expect(maria.one("test-result")).to_have_text("Доставлено · ответ 200")
        maria.one("webhook-test").click()
        expect(maria.one("test-result")).to_have_text("Не доставлено · в соединении отказано")
        expect(maria.deliveries).to_have_count(2)
        expect(maria.deliveries.first).to_contain_text("Не доставлено")
        expect(maria.deliveries.last).to_contain_text("Доставлено")

    def test_older_deliveries_are_fetched_page_by_page_while_new_ones_come(
        self, stage: Stage, server: Server, olga: httpx.Client, say: Say, receiver: Receiver
    ) -> None:
        hook = added(olga, receiver.url)
        for number in range(60):
            say(f"Сообщение {number}")
        receiver.wait_for(60)
        maria = maria_at(stage, server)
        maria.visit(server, hook)
        expect(maria.deliveries).to_have_count(50)
        say("Ещё одно")
        expect(maria.deliveries).to_have_count(51)
        maria.one("deliveries-more").click()
        expect(maria.deliveries).to_have_count(61)
        expect(maria.one("deliveries-more")).to_be_hidden()
        shown = maria.deliveries.evaluate_all("rows => rows.map((row) => Number(row.dataset.deliveryId))")
        held = as_json(olga.get(f"{HOOKS}/{hook['id']}/deliveries?limit=200"))["items"]
        assert shown == [each["id"] for each in held]


class TestKeeping:
    def test_a_new_secret_is_shown_once_and_both_sign_for_the_hours_that_were_asked_for(
        self, stage: Stage, server: Server, olga: httpx.Client, receiver: Receiver
    ) -> None:
        hook = added(olga, receiver.url)
        maria = maria_at(stage, server)
        maria.visit(server, hook)
        maria.one("secret-card").locator("summary").click()
        maria.one("overlap").fill("2")
        maria.one("rotate").click()
        second = maria.secret
        expect(maria.one("overlap-until")).to_contain_text("прежним секретом")
        maria.one("webhook-test").click()
        maria.one("secret-done").click()
        assert signed(receiver.wait_for(1)[0], second, hook["secret"])

        maria.one("secret-card").locator("summary").click()
        maria.one("overlap").fill("0")
        maria.one("rotate").click()
        until(maria.page, lambda: maria.secret != second, "a third secret")
        expect(maria.one("overlap-until")).to_be_hidden()
        maria.one("webhook-test").click()
        assert signed(receiver.wait_for(2)[1], maria.secret)

    def test_address_and_events_are_changed(
        self, stage: Stage, server: Server, olga: httpx.Client, receiver: Receiver
    ) -> None:
        hook = added(olga, receiver.url, description="CRM")
        maria = maria_at(stage, server)
        maria.visit(server, hook)
        maria.one("settings-card").locator("summary").click()
        expect(maria.one("event-message:new")).to_be_checked()
        maria.one("webhook-url").fill(f"{receiver.url}/new")
        maria.one("event-dialog").check()
        maria.one("webhook-save").click()
        expect(maria.one("webhook-told")).to_have_text("Сохранено")
        expect(maria.one("webhook-address")).to_have_text(f"{receiver.url}/new")
        changed = as_json(olga.get(f"{HOOKS}/{hook['id']}"))
        assert (changed["events"], changed["description"]) == (["dialog", "message:new"], "CRM")
        maria.one("webhook-url").fill("http://192.168.0.1/")
        maria.refuses("url", "частной или служебной сети")

    def test_what_is_off_sends_nothing_and_says_why_it_is_off(
        self, stage: Stage, server: Server, olga: httpx.Client, say: Say, receiver: Receiver
    ) -> None:
        hook = added(olga, receiver.url)
        say("Первое")
        maria = maria_at(stage, server)
        maria.visit(server, hook)
        expect(maria.deliveries).to_contain_text("Доставлено")
        switch = maria.page.get_by_role("switch", name="Сообщать о событиях")
        switch.click()
        expect(switch).not_to_be_checked()
        expect(maria.one("webhook-state")).to_contain_text("событий не слышит")
        expect(maria.one("replay")).to_be_disabled()
        say("Мимо")
        receiver.behave = lambda _: Answer(410)
        switch.click()
        expect(switch).to_be_checked()
        say("Второе")
        expect(switch).not_to_be_checked()  # by the receiver's answer, without a reload
        expect(maria.one("webhook-state")).to_contain_text("410")
        texts = [each["data"]["message"]["text"] for each in receiver.notices()]
        assert texts == ["Первое", "Второе"]
        maria.page.get_by_role("link", name="Все вебхуки").click()
        expect(maria.one("webhook-state")).to_have_text("Выключен: получатель ответил 410")

    def test_it_is_deleted_only_after_a_question(
        self, stage: Stage, server: Server, olga: httpx.Client, receiver: Receiver
    ) -> None:
        hook = added(olga, receiver.url)
        maria = maria_at(stage, server)
        maria.visit(server, hook)
        maria.one("webhook-delete").click()
        expect(maria.one("confirm")).to_contain_text(receiver.url)
        maria.page.keyboard.press("Escape")
        expect(maria.one("confirm")).to_have_count(0)
        assert len(as_json(olga.get(HOOKS))["items"]) == 1
        maria.one("webhook-delete").click()
        maria.one("confirm-yes").click()
        expect(maria.one("webhooks-empty")).to_be_visible()
        assert as_json(olga.get(HOOKS))["items"] == []

    def test_a_webhook_that_another_admin_deletes_is_said_to_be_gone(
        self, stage: Stage, server: Server, olga: httpx.Client, receiver: Receiver
    ) -> None:
        hook = added(olga, receiver.url)
        maria = maria_at(stage, server)
        maria.visit(server, hook)
        olga.delete(f"{HOOKS}/{hook['id']}")
        expect(maria.one("webhook-lost")).to_have_text("Такого вебхука нет, или его удалили.")
        expect(maria.one("webhook-test")).to_be_hidden()


class TestForEverybody:
    @pytest.mark.parametrize(("locale", "words"), [("ru-RU", "Журнал доставок"), ("en-US", "Deliveries")])
    def test_it_speaks_the_browsers_language_and_everything_in_it_has_a_name(
        self, stage: Stage, server: Server, olga: httpx.Client, receiver: Receiver, locale: str, words: str
    ) -> None:
        hook = added(olga, receiver.url)
        olga.post(f"{HOOKS}/{hook['id']}/test")
        maria = maria_at(stage, server, locale)
        expect(maria.hooks).to_have_count(1)
        assert accessibility.nameless(maria.page) == []
        maria.visit(server, hook)
        expect(maria.page.get_by_role("heading", name=words)).to_be_visible()
        for card in ("settings-card", "secret-card", "delivery"):
            maria.one(card).locator("summary").click()
        maria.one("rotate").click()
        expect(maria.one("secret-box")).to_be_visible()
        assert accessibility.nameless(maria.page) == []
        maria.one("webhook-delete").click()
        assert accessibility.nameless(maria.page) == []

    @pytest.mark.parametrize("locale", ["ru-RU", "en-US"])
    def test_on_a_phone_every_section_is_in_sight_and_nothing_is_wider_than_the_screen(
        self, stage: Stage, server: Server, olga: httpx.Client, receiver: Receiver, locale: str
    ) -> None:
        hook = added(olga, f"{receiver.url}/{'a-very-long-path/' * 12}", description="Оченьдлинноеслово" * 6)
        olga.post(f"{HOOKS}/{hook['id']}/test")
        maria = maria_at(stage, server, locale, PHONE)
        expect(maria.hooks).to_have_count(1)
        links = maria.page.get_by_role("navigation").first.get_by_role("link")
        expect(links.first).to_be_visible()
        assert links.count() > 5
        for section in links.all():
            section.click()
            for link in links.all():
                expect(link).to_be_in_viewport(ratio=1)
            expect(maria.page.get_by_test_id("sign-out")).to_be_in_viewport(ratio=1)
            assert not maria.page.evaluate(WIDER), section.inner_text()
        links.filter(has_text=re.compile("Вебхуки|Webhooks")).click()
        maria.one("webhook-add").click()
        expect(maria.one("webhook-form")).to_be_visible()
        assert not maria.page.evaluate(WIDER)
        maria.visit(server, hook)
        for card in ("settings-card", "secret-card", "delivery"):
            maria.one(card).locator("summary").click()
        maria.one("rotate").click()
        expect(maria.one("secret-box")).to_be_visible()
        assert not maria.page.evaluate(WIDER)
