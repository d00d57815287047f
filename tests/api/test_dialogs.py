"""Dialogs over HTTP: who answers, what was read, and what the others hear of it."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator

import httpx
import pytest

from tests.scenario import (
    EventStream,
    Json,
    Visitor,
    as_json,
    bad_field,
    frame,
    frame_of,
    guest,
    hearing,
    problem,
    socket_of,
    token_of,
)
from tests.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """Every test opens a dialog of its own, which the limit on one address would stop."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=["--rate-limits", "off"]) as running:
        yield running


def do(boris: httpx.Client, dialog_id: int, action: str, **body: object) -> Json:
    """The dialog after an operator's action."""
    answer = boris.post(f"/api/dialogs/{dialog_id}/{action}", json=body)
    assert answer.status_code == 200, answer.text
    dialog: Json = as_json(answer)["dialog"]
    return dialog


def bearer(client: httpx.Client) -> dict[str, str]:
    """The header with which a client's owner is logged in."""
    return {"Authorization": client.headers["Authorization"]}


def my_id(client: httpx.Client) -> int:
    """The account that a client is logged in with."""
    return int(as_json(client.get("/api/v1/auth/me"))["id"])


class TestOne:
    def test_a_new_dialog_is_open_empty_and_handled_by_its_assistant(self, boris: httpx.Client, anna: Visitor) -> None:
        answer = as_json(boris.get(f"/api/dialogs/{anna.dialog_id}"))
        dialog = answer["dialog"]
        assert answer["cursor"]
        assert {
            key: dialog[key] for key in ("id", "kind", "status", "handler", "assignee", "last_message", "unread")
        } == {
            "id": anna.dialog_id,
            "kind": "dialog",
            "status": "open",
            "handler": "assistant",
            "assignee": None,
            "last_message": None,
            "unread": 0,
        }
        assert dialog["read_up_to"] == {"user": 0, "manager": 0}
        assert dialog["created_at"].endswith("Z")

    def test_the_guest_id_is_nobody_elses_to_see(self, boris: httpx.Client, anna: Visitor) -> None:
        assert anna.guest_id not in boris.get(f"/api/dialogs/{anna.dialog_id}").text
        assert anna.guest_id not in boris.get("/api/dialogs").text

    def test_an_unknown_dialog_is_not_found(self, boris: httpx.Client) -> None:
        problem(boris.get("/api/dialogs/999999"), 404, "dialog_not_found")
        for action, body in {
            "messages": {"text": "x"},
            "typing": {"typing": True},
            "read": {},
            "assign": {"account_id": None},
            "takeover": {},
            "release": {},
            "close": {},
            "reopen": {},
        }.items():
            problem(boris.post(f"/api/dialogs/999999/{action}", json=body), 404, "dialog_not_found")

    def test_a_guest_comes_back_to_the_same_dialog(self, http: httpx.Client, anna: Visitor) -> None:
        again = http.post(
            "/api/widget/dialogs", params=dict(anna.query), json={"name": "Анна", "page": "https://a.example/"}
        )
        assert again.status_code == 200
        assert as_json(again)["dialog"]["id"] == anna.dialog_id
        assert as_json(again)["dialog"]["visitor"] == {"name": "Анна", "page": "https://a.example/"}

    def test_a_new_guest_gets_a_guest_id_that_nobody_can_guess(self, http: httpx.Client) -> None:
        first, second = (as_json(http.post("/api/widget/dialogs", json={"assistant_id": 3})) for _ in range(2))
        assert first["guest_id"] != second["guest_id"]
        assert len(first["guest_id"]) >= 32
        assert first["dialog"]["id"] != second["dialog"]["id"]

    def test_a_dialog_with_an_unknown_assistant_is_not_opened(self, http: httpx.Client) -> None:
        problem(http.post("/api/widget/dialogs", json={"assistant_id": 999}), 404, "assistant_not_found")
        bad_field(http.post("/api/widget/dialogs", json={}), "assistant_id")
        for guest_id in ("", "x" * 65, "a b", "<script>", "a\u0000b"):
            bad_field(http.post("/api/widget/dialogs", json={"assistant_id": 3, "guest_id": guest_id}), "guest_id")


class TestList:
    def test_the_newest_message_comes_first(self, http: httpx.Client, boris: httpx.Client) -> None:
        first, second, third = (guest(http) for _ in range(3))
        for visitor in (third, second, first):
            visitor.say(http, "Здравствуйте")
        items = as_json(boris.get("/api/dialogs", params={"limit": 3}))["items"]
        assert [item["id"] for item in items] == [first.dialog_id, second.dialog_id, third.dialog_id]
        assert items[0]["last_message"]["text"] == "Здравствуйте"
        assert items[0]["unread"] == 1

    def test_nothing_but_a_message_moves_a_dialog(self, http: httpx.Client, boris: httpx.Client) -> None:
        first, second = guest(http), guest(http)
        for visitor in (second, first):
            visitor.say(http, "Здравствуйте")

        def order() -> list[int]:
            items = as_json(boris.get("/api/dialogs", params={"limit": 2}))["items"]
            return [item["id"] for item in items]

        for action, body in {
            "typing": {"typing": True},
            "release": {},
            "assign": {"account_id": my_id(boris)},
            "takeover": {},
            "read": {},
            "close": {},
            "reopen": {},
        }.items():
            assert boris.post(f"/api/dialogs/{second.dialog_id}/{action}", json=body).is_success
            assert order() == [first.dialog_id, second.dialog_id], action
        boris.post(f"/api/dialogs/{second.dialog_id}/messages", json={"text": "Добрый день"})
        assert order() == [second.dialog_id, first.dialog_id]

    def test_pages_join_without_gap_or_repeat_in_both_directions(self, http: httpx.Client, boris: httpx.Client) -> None:
        visitors = [guest(http) for _ in range(7)]
        for visitor in visitors:
            visitor.say(http, "Здравствуйте")
        expected = [visitor.dialog_id for visitor in reversed(visitors)]
        seen: list[int] = []
        page = as_json(boris.get("/api/dialogs", params={"limit": 3}))
        while len(seen) < 7:
            seen += [item["id"] for item in page["items"]]
            page = as_json(boris.get("/api/dialogs", params={"limit": 3, "before": page["next"]}))
        assert seen[:7] == expected
        newer = as_json(boris.get("/api/dialogs", params={"limit": 4, "after": expected[6]}))
        assert [item["id"] for item in newer["items"]] == expected[2:6]
        assert newer["next"] == expected[2]
        last = as_json(boris.get("/api/dialogs", params={"limit": 4, "after": newer["next"]}))
        assert [item["id"] for item in last["items"]] == expected[:2]
        assert last["next"] is None

    def test_the_status_narrows_the_list(self, http: httpx.Client, boris: httpx.Client) -> None:
        closed, open_ = guest(http), guest(http)
        open_.say(http, "Здравствуйте")
        do(boris, closed.dialog_id, "close")
        shown = [item["id"] for item in as_json(boris.get("/api/dialogs", params={"status": "closed"}))["items"]]
        assert closed.dialog_id in shown
        assert open_.dialog_id not in shown
        shown = [item["id"] for item in as_json(boris.get("/api/dialogs", params={"status": "open"}))["items"]]
        assert open_.dialog_id in shown
        assert closed.dialog_id not in shown

    @pytest.mark.parametrize("kind", ["dialog", "ticket"])
    @pytest.mark.parametrize("status", [None, "open", "closed"])
    def test_a_kind_is_listed_alone_in_pages_that_join_in_both_directions(
        self, http: httpx.Client, boris: httpx.Client, kind: str, status: str | None
    ) -> None:
        for number in range(4):
            visitor = guest(http)
            visitor.say(http, "Здравствуйте")
            ticket = {"subject": "Пальто", "description": "Не пришло."}
            opened = as_json(http.post("/api/support/tickets", json=ticket))
            if number % 2:
                do(boris, visitor.dialog_id, "close")
                do(boris, opened["dialogId"], "close")
        asked = {"kind": kind} if status is None else {"kind": kind, "status": status}
        everything = as_json(boris.get("/api/dialogs", params={"limit": 200}))
        assert everything["next"] is None
        expected = [
            item["id"]
            for item in everything["items"]
            if item["kind"] == kind and (status is None or item["status"] == status)
        ]
        assert len(expected) >= 2
        for direction, order in (("before", expected), ("after", expected[::-1])):
            seen: list[int] = [order[0]]
            following: int | None = order[0]
            while following is not None:
                page = as_json(boris.get("/api/dialogs", params={**asked, "limit": 2, direction: following}))
                items = [item["id"] for item in page["items"]]
                seen += items if direction == "before" else items[::-1]
                following = page["next"]
            assert seen == order

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("limit", "0"),
            ("limit", "201"),
            ("limit", "abc"),
            ("limit", "1.5"),
            ("limit", "-1"),
            ("status", "gone"),
            ("kind", "letter"),
            ("before", "x"),
            ("after", "-1"),
            ("before", "9" * 30),
        ],
    )
    def test_a_wrong_filter_is_named(self, boris: httpx.Client, field: str, value: str) -> None:
        bad_field(boris.get("/api/dialogs", params={field: value}), field)

    def test_a_page_cannot_go_both_ways(self, boris: httpx.Client) -> None:
        bad_field(boris.get("/api/dialogs", params={"before": 1, "after": 1}), "after")


class TestEmpty:
    """A dialog in which nobody has said anything."""

    def test_a_dialog_is_in_no_list_before_its_first_message_and_then_in_each_once(
        self, http: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        def listed(**query: str) -> int:
            items = as_json(boris.get("/api/dialogs", params={"limit": 200, **query}))["items"]
            return [item["id"] for item in items].count(anna.dialog_id)

        other = guest(http)
        other.say(http, "Есть размер 42?")
        queries: list[dict[str, str]] = [{}, {"status": "open"}, {"kind": "dialog"}, {"after": str(other.dialog_id)}]
        assert [listed(**query) for query in queries] == [0, 0, 0, 0]
        anna.say(http, "Здравствуйте")
        assert [listed(**query) for query in queries] == [1, 1, 1, 1]

    def test_operators_hear_of_a_dialog_and_then_of_its_first_message(
        self, server: Server, http: httpx.Client, boris: httpx.Client
    ) -> None:
        with EventStream(server, "/api/inbox/events", headers=bearer(boris)) as inbox:
            silent, anna = guest(http), guest(http)
            for visitor in (silent, anna):
                assert http.post(visitor.url("typing"), params=dict(visitor.query), json={}).status_code == 204
            sent = anna.say(http, "Здравствуйте", client_id="первое")
            anna.say(http, "Здравствуйте", client_id="первое")
            anna.say(http, "Вы здесь?")
            last = inbox.until(lambda data: data.get("message", {}).get("text") == "Вы здесь?")
            heard = [event.data for event in last]
        assert [event["type"] for event in heard] == ["dialog:updated", "message:new", "message:new"]
        assert heard[0]["dialog"]["id"] == anna.dialog_id
        assert (heard[0]["dialog"]["last_message"], heard[0]["dialog"]["unread"]) == (None, 0)
        assert heard[1] == {"type": "message:new", "dialog_id": anna.dialog_id, "message": sent["message"]}

    def test_those_in_the_dialog_hear_the_message_alone(
        self, server: Server, http: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        with hearing(server, boris, anna.dialog_id) as heard:
            anna.say(http, "Здравствуйте")
        assert [event["type"] for event in heard] == ["message:new"]

    @pytest.mark.parametrize("way", ["message", "takeover", "assign"])
    def test_an_operator_who_knows_the_dialog_brings_it_in(
        self, server: Server, boris: httpx.Client, anna: Visitor, way: str
    ) -> None:
        with EventStream(server, "/api/inbox/events", headers=bearer(boris)) as inbox:
            if way == "message":
                said = boris.post(f"/api/dialogs/{anna.dialog_id}/messages", json={"text": "Чем помочь?"})
                assert said.status_code == 201
            else:
                do(boris, anna.dialog_id, way, **({"account_id": my_id(boris)} if way == "assign" else {}))
            first = inbox.next().data
        assert (first["type"], first["dialog"]["id"]) == ("dialog:updated", anna.dialog_id)
        items = as_json(boris.get("/api/dialogs", params={"limit": 1}))["items"]
        assert [item["id"] for item in items] == [anna.dialog_id]

    def test_an_assistants_greeting_rings_nobody_and_is_there_when_the_visitor_answers(
        self, server: Server, http: httpx.Client, maria: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        bot = {"email": "bot@example.com", "name": "Бот", "role": "bot", "password": "a long password"}
        assert maria.post("/api/v1/accounts", json=bot).status_code in (201, 409)
        word = "Приветствуем-вас-в-лавке"
        with (
            EventStream(server, "/api/inbox/events", headers=bearer(boris)) as inbox,
            server.client(headers={"Authorization": f"Bearer {server.login(bot['email'], bot['password'])}"}) as robot,
        ):
            with hearing(server, boris, anna.dialog_id) as heard:
                assert robot.post(f"/api/dialogs/{anna.dialog_id}/messages", json={"text": word}).status_code == 201
            assert [event["message"]["sender"] for event in heard] == ["assistant"]
            assert as_json(boris.get("/api/search", params={"q": "приветствуем"}))["items"] == []
            listed = as_json(boris.get("/api/dialogs", params={"limit": 200}))["items"]
            assert anna.dialog_id not in [item["id"] for item in listed]
            anna.say(http, "Есть размер 42?")
            first, second = inbox.next().data, inbox.next().data
        assert (first["type"], first["dialog"]["last_message"]["text"]) == ("dialog:updated", word)
        assert (second["type"], second["message"]["text"]) == ("message:new", "Есть размер 42?")


class TestWaiting:
    def test_a_visitor_waits_from_the_first_message_without_an_answer(
        self, http: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        def since() -> str | None:
            found: str | None = as_json(boris.get(f"/api/dialogs/{anna.dialog_id}"))["dialog"]["waiting_since"]
            return found

        assert since() is None
        first = anna.say(http, "Есть 42 размер?")["message"]["timestamp"]
        anna.say(http, "Ау")
        do(boris, anna.dialog_id, "read")
        do(boris, anna.dialog_id, "takeover")
        assert since() == first
        boris.post(f"/api/dialogs/{anna.dialog_id}/messages", json={"text": "Есть"})
        assert since() is None
        again = anna.say(http, "А 43?")["message"]["timestamp"]
        assert since() == again
        assert do(boris, anna.dialog_id, "close")["waiting_since"] is None
        assert do(boris, anna.dialog_id, "reopen")["waiting_since"] is None

    def test_a_ticket_waits_from_its_opening_on(self, http: httpx.Client, boris: httpx.Client) -> None:
        ticket = as_json(http.post("/api/support/tickets", json={"subject": "Пальто", "description": "Не пришло."}))
        dialog = as_json(boris.get(f"/api/dialogs/{ticket['dialogId']}"))["dialog"]
        assert dialog["waiting_since"] == ticket["createdAt"]
        boris.patch(f"/api/support/tickets/{ticket['id']}", json={"status": "RESOLVED"})
        assert as_json(boris.get(f"/api/dialogs/{ticket['dialogId']}"))["dialog"]["waiting_since"] is None


class TestWhoAnswers:
    def test_assigning_is_heard_once(
        self, server: Server, boris: httpx.Client, maria: httpx.Client, anna: Visitor
    ) -> None:
        account_id = my_id(maria)
        with hearing(server, boris, anna.dialog_id) as heard:
            after = do(boris, anna.dialog_id, "assign", account_id=account_id)
            do(boris, anna.dialog_id, "assign", account_id=account_id)
        assert after["assignee"] == {"id": account_id, "name": "Мария"}
        assert heard == [{"type": "dialog:updated", "dialog": after}]

    def test_a_dialog_can_be_given_back_to_nobody(self, boris: httpx.Client, anna: Visitor) -> None:
        do(boris, anna.dialog_id, "assign", account_id=my_id(boris))
        assert do(boris, anna.dialog_id, "assign", account_id=None)["assignee"] is None

    def test_only_operators_can_be_assigned(self, server: Server, boris: httpx.Client, anna: Visitor) -> None:
        with server.client(headers={"Authorization": f"Bearer {server.login('user@example.com')}"}) as user:
            for account_id in (999999, my_id(user)):
                answer = boris.post(f"/api/dialogs/{anna.dialog_id}/assign", json={"account_id": account_id})
                problem(answer, 404, "account_not_found")
        bad_field(boris.post(f"/api/dialogs/{anna.dialog_id}/assign", json={}), "account_id")

    def test_takeover_and_release_turn_the_dialog_over(
        self, server: Server, boris: httpx.Client, anna: Visitor
    ) -> None:
        with hearing(server, boris, anna.dialog_id) as heard:
            taken = do(boris, anna.dialog_id, "takeover")
            do(boris, anna.dialog_id, "takeover")
            released = do(boris, anna.dialog_id, "release")
            do(boris, anna.dialog_id, "release")
        assert (taken["handler"], taken["assignee"]["name"]) == ("manager", "Борис")
        assert (released["handler"], released["assignee"]) == ("assistant", None)
        assert heard == [{"type": "dialog:updated", "dialog": each} for each in (taken, released)]


class TestOpenAndClosed:
    def test_closing_and_reopening_are_heard_once_each(
        self, server: Server, boris: httpx.Client, anna: Visitor
    ) -> None:
        with hearing(server, boris, anna.dialog_id) as heard:
            do(boris, anna.dialog_id, "reopen")
            closed = do(boris, anna.dialog_id, "close")
            do(boris, anna.dialog_id, "close")
            opened = do(boris, anna.dialog_id, "reopen")
        assert (closed["status"], opened["status"]) == ("closed", "open")
        assert heard == [{"type": "dialog:updated", "dialog": each} for each in (closed, opened)]

    def test_a_visitors_message_opens_a_closed_dialog(
        self, server: Server, http: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        do(boris, anna.dialog_id, "close")
        with hearing(server, boris, anna.dialog_id) as heard:
            anna.say(http, "Ещё вопрос")
        assert [event["type"] for event in heard] == ["dialog:updated", "message:new"]
        assert heard[0]["dialog"]["status"] == "open"
        assert as_json(boris.get(f"/api/dialogs/{anna.dialog_id}"))["dialog"]["status"] == "open"

    def test_a_repeated_message_leaves_a_closed_dialog_closed(
        self, server: Server, http: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        anna.say(http, "Спасибо", client_id="c1")
        do(boris, anna.dialog_id, "close")
        with hearing(server, boris, anna.dialog_id) as heard:
            assert anna.say(http, "Спасибо", client_id="c1")["duplicate"] is True
        assert heard == []
        assert as_json(boris.get(f"/api/dialogs/{anna.dialog_id}"))["dialog"]["status"] == "closed"


class TestRead:
    def test_an_operator_reads_what_the_visitor_wrote(
        self, server: Server, http: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        first, second, third = (anna.say(http, text)["message"]["id"] for text in "abc")
        with hearing(server, boris, anna.dialog_id) as heard:
            partly = do(boris, anna.dialog_id, "read", up_to=second)
            back = do(boris, anna.dialog_id, "read", up_to=first)
            wholly = do(boris, anna.dialog_id, "read")
            do(boris, anna.dialog_id, "read")
        assert (partly["unread"], partly["read_up_to"]) == (1, {"user": third, "manager": second})
        assert back["read_up_to"]["manager"] == second
        assert (wholly["unread"], wholly["read_up_to"]["manager"]) == (0, third)
        assert heard == [
            {"type": "message:read", "dialog_id": anna.dialog_id, "sender": "manager", "up_to": up_to}
            for up_to in (second, third)
        ]

    def test_a_visitor_reads_what_the_operator_wrote(
        self, server: Server, http: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        sent = as_json(boris.post(f"/api/dialogs/{anna.dialog_id}/messages", json={"text": "Добрый день"}))
        with hearing(server, boris, anna.dialog_id) as heard:
            answer = http.post(anna.url("read"), params=dict(anna.query), json={})
        up_to = sent["message"]["id"]
        assert as_json(answer)["dialog"]["read_up_to"]["user"] == up_to
        assert heard == [{"type": "message:read", "dialog_id": anna.dialog_id, "sender": "user", "up_to": up_to}]

    def test_nobody_reads_past_the_last_message(self, http: httpx.Client, boris: httpx.Client, anna: Visitor) -> None:
        last = anna.say(http, "раз")["message"]["id"]
        assert do(boris, anna.dialog_id, "read", up_to=2**62)["read_up_to"]["manager"] == last
        for up_to in (0, -1, "x", 1.5, True):
            bad_field(boris.post(f"/api/dialogs/{anna.dialog_id}/read", json={"up_to": up_to}), "up_to")
        answer = boris.post(f"/api/dialogs/{anna.dialog_id}/read", json={"up_to": 2**63})
        assert answer.status_code in (200, 422), "more than a database's integer is not the server's failure"

    def test_an_operators_own_answer_leaves_nothing_unread(
        self, http: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        anna.say(http, "Есть 42 размер?")
        sent = as_json(boris.post(f"/api/dialogs/{anna.dialog_id}/messages", json={"text": "Есть"}))
        dialog = as_json(boris.get(f"/api/dialogs/{anna.dialog_id}"))["dialog"]
        assert (dialog["unread"], dialog["read_up_to"]["manager"]) == (0, sent["message"]["id"])


class TestTyping:
    def test_each_side_hears_that_the_other_writes(
        self, server: Server, http: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        do(boris, anna.dialog_id, "takeover")  # else the first key is an event of its own
        authorization = {"Authorization": boris.headers["Authorization"]}
        with EventStream(server, f"/api/dialogs/{anna.dialog_id}/events", headers=authorization) as stream:
            for typing, name in ((True, "typing_start"), (False, "typing_stop")):
                answer = http.post(anna.url("typing"), params=dict(anna.query), json={"typing": typing})
                assert (answer.status_code, answer.content) == (204, b"")
                assert stream.next().data == {"type": name, "dialog_id": anna.dialog_id, "sender": "user"}
                assert boris.post(f"/api/dialogs/{anna.dialog_id}/typing", json={"typing": typing}).status_code == 204
                assert stream.next().data == {"type": name, "dialog_id": anna.dialog_id, "sender": "manager"}

    @pytest.mark.parametrize("side", ["visitor", "operator"])
    def test_a_socket_does_not_hear_its_own_typing_but_everybody_else_does(
        self, server: Server, http: httpx.Client, boris: httpx.Client, anna: Visitor, side: str
    ) -> None:
        do(boris, anna.dialog_id, "takeover")  # else the first key is an event of its own
        ways = {"visitor": anna.ws(), "operator": f"/ws/dialogs/{anna.dialog_id}?token={token_of(boris)}"}
        with (
            socket_of(server, ways[side]) as typist,
            socket_of(server, ways[side]) as same_person_elsewhere,
            socket_of(server, ways["operator" if side == "visitor" else "visitor"]) as other_side,
        ):
            assert [frame(each)["type"] for each in (typist, same_person_elsewhere, other_side)] == ["connected"] * 3
            for name in ("typing_start", "typing_stop"):
                typist.send(json.dumps({"type": name}))
                for listener in (same_person_elsewhere, other_side):
                    assert frame(listener)["type"] == name
            typist.send('{"type": "ping"}')
            assert frame(typist)["type"] == "pong"

    @pytest.mark.parametrize("end", ["close", "reset"])
    def test_the_typing_of_a_socket_that_dies_is_taken_back_once(
        self, server: Server, http: httpx.Client, boris: httpx.Client, anna: Visitor, end: str
    ) -> None:
        authorization = {"Authorization": boris.headers["Authorization"]}
        with EventStream(server, f"/api/dialogs/{anna.dialog_id}/events", headers=authorization) as stream:
            for typed in (["typing_start"], ["typing_start", "typing_stop"], [], ["typing_start"]):
                with socket_of(server, anna.ws()) as typist:
                    for name in typed:
                        typist.send(json.dumps({"type": name}))
                    typist.send('{"type": "ping"}')
                    assert frame_of(typist, "pong")
                    if end == "reset":
                        typist.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        typist.socket.close()
                heard = [stream.next().data for _ in range(2 if typed else 0)]
                assert [event["type"] for event in heard] == (["typing_start", "typing_stop"] if typed else [])
                assert {event["sender"] for event in heard} <= {"user"}
            anna.say(http, "Вернулась")
            assert stream.next().data["type"] == "message:new", "a socket that was not typing has nothing to take back"

    def test_typing_takes_a_truth_value(self, boris: httpx.Client, anna: Visitor) -> None:
        bad_field(boris.post(f"/api/dialogs/{anna.dialog_id}/typing", json={"typing": "yes"}), "typing")
