"""Engine.IO over WebSocket, and where both transports are mounted.

Mount an ``EngineServer`` with :func:`rules`; one address serves both transports. What the sessions carry is the
business of the ``connect`` that the server is given: Socket.IO (:func:`socket_io`), or any other program over
Engine.IO messages. ::

    server = EngineServer(socket_io(application), EngineSettings(), admits=admits_origins(origins))
    Application([*rules(server)])
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable

from tornado.httputil import HTTPServerRequest
from tornado.routing import PathMatches, Rule
from tornado.web import RequestHandler

from handlers.socketio_polling import PollingHandler, refuse
from handlers.socketio_sessions import Admits, Connect, EngineServer, Link, Spend, address_of
from handlers.websocket import WebSocket, accept_key, asks_for_websocket, shake_hands
from replyx.errors import GOING_AWAY, Problem, TooManyRequests
from replyx.limits import Limiter
from replyx.origins import OriginPolicy
from replyx.socketio.application import Application, Connection
from replyx.socketio.engineio_errors import Refusal, Refused

NORMAL = 1000  # RFC 6455, 7.4.1


def socket_io(application: Application) -> Connect:
    """Sessions that speak Socket.IO with ``application``."""
    return lambda session, request, now: Connection(application, session, request, now)


def admits_origins(origins: OriginPolicy) -> Admits:
    """Requests from our own pages, from configured ones, and those that come from no page."""

    def admits(request: HTTPServerRequest) -> bool:
        headers = request.headers
        return origins.allows(headers.get("Origin"), headers.get("Host", ""), request.protocol, ())

    return admits


def spends_connections(limits: Limiter, clock: Callable[[], float]) -> Spend:
    """Spends from the limit of connections, as any other kind of connection does. ``clock`` gives seconds."""

    def spend(request: HTTPServerRequest) -> None:
        try:
            limits.spend("connect", address_of(request), clock())
        except TooManyRequests as refusal:
            raise Refused(Refusal.TOO_MANY, refusal.retry_after) from None

    return spend


class EngineWebSocket(RequestHandler):
    """The handshake of a session's WebSocket: its only transport, or the one that it wants to change to."""

    server: EngineServer
    link: Link | None = None

    def initialize(self, server: EngineServer) -> None:
        """``server`` keeps the sessions."""
        self.server = server

    async def prepare(self) -> None:
        """Refuse before the handshake, with the numbers that Engine.IO clients know.

        A session that takes no other WebSocket is no reason: such a socket is closed after its handshake.
        """
        try:
            self.link = self.server.link_of(self.request, upgrade=True)
        except Refused as refused:
            refuse(self, refused.refusal, refused.retry_after)

    async def get(self) -> None:
        """Shake hands, and hand the socket to a new session, or to the one that upgrades."""
        try:
            accept = accept_key(self.request)
        except Problem:
            refuse(self, Refusal.BAD_REQUEST)
            return
        taken = shake_hands(self, accept)
        if taken is not None:
            EngineSocket(self.server, self.link).open(*taken, self.request)


class EngineSocket:
    """A session's WebSocket, without what was its request."""

    __slots__ = ("_link", "_server", "sink")

    sink: WebSocket

    def __init__(self, server: EngineServer, link: Link | None) -> None:
        self._server = server
        self._link = link

    def open(self, taken: socket.socket, early: bytes, request: HTTPServerRequest) -> None:
        """Begin the session, or try to upgrade it; then go on with what the client has sent ``early``."""
        self.sink = WebSocket(taken, self, self._server.settings.max_payload, self._server.held, address_of(request))
        if self._link is None:
            self._link = self._server.open_websocket(request, self)
        else:
            try:
                self._link.session.probe(self, self._server.now())
            except Refused:
                self.close()
            self._link.settled()
        if early:
            self.sink.received(early)

    async def heard(self, data: bytes, text: bool) -> None:
        """Pass one message to the session."""
        link = self._link
        assert link is not None
        received = link.session.frame(self, data.decode() if text else data, self._server.now())
        link.settled()
        if received is not None:
            await link.deliver(received)

    def alive(self) -> None:
        """Of no interest: a session has pings of its own."""

    def closed(self) -> None:
        """Tell the session that its socket is gone."""
        if self._link is not None:
            self._link.session.lost(self)
            self._link.settled()

    def close(self) -> None:
        """Close it, with the word that the server restarts when it does; harmless when repeated."""
        if self._server.stopping:
            self.sink.close(GOING_AWAY.code, GOING_AWAY.reason)
        else:
            self.sink.close(NORMAL)

    def drained(self) -> None:
        """Everything that waited has left."""
        if self._link is not None and self._link.session.websocket is self:
            self._link.drained()


class TransportMatches(PathMatches):
    """An address that two handlers share: one for WebSocket handshakes, one for everything else."""

    def __init__(self, path: str, *, websocket: bool) -> None:
        super().__init__(re.escape(path.rstrip("/")) + "/?$")
        self._websocket = websocket

    def match(self, request: HTTPServerRequest) -> dict[str, object] | None:
        """Match the path only for this transport, so that both share one address."""
        return super().match(request) if asks_for_websocket(request) == self._websocket else None


def rules(server: EngineServer, path: str = "/socket.io/") -> list[Rule]:
    """The routes of ``server`` at ``path``, for the list of handlers of a Tornado application."""
    return [
        Rule(TransportMatches(path, websocket=True), EngineWebSocket, {"server": server}),
        Rule(TransportMatches(path, websocket=False), PollingHandler, {"server": server}),
    ]
