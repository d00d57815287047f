"""Tickets over Socket.IO, in the default namespace: for the page of a ticket, for bots and for operators.

Client to server: ``join_ticket``, ``send_message``, ``leave_ticket``, ``typing``; each answers its callback with
``{ok: true, …}`` or ``{ok: false, code, detail}``, and a refusal also comes as ``error {code, message}``. Server to
client: ``ticket:history``, ``message:new``, ``ticket:updated``, ``typing`` of the tickets that were joined; operators
also hear ``ticket:new_message`` and ``ticket:updated`` of every ticket. The last argument of each durable event is its
offset, from which a client that was cut off goes on (:mod:`replyx.conversations.ticket_joins`).

``join_ticket`` brings ``ticket:history`` and then every later event once. With ``cursor``, an offset or a cursor as
REST answers it, there is no history: the events behind the cursor follow, each once. Where the log no longer holds
them, or they are more than it gives at once, the history comes after all; the callback's ``resumed`` says which.

``auth`` may hold ``token``, the access token of an account, or ``secret``, the bots' own. A wrong one refuses the
connection; without any the ticket's id is the right to speak as USER.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec

from handlers.access import SECRET_HEADER
from handlers.decoding import convert
from handlers.manners import Manners
from handlers.reading import Reading
from handlers.socketio import admits_origins, socket_io, spends_connections
from handlers.socketio_sessions import EngineServer
from handlers.ticket_streams import TicketStream
from handlers.writing import Writing
from replyx.auth import AccountActor, Speaker
from replyx.conversations import ticket_wire as wires
from replyx.conversations.ticket_joins import Join, Joins, Place
from replyx.delivery.eventlog import Cursor, LoggedEvent
from replyx.errors import CredentialInvalid, InternalError, Malformed, Problem, invalid
from replyx.faults import Fault
from replyx.schemas.events import INBOX
from replyx.schemas.tickets import SenderType, TicketDraft, TicketId, TicketJoined, as_user_sees
from replyx.services import Services
from replyx.socketio.application import Client, ConnectLater, ConnectRefused
from replyx.socketio.engineio_ports import EngineSettings
from replyx.socketio.wire import Wires

log = logging.getLogger("replyx.tickets")

MAX_PAYLOAD = 262_144  # bytes; 10,000 characters, each escaped as two \uXXXX, fit
MAX_JOINED = 200  # tickets at once on one connection

S = TypeVar("S", bound=msgspec.Struct)
Answer = dict[str, Any]
Deed = Callable[[Client, Any], Awaitable[Answer]]


class JoinTicket(msgspec.Struct, rename="camel"):
    """``join_ticket``."""

    ticket_id: TicketId
    cursor: str | int | None = None


class LeaveTicket(msgspec.Struct, rename="camel"):
    """``leave_ticket``."""

    ticket_id: TicketId


class SendMessage(TicketDraft, rename="camel", kw_only=True):
    """``send_message``: what REST takes as the body of a message, and the ticket."""

    ticket_id: TicketId


class Typing(msgspec.Struct, rename="camel"):
    """``typing``. Without ``senderType`` the credential decides."""

    ticket_id: TicketId
    is_typing: bool
    sender_type: SenderType | None = None


@dataclass(slots=True)
class Visit:
    """What one client is entitled to, and where it is."""

    pid: str
    place: Place
    account: AccountActor | None = None
    secret: str | None = None
    joins: dict[int, Join] = field(default_factory=dict)
    number: int = 0
    entries: list[Entry] = field(default_factory=list)
    stream: TicketStream | None = None
    manners: Manners = field(default_factory=Manners)
    writing: Writing = field(default_factory=Writing)

    @property
    def is_operator(self) -> bool:
        """Whether this client hears of every ticket."""
        return self.account is not None and self.account.is_operator

    @property
    def topics(self) -> frozenset[str]:
        """What it hears."""
        joined = frozenset(join.topic for join in self.joins.values())
        return joined | {INBOX} if self.is_operator else joined

    @property
    def topic_wires(self) -> Mapping[str, Wires]:
        """The topics that look different from the rest to this client."""
        return {join.topic: wires.OPERATOR_JOINED for join in self.joins.values()} if self.is_operator else {}

    @property
    def floors(self) -> Mapping[str, int]:
        """What its joins have brought already."""
        return {join.topic: join.floor for join in self.joins.values()}


@dataclass(frozen=True, slots=True)
class Entry:
    """What a join brings: ``history``, or the events that were missed."""

    join: Join
    history: TicketJoined
    missed: Sequence[LoggedEvent] | None

    def bring(self, client: Client, epoch: str) -> None:
        """Bring it."""
        at = Cursor(epoch, self.join.position)
        if self.missed is None:
            history = {"ticket": self.history.ticket, "messages": self.history.messages, "next": self.history.next}
            place = Place(at, self.join.number, self.join.floor)
            client.send("ticket:history", msgspec.to_builtins(history), str(place))
            return
        for event in self.missed:
            translated = wires.in_ticket(event.payload)
            if translated is not None:
                name, argument = translated
                client.send(name, msgspec.json.decode(argument), str(Place(at, self.join.number, event.id)))


class TicketSockets:
    """The :class:`~replyx.socketio.application.Application` of tickets."""

    namespaces = frozenset({"/"})

    def __init__(self, services: Services) -> None:
        self._services = services
        self._hub = services.hub
        self._joins = Joins(services.store, services.hub.epoch, services.settings.retention_days)
        self._deeds: dict[str, tuple[type[msgspec.Struct], Deed]] = {
            "join_ticket": (JoinTicket, self._join),
            "leave_ticket": (LeaveTicket, self._leave),
            "send_message": (SendMessage, self._send),
            "typing": (Typing, self._typing),
        }

    # Coming and going

    async def on_connect(self, client: Client, auth: Mapping[str, Any]) -> Mapping[str, Any]:
        """Look at the credentials, and find what a client that returns had joined."""
        try:
            visit = await self._visit(client, auth)
        except Problem as problem:
            if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
                raise ConnectLater(problem.detail) from None
            raise ConnectRefused(problem.detail, problem.document()) from None
        client.state = visit
        return {"pid": visit.pid}

    async def _visit(self, client: Client, auth: Mapping[str, Any]) -> Visit:
        now = self._services.clock()
        self._services.limits.spend("socketio_connect", client.request.address, now)
        account, secret = await self._credentials(client, auth, now)
        visit = await self._place(client, account, auth, now)
        visit.secret = secret
        if account is not None:
            # Its session may have ended meanwhile, when there was no stream yet that could be told.
            visit.account, visit.secret = await self._credentials(client, auth, now)
        return visit

    async def _place(self, client: Client, account: AccountActor | None, auth: Mapping[str, Any], now: float) -> Visit:
        returned = await self._joins.returning(auth, now)
        if returned is None:
            position = self._hub.last
            return Visit(self._joins.new_pid(position, now), Place(Cursor(self._hub.epoch, position)), account)
        # Without any ticket the client is told that it was not recovered, so that it joins again what it may have
        # joined; what an operator hears of all tickets goes on from where it was.
        pid = returned.pid if returned.joins else self._joins.new_pid(returned.place.cursor.id, now)
        visit = Visit(pid, returned.place, account)
        visit.joins = {join.dialog_id: join for join in returned.joins}
        visit.number = max([returned.place.number, *(join.number for join in returned.joins)])
        for join in returned.joins:
            if not join.is_known_to(returned.place):
                after = join.after
                if after is not None and join.is_under_way_at(returned.place):
                    after = max(after, returned.place.reached)
                ticket_id = await self._services.tickets.ticket_id(join.dialog_id)
                visit.entries.append(await self._enter(client, visit, ticket_id, returned.place.cursor.id, after))
        return visit

    async def _credentials(
        self, client: Client, auth: Mapping[str, Any], now: float
    ) -> tuple[AccountActor | None, str | None]:
        headers, query = client.request.headers, client.request.query
        scheme, _, bearer = headers.get("Authorization", "").partition(" ")
        token = auth.get("token") or (bearer.strip() if scheme.lower() == "bearer" else None) or query.get("token")
        secret = auth.get("secret") or headers.get(SECRET_HEADER)
        if not isinstance(token, str | None) or not isinstance(secret, str | None):
            raise CredentialInvalid("auth.token and auth.secret are texts.")
        self._services.tickets.is_internal_secret(secret)
        return (await self._services.authenticator.account(token, now) if token else None), secret

    def on_connected(self, client: Client) -> None:
        """Bring what was missed and everything from now on."""
        visit: Visit = client.state
        visit.stream = TicketStream(client, visit.account)
        self._services.streams.add(visit.stream)
        for entry in visit.entries:
            entry.bring(client, self._hub.epoch)
        visit.entries.clear()
        feed = client.follow(self._hub, frozenset(), wires.NOTICES if visit.is_operator else wires.JOINED, None)
        feed.begin(visit.place.cursor, visit.topics, visit.topic_wires, visit.floors)
        log.info("ticket socket connected transport=%s joined=%d", client.transport, len(visit.joins))

    def on_disconnect(self, client: Client, reason: str) -> None:
        """Forget the stream, and take back that it writes; what was joined stays for a client that returns."""
        visit: Visit = client.state
        if visit.stream is not None:
            self._services.streams.remove(visit.stream)
        visit.writing.take_back(self._services.dialogs)

    # Events

    async def on_event(self, client: Client, name: str, args: list[Any]) -> Sequence[Any]:
        """Do what the client asks; a refusal is the answer, and the connection stays."""
        try:
            self._limit("socket_frames", client.id)
            found = self._deeds.get(name)
            if found is None:
                raise Malformed(f"There is no event {name[:64]!r} here.")
            shape, deed = found
            done = await deed(client, asked_of(args, shape))
        except Problem as problem:
            return [self._refused(client, problem)]
        except Exception:
            refuse(client, InternalError("The server failed."))
            raise
        visit: Visit = client.state
        visit.manners.good()
        return [{"ok": True, **done}]

    def _refused(self, client: Client, problem: Problem) -> Answer:
        """Answer a refusal, and end the connection of a client that goes on and on."""
        answer = refuse(client, problem)
        visit: Visit = client.state
        why = visit.manners.refused(problem)
        if why is not None:
            if not why.reconnect:
                client.disconnect()  # stock clients then do not come back by themselves
            client.disconnect(close=True)
        return answer

    async def _join(self, client: Client, asked: JoinTicket) -> Answer:
        visit: Visit = client.state
        self._limit("ticket_join", client.id)
        self._limit("address_join", client.request.address)
        cursor = cursor_of(asked.cursor)
        dialog_id = await self._services.tickets.dialog_id(asked.ticket_id)
        if dialog_id not in visit.joins and len(visit.joins) >= MAX_JOINED:
            raise invalid("ticketId", Fault.TOO_MANY_JOINED, max=MAX_JOINED)
        feed = client.feed
        assert feed is not None
        # Nothing may overtake the history, and what comes while it is read must come behind it.
        feed.hold()
        try:
            after = cursor.id if cursor is not None and cursor.epoch in (None, self._hub.epoch) else None
            position = feed.position
            assert position is not None
            entry = await self._enter(client, visit, asked.ticket_id, position.id, after)
            entry.bring(client, self._hub.epoch)
        finally:
            feed.change(visit.topics, visit.topic_wires, visit.floors)
        return {
            "ticket": msgspec.to_builtins(entry.history.ticket),
            "cursor": f"{self._hub.epoch}-{entry.join.floor}",
            "resumed": entry.missed is not None,
        }

    async def _enter(self, client: Client, visit: Visit, ticket_id: str, position: int, after: int | None) -> Entry:
        """Read what a join at ``position`` brings, and remember the join."""
        tickets = self._services.tickets
        dialog_id = await tickets.dialog_id(ticket_id)
        missed = await self._joins.missed(dialog_id, after) if after is not None else None
        reading = self._reading(client, visit.account, ticket_id)
        history = await tickets.join(ticket_id)
        reading.answered(sum(len(each.content.encode()) for each in history.messages), self._services.clock())
        if not visit.is_operator:
            history = msgspec.structs.replace(history, ticket=as_user_sees(history.ticket))
        floor = Cursor.parse(history.cursor).id if missed is None else missed[1]
        visit.number += 1
        join = Join(dialog_id, visit.number, position, floor, after if missed is not None else None)
        await self._joins.join(visit.pid, join)
        visit.joins[dialog_id] = join
        return Entry(join, history, None if missed is None else missed[0])

    async def _leave(self, client: Client, asked: LeaveTicket) -> Answer:
        visit: Visit = client.state
        dialog_id = await self._services.tickets.dialog_id(asked.ticket_id)
        if dialog_id in visit.joins:
            await self._joins.leave(visit.pid, dialog_id)
            del visit.joins[dialog_id]
            visit.writing.take_back(self._services.dialogs, dialog_id)
            if client.feed is not None:
                client.feed.change(visit.topics, visit.topic_wires)
        return {}

    async def _send(self, client: Client, asked: SendMessage) -> Answer:
        speaker = await self._speaker(client, asked.ticket_id, asked.sender_type)
        if isinstance(speaker, AccountActor):
            self._limit("operator_send", str(speaker.account_id))
        else:
            self._limit("visitor_send", f"ticket {asked.ticket_id}")
            self._limit("address_send", client.request.address)
        sent = await self._services.tickets.send_ticket_message(speaker, asked.ticket_id, asked)
        visit: Visit = client.state
        visit.writing.sent(await self._services.tickets.dialog_id(asked.ticket_id))
        return {"message": msgspec.to_builtins(sent.message), "duplicate": sent.duplicate}

    async def _typing(self, client: Client, asked: Typing) -> Answer:
        self._limit("typing", client.id)
        speaker = await self._speaker(client, asked.ticket_id, asked.sender_type)
        stop = await self._services.tickets.typing(speaker, asked.ticket_id, asked.is_typing, client.sink)
        visit: Visit = client.state
        visit.writing.told(stop, asked.is_typing)
        if not client.connected:
            visit.writing.take_back(self._services.dialogs)
        return {}

    async def _speaker(self, client: Client, ticket_id: str, claimed: SenderType | None) -> Speaker:
        visit: Visit = client.state
        address = client.request.address
        return await self._services.tickets.speaker(ticket_id, claimed, visit.account, visit.secret, address)

    def _reading(self, client: Client, account: AccountActor | None, ticket_id: str) -> Reading:
        """A ticket's history counts as it does over HTTP. Raises :class:`TooManyRequests`."""
        now = self._services.clock()
        reading = Reading(self._services.limits, client.request.address, now)
        reading.by(account, now)
        if account is None:
            reading.count("visitor_read", f"ticket {ticket_id}", now)
        return reading

    def _limit(self, rule: str, key: str) -> None:
        self._services.limits.spend(rule, key, self._services.clock())


def ticket_engine(services: Services) -> EngineServer:
    """The Engine.IO server of tickets; mount it with :func:`handlers.socketio.rules`, and close it before its store."""
    return EngineServer(
        socket_io(TicketSockets(services)),
        EngineSettings(max_payload=MAX_PAYLOAD),
        admits=admits_origins(services.origins),
        spend=spends_connections(services.limits, services.clock),
        held=services.held,
    )


def asked_of(args: list[Any], shape: type[S]) -> S:
    """The one object that an event carries, as ``shape``. Raises :class:`Malformed` and :class:`Invalid`."""
    if len(args) != 1 or not isinstance(args[0], dict):
        raise Malformed("The event takes one argument, an object.")
    return convert(args[0], shape, strict=True)


def cursor_of(given: str | int | None) -> Cursor | None:
    """The place that a client joins from. Raises :class:`CursorMalformed`."""
    if given is None:
        return None
    place = Place.parse(given) if isinstance(given, str) else None
    if place is None:
        return Cursor.parse(str(given))
    # What a join brings is newer than the place at which the client joined.
    return Cursor(place.cursor.epoch, max(place.cursor.id, place.reached))


def refuse(client: Client, problem: Problem) -> Answer:
    """Send ``error``, and return the callback's answer."""
    refusal: Answer = {"code": problem.code}
    more: Answer = {}
    if problem.errors:
        more["errors"] = msgspec.to_builtins(problem.errors)
    if problem.retry_after is not None:
        more["retryAfter"] = problem.retry_after
    client.send("error", {**refusal, "message": problem.detail, **more})
    return {"ok": False, **refusal, "detail": problem.detail, **more}
