"""What every WebSocket of ours shares: admission, the greeting, the heartbeat, refusals, and its place in the log.

One subclass of :class:`EventSocket` for each kind of client says what it greets with, what it hears and what its
frames do; one of :class:`SocketHandler`, Tornado's handler of WebSockets, lets it in.
"""

from __future__ import annotations

from socket import socket as Socket

import msgspec
from tornado.web import RequestHandler
from tornado.websocket import WebSocketHandler

from handlers.base import Handler
from handlers.cursors import cursor_of
from handlers.manners import Manners
from handlers.websocket import WebSocket, accept_key, asks_for_websocket, shake_hands, upgrade_required
from replyx.auth import AccountActor, Actor
from replyx.delivery.eventlog import Cursor
from replyx.delivery.streams import SOCKET_SLOTS
from replyx.delivery.subscription import Subscription
from replyx.errors import (
    HEARTBEAT_LOST,
    CloseCode,
    Malformed,
    Problem,
    close_code_for,
)
from replyx.services import Services
from replyx.wire.websocket import ping_frame, text_frame

FRAME_BYTES = 256 * 1024  # 10,000 characters, each escaped as two \uXXXX, fit

PING = ping_frame()


class EventSocket:
    """A WebSocket that hears events; subclasses set ``kind`` and fill in :meth:`join`, :meth:`act` and the frames.

    It lives as long as its client. The handler that shook hands is gone by then: what is needed of the request is here.
    """

    __slots__ = (
        "actor",
        "address",
        "cursor",
        "heard_of",
        "manners",
        "request_id",
        "services",
        "sink",
        "subscription",
    )

    kind = "socket"
    heartbeat_s = SOCKET_SLOTS

    sink: WebSocket

    def __init__(self, handler: Handler, cursor: Cursor | None) -> None:
        self.services: Services = handler.services
        self.actor: Actor | None = handler.actor
        self.address: str = handler.address
        self.request_id: str = handler.request_id
        self.cursor = cursor
        self.subscription: Subscription | None = None
        self.heard_of = True
        self.manners = Manners()

    # What a kind of client fills in

    async def check(self, handler: Handler, *path: str) -> None:
        """Look at the address before the handshake: its ``path``, and its query by ``handler``.

        A :class:`Problem` raised here closes the socket with its code.
        """

    def join(self) -> Subscription:
        """Greet the client with the first frame; the subscription that it then has from ``self.cursor`` on."""
        raise NotImplementedError

    async def act(self, data: bytes) -> None:
        """Do what one text frame asks. Raises the :class:`Problem` that refuses it."""
        raise NotImplementedError

    def error_frame(self, problem: Problem, data: bytes) -> msgspec.Struct:
        """What answers the frame ``data``, or the handshake where it is empty."""
        raise NotImplementedError

    # The handshake

    def open(self, taken: Socket, early: bytes, refusal: Problem | None) -> None:
        """Greet the client and subscribe it, or say why not and close; then go on with what it has sent ``early``."""
        self.sink = WebSocket(taken, self, FRAME_BYTES, self.services.held, self.address)
        if refusal is not None:
            self.send(self.error_frame(refusal, b""))
            self.end(close_code_for(refusal))
        else:
            self.subscription = self.join()
            self.services.streams.add(self)
            self.services.hub.subscribe(self.subscription, self.cursor)
        if early:
            self.sink.received(early)

    @property
    def speaker(self) -> Actor:
        """The actor of a socket that was not refused."""
        assert self.actor is not None
        return self.actor

    @property
    def account(self) -> AccountActor:
        """The actor on routes for accounts."""
        assert isinstance(self.actor, AccountActor)
        return self.actor

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self.services.clock()

    def limit(self, rule: str, key: str, cost: int = 1) -> None:
        """Spend from a limit. Raises :class:`TooManyRequests`."""
        self.services.limits.spend(rule, key, self.now, cost)

    # What the registry of streams asks

    @property
    def grant(self) -> str | None:
        """The session on whose end the socket closes."""
        return self.speaker.grant

    @property
    def expires_at(self) -> float | None:
        """When the credential runs out, in seconds since the epoch."""
        return self.speaker.expires_at

    def heartbeat(self) -> None:
        """Ping; close a socket that gave no sign of life since the last ping and has nothing left to read."""
        if self.sink.unsent:
            return
        if not self.heard_of:
            self.end(HEARTBEAT_LOST)
            return
        self.heard_of = False
        self.sink.write(PING)

    def end(self, why: CloseCode) -> None:
        """Close with the code's number and reason."""
        self.leave()
        self.sink.close(why.code, why.reason)

    # What the WebSocket tells

    async def heard(self, data: bytes, text: bool) -> None:
        """Do what a frame asks; a refusal is answered and leaves the socket open."""
        try:
            self.limit("socket_frames", self.request_id)
            if not text:
                raise Malformed("Frames are JSON in text frames, not binary.")
            await self.act(data)
            self.manners.good()
        except Problem as problem:
            self.refuse_frame(problem, data)

    def alive(self) -> None:
        """The next heartbeat finds the client alive."""
        self.heard_of = True

    def drained(self) -> None:
        """The client has read what waited for it."""
        if self.subscription is not None:
            self.services.hub.resume(self.subscription)

    def closed(self) -> None:
        """The socket is gone, whoever closed it."""
        self.leave()

    # Frames

    def refuse_frame(self, problem: Problem, data: bytes) -> None:
        """Answer one frame with an error; close a socket that goes on and on, but not for what is our own failure."""
        self.send(self.error_frame(problem, data))
        why = self.manners.refused(problem)
        if why is not None:
            self.end(why)

    def send(self, frame: msgspec.Struct) -> None:
        """Write one frame of our own between the events; a client that does not take it gets no more until it does."""
        if not self.sink.write(text_frame(msgspec.json.encode(frame))) and self.subscription is not None:
            self.subscription.fall_behind()

    def leave(self) -> None:
        """Hear nothing more."""
        if self.subscription is not None:
            self.services.hub.unsubscribe(self.subscription)
        self.services.streams.remove(self)


class SocketHandler(Handler, WebSocketHandler):
    """Admits a client of one type and shakes hands; a ``client`` is what then lives on."""

    counts_reads = False
    client: type[EventSocket]
    refusal: Problem | None = None
    cursor: Cursor | None = None

    async def prepare(self) -> None:
        """Refuse over HTTP what a browser may not see; everything else is refused by a close code it can read."""
        if not asks_for_websocket(self.request):
            raise upgrade_required(self.request)
        if self.services.streams.stopping:
            await Handler.prepare(self)
        try:
            await self.admit()
            self.limit("connect", self.address)
            self.cursor = cursor_of(self.request, self.services.hub.epoch)
        except Problem as problem:
            self.check_origin_of(None, certain=True)  # a page of an origin that is nobody's gets no handshake
            self.refusal = problem

    async def get(self, *path: str) -> None:
        """Check the address, then shake hands."""
        accept = accept_key(self.request)
        client = self.client(self, self.cursor)
        if self.refusal is None:
            try:
                await client.check(self, *path)
            except Problem as problem:
                self.refusal = problem
        taken = shake_hands(self, accept)
        if taken is not None:
            client.open(*taken, self.refusal)

    def _break_cycles(self) -> None:
        """Let go at once: Tornado waits here for the end of a socket that is no longer the handler's."""
        RequestHandler._break_cycles(self)
