"""Tickets over Socket.IO below the socket: what events look like, where clients stand, and the seam of a join."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import msgspec
import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from handlers import stock_client
from handlers.shelf import Shelf
from replyx.conversations import ticket_wire as wires
from replyx.conversations.sla import Policy
from replyx.conversations.ticket_joins import Claim, Join, Joins, Place, claim_of, new_pid
from replyx.conversations.ticket_rules import TicketRules
from replyx.delivery.eventlog import Cursor, LoggedEvent
from replyx.delivery.eventlog import epoch as epoch_of
from replyx.delivery.hub import Hub
from replyx.delivery.store import Store
from replyx.retention import Retention
from replyx.schemas.dialogs import Message
from replyx.schemas.events import MessageNew, TypingStart, TypingStop
from replyx.schemas.tickets import NewTicket
from replyx.socketio.feed import Feed
from tests.unit.socketio.test_engineio_session import Socket, polling

MESSAGE = Message(7, "manager", "Здравствуйте", "2025-09-06T18:30:00.000Z", "c1", "Борис")
IN_TICKET = msgspec.json.encode(MessageNew(3, MESSAGE, "t1", "2", "TEXT"))
IN_DIALOG = msgspec.json.encode(MessageNew(3, MESSAGE))


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """A hub with nothing behind it."""
    return Hub(Store.open(tmp_path / "replyx.db", lambda: 0.0), "ab", 0)


def said(event_id: int, dialog_id: int) -> LoggedEvent:
    """A message in a ticket, as the log has it."""
    message = msgspec.structs.replace(MESSAGE, id=event_id)
    payload = msgspec.json.encode(MessageNew(dialog_id, message, f"t{dialog_id}", "2", "TEXT"))
    return LoggedEvent(event_id, (f"dialog:{dialog_id}", "inbox"), payload)


def events(socket: Socket) -> list[tuple[str, int]]:
    """Names and message ids of what a WebSocket got."""
    found = []
    for frame in socket.frames:
        if isinstance(frame, str) and frame.startswith("42"):
            name, argument, *_ = json.loads(frame[2:])
            found.append((name, argument["id"]))
    return found


class TestWires:
    def test_a_message_has_the_members_that_rest_answers(self) -> None:
        found = wires.in_ticket(IN_TICKET)
        assert found is not None
        assert found[0] == "message:new"
        assert json.loads(found[1]) == {
            "id": 7,
            "ticketId": "t1",
            "senderId": "2",
            "senderType": "AGENT",
            "content": "Здравствуйте",
            "messageType": "TEXT",
            "createdAt": "2025-09-06T18:30:00.000Z",
            "clientId": "c1",
            "author": "Борис",
        }

    def test_dialogs_that_are_no_tickets_are_not_for_here(self) -> None:
        for payload in (IN_DIALOG, msgspec.json.encode(TypingStart(3, "user"))):
            assert wires.in_ticket(payload) is None
            assert wires.elsewhere(payload) is None

    @pytest.mark.parametrize(("event", "typing"), [(TypingStart, True), (TypingStop, False)])
    def test_typing_is_for_those_in_the_ticket(self, event: type[TypingStart | TypingStop], typing: bool) -> None:
        payload = msgspec.json.encode(event(3, "user", "t1"))
        found = wires.in_ticket(payload)
        assert found is not None
        assert json.loads(found[1]) == {"ticketId": "t1", "senderType": "USER", "isTyping": typing}
        assert wires.elsewhere(payload) is None

    def test_an_operator_in_the_ticket_gets_the_notice_first_and_one_offset(self) -> None:
        chunks = wires.OPERATOR_JOINED.polling.durable(LoggedEvent(9, (), IN_TICKET), "ab").split(b"\x1e")
        notice, message, rest = chunks
        assert json.loads(notice[2:])[0] == "ticket:new_message"
        assert len(json.loads(notice[2:])) == 2
        assert json.loads(message[2:])[::2] == ["message:new", "ab-9"]
        assert rest == b""


class TestPlaces:
    @pytest.mark.parametrize("text", ["ab-9", "ab-9.2.14"])
    def test_an_offset_reads_as_it_was_written(self, text: str) -> None:
        assert str(Place.parse(text)) == text

    @pytest.mark.parametrize("text", ["", "9", "ab-9.", "ab-9.1", "ab-9.1.2.3", "ab-9.1.x", "xy-9"])
    def test_what_is_no_offset_is_none(self, text: str) -> None:
        assert Place.parse(text) is None

    @pytest.mark.parametrize(
        ("offset", "known"),
        [
            ("ab-9", False),
            ("ab-10", False),
            ("ab-10.1.12", False),
            ("ab-10.2.12", True),
            ("ab-10.3.12", True),
            ("ab-11", True),
        ],
    )
    def test_a_history_is_known_from_its_own_offset_on(self, offset: str, known: bool) -> None:
        place = Place.parse(offset)
        assert place is not None
        assert Join(3, 2, 10, 12, None).is_known_to(place) is known

    def test_a_resumed_join_is_known_from_the_event_behind_it_on(self) -> None:
        room = Join(3, 2, 10, 12, 5)
        half, whole = Place.parse("ab-10.2.11"), Place.parse("ab-13")
        assert half is not None
        assert whole is not None
        assert not room.is_known_to(half)
        assert room.is_under_way_at(half)
        assert room.is_known_to(whole)


class TestSeam:
    def test_what_the_history_held_does_not_come_when_the_hub_is_late(self, hub: Hub) -> None:
        feed, socket = following(hub)
        hub.deliver([said(1, 1)])
        feed.hold()
        feed.change(frozenset({"dialog:1", "dialog:2"}), floors={"dialog:2": 4})
        hub.deliver([said(2, 1), said(3, 2), said(4, 2)])
        assert events(socket) == [("message:new", 1), ("message:new", 2)]
        hub.deliver([said(5, 2)])
        assert events(socket) == [("message:new", 1), ("message:new", 2), ("message:new", 5)]

    def test_what_came_while_the_history_was_read_comes_behind_it(self, hub: Hub) -> None:
        feed, socket = following(hub)
        feed.hold()
        hub.deliver([said(1, 2), said(2, 1), said(3, 2)])
        assert events(socket) == []
        feed.change(frozenset({"dialog:1", "dialog:2"}), floors={"dialog:2": 1})
        assert events(socket) == [("message:new", 2), ("message:new", 3)]

    def test_a_transport_that_changes_meanwhile_ends_no_hold(self, hub: Hub) -> None:
        feed, socket = following(hub)
        feed.hold()
        feed.move()
        feed.drained()
        hub.deliver([said(1, 1)])
        assert events(socket) == []
        feed.change(frozenset({"dialog:1"}))
        assert events(socket) == [("message:new", 1)]

    def test_an_operator_gets_as_notice_what_the_history_of_a_ticket_held(self, hub: Hub) -> None:
        feed, socket = following(hub, operator=True)
        feed.hold()
        hub.deliver([said(1, 1), said(2, 1)])
        feed.change(frozenset({"dialog:1", "inbox"}), {"dialog:1": wires.OPERATOR_JOINED}, {"dialog:1": 1})
        hub.deliver([said(3, 1)])
        assert events(socket) == [
            ("ticket:new_message", 1),
            ("ticket:new_message", 2),
            ("message:new", 2),
            ("ticket:new_message", 3),
            ("message:new", 3),
        ]

    def test_a_feed_that_ends_while_it_waits_for_the_hub_is_forgotten(self, hub: Hub) -> None:
        feed, socket = following(hub)
        feed.hold()
        feed.change(frozenset({"dialog:1"}), floors={"dialog:1": 2})
        feed.close()
        hub.deliver([said(1, 1), said(2, 1), said(3, 1)])
        assert events(socket) == []
        assert hub.topics == 0


class TestStockClient:
    def test_it_is_served_from_the_first_folder_that_is_there(self, tmp_path: Path) -> None:
        later = tmp_path / "later"
        later.mkdir()
        (later / "socket.io.js").write_text("io")
        answer = asyncio.run(asked("/socket.io/socket.io.js", [tmp_path / "missing", later]))
        assert (answer.status_code, answer.text) == (200, "io")
        assert "javascript" in answer.headers["Content-Type"]
        assert asyncio.run(asked("/socket.io/socket.io.min.js", [later])).json()["code"] == "not_found"
        assert asyncio.run(asked("/socket.io/package.json", [later])).status_code == 404

    def test_where_it_is_missing_the_answer_names_the_step(self, tmp_path: Path) -> None:
        answer = asyncio.run(asked("/socket.io/socket.io.js", [tmp_path / "missing"]))
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "npm install" in answer.json()["detail"]


async def asked(path: str, folders: list[Path]) -> httpx.Response:
    """The answer of a server that looks for the stock client in ``folders``."""
    shelves = [Shelf(folder) for folder in folders]
    server = HTTPServer(Application([(stock_client.ADDRESS, stock_client.StockClient, {"shelves": shelves})]))
    (socket,) = bind_sockets(0, "127.0.0.1")
    server.add_socket(socket)
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"http://127.0.0.1:{socket.getsockname()[1]}{path}")
    server.stop()
    await server.close_all_connections()
    return answer


def following(hub: Hub, *, operator: bool = False) -> tuple[Feed, Socket]:
    """A feed over a WebSocket: in ticket 1, or in the inbox."""
    session, _ = polling()
    socket = Socket()
    session.probe(socket, 1)
    session.frame(socket, "2probe", 1)
    session.frame(socket, "5", 1)
    topics = frozenset({"inbox"}) if operator else frozenset({"dialog:1"})
    feed = Feed(hub, session, topics, wires.NOTICES if operator else wires.JOINED)
    feed.start(Cursor("ab", 0))
    return feed, socket


class TestJoins:
    def test_joins_are_forgotten_with_the_log_that_could_continue_them(self, tmp_path: Path) -> None:
        """A pid lives as long as the log, so a join that is older belongs to nobody who could return."""
        now = 1000.0
        store = Store.open(tmp_path / "joins.db", lambda: now)

        async def test() -> None:
            nonlocal now
            store.start(asyncio.get_running_loop())
            ticket = await store.commit(lambda tx: TicketRules(Policy()).open(tx, NewTicket("", subject="Пальто")))
            joins = Joins(store, store.query(epoch_of), days=1)
            pid = joins.new_pid(0, now)
            joined = Join(ticket.dialog_id, 1, 0, 2, None)
            await joins.join(pid, joined)
            returned = await joins.returning({"pid": pid}, now)
            assert returned is not None
            assert returned.joins == (joined,)
            now += 86_401
            assert await joins.returning({"pid": pid}, now) is None
            retention = Retention(store, 1, 1000, 24, lambda: now)
            await retention.prune()
            left = await store.read(lambda rows: rows.execute("SELECT COUNT(*) FROM socket_room").fetchone()[0])
            assert left == 0
            await store.close()

        asyncio.run(test())


class TestClaims:
    def test_a_client_comes_back_with_its_offset_or_with_where_it_began(self) -> None:
        pid = new_pid(Cursor("5f", 10), 1000.9)
        assert new_pid(Cursor("5f", 10), 1000.9) != pid
        assert claim_of({"pid": pid, "offset": "5f-12", "token": "x"}) == Claim(pid, 1000, Place(Cursor("5f", 12)))
        assert claim_of({"pid": pid, "offset": "5f-12.3.14"}) == Claim(pid, 1000, Place(Cursor("5f", 12), 3, 14))
        assert claim_of({"pid": pid}) == Claim(pid, 1000, Place(Cursor("5f", 10)))

    @pytest.mark.parametrize(
        "auth",
        [
            {},
            *({"pid": pid} for pid in (1, "", "abc", "x" * 31 + ".1~5f-1", "x" * 99 + ".1~5f-1", "я" * 32 + ".1~5f-1")),
            *({"pid": "x" * 32 + ".1~5f-1", "offset": offset} for offset in ("", "?", "5f-1.2", "5f-1 ", "5f")),
        ],
        ids=str,
    )
    def test_a_claim_that_is_none_of_ours_is_none(self, auth: dict[str, object]) -> None:
        assert claim_of(auth) is None
