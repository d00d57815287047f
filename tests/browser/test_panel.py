"""The operators' panel: getting in, the inbox and its actions, widgets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests import scenario
from tests.browser import accessibility
from tests.browser.hosts import HostSite
from tests.browser.people import NETWORK, Operator, Stage, until
from tests.server import Server
from tests.stored import stored

CODE = re.compile(r"one-time code:? ([A-Z0-9-]{19})", re.IGNORECASE)
PAGE = 50
STREAM = "/api/inbox/events"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A demo server without limits: lists longer than a page are made from one address."""
    with Server(tmp_path_factory.mktemp("server") / "data", env={"RATE_LIMITS": "off"}) as running:
        yield running


def visitor_says(boris: httpx.Client, *texts: str) -> scenario.Visitor:
    """A new visitor of an assistant, who wrote ``texts``."""
    anna = scenario.guest(boris)
    for text in texts:
        anna.say(boris, text)
    return anna


def error_of(operator: Operator) -> Locator:
    """What the login or first-run page has against the form."""
    return operator.page.locator(".form-error")


def streams_of(page: Page) -> list[str]:
    """Fills with the connections that the page makes for events."""
    opened: list[str] = []
    page.on("request", lambda request: opened.append(request.url) if STREAM in request.url else None)
    return opened


class TestGate:
    def test_the_first_run_page_takes_the_code_from_the_log_and_makes_the_first_admin(
        self, stage: Stage, tmp_path: Path
    ) -> None:
        with Server(tmp_path / "data", demo=False) as empty:
            found = CODE.search(empty.log)
            assert found is not None, empty.log
            first = stage.at_the_gate(empty.url)
            first.console.expected.append(NETWORK)
            for name, value in {"email": "anna@example.com", "name": "Анна", "password": "correct horse"}.items():
                first.page.get_by_test_id(f"setup-{name}").fill(value)
            first.page.get_by_test_id("setup-code").fill("AAAA-AAAA-AAAA-AAAA")
            first.page.get_by_test_id("setup-submit").click()
            expect(error_of(first)).to_have_text("Это не тот код. Он в последних строках журнала сервера.")
            assert accessibility.nameless(first.page) == []
            first.page.get_by_test_id("setup-code").fill(found[1])
            first.page.get_by_test_id("setup-submit").click()
            first.is_live()
            expect(first.page.locator(".bar__user")).to_have_text("Анна")
            first.page.reload()
            first.is_live()
            # Nobody can do it a second time.
            later = stage.at_the_gate(empty.url)
            later.log_in("anna@example.com", "correct horse")
            later.is_live()

    def test_a_wrong_password_and_a_customer_are_turned_away_in_words(self, stage: Stage, server: Server) -> None:
        gate = stage.at_the_gate(server.url)
        gate.console.expected.append(NETWORK)
        gate.log_in("manager@example.com", "wrong")
        expect(error_of(gate)).to_have_text("Почта и пароль не подходят друг к другу.")
        gate.log_in("user@example.com")
        expect(error_of(gate)).to_have_text("Эта учётная запись не для панели операторов.")
        gate.log_in("manager@example.com")
        gate.is_live()
        gate.page.reload()
        gate.is_live()

    def test_whoever_signs_in_is_told_of_strangers_who_guessed(
        self, stage: Stage, server: Server, boris: httpx.Client
    ) -> None:
        wrong = {"email": "admin@example.com", "password": "wrong-password"}
        for _ in range(7):
            assert boris.post("/api/v1/auth/login", json=wrong).status_code == 401

        def kept() -> bool:
            with stored(server.data_dir) as database:
                count = database.execute("SELECT refused_logins FROM account WHERE email = ?", (wrong["email"],))
                return bool(count.fetchone()[0] == 7)

        scenario.eventually(kept, "seven wrong passwords")
        owner = stage.at_the_gate(server.url)
        owner.log_in("admin@example.com")
        notice = owner.page.get_by_test_id("refusals")
        expect(notice).to_contain_text("7 раз пытались войти с неверным паролем")
        expect(notice).to_contain_text("127.0.0.1")
        notice.get_by_role("button").click()
        expect(notice).to_have_count(0)
        owner.is_live()

    def test_signing_out_ends_every_tab_and_the_session_itself(self, stage: Stage, server: Server) -> None:
        context = stage.context()
        tabs = [stage.operator(server.url, context) for _ in range(2)]
        cookie = next(each for each in context.cookies() if each["name"] == "replyx_session")
        tabs[0].page.get_by_test_id("sign-out").click()
        for tab in tabs:
            expect(tab.email).to_be_visible()
        assert "replyx_session" not in [each["name"] for each in context.cookies()]
        tabs[1].page.reload()
        expect(tabs[1].email).to_be_visible()
        with server.client(cookies={cookie["name"]: cookie["value"]}) as thief:
            assert thief.get("/api/v1/auth/me").status_code == 401

    @pytest.mark.parametrize(
        ("locale", "login", "log_out", "empty"),
        [
            ("ru-RU", "Панель операторов", "Выйти", "Выберите диалог"),
            ("en-US", "Operators’ panel", "Sign out", "Choose a dialog"),
        ],
    )
    def test_the_panel_speaks_the_browsers_language_and_everything_in_it_has_a_name(
        self, stage: Stage, server: Server, boris: httpx.Client, locale: str, login: str, log_out: str, empty: str
    ) -> None:
        visitor_says(boris, f"Для чтеца {locale}")
        operator = stage.at_the_gate(server.url, stage.context(locale))
        expect(operator.page.locator("h1")).to_have_text(login)
        expect(operator.email).to_be_focused()
        assert accessibility.nameless(operator.page) == []
        operator.log_in("manager@example.com")
        operator.is_live()
        expect(operator.page.get_by_test_id("sign-out")).to_have_accessible_name(log_out)
        expect(operator.page.locator("h1")).to_have_text(empty)
        operator.open_dialog(f"Для чтеца {locale}")
        expect(operator.page.get_by_role("log")).to_contain_text(f"Для чтеца {locale}")
        assert accessibility.nameless(operator.page) == []
        operator.page.goto(f"{server.url}/admin#/widgets")
        expect(operator.page.get_by_test_id("widget-card").first).to_be_visible()
        operator.page.evaluate("for (const card of document.querySelectorAll('details')) card.open = true")
        expect(operator.page.get_by_test_id("widget-new").get_by_test_id("save")).to_be_visible()
        assert accessibility.nameless(operator.page) == []


class TestInbox:
    def test_two_tabs_hold_one_event_source_and_the_second_takes_over_when_the_first_is_closed(
        self, stage: Stage, server: Server, boris: httpx.Client
    ) -> None:
        context = stage.context()
        leader = stage.operator(server.url, context)
        leads = streams_of(leader.page)
        page, console = stage.page("second tab", context)
        follows = streams_of(page)
        page.goto(f"{server.url}/admin")
        follower = Operator(page, console)
        follower.is_live()
        anna = visitor_says(boris, "Обеим вкладкам")
        for tab in (leader, follower):
            expect(tab.row("Обеим вкладкам")).to_be_visible()
        assert (leads, follows) == ([], []), "the first tab's stream, opened before we listened, serves both"
        assert boris.get("/api/sse/health").json()["connections"] == 1
        leader.page.close()
        anna.say(boris, "Между вкладками")
        expect(follower.row("Между вкладками")).to_be_visible()
        anna.say(boris, "Новой ведущей")
        expect(follower.row("Новой ведущей")).to_be_visible()
        assert len(follows) == 1

    def test_actions_reach_the_dialog_its_visitor_and_the_filter(self, stage: Stage, server: Server) -> None:
        anna = stage.visitor(f"{server.url}/demo-site/")
        anna.open_chat()
        anna.say("Кто отвечает?")
        maria = stage.operator(server.url, email="admin@example.com")
        boris = stage.operator(server.url)
        for operator in (maria, boris):
            operator.open_dialog("Кто отвечает?")
        facts = boris.page.locator(".dialog__about")
        expect(facts).to_contain_text("Отвечает ассистент")
        maria.act("takeover")
        expect(facts).to_contain_text("Отвечает Мария")
        boris.act("assign")
        expect(facts).to_contain_text("Отвечает Борис")
        expect(maria.page.locator(".dialog__about")).to_contain_text("Отвечает Борис")
        boris.act("release")
        expect(facts).to_contain_text("Отвечает ассистент")
        boris.act("takeover")
        expect(facts).to_contain_text("Отвечает Борис")

        boris.act("close")
        expect(anna.place.locator(".notice")).to_contain_text("Диалог завершён")
        expect(maria.row("Кто отвечает?")).to_have_count(0)
        for operator in (maria, boris):
            operator.page.get_by_test_id("filter-closed").click()
            expect(operator.row("Кто отвечает?")).to_have_count(1)
        boris.open_dialog("Кто отвечает?")
        boris.act("reopen")
        expect(anna.place.locator(".notice")).to_be_hidden()
        expect(maria.row("Кто отвечает?")).to_have_count(0)
        boris.act("close")
        expect(maria.row("Кто отвечает?")).to_have_count(1)
        anna.say("Ещё вопрос")
        expect(maria.row("Ещё вопрос")).to_have_count(0)
        maria.page.get_by_test_id("filter-open").click()
        expect(maria.row("Ещё вопрос")).to_have_count(1)

    def test_a_long_history_comes_page_by_page_without_holes_or_jumps(
        self, stage: Stage, server: Server, boris: httpx.Client
    ) -> None:
        texts = [f"сообщение {number}" for number in range(2 * PAGE + 20)]
        anna = visitor_says(boris, *texts)
        operator = stage.operator(server.url)
        operator.open_dialog(texts[-1])
        operator.shows(*texts[-PAGE:])
        log = operator.page.get_by_test_id("messages")
        for count in (2 * PAGE, len(texts)):
            log.evaluate("node => node.scrollTop = 0")
            operator.shows(*texts[-count:])
        anna.say(boris, "свежее")
        operator.shows(*texts, "свежее")
        jump = operator.page.get_by_role("button", name="Новые сообщения")
        assert log.evaluate("node => node.scrollHeight - node.scrollTop - node.clientHeight") > 100, "the reader stays"
        jump.click()
        expect(operator.messages.last).to_be_in_viewport()
        expect(jump).to_be_hidden()

    def test_a_long_list_continues_by_its_button_and_is_walked_by_keyboard(
        self, stage: Stage, server: Server, boris: httpx.Client
    ) -> None:
        for number in range(PAGE + 10):
            visitor_says(boris, f"диалог {number};")
        operator = stage.operator(server.url)
        expect(operator.rows).to_have_count(PAGE)
        while (more := operator.page.get_by_role("button", name="Показать ещё")).is_visible():
            before = operator.rows.count()
            more.click()
            until(operator.page, lambda before=before: operator.rows.count() > before, "the list grows")  # type: ignore[misc]
        ids = operator.rows.evaluate_all("nodes => nodes.map((node) => node.dataset.dialogId)")
        assert len(ids) == len(set(ids)) == len(every_open_dialog(boris))
        for number in range(PAGE + 10):
            expect(operator.row(f"диалог {number};")).to_have_count(1)

        operator.rows.first.focus()
        operator.page.keyboard.press("ArrowDown")
        expect(operator.rows.nth(1)).to_be_focused()
        operator.page.keyboard.press("Enter")
        expect(operator.composer).to_be_focused()
        expect(operator.rows.nth(1)).to_have_attribute("aria-current", "true")
        operator.page.keyboard.press("Alt+ArrowDown")
        expect(operator.rows.nth(2)).to_have_attribute("aria-current", "true")
        operator.page.keyboard.press("Escape")
        expect(operator.composer).to_have_count(0)
        expect(operator.rows.nth(2)).to_be_focused()

    def test_reading_takes_the_unread_mark_away_and_shows_the_visitor_that_it_was_read(
        self, stage: Stage, server: Server
    ) -> None:
        anna = stage.visitor(f"{server.url}/demo-site/")
        anna.open_chat()
        anna.say("Прочтите")
        anna.say("Пожалуйста")
        boris = stage.operator(server.url)
        row = boris.row("Пожалуйста")
        expect(row).to_have_attribute("data-unread", "2")
        expect(anna.messages.last).to_have_attribute("data-status", "sent")
        boris.open_dialog("Пожалуйста")
        expect(row).to_have_attribute("data-unread", "0")
        expect(anna.messages.last).to_have_attribute("data-status", "read")

    def test_what_nobody_has_read_is_counted_as_it_comes_in_the_list_and_in_the_pages_title(
        self, stage: Stage, server: Server, boris: httpx.Client
    ) -> None:
        anna, vera = visitor_says(boris, "Первый вопрос"), visitor_says(boris, "Второй вопрос")
        operator = stage.operator(server.url)
        expect(operator.row("Второй вопрос")).to_be_visible()
        before = int(re.match(r"\((\d+)\) ", operator.page.title())[1])  # type: ignore[index]

        def counts(text: str, unread: int, more_in_all: int) -> None:
            expect(operator.row(text)).to_have_attribute("data-unread", str(unread))
            expect(operator.page).to_have_title(re.compile(rf"^\({before + more_in_all}\) "))

        anna.say(boris, "Есть кто-нибудь?")
        counts("Есть кто-нибудь?", 2, 1)
        vera.say(boris, "А у меня?")
        vera.say(boris, "Ау!")
        counts("Ау!", 3, 3)
        boris.post(f"/api/dialogs/{vera.dialog_id}/messages", json={"text": "Я здесь"})
        counts("Я здесь", 0, 0)
        vera.say(boris, "Спасибо")
        counts("Спасибо", 1, 1)
        anna.say(boris, "А я?")
        counts("А я?", 3, 2)
        boris.post(f"/api/dialogs/{anna.dialog_id}/read", json={})
        counts("А я?", 0, -1)


class TestSections:
    def test_a_section_is_loaded_when_it_is_opened_and_asked_for_again_after_a_failure(
        self, stage: Stage, server: Server
    ) -> None:
        boris = stage.operator(server.url)
        boris.console.expected += [NETWORK, re.compile("Failed to fetch dynamically imported module")]
        asked: list[str] = []
        boris.page.on("request", lambda request: asked.append(request.url))
        boris.page.route("**/widgets/section.js*", lambda route: route.abort())
        boris.page.get_by_role("link", name="Виджеты").click()
        expect(boris.page.get_by_role("alert")).to_contain_text("Раздел не загрузился.")
        assert any("/admin/widgets/" in url for url in asked)
        assert not any("/admin/webhooks/" in url for url in asked)
        boris.page.get_by_role("link", name="Диалоги").click()
        expect(boris.page.get_by_test_id("dialog-list")).to_be_visible()
        with boris.page.expect_event("requestfailed", lambda request: "/widgets/section.js" in request.url):
            boris.page.get_by_role("link", name="Виджеты").click()
        boris.page.unroute_all()
        boris.page.get_by_role("button", name="Повторить").click()
        expect(boris.page.get_by_test_id("widget-card").first).to_be_visible()


class TestWidgets:
    def test_a_greeting_and_a_title_are_read_in_the_visitors_language(
        self, stage: Stage, server: Server, site: HostSite
    ) -> None:
        boris = stage.operator(server.url)
        boris.page.get_by_role("link", name="Виджеты").click()
        assistant = boris.page.get_by_test_id("assistant-new")
        assistant.locator("summary").click()
        assistant.get_by_label("Имя").fill("Цветы")
        assistant.get_by_label("Приветствие").fill("Добрый день!")
        assistant.get_by_role("textbox", name="English").fill("Good day!")
        assistant.get_by_test_id("save").click()
        count = boris.page.get_by_test_id("widget-card").count()
        widget = boris.page.get_by_test_id("widget-new")
        expect(widget.get_by_label("Ассистент")).to_contain_text("Цветы")
        widget.locator("summary").click()
        widget.get_by_label("Ассистент").select_option(label="Цветы")
        widget.get_by_role("textbox", name="English").fill("Flowers")
        widget.get_by_test_id("domains").fill("flowers.test")
        widget.get_by_test_id("save").click()
        cards = boris.page.get_by_test_id("widget-card")
        expect(cards).to_have_count(count + 1)
        card = cards.last
        card.locator("summary").click()
        expect(card.get_by_role("textbox", name="English")).to_have_value("Flowers")
        url = site.show("/flowers", card.get_by_test_id("embed-code").input_value(), host="flowers.test")
        for locale, title, greeting in (("en-GB", "Flowers", "Good day!"), ("ru-RU", "Цветы", "Добрый день!")):
            anna = stage.visitor(url, stage.context(locale))
            anna.open_chat()
            expect(anna.place.locator("h1")).to_have_text(title)
            expect(anna.place.locator(".intro")).to_contain_text(greeting)

    def test_a_widget_made_in_the_panel_works_by_the_code_copied_there(
        self, stage: Stage, server: Server, site: HostSite
    ) -> None:
        context = stage.context(permissions=("clipboard-read", "clipboard-write"))
        boris = stage.operator(server.url, context)
        boris.page.get_by_role("link", name="Виджеты").click()
        cards = boris.page.get_by_test_id("widget-card")
        expect(cards.first).to_be_visible()
        count = cards.count()
        form = boris.page.get_by_test_id("widget-new")
        form.locator("summary").click()
        form.get_by_label("Название в чате").fill("Летний сад")
        form.get_by_test_id("domains").fill("https://garden.test/catalog?from=panel")
        form.get_by_test_id("save").click()
        expect(cards).to_have_count(count + 1)
        card = cards.filter(has_text="Летний сад")
        code = copied(card, boris.page)
        expect(card.get_by_test_id("domains")).to_have_value(re.compile(r"^garden\.test\n"))
        expect(card.get_by_test_id("code-local")).to_contain_text("PUBLIC_URL")
        anna = stage.visitor(site.show("/garden", code, host="garden.test"))
        anna.open_chat()
        anna.say("Из сада")
        expect(anna.place.locator("h1")).to_have_text("Летний сад")
        boris.page.get_by_role("link", name="Диалоги").click()
        expect(boris.row("Из сада")).to_be_visible()
        anna.page.close()

        # New domains make a new code; the old one is dead, which the panel says.
        boris.page.get_by_role("link", name="Виджеты").click()
        card.locator("summary").click()
        card.get_by_test_id("domains").fill("no domain.. at/all")
        card.get_by_test_id("save").click()
        boris.console.expected.append(NETWORK)
        expect(card.locator(".card__told")).to_contain_text("'domain..' — не домен")
        card.get_by_test_id("domains").fill("garden.test\nother.test")
        card.get_by_test_id("save").click()
        expect(card.locator(".card__told")).to_contain_text("Прежний код больше не действует")
        expect(card.get_by_test_id("embed-code")).not_to_have_value(code)
        card.get_by_test_id("delete").click()
        expect(cards).to_have_count(count + 1)
        card.get_by_test_id("delete").click()
        expect(cards).to_have_count(count)


def copied(card: Locator, page: Page) -> str:
    """The embed code that the card's button puts on the clipboard."""
    if not card.locator("form").is_visible():
        card.locator("summary").click()
    card.get_by_test_id("copy").click()
    expect(card.get_by_test_id("copy")).to_have_text("Скопировано")
    code: str = page.evaluate("navigator.clipboard.readText()")
    assert code == card.get_by_test_id("embed-code").input_value()
    return code


def every_open_dialog(boris: httpx.Client) -> list[int]:
    """Ids of all open dialogs, by the API."""
    found: list[int] = []
    query: dict[str, str | int] = {"status": "open", "limit": 200}
    while True:
        page = boris.get("/api/dialogs", params=query).json()
        found += [dialog["id"] for dialog in page["items"]]
        if page["next"] is None:
            return found
        query["before"] = page["next"]
