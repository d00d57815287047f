"""Tickets in the operators' panel: they stand beside the dialogs, are answered and changed, and every panel sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, expect

from tests import scenario
from tests.browser import accessibility
from tests.browser.people import NETWORK, Operator, Stage
from tests.scenario import Json
from tests.server import Server
from tests.stored import stored

TICKETS = "/api/support/tickets"
MINUTE_MS = 60_000


@pytest.fixture(scope="module")
def customer(server: Server) -> Iterator[httpx.Client]:
    """Anna's HTTP client; a ticket's id is all she needs."""
    with server.client() as client:
        yield client


def opened(http: httpx.Client, subject: str, **fields: object) -> Json:
    """A new ticket."""
    answer = http.post(TICKETS, json={"subject": subject, "description": f"Описание: {subject}", **fields})
    assert answer.status_code == 201, answer.text
    return scenario.as_json(answer)


def now(http: httpx.Client, ticket: Json) -> Json:
    """The ticket as the server has it."""
    return scenario.as_json(http.get(f"{TICKETS}/{ticket['id']}"))


def field(panel: Operator, name: str) -> Locator:
    """One of the open ticket's choices."""
    return panel.page.get_by_test_id(f"ticket-{name}")


def marks(panel: Operator, subject: str) -> Locator:
    """What the ticket's row says of it."""
    return panel.row(subject).locator(".mark")


def changes(panel: Operator) -> Locator:
    """The lines of the open ticket's history, newest first."""
    return panel.page.get_by_test_id("ticket-changes").locator(".ticket__change > span:first-child")


class TestInbox:
    def test_a_new_ticket_appears_by_itself_with_its_subject_status_priority_and_due_time(
        self, stage: Stage, server: Server, customer: httpx.Client
    ) -> None:
        boris = stage.operator(server.url)
        expect(boris.row("Не приходит письмо")).to_have_count(0)
        opened(customer, "Не приходит письмо", priority="URGENT")
        expect(marks(boris, "Не приходит письмо")).to_have_count(4)
        expect(marks(boris, "Не приходит письмо").nth(0)).to_have_text("Тикет")
        expect(marks(boris, "Не приходит письмо").nth(1)).to_have_text("Открыт")
        expect(marks(boris, "Не приходит письмо").nth(2)).to_have_text("Срочный")
        expect(marks(boris, "Не приходит письмо").nth(3)).to_contain_text("До ")

    def test_the_list_shows_dialogs_tickets_or_both_and_the_address_keeps_which(
        self, stage: Stage, server: Server, customer: httpx.Client
    ) -> None:
        opened(customer, "Чек потерян")
        scenario.guest(customer).say(customer, "Где вазы?")
        boris = stage.operator(server.url)
        kind = boris.page.get_by_test_id("filter-kind")
        for wanted, has_ticket, has_dialog in (("ticket", 1, 0), ("dialog", 0, 1), ("all", 1, 1), ("ticket", 1, 0)):
            kind.select_option(wanted)
            expect(boris.row("Чек потерян")).to_have_count(has_ticket)
            expect(boris.row("Где вазы?")).to_have_count(has_dialog)
        boris.open_dialog("Чек потерян")
        boris.page.reload()
        boris.is_live()
        expect(kind).to_have_value("ticket")
        expect(boris.page.locator("h1")).to_have_text("Чек потерян")
        expect(boris.row("Где вазы?")).to_have_count(0)
        boris.page.get_by_test_id("filter-closed").click()
        expect(boris.page.locator(".dialogs__empty")).to_have_text("Тикетов здесь нет.")

    def test_a_ticket_that_stands_behind_many_dialogs_is_found_by_its_kind(self, stage: Stage, tmp_path: Path) -> None:
        with Server(tmp_path / "data", flags=["--rate-limits", "off"]) as server, server.client() as customer:
            opened(customer, "Давний тикет")
            for _ in range(60):
                scenario.guest(customer).say(customer, "Здравствуйте")
            boris = stage.operator(server.url)
            expect(boris.rows).to_have_count(50)
            expect(boris.row("Давний тикет")).to_have_count(0)
            boris.page.get_by_test_id("filter-kind").select_option("ticket")
            expect(boris.row("Давний тикет")).to_have_count(1)
            expect(boris.rows).to_have_count(1)

    def test_what_a_customer_wrote_is_shown_as_text(self, stage: Stage, server: Server, customer: httpx.Client) -> None:
        markup = "<img src=x onerror=alert(1)>"
        opened(customer, f"{markup} сломано", description=f"{markup}\nвторая строка")
        boris = stage.operator(server.url)
        boris.open_dialog("сломано")
        expect(boris.page.locator("h1")).to_have_text(f"{markup} сломано")
        description = boris.page.get_by_test_id("ticket-description")
        expect(description).to_have_text(f"{markup}\nвторая строка", use_inner_text=True)
        expect(boris.page.locator("img")).to_have_count(0)


class TestTicket:
    def test_an_answer_and_the_customers_reply_go_both_ways_live(
        self, stage: Stage, server: Server, customer: httpx.Client
    ) -> None:
        ticket = opened(customer, "Как вернуть вазу?")
        boris = stage.operator(server.url)
        boris.open_dialog("Как вернуть вазу?")
        boris.say("Заполните форму")
        boris.shows("Заполните форму")
        sent = scenario.as_json(customer.get(f"{TICKETS}/{ticket['id']}/messages"))["items"]
        assert [(each["content"], each["senderType"]) for each in sent] == [("Заполните форму", "AGENT")]
        assert now(customer, ticket)["firstResponseAt"] is not None
        expect(boris.page.locator(".ticket__dues")).to_contain_text("Ответ данСегодня")
        answer = customer.post(f"{TICKETS}/{ticket['id']}/messages", json={"content": "Спасибо"})
        assert answer.status_code == 201, answer.text
        boris.shows("Заполните форму", "Спасибо")
        expect(boris.messages.last).to_contain_text("Клиент")

    def test_status_priority_and_assignee_are_seen_by_another_panel_and_by_the_api(
        self, stage: Stage, server: Server, customer: httpx.Client
    ) -> None:
        ticket = opened(customer, "Двойное списание", priority="LOW")
        boris = stage.operator(server.url)
        maria = stage.operator(server.url, email="admin@example.com")
        for panel in (boris, maria):
            panel.open_dialog("Двойное списание")
            expect(changes(panel)).to_have_count(0)
        name = boris.page.locator(".bar__user").inner_text()
        field(boris, "status").select_option("IN_PROGRESS")
        expect(field(maria, "status")).to_have_value("IN_PROGRESS")
        field(boris, "priority").select_option("HIGH")
        expect(field(maria, "priority")).to_have_value("HIGH")
        field(boris, "assignee").select_option(label=f"{name} (вы)")
        expect(field(maria, "assignee").locator("option:checked")).to_have_text(name)
        history = [f"Исполнитель: {name}", "Приоритет: Высокий", "Статус: В работе"]
        for panel in (boris, maria):
            expect(changes(panel)).to_have_text(history)
            expect(marks(panel, "Двойное списание").nth(1)).to_have_text("В работе")
            expect(marks(panel, "Двойное списание").nth(2)).to_have_text("Высокий")
        after = now(customer, ticket)
        assert (after["status"], after["priority"], after["assignedAgent"]["name"]) == ("IN_PROGRESS", "HIGH", name)
        field(maria, "assignee").select_option("")
        expect(field(boris, "assignee")).to_have_value("")
        assert now(customer, ticket)["assignedAgent"] is None
        # Events and a fresh load lead to the same page.
        lived = boris.page.get_by_test_id("ticket-changes").inner_text()
        boris.page.reload()
        expect(changes(boris)).to_have_text(["Исполнитель: Никто", *history])
        assert boris.page.get_by_test_id("ticket-changes").inner_text() == lived

    def test_a_resolved_ticket_leaves_the_open_ones_and_the_customers_message_brings_it_back(
        self, stage: Stage, server: Server, customer: httpx.Client
    ) -> None:
        ticket = opened(customer, "Ваза разбита")
        boris = stage.operator(server.url)
        boris.open_dialog("Ваза разбита")
        field(boris, "status").select_option("RESOLVED")
        expect(boris.row("Ваза разбита")).to_have_count(0)
        expect(boris.page.locator(".dialog__notice")).to_contain_text("Тикет завершён.")
        expect(boris.page.locator(".dialog__header").get_by_test_id("ticket-sla")).to_have_count(0)
        boris.page.get_by_test_id("filter-closed").click()
        expect(marks(boris, "Ваза разбита").nth(1)).to_have_text("Решён")
        boris.page.get_by_test_id("filter-open").click()
        customer.post(f"{TICKETS}/{ticket['id']}/messages", json={"content": "Всё ещё разбита"})
        expect(marks(boris, "Ваза разбита").nth(1)).to_have_text("Открыт")

    def test_arrow_keys_walk_a_choice_and_only_where_they_stop_is_sent(
        self, stage: Stage, server: Server, customer: httpx.Client
    ) -> None:
        """Passing RESOLVED on the way to CLOSED would be a line of history and start the ticket's clock again."""
        ticket = opened(customer, "Только клавиатура")
        boris = stage.operator(server.url)
        boris.open_dialog("Только клавиатура")
        status = field(boris, "status")
        expect(status).to_have_accessible_name("Статус")
        status.focus()
        status.evaluate(
            """select => {
              for (const value of ['IN_PROGRESS', 'WAITING', 'RESOLVED', 'CLOSED']) {
                select.value = value;
                select.dispatchEvent(new Event('change', { bubbles: true }));
              }
            }"""
        )
        expect(changes(boris)).to_have_text(["Статус: Закрыт"])
        expect(status).to_be_focused()
        assert now(customer, ticket)["status"] == "CLOSED"

    def test_leaving_at_once_still_sends_the_choice(self, stage: Stage, server: Server, customer: httpx.Client) -> None:
        ticket = opened(customer, "Быстрый оператор")
        boris = stage.operator(server.url)
        boris.open_dialog("Быстрый оператор")
        field(boris, "priority").select_option("URGENT")
        boris.page.keyboard.press("Escape")
        expect(boris.page.locator("h1")).to_have_text("Выберите диалог")
        expect(marks(boris, "Быстрый оператор").nth(2)).to_have_text("Срочный")
        assert now(customer, ticket)["priority"] == "URGENT"

    def test_a_change_that_fails_is_told_and_the_choice_goes_back(
        self, stage: Stage, server: Server, customer: httpx.Client
    ) -> None:
        ticket = opened(customer, "Сервер отказывает")
        boris = stage.operator(server.url)
        boris.open_dialog("Сервер отказывает")
        boris.console.expected.append(NETWORK)
        boris.page.route(f"**{TICKETS}/{ticket['id']}", lambda route: route.abort())
        field(boris, "status").select_option("WAITING")
        expect(boris.page.locator(".dialog__notice")).to_have_text("Сервер не отвечает. Проверьте связь и повторите.")
        expect(field(boris, "status")).to_have_value("OPEN")
        boris.page.unroute_all()
        field(boris, "status").select_option("WAITING")
        expect(boris.page.locator(".dialog__notice")).to_be_hidden()
        expect(changes(boris)).to_have_text(["Статус: Ждёт клиента"])

    @pytest.mark.parametrize(
        ("locale", "words"),
        [
            ("ru-RU", ["Подробности тикета", "Статус", "Приоритет", "Исполнитель", "Описание", "История изменений"]),
            ("en-US", ["Ticket details", "Status", "Priority", "Assignee", "Description", "History of changes"]),
        ],
    )
    def test_a_ticket_speaks_the_browsers_language_and_everything_in_it_has_a_name(
        self, stage: Stage, server: Server, customer: httpx.Client, locale: str, words: list[str]
    ) -> None:
        opened(customer, f"Для чтеца {locale}")
        panel = stage.operator(server.url, stage.context(locale))
        panel.open_dialog(f"Для чтеца {locale}")
        for each in words:
            expect(panel.page.get_by_test_id("ticket-panel")).to_contain_text(each)
        assert accessibility.nameless(panel.page) == []

    def test_on_a_desk_the_ticket_stands_beside_its_messages(
        self, stage: Stage, server: Server, customer: httpx.Client
    ) -> None:
        opened(customer, "Рядом с перепиской")
        boris = stage.operator(server.url)
        boris.open_dialog("Рядом с перепиской")
        boris.say("Здравствуйте")
        boris.shows("Здравствуйте")
        panel, composer = boris.page.get_by_test_id("ticket-panel").bounding_box(), boris.composer.bounding_box()
        assert panel is not None
        assert composer is not None
        assert panel["x"] >= composer["x"] + composer["width"]
        expect(boris.composer).to_be_in_viewport(ratio=1)
        expect(boris.messages.last).to_be_in_viewport(ratio=1)

    def test_on_a_phone_the_details_are_folded_and_nothing_is_wider_than_the_screen(
        self, stage: Stage, server: Server, customer: httpx.Client
    ) -> None:
        opened(customer, "С телефона " + "оченьдлинноеслово" * 8, priority="URGENT")
        boris = stage.operator(server.url, stage.context(size=(360, 740)))
        fits = "() => document.documentElement.scrollWidth <= innerWidth"
        assert boris.page.evaluate(fits)
        boris.open_dialog("С телефона")
        expect(field(boris, "status")).to_be_hidden()
        assert boris.page.evaluate(fits)
        boris.page.get_by_text("Подробности тикета").click()
        expect(field(boris, "status")).to_be_visible()
        expect(boris.composer).to_be_in_viewport()
        assert boris.page.evaluate(fits)


class TestTargets:
    """A target's minutes are made to have passed while the server was down: it finds that out when it starts."""

    @pytest.mark.parametrize(
        ("minutes", "mark", "words", "line"),
        [
            (13, "due_soon", "Скоро срок: ", "Первый ответ: скоро срок"),
            (60, "breached", "Просрочен: ", "Первый ответ: срок пропущен"),
        ],
    )
    def test_a_panel_that_stayed_open_marks_the_ticket_whose_target_comes_near_or_is_missed(
        self, stage: Stage, fragile: Server, minutes: int, mark: str, words: str, line: str
    ) -> None:
        with fragile.client() as http:
            opened(http, "Ждёт ответа", priority="URGENT")
        boris = stage.operator(fragile.url)
        boris.open_dialog("Ждёт ответа")
        sla = boris.row("Ждёт ответа").get_by_test_id("ticket-sla")
        expect(sla).to_have_attribute("data-sla", "")
        stage.server_goes_away()
        fragile.kill()
        pass_time(fragile.data_dir, minutes)
        fragile.start()
        expect(sla).to_have_attribute("data-sla", mark)
        expect(sla).to_contain_text(words)
        expect(changes(boris)).to_have_text([line])


def pass_time(data_dir: Path, minutes: int) -> None:
    """Let every ticket of a server that is down have been opened so many minutes earlier."""
    moved = minutes * MINUTE_MS
    with stored(data_dir) as database:
        database.execute("UPDATE dialog SET created_at = created_at - ?", (moved,))
        database.execute("UPDATE ticket SET running_since = running_since - ?, look_at = look_at - ?", (moved, moved))
