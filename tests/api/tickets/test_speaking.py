"""Messages of a ticket over HTTP: who speaks as whom, and who hears it."""

from __future__ import annotations

import httpx
import pytest

from tests.api.tickets.ticket import SECRET, change, new, say, types, url
from tests.scenario import EventStream, Json, as_json, bad_field, eventually, hearing, operator, problem
from tests.server import PASSWORD, Server


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
            ("В пути", "AGENT", "manager", "Борис"),
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
