"""The two-panel page of a ticket: by its own buttons, on the server's origin and on another host's."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Request, expect

from tests.browser import accessibility
from tests.browser.people import NETWORK, Console, Conversation, Stage
from tests.parts import require
from tests.server import ROOT, Server
from tests.stored import stored

PHONE = (390, 844)
MARKUP = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script> <b>жирно</b> &amp;'
CORS = re.compile(r"blocked by CORS policy")
# What the page asks another host for before it knows that the host has none.
CSP = re.compile(r"Content Security Policy")
SECRET = "a-secret-of-the-bots-that-is-long-enough"


class StaticHost:
    """Serves the project's static files, and nothing else, from another port."""

    def __init__(self, folder: Path = ROOT / "static") -> None:
        class Files(SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(folder)))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> StaticHost:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Participant(Conversation):
    """Somebody at the page."""

    def __init__(self, page: Page, console: Console) -> None:
        super().__init__(page, console, page)

    @property
    def notice(self) -> Locator:
        """What the page says about its connection."""
        return self.page.get_by_test_id("notice")

    @property
    def failed(self) -> Locator:
        """Messages that the server has refused."""
        return self.page.locator("[data-testid=message][data-status=failed]")

    def fact(self, name: str) -> Locator:
        """One line of the ticket's information."""
        return self.page.get_by_test_id(f"fact-{name}").locator("dd")

    def create(self, subject: str, description: str = "Подробности", priority: str = "MEDIUM") -> str:
        """Open a ticket by the buttons; its id."""
        self.page.get_by_test_id("new-ticket").click()
        self.page.locator("[name=subject]").fill(subject)
        self.page.locator("[name=description]").fill(description)
        self.page.locator("[name=priority]").select_option(priority)
        self.page.get_by_test_id("create").click()
        expect(self.composer).to_be_visible()
        return self.page.get_by_test_id("ticket-id").inner_text()

    def join(self, ticket_id: str) -> None:
        """Connect to a ticket by the buttons."""
        self.page.get_by_test_id("join-id").fill(ticket_id)
        self.page.get_by_test_id("join").click()

    def show(self, credential: str) -> None:
        """Enter a token or a secret."""
        self.page.get_by_test_id("credential").fill(credential)
        self.page.get_by_test_id("credential").press("Tab")

    def speak_as(self, sender_type: str, sender_id: str | None = None) -> None:
        """Choose the sender."""
        self.page.get_by_test_id("sender-type").select_option(sender_type)
        if sender_id is not None:
            self.page.get_by_test_id("sender-id").fill(sender_id)
            self.page.get_by_test_id("sender-id").press("Tab")


@pytest.fixture
def host() -> Iterator[StaticHost]:
    """Another origin that has the page."""
    with StaticHost() as running:
        yield running


@pytest.fixture
def abroad(tmp_path: Path, host: StaticHost) -> Iterator[Server]:
    """A server of the test's own that lets the pages of ``host`` in."""
    with Server(tmp_path / "data", env={"CORS_ORIGINS": host.url}) as running:
        yield running


@pytest.fixture
def strict(tmp_path: Path, host: StaticHost) -> Iterator[Server]:
    """A server with the demo's data and without its mode: a page does not choose whom it speaks as."""
    with Server(tmp_path / "data"):
        pass
    env = {"CORS_ORIGINS": host.url, "INTERNAL_SECRET": SECRET}
    with Server(tmp_path / "data", demo=False, env=env) as running:
        yield running


def visit(stage: Stage, url: str, context: BrowserContext | None = None) -> Participant:
    """Somebody who opens the page at ``url``."""
    page, console = stage.page("demo", context)
    page.goto(url)
    return Participant(page, console)


def couple(stage: Stage, url: str, subject: str) -> tuple[Participant, Participant, str]:
    """Anna, who opens a ticket, and Boris, an AGENT who connects to it; both live."""
    anna, boris = visit(stage, url), visit(stage, url)
    ticket_id = anna.create(subject)
    boris.speak_as("AGENT", "boris")
    boris.join(ticket_id)
    for side in (anna, boris):
        side.is_live()
        expect(side.fact("subject")).to_have_text(subject)
    return anna, boris, ticket_id


def test_two_pages_talk_in_one_ticket_and_each_message_says_who_spoke(stage: Stage, server: Server) -> None:
    anna, boris, _ = couple(stage, f"{server.url}/demo/", "Не приходит письмо")
    anna.say("Здравствуйте")
    boris.shows("Здравствуйте")
    boris.composer.press_sequentially("Добрый")
    expect(anna.typing).to_have_text("AGENT печатает…")
    boris.say("Добрый день")
    anna.shows("Здравствуйте", "Добрый день")
    boris.speak_as("BOT")
    boris.say("Заявка принята")
    anna.shows("Здравствуйте", "Добрый день", "Заявка принята")
    authors = anna.messages.locator(".message__author")
    expect(authors.nth(1)).to_have_text("boris · AGENT")
    expect(authors.nth(2)).to_have_text("boris · BOT")
    expect(anna.messages.nth(0)).to_have_class(re.compile("message--own"))
    expect(anna.messages.nth(1)).not_to_have_class(re.compile("message--own"))


def test_the_right_panel_shows_the_ticket_and_follows_its_changes(stage: Stage, server: Server) -> None:
    anna = visit(stage, f"{server.url}/demo/")
    expect(anna.page.get_by_test_id("server-url")).to_have_text(server.url)
    ticket_id = anna.create("Возврат", "Кружка треснула", "HIGH")
    anna.is_live()
    expect(anna.fact("description")).to_have_text("Кружка треснула")
    expect(anna.fact("status")).to_have_text("Открыт")
    expect(anna.fact("priority")).to_have_text("Высокий")
    expect(anna.fact("agent")).to_have_text("не назначен")
    expect(anna.fact("response_due").locator("time")).to_be_visible()
    anna.say("Есть фото")
    anna.shows("Есть фото")
    token = server.login("manager@example.com")
    with server.client(headers={"Authorization": f"Bearer {token}"}) as http:
        me = http.get("/api/v1/auth/me").json()
        answer = http.patch(f"/api/support/tickets/{ticket_id}", json={"status": "IN_PROGRESS", "assignee": me["id"]})
    assert answer.status_code == 200, answer.text
    expect(anna.fact("status")).to_have_text("В работе")
    expect(anna.fact("agent")).to_have_text(me["name"])
    expect(anna.page.get_by_test_id("server-url")).to_have_text(server.url)


@pytest.mark.parametrize(
    ("locale", "answered", "solved"),
    [("ru-RU", "Ответ дан", "срока больше нет"), ("en-GB", "Answered", "no longer due")],
)
def test_the_right_panel_says_that_an_answer_was_given_and_when_nothing_is_due_any_more(
    stage: Stage, server: Server, locale: str, answered: str, solved: str
) -> None:
    anna = visit(stage, f"{server.url}/demo/", stage.context(locale))
    ticket_id = anna.create("Срок", priority="URGENT")
    expect(anna.fact("response_due").locator("time")).to_be_visible()
    token = server.login("manager@example.com")
    with server.client(headers={"Authorization": f"Bearer {token}"}) as http:
        http.post(f"/api/support/tickets/{ticket_id}/messages", json={"content": "Смотрим"})
        expect(anna.fact("response_due")).to_have_count(0)
        row = anna.page.get_by_test_id("fact-responded")
        expect(row.locator("dt")).to_have_text(answered)
        expect(row.locator("time")).to_be_visible()
        http.patch(f"/api/support/tickets/{ticket_id}", json={"status": "RESOLVED"})
    expect(anna.fact("resolution_due")).to_have_text(solved)


def test_history_comes_on_connecting_and_who_has_left_hears_no_more(stage: Stage, server: Server) -> None:
    anna, boris, ticket_id = couple(stage, f"{server.url}/demo/", "История")
    anna.say("Раз")
    anna.say("Два")
    boris.shows("Раз", "Два")
    boris.page.get_by_test_id("leave").click()
    expect(boris.composer).to_have_count(0)
    expect(boris.fact("ticket")).to_have_text("не выбран")
    anna.say("Три")
    anna.shows("Раз", "Два", "Три")
    boris.join(ticket_id)
    boris.shows("Раз", "Два", "Три")
    boris.page.reload()
    boris.shows("Раз", "Два", "Три")


def test_a_wrong_ticket_id_is_told_beside_its_field(stage: Stage, server: Server) -> None:
    anna = visit(stage, f"{server.url}/demo/")
    anna.console.expected.append(NETWORK)
    anna.join("no-such-ticket")
    expect(anna.page.get_by_role("alert").filter(has_text="Тикета с таким ID нет.")).to_be_visible()
    expect(anna.composer).to_have_count(0)


@pytest.mark.parametrize("way", ["apiUrl", "server", "API_URL", "SERVER_URL"])
def test_served_by_another_host_the_page_talks_to_the_server_it_is_given(
    stage: Stage, abroad: Server, host: StaticHost, way: str
) -> None:
    context = stage.context()
    address = f"{host.url}/demo/"
    if way.isupper():
        context.add_init_script(f"window.{way} = {abroad.url + '/'!r}")
    else:
        address += f"?{way}={abroad.url}"
    anna = visit(stage, address, context)
    expect(anna.page.get_by_test_id("server-url")).to_have_text(abroad.url)
    ticket_id = anna.create("С другого адреса")
    boris = visit(stage, f"{abroad.url}/demo/")
    boris.join(ticket_id)
    anna.say("Слышно?")
    boris.shows("Слышно?")
    boris.say("Да")
    anna.shows("Слышно?", "Да")


def test_a_server_that_lets_no_foreign_page_in_is_told_with_the_setting_to_change(
    stage: Stage, server: Server, host: StaticHost
) -> None:
    anna = visit(stage, f"{host.url}/demo/?server={server.url}")
    anna.console.expected += [CORS, NETWORK]
    expect(anna.notice).to_contain_text(f"Добавьте {host.url} в его настройку CORS_ORIGINS")
    anna.is_cut_off()


@pytest.mark.parametrize("wish", ["javascript:alert(1)", "ftp://127.0.0.1", "127.0.0.1:8000"])
def test_what_is_no_web_address_is_refused_instead_of_another_server_being_used(
    stage: Stage, server: Server, wish: str
) -> None:
    anna = visit(stage, f"{server.url}/demo/?apiUrl={wish}")
    expect(anna.notice).to_contain_text(wish)
    expect(anna.page.get_by_test_id("server-url")).to_have_text(wish)
    expect(anna.state).to_have_attribute("data-state", "refused")


def test_the_page_brings_its_own_client_and_runs_no_script_of_the_server_that_it_is_given(
    stage: Stage, server: Server, host: StaticHost
) -> None:
    """However the server was started, and whatever server the page's address names."""
    for origin, path in ((server.url, "/demo/"), (server.url, "/static/demo/index.html"), (host.url, "/demo/")):
        asked: list[Request] = []
        context = stage.context()
        context.on("request", lambda request, asked=asked: asked.append(request))  # type: ignore[misc]
        anna = visit(stage, f"{origin}{path}?server={server.url}", context)
        anna.console.expected += [NETWORK, CORS]
        expect(anna.state).to_have_attribute("data-state", "live" if origin == server.url else "offline")
        scripts = [each.url for each in asked if each.resource_type == "script"]
        assert scripts
        assert [url for url in scripts if not url.startswith(origin) or "socket.io" in url] == []


@pytest.mark.parametrize("locale", ["ru-RU", "en-GB"])
def test_where_a_proxy_lets_no_websocket_through_the_page_polls(stage: Stage, fragile: Server, locale: str) -> None:
    context = stage.context(locale)
    context.route_web_socket(re.compile("/socket.io/"), lambda socket: socket.close())
    anna, boris = visit(stage, f"{fragile.url}/demo/", context), visit(stage, f"{fragile.url}/demo/")
    ticket_id = anna.create("Без WebSocket")
    boris.join(ticket_id)
    anna.say("Раз")
    boris.shows("Раз")
    boris.say("Два")
    anna.shows("Раз", "Два")
    stage.server_goes_away()
    fragile.kill()
    anna.is_cut_off()
    anna.say("Три")
    fragile.start()
    anna.shows("Раз", "Два", "Три")
    boris.shows("Раз", "Два", "Три")


def test_a_server_that_is_no_replyx_is_told_so(stage: Stage, server: Server, tmp_path: Path) -> None:
    """It answers, even at /health, and has no Socket.IO."""
    (tmp_path / "health").write_text("well")
    for part in ("demo", "shared"):
        (tmp_path / part).symlink_to(ROOT / "static" / part)
    with StaticHost(tmp_path) as stranger:
        anna = visit(stage, f"{stranger.url}/demo/")
        anna.console.expected += [NETWORK]
        expect(anna.notice).to_contain_text(f"Сервер {stranger.url} отвечает, но Socket.IO там нет.")


def test_the_stock_client_is_served_to_pages_where_npm_has_put_it(stage: Stage, server: Server) -> None:
    found = ROOT / "node_modules" / "socket.io-client" / "dist" / "socket.io.js"
    require("socket.io-client", found if found.is_file() else None, "npm install --no-save socket.io-client@4")
    anna = visit(stage, f"{server.url}/demo/")
    ticket_id = anna.create("Своими руками")
    anna.page.add_script_tag(url=f"{server.url}/socket.io/socket.io.js")
    answer = anna.page.evaluate(
        """async (ticketId) => {
          const socket = io(location.origin, { transports: ['polling', 'websocket'] });
          const said = { ticketId, senderId: 'page', senderType: 'USER', content: 'Из страницы', messageType: 'TEXT' };
          const answer = await socket.emitWithAck('send_message', said);
          socket.disconnect();
          return answer;
        }""",
        ticket_id,
    )
    assert answer["ok"] is True
    anna.shows("Из страницы")


def test_kill_9_in_the_middle_of_a_conversation_loses_and_doubles_nothing(stage: Stage, fragile: Server) -> None:
    anna, boris, _ = couple(stage, f"{fragile.url}/demo/", "Обрыв")
    anna.say("До обрыва")
    boris.shows("До обрыва")
    stage.server_goes_away()
    fragile.kill()
    anna.is_cut_off()
    boris.is_cut_off()
    anna.say("Пока лежит, раз")
    anna.say("Пока лежит, два")
    boris.say("И я пишу")
    expect(anna.page.locator("[data-status=pending]")).to_have_count(2)
    fragile.start()
    expect(anna.acknowledged).to_have_count(4)
    expect(boris.acknowledged).to_have_count(4)
    texts = anna.texts()
    assert sorted(texts) == sorted(["До обрыва", "Пока лежит, раз", "Пока лежит, два", "И я пишу"])
    assert texts.index("Пока лежит, раз") < texts.index("Пока лежит, два")
    anna.shows(*texts)
    boris.shows(*texts)
    for again in ("Снова", "И снова"):
        anna.say(again)
        fragile.restart_after_kill()
        texts.append(again)
    anna.shows(*texts)
    boris.shows(*texts)


def test_after_a_database_was_restored_the_ticket_is_joined_again(stage: Stage, fragile: Server) -> None:
    anna, boris, _ = couple(stage, f"{fragile.url}/demo/", "Без памяти")
    anna.say("Раз")
    boris.shows("Раз")
    stage.server_goes_away()
    fragile.kill()
    anna.is_cut_off()
    anna.say("Два")
    with stored(fragile.data_dir) as database:
        renamed = database.execute("UPDATE installation SET value = '0badcafe' WHERE key = 'epoch'").rowcount
    assert renamed == 1
    fragile.start()
    boris.say("Три")
    expect(boris.acknowledged).to_have_count(3)
    texts = boris.texts()
    assert sorted(texts) == ["Два", "Раз", "Три"]
    anna.shows(*texts)
    boris.shows(*texts)


def test_outside_the_demo_a_token_makes_an_agent_and_the_secret_a_bot(
    stage: Stage, strict: Server, host: StaticHost
) -> None:
    address = f"{host.url}/demo/?server={strict.url}"
    anna, boris = visit(stage, address), visit(stage, address)
    ticket_id = anna.create("Без режима demo")
    boris.join(ticket_id)
    boris.speak_as("AGENT", "boris")
    boris.say("Я агент")
    expect(boris.failed).to_have_count(1)
    # A refused client closes by a POST, which its own last poll may find already done.
    boris.console.expected.append(NETWORK)
    boris.show("nonsense")
    expect(boris.notice).to_contain_text("Токен или секрет не подходит")
    boris.show(strict.login("manager@example.com"))
    boris.page.get_by_test_id("retry").click()
    anna.shows("Я агент")
    boris.speak_as("BOT")
    boris.show(SECRET)
    boris.say("А я бот")
    anna.shows("Я агент", "А я бот")
    types = anna.messages.locator(".message__author")
    expect(types.nth(1)).to_have_text("boris · BOT")
    boris.page.reload()
    boris.say("И после перезагрузки")
    anna.shows("Я агент", "А я бот", "И после перезагрузки")
    elsewhere = boris.page.evaluate("Object.keys(localStorage).concat(Object.values(localStorage)).join()")
    assert SECRET not in elsewhere


def test_what_could_not_be_sent_survives_a_reload_and_arrives_once(
    stage: Stage, abroad: Server, host: StaticHost
) -> None:
    anna = visit(stage, f"{host.url}/demo/?server={abroad.url}")
    ticket_id = anna.create("Без связи")
    anna.say("Первое")
    anna.shows("Первое")
    stage.server_goes_away()
    anna.console.expected.append(CORS)
    abroad.kill()
    anna.is_cut_off()
    anna.say("Второе")
    anna.composer.fill("Черновик")
    anna.page.reload()
    expect(anna.notice).to_contain_text("не отвечает")
    expect(anna.composer).to_have_value("Черновик")
    abroad.start()
    anna.shows("Первое", "Второе")
    with abroad.client() as http:
        stored = http.get(f"/api/support/tickets/{ticket_id}/messages").json()["items"]
    assert [message["content"] for message in stored] == ["Первое", "Второе"]


REFUSED = "a\x00b"  # U+0000, which the page sends like any text and the server does not take


def test_a_refused_message_is_marked_can_be_retried_and_gives_its_text_back(stage: Stage, server: Server) -> None:
    anna = visit(stage, f"{server.url}/demo/")
    anna.create("Отказ")
    anna.say(REFUSED)
    expect(anna.failed).to_have_count(1)
    anna.say("Это дойдёт")
    expect(anna.acknowledged).to_have_count(1)
    anna.page.get_by_test_id("retry").click()
    expect(anna.failed).to_have_count(1)
    anna.page.get_by_test_id("discard").click()
    expect(anna.composer).to_have_value(REFUSED)
    anna.shows("Это дойдёт")


def test_texts_are_shown_as_text(stage: Stage, server: Server) -> None:
    anna = visit(stage, f"{server.url}/demo/")
    ticket_id = anna.create(MARKUP, MARKUP)
    boris = visit(stage, f"{server.url}/demo/")
    boris.join(ticket_id)
    anna.say(MARKUP)
    for side in (anna, boris):
        side.shows(MARKUP)
        expect(side.fact("subject")).to_have_text(MARKUP)
        expect(side.page.locator("#demo :is(b, i, img)")).to_have_count(0)
        assert side.page.evaluate("window.pwned") is None


@pytest.mark.parametrize(
    ("locale", "button", "info", "live"),
    [
        ("ru-RU", "Подключиться к тикету", "Информация о тикете", "На связи"),
        ("en-GB", "Connect to the ticket", "Ticket information", "Connected"),
    ],
)
def test_the_page_speaks_the_browsers_language_and_has_names_and_roles(
    stage: Stage, server: Server, locale: str, button: str, info: str, live: str
) -> None:
    anna = visit(stage, f"{server.url}/demo/", stage.context(locale))
    expect(anna.page.get_by_role("button", name=button)).to_be_visible()
    expect(anna.page.get_by_role("region", name=info)).to_be_visible()
    expect(anna.state).to_have_text(live)
    anna.create("Roles")
    expect(anna.page.get_by_role("log")).to_be_visible()
    expect(anna.page.locator("html")).to_have_attribute("lang", locale[:2])
    assert accessibility.nameless(anna.page) == []


def test_a_ticket_can_be_opened_and_answered_by_keyboard(stage: Stage, server: Server) -> None:
    anna = visit(stage, f"{server.url}/demo/")
    anna.page.get_by_test_id("new-ticket").focus()
    keyboard = anna.page.keyboard
    keyboard.press("Enter")
    expect(anna.page.locator("[name=subject]")).to_be_focused()
    keyboard.type("Клавиатура")
    keyboard.press("Tab")
    keyboard.type("Без мыши")
    keyboard.press("Tab")
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(anna.composer).to_be_focused()
    keyboard.type("Готово")
    keyboard.press("Enter")
    anna.shows("Готово")
    expect(anna.composer).to_be_focused()


def test_on_a_phone_one_panel_is_shown_at_a_time(stage: Stage, server: Server) -> None:
    anna = visit(stage, f"{server.url}/demo/", stage.context(size=PHONE))
    anna.create("Телефон")
    anna.say("С телефона")
    anna.shows("С телефона")
    expect(anna.page.get_by_test_id("info")).to_be_hidden()
    anna.page.get_by_role("button", name="Тикет", exact=True).click()
    expect(anna.page.get_by_test_id("info")).to_be_visible()
    expect(anna.composer).to_be_hidden()
    assert anna.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
