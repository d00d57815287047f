"""Tickets over HTTP: who may open, read, change and speak, and what operators hear of it in the one inbox."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.scenario import EventStream, Json, as_json, bad_field, eventually, hearing, operator, problem
from tests.server import PASSWORD, Server
from tests.stored import stored

TICKETS = "/api/support/tickets"
SECRET = "a-secret-of-the-bots-that-is-long-enough"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """Every test opens tickets of its own, which the limit on one address would stop."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=["--rate-limits", "off"]) as running:
        yield running


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """The demo's data without its mode: here a page does not choose whom it speaks as."""
    data = tmp_path_factory.mktemp("strict") / "data"
    with Server(data):
        pass
    with Server(data, demo=False, env={"INTERNAL_SECRET": SECRET}) as running:
        yield running


def new(http: httpx.Client, **fields: object) -> Json:
    """A ticket of its own for one test."""
    answer = http.post(TICKETS, json={"subject": "Пальто", "description": "Не пришло.", **fields})
    assert answer.status_code == 201, answer.text
    return as_json(answer)


def url(ticket: Json, tail: str = "") -> str:
    """An address of the ticket."""
    return f"{TICKETS}/{ticket['id']}{tail}"


def say(http: httpx.Client, ticket: Json, content: str, **fields: object) -> Json:
    """Send a message and return it."""
    answer = http.post(url(ticket, "/messages"), json={"content": content, **fields})
    assert answer.status_code in (200, 201), answer.text
    message: Json = as_json(answer)["message"]
    return message


def change(boris: httpx.Client, ticket: Json, **fields: object) -> Json:
    """The ticket after an operator's change."""
    answer = boris.patch(url(ticket), json=fields)
    assert answer.status_code == 200, answer.text
    return as_json(answer)


def types(events: list[Json]) -> list[str]:
    """What kinds of events these are."""
    return [str(event["type"]) for event in events]


class TestOpening:
    def test_a_new_ticket_is_open_and_of_medium_priority(self, http: httpx.Client) -> None:
        ticket = new(http, subject="  Пальто ", userId="anna")
        assert re.fullmatch(r"[A-Za-z0-9_-]{22,64}", ticket["id"])
        assert ticket["createdAt"].endswith("Z")
        assert {
            key: ticket[key] for key in ("subject", "description", "status", "priority", "assignedAgent", "sla")
        } == {
            "subject": "Пальто",
            "description": "Не пришло.",
            "status": "OPEN",
            "priority": "MEDIUM",
            "assignedAgent": None,
            "sla": None,
        }
        assert (ticket["userId"], ticket["firstResponseAt"], ticket["resolvedAt"]) == ("anna", None, None)
        assert ticket["createdAt"] < ticket["responseDueAt"] < ticket["resolutionDueAt"]
        assert as_json(http.get(url(ticket))) == ticket

    def test_title_stands_for_subject(self, http: httpx.Client) -> None:
        answer = http.post(TICKETS, json={"title": "Пальто", "description": ""})
        assert (answer.status_code, as_json(answer)["subject"]) == (201, "Пальто")

    def test_ids_do_not_repeat_or_count(self, http: httpx.Client) -> None:
        ids = {new(http)["id"] for _ in range(20)}
        assert len(ids) == 20
        assert len({each[:4] for each in ids}) == 20

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"description": "x"}, "subject"),
            ({"subject": "  ", "description": "x"}, "subject"),
            ({"subject": "x" * 201, "description": "x"}, "subject"),
            ({"subject": "x"}, "description"),
            ({"subject": "x", "description": "x" * 10_001}, "description"),
            ({"subject": "x", "description": "a\0b"}, "description"),
            ({"subject": 1, "description": "x"}, "subject"),
            ({"subject": "x", "description": "x", "priority": "EXTREME"}, "priority"),
            ({"subject": "x", "description": "x", "userId": "x" * 65}, "userId"),
        ],
    )
    def test_a_wrong_field_is_named(self, http: httpx.Client, body: Json, field: str) -> None:
        bad_field(http.post(TICKETS, json=body), field)

    def test_a_page_of_a_configured_origin_may_open_one_and_a_foreign_page_may_not(self, tmp_path: Path) -> None:
        with (
            Server(tmp_path / "data", env={"CORS_ORIGINS": "https://help.example"}) as running,
            running.client() as client,
        ):
            body = {"subject": "x", "description": "x"}
            allowed = client.post(TICKETS, json=body, headers={"Origin": "https://help.example"})
            assert allowed.status_code == 201
            assert allowed.headers["access-control-allow-origin"] == "https://help.example"
            problem(client.post(TICKETS, json=body, headers={"Origin": "https://evil.example"}), 403, "origin_refused")

    def test_one_address_opens_only_so_many(self, tmp_path: Path) -> None:
        with Server(tmp_path / "data") as running, running.client() as client:
            answers = [client.post(TICKETS, json={"subject": "x", "description": "x"}) for _ in range(100)]
        refused = next(answer for answer in answers if answer.status_code != 201)
        problem(refused, 429, "too_many_requests")
        assert int(refused.headers["retry-after"]) >= 1


class TestReading:
    def test_an_id_that_is_none_is_not_found(self, http: httpx.Client, boris: httpx.Client) -> None:
        for path in ("clx123", "1", "x" * 24):
            problem(http.get(f"{TICKETS}/{path}"), 404, "ticket_not_found")
            problem(http.get(f"{TICKETS}/{path}/messages"), 404, "ticket_not_found")
            problem(http.post(f"{TICKETS}/{path}/messages", json={"content": "x"}), 404, "ticket_not_found")
            problem(boris.patch(f"{TICKETS}/{path}", json={"status": "OPEN"}), 404, "ticket_not_found")
            problem(boris.get(f"{TICKETS}/{path}/changes"), 404, "ticket_not_found")
        problem(http.get(f"{TICKETS}/not.url.safe"), 404, "not_found")

    def test_the_list_the_changes_and_the_history_are_for_operators(self, http: httpx.Client, server: Server) -> None:
        ticket = new(http)
        problem(http.get(TICKETS), 401, "credential_missing")
        problem(http.patch(url(ticket), json={"status": "CLOSED"}), 401, "credential_missing")
        problem(http.get(url(ticket, "/changes")), 401, "credential_missing")
        with operator(server, "user@example.com") as anna:
            problem(anna.get(TICKETS), 403, "forbidden")
            problem(anna.patch(url(ticket), json={"status": "CLOSED"}), 403, "forbidden")
        assert as_json(http.get(url(ticket)))["status"] == "OPEN"

    def test_a_visitor_of_a_widget_sees_no_ticket(self, http: httpx.Client) -> None:
        ticket = new(http)
        query = {"assistant_id": "3", "guest_id": "test"}
        path = f"/api/widget/dialogs/{ticket['dialogId']}/messages"
        problem(http.get(path, params=query), 404, "dialog_not_found")
        assert http.get("/api/widget/dialogs/1/messages", params=query).status_code == 200

    def test_the_list_is_newest_first_and_continues_in_both_directions(
        self, http: httpx.Client, boris: httpx.Client
    ) -> None:
        mine = [new(http, priority="LOW")["id"] for _ in range(5)]

        def page(**query: Any) -> Json:
            return as_json(boris.get(TICKETS, params={"limit": 2, "priority": "LOW", **query}))

        first = page()
        assert [item["id"] for item in first["items"]] == mine[:-3:-1]
        assert first["next"] == mine[3]
        assert first["cursor"]
        second = page(before=first["next"])
        assert [item["id"] for item in second["items"]] == [mine[2], mine[1]]
        back = page(after=mine[2])
        assert [item["id"] for item in back["items"]] == [mine[4], mine[3]]
        assert back["next"] is None
        problem(boris.get(TICKETS, params={"before": "nobody"}), 404, "ticket_not_found")
        bad_field(boris.get(TICKETS, params={"before": mine[0], "after": mine[1]}), "after")

    def test_the_list_is_filtered_by_every_mixture_of_status_priority_and_assignee(
        self, http: httpx.Client, boris: httpx.Client
    ) -> None:
        urgent = new(http, priority="URGENT")
        other = new(http, priority="URGENT")
        change(boris, urgent, status="WAITING", assignee=2)
        change(boris, new(http), status="WAITING")

        def ids(**query: str) -> set[str]:
            return {item["id"] for item in as_json(boris.get(TICKETS, params={"limit": 200, **query}))["items"]}

        assert ids(status="WAITING", priority="URGENT", assignee="2") == {urgent["id"]}
        assert urgent["id"] in ids(assignee="2")
        assert urgent["id"] not in ids(assignee="none")
        assert other["id"] in ids(assignee="none", priority="URGENT")
        assert ids(assignee="1", status="WAITING") == set()
        for query in ({"status": "open"}, {"priority": "1"}, {"assignee": "me"}):
            bad_field(boris.get(TICKETS, params=query), next(iter(query)))


class TestChanging:
    def test_who_changed_what_and_when_stands_in_the_history_and_in_one_event(
        self, http: httpx.Client, boris: httpx.Client, server: Server
    ) -> None:
        ticket = new(http)
        with hearing(server, boris, ticket["dialogId"]) as heard:
            changed = change(boris, ticket, status="IN_PROGRESS", priority="HIGH", assignee=1)
        assert (changed["status"], changed["priority"], changed["assignedAgent"]["id"]) == ("IN_PROGRESS", "HIGH", 1)
        assert changed["updatedAt"] > ticket["updatedAt"]
        assert changed["resolutionDueAt"] < ticket["resolutionDueAt"]
        assert types(heard) == ["dialog:updated", "ticket:updated"]
        assert heard[1]["ticket"] == changed
        dialog = heard[0]["dialog"]
        assert (dialog["ticket"]["status"], dialog["ticket"]["priority"], dialog["assignee"]["id"]) == (
            "IN_PROGRESS",
            "HIGH",
            1,
        )
        history = as_json(boris.get(url(ticket, "/changes")))["items"]
        assert history == heard[1]["changes"]
        assert [(line["field"], line["before"], line["after"]) for line in history] == [
            ("status", "OPEN", "IN_PROGRESS"),
            ("priority", "MEDIUM", "HIGH"),
            ("assignee", None, "Мария"),
        ]
        assert {(line["actor"], line["account"]["name"]) for line in history} == {("AGENT", "Борис")}
        assert all(line["createdAt"].endswith("Z") for line in history)

    def test_what_is_not_named_stays_and_repeating_a_change_tells_nobody(
        self, http: httpx.Client, boris: httpx.Client, server: Server
    ) -> None:
        ticket = new(http, priority="LOW")
        assigned = change(boris, ticket, assignee=2)
        with hearing(server, boris, ticket["dialogId"]) as heard:
            assert change(boris, ticket, assignee=2) == assigned
            assert change(boris, ticket) == assigned
        assert heard == []
        assert change(boris, ticket, assignee=None)["assignedAgent"] is None

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"status": "DONE"}, "status"),
            ({"status": None}, "status"),
            ({"priority": "low"}, "priority"),
            ({"assignee": "Борис"}, "assignee"),
        ],
    )
    def test_a_wrong_value_changes_nothing(
        self, http: httpx.Client, boris: httpx.Client, body: Json, field: str
    ) -> None:
        ticket = new(http)
        bad_field(boris.patch(url(ticket), json={"priority": "HIGH", **body}), field)
        assert as_json(http.get(url(ticket))) == ticket

    def test_only_an_operator_can_be_the_assignee(self, http: httpx.Client, boris: httpx.Client) -> None:
        ticket = new(http)
        for nobody in (999, 3):  # 3 is a user
            problem(boris.patch(url(ticket), json={"status": "CLOSED", "assignee": nobody}), 404, "account_not_found")
        assert as_json(http.get(url(ticket)))["status"] == "OPEN"

    @pytest.mark.parametrize(
        ("action", "body", "expected"),
        [
            ("close", {}, {"status": "CLOSED"}),
            ("takeover", {}, {"assignee": 2}),
            ("assign", {"account_id": 1}, {"assignee": 1}),
        ],
    )
    def test_what_is_done_to_the_dialog_in_the_inbox_is_done_to_the_ticket(
        self, http: httpx.Client, boris: httpx.Client, action: str, body: Json, expected: Json
    ) -> None:
        ticket = new(http)
        assert boris.post(f"/api/dialogs/{ticket['dialogId']}/{action}", json=body).status_code == 200
        after = as_json(http.get(url(ticket)))
        assert after["status"] == expected.get("status", "OPEN")
        assert (after["assignedAgent"] or {}).get("id") == expected.get("assignee")
        assert len(as_json(boris.get(url(ticket, "/changes")))["items"]) == 1
        undo = {"close": "reopen"}.get(action, "release")
        assert boris.post(f"/api/dialogs/{ticket['dialogId']}/{undo}", json={}).status_code == 200
        undone = as_json(http.get(url(ticket)))
        assert (undone["status"], undone["assignedAgent"]) == ("OPEN", None)

    def test_resolved_in_the_inbox_stays_resolved_when_it_is_closed_there(
        self, http: httpx.Client, boris: httpx.Client
    ) -> None:
        ticket = new(http)
        change(boris, ticket, status="RESOLVED")
        dialog = as_json(boris.post(f"/api/dialogs/{ticket['dialogId']}/close", json={}))["dialog"]
        assert (dialog["status"], dialog["ticket"]["status"]) == ("closed", "RESOLVED")


class TestSpeaking:
    def test_a_message_reaches_the_inbox_once_with_all_that_a_tickets_client_sees(
        self, http: httpx.Client, boris: httpx.Client, server: Server
    ) -> None:
        ticket = new(http)
        with hearing(server, boris, ticket["dialogId"]) as heard:
            message = say(http, ticket, " Где пальто? ", senderType="USER", senderId="user1", clientId="c1")
        assert message == {
            "id": message["id"],
            "ticketId": ticket["id"],
            "senderId": "user1",
            "senderType": "USER",
            "content": "Где пальто?",
            "messageType": "TEXT",
            "createdAt": message["createdAt"],
            "clientId": "c1",
            "author": None,
        }
        assert heard == [
            {
                "type": "message:new",
                "dialog_id": ticket["dialogId"],
                "message": {
                    "id": message["id"],
                    "sender": "user",
                    "text": "Где пальто?",
                    "timestamp": message["createdAt"],
                    "client_id": "c1",
                    "author": None,
                },
                "ticket_id": ticket["id"],
                "sender_ref": "user1",
                "message_type": "TEXT",
            }
        ]

    def test_repeating_a_client_id_returns_the_first_message_and_tells_nobody(
        self, http: httpx.Client, boris: httpx.Client, server: Server
    ) -> None:
        ticket = new(http)
        first = say(http, ticket, "раз", clientId="same", senderId="user1")
        with hearing(server, boris, ticket["dialogId"]) as heard:
            answer = http.post(url(ticket, "/messages"), json={"content": "два", "clientId": "same"})
        assert (answer.status_code, as_json(answer)) == (200, {"message": first, "duplicate": True})
        assert heard == []

    def test_an_operator_answers_in_the_inbox_and_the_other_side_reads_it(
        self, http: httpx.Client, boris: httpx.Client, server: Server
    ) -> None:
        ticket = new(http)
        say(http, ticket, "Где пальто?")
        listed = as_json(boris.get("/api/dialogs", params={"limit": 1}))["items"][0]
        assert (listed["id"], listed["kind"], listed["unread"]) == (ticket["dialogId"], "ticket", 1)
        assert listed["ticket"]["subject"] == "Пальто"
        assert boris.post(f"/api/dialogs/{ticket['dialogId']}/messages", json={"text": "В пути"}).status_code == 201
        history = as_json(http.get(url(ticket, "/messages")))["items"]
        assert [(each["content"], each["senderType"], each["senderId"], each["author"]) for each in history] == [
            ("Где пальто?", "USER", "user", None),
            ("В пути", "AGENT", "2", "Борис"),
        ]
        assert as_json(http.get(url(ticket)))["firstResponseAt"] is not None
        texts = as_json(boris.get(f"/api/dialogs/{ticket['dialogId']}/messages"))["items"]
        assert [each["text"] for each in texts] == ["Где пальто?", "В пути"]

    def test_dialogs_and_tickets_come_over_one_stream_in_the_order_of_the_log(
        self, http: httpx.Client, boris: httpx.Client, server: Server
    ) -> None:
        authorization = {"Authorization": boris.headers["Authorization"]}
        with EventStream(server, "/api/inbox/events", headers=authorization) as stream:
            ticket = new(http)
            query = {"assistant_id": "3", "guest_id": "test"}
            assert http.post("/api/widget/dialogs/1/messages", params=query, json={"text": "а"}).status_code == 201
            say(http, ticket, "б")
            events = stream.until(lambda data: data.get("ticket_id") == ticket["id"])
        assert types([event.data for event in events]) == [
            "dialog:updated",
            "ticket:updated",
            "message:new",
            "message:new",
        ]
        ids = [int(str(event.id).rpartition("-")[2]) for event in events]
        assert ids == list(range(ids[0], ids[0] + 4))
        assert "ticket_id" not in events[2].data  # what a dialog's clients see has not changed
        assert set(events[2].data) == {"type", "dialog_id", "message"}

    def test_a_message_of_the_user_opens_a_resolved_ticket_again(
        self, http: httpx.Client, boris: httpx.Client, server: Server
    ) -> None:
        ticket = new(http)
        assert change(boris, ticket, status="RESOLVED")["resolvedAt"] is not None
        with hearing(server, boris, ticket["dialogId"]) as heard:
            say(http, ticket, "Нет, не пришло")
        assert types(heard) == ["dialog:updated", "ticket:updated", "message:new"]
        assert heard[0]["dialog"]["status"] == "open"
        assert heard[1]["changes"][0]["actor"] == "USER"
        assert as_json(http.get(url(ticket)))["status"] == "OPEN"

    def test_history_pages_are_oldest_first(self, http: httpx.Client) -> None:
        ticket = new(http)
        ids = [say(http, ticket, f"{number}")["id"] for number in range(5)]

        def page(**query: int) -> Json:
            return as_json(http.get(url(ticket, "/messages"), params={"limit": 2, **query}))

        newest = page()
        assert ([each["id"] for each in newest["items"]], newest["next"]) == (ids[3:], ids[3])
        assert [each["id"] for each in page(before=ids[3])["items"]] == ids[1:3]
        assert [each["id"] for each in page(after=ids[2])["items"]] == ids[3:]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "content"),
            ({"content": "  "}, "content"),
            ({"content": "x" * 10_001}, "content"),
            ({"content": "x", "senderType": "ADMIN"}, "senderType"),
            ({"content": "x", "senderId": ""}, "senderId"),
            ({"content": "x", "senderId": "a\0"}, "senderId"),
            ({"content": "x", "messageType": "HTML"}, "messageType"),
            ({"content": "x", "clientId": "x" * 65}, "clientId"),
        ],
    )
    def test_a_wrong_field_is_named(self, http: httpx.Client, body: Json, field: str) -> None:
        bad_field(http.post(url(new(http), "/messages"), json=body), field)


class TestWhoSpeaksAsWhom:
    def test_the_id_alone_speaks_as_user_and_as_nobody_else(self, strict: Server) -> None:
        with strict.client() as http:
            ticket = new(http)
            assert say(http, ticket, "x")["senderType"] == "USER"
            for claimed in ("AGENT", "BOT"):
                answer = http.post(url(ticket, "/messages"), json={"content": "x", "senderType": claimed})
                problem(answer, 403, "sender_not_allowed")
            assert len(as_json(http.get(url(ticket, "/messages")))["items"]) == 1

    def test_an_operators_token_speaks_as_agent_and_a_users_does_not(self, strict: Server) -> None:
        with operator(strict, "manager@example.com") as boris, operator(strict, "user@example.com") as anna:
            ticket = new(anna)
            for claimed in ({"senderType": "AGENT"}, {}):
                message = say(boris, ticket, "x", **claimed)
                assert (message["senderType"], message["author"]) == ("AGENT", "Борис")
            assert say(boris, ticket, "x", senderType="USER")["senderType"] == "USER"
            assert say(anna, ticket, "x")["senderType"] == "USER"
            answer = anna.post(url(ticket, "/messages"), json={"content": "x", "senderType": "AGENT"})
            problem(answer, 403, "sender_not_allowed")
            answer = boris.post(url(ticket, "/messages"), json={"content": "x", "senderType": "BOT"})
            problem(answer, 403, "sender_not_allowed")

    def test_a_bad_token_is_refused_and_not_taken_for_none(self, strict: Server) -> None:
        with strict.client(headers={"Authorization": "Bearer nonsense"}) as http:
            ticket = new(http)
            problem(http.post(url(ticket, "/messages"), json={"content": "x"}), 401, "credential_invalid")
            assert say(http, ticket, "x", senderType="USER")["senderType"] == "USER"  # the id is right enough

    def test_the_internal_secret_and_a_bots_account_speak_as_bot(self, strict: Server) -> None:
        with strict.client() as http, operator(strict, "admin@example.com") as maria:
            ticket = new(http)
            secret = {"x-internal-secret": SECRET}
            for body in ({"content": "x", "senderType": "BOT"}, {"content": "x"}):
                answer = http.post(url(ticket, "/messages"), json=body, headers=secret)
                assert (answer.status_code, as_json(answer)["message"]["senderType"]) == (201, "BOT")
            wrong = {"x-internal-secret": SECRET[:-1] + "x"}
            problem(
                http.post(url(ticket, "/messages"), json={"content": "x"}, headers=wrong), 401, "credential_invalid"
            )
            account = {"email": "bot@example.com", "name": "Бот", "role": "bot", "password": PASSWORD + "-of-the-bot"}
            assert maria.post("/api/v1/accounts", json=account).status_code == 201
            token = strict.login("bot@example.com", account["password"])
            with strict.client(headers={"Authorization": f"Bearer {token}"}) as bot:
                assert say(bot, ticket, "x", senderType="BOT")["author"] == "Бот"
                answer = bot.post(url(ticket, "/messages"), json={"content": "x", "senderType": "AGENT"})
                problem(answer, 403, "sender_not_allowed")

    def test_the_panels_cookie_speaks_as_agent_only_with_the_xsrf_token(self, strict: Server) -> None:
        with strict.client() as panel:
            login = {"email": "manager@example.com", "password": PASSWORD}
            assert panel.post("/admin/session", json=login).status_code == 200
            panel.get("/admin")
            xsrf = {"X-XSRFToken": panel.cookies["_xsrf"]}
            ticket = new(panel)
            body = {"content": "x", "senderType": "AGENT"}
            problem(panel.post(url(ticket, "/messages"), json=body), 403, "xsrf_refused")
            assert panel.post(url(ticket, "/messages"), json=body, headers=xsrf).status_code == 201

    def test_in_demo_mode_the_page_chooses(self, http: httpx.Client) -> None:
        ticket = new(http)
        said = [say(http, ticket, "x", senderType=claimed)["senderType"] for claimed in ("USER", "AGENT", "BOT")]
        assert said == ["USER", "AGENT", "BOT"]

    def test_the_id_of_a_ticket_never_reaches_the_log(
        self, http: httpx.Client, boris: httpx.Client, server: Server
    ) -> None:
        ticket = new(http)
        message = say(http, ticket, "секрет")
        change(boris, ticket, status="CLOSED")
        line = f"dialog={ticket['dialogId']} message={message['id']}"
        eventually(
            lambda: line in server.log and "PATCH path=/api/support" in server.log, "the lines of these requests"
        )
        assert server.log.count(line) == 1
        assert ticket["id"] not in server.log


class TestTargets:
    """A target's minutes are made to have passed while the server was down: it finds that out when it starts."""

    @pytest.fixture
    def late(self, tmp_path: Path) -> Iterator[Callable[[int], tuple[Server, Json, str]]]:
        """Starts a server that was down for so many minutes behind the opening of an urgent ticket."""
        data = tmp_path / "data"
        running = Server(data)

        def start(minutes: int) -> tuple[Server, Json, str]:
            running.start()
            with running.client() as http, operator(running) as maria:
                ticket = new(http, priority="URGENT")
                cursor = as_json(maria.get("/api/dialogs"))["cursor"]
            running.kill()
            with stored(data) as database:
                moved = minutes * 60_000
                database.execute("UPDATE dialog SET created_at = created_at - ?", (moved,))
                database.execute(
                    "UPDATE ticket SET running_since = running_since - ?, look_at = look_at - ?", (moved,) * 2
                )
            running.start()
            return running, ticket, cursor

        yield start
        running.stop()

    @pytest.mark.parametrize(("minutes", "mark"), [(13, "due_soon"), (60, "breached")])
    def test_a_mark_is_an_event_of_the_inbox_and_survives_a_restart(
        self, late: Callable[[int], tuple[Server, Json, str]], minutes: int, mark: str
    ) -> None:
        server, ticket, cursor = late(minutes)
        with operator(server) as maria:
            authorization = {"Authorization": maria.headers["Authorization"], "Last-Event-ID": cursor}
            with EventStream(server, "/api/inbox/events", headers=authorization) as stream:
                told = [event.data for event in stream.until(lambda data: data["type"] == "ticket:updated")]
            assert types(told) == ["dialog:updated", "ticket:updated"]
            assert told[0]["dialog"]["ticket"]["sla"] == told[1]["ticket"]["sla"] == mark
            assert [(each["field"], each["after"], each["actor"]) for each in told[1]["changes"]] == [
                ("responseSla", mark, "SYSTEM")
            ]
            listed = as_json(maria.get("/api/dialogs"))["items"]
            assert listed[0]["ticket"]["sla"] == mark  # and the ticket is on top of the inbox
            server.restart_after_kill()
            assert as_json(maria.get(url(ticket)))["sla"] == mark
            change(maria, ticket, assignee=1)  # whatever the watch had found would stand before this
            history = as_json(maria.get(url(ticket, "/changes")))["items"]
        assert [each["field"] for each in history] == ["responseSla", "assignee"]
