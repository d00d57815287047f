"""Engine.IO over WebSocket, and where both transports are mounted.

Mount an ``EngineServer`` with :func:`rules`; one address serves both transports. What the sessions carry is the
business of the ``connect`` that the server is given: Socket.IO (:func:`socket_io`), or any other program over
Engine.IO messages. ::

    server = EngineServer(socket_io(application), EngineSettings(), admits=admits_origins(origins))
    Application([*rules(server)])
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.iostream import IOStream
from tornado.routing import PathMatches, Rule
from tornado.websocket import WebSocketHandler

from handlers.sinks import StreamSink
from handlers.socketio_polling import PollingHandler, refuse
from handlers.socketio_sessions import Admits, Connect, EngineServer, Link
from replyx.errors import GOING_AWAY
from replyx.origins import OriginPolicy
from replyx.socketio.application import Application, Connection
from replyx.socketio.engineio_errors import Refused

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


class EngineWebSocket(WebSocketHandler):
    """A session's WebSocket: its only transport, or the one that it wants to change to."""

    server: EngineServer
    link: Link | None = None
    stream: IOStream
    sink: StreamSink
    room: asyncio.Future[None] | None = None

    def initialize(self, server: EngineServer) -> None:
        """``server`` keeps the sessions."""
        self.server = server

    async def prepare(self) -> None:
        """Refuse before the handshake, with the numbers that Engine.IO clients know."""
        try:
            self.link = self.server.link_of(self.request, upgrade=True)
            if self.link is not None:
                self.link.session.audition()
        except Refused as refused:
            refuse(self, refused.refusal)

    def check_origin(self, origin: str) -> bool:
        """Checked before the handshake, by the server's ``admits``."""
        return True  # done in prepare(), for requests of every kind

    def get_compression_options(self) -> dict[str, Any] | None:
        """None: permessage-deflate would cost more than 100 KB a connection."""
        return None  # 130 KB and more per connection

    @property
    def max_message_size(self) -> int:
        """The settings' ``max_payload``, for frames as for polls."""
        return self.server.settings.max_payload

    def open(self, *args: str, **kwargs: str) -> None:
        """Hand the socket to a new session, or to the one that upgrades."""
        assert self.ws_connection is not None
        stream = self.ws_connection.stream
        assert isinstance(stream, IOStream)
        self.stream = stream
        self.sink = StreamSink(stream, self.drained)
        stream.set_close_callback(self.read_on)
        if self.link is None:
            self.link = self.server.open_websocket(self.request, self)
            return
        try:
            self.link.session.probe(self, self.server.now())
        except Refused:
            self.close()
        self.link.settled()

    async def on_message(self, message: str | bytes) -> None:
        """Pass one frame to the session."""
        link = self.link
        assert link is not None
        received = link.session.frame(self, message, self.server.now())
        link.settled()
        if received is not None:
            await link.deliver(received)
            if self.sink.full and not self.stream.closed():
                # A client that sends and does not read: its answers must not pile up here.
                self.room = asyncio.get_running_loop().create_future()
                await self.room

    def on_close(self) -> None:
        """Tell the session that its socket is gone."""
        if self.link is not None:
            self.link.session.lost(self)
            self.link.settled()

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close it, with the word that the server restarts when it does; harmless when repeated."""
        why = GOING_AWAY if self.server.stopping else None
        super().close(code or (why.code if why else NORMAL), reason or (why.reason if why else None))

    def drained(self) -> None:
        """Everything that waited has left."""
        self.read_on()
        if self.link is not None and self.link.session.websocket is self:
            self.link.drained()

    def read_on(self) -> None:
        """There is room for answers again, or nobody who wants any."""
        if self.room is not None and not self.room.done():
            self.room.set_result(None)


class TransportMatches(PathMatches):
    """An address that two handlers share: one for WebSocket handshakes, one for everything else."""

    def __init__(self, path: str, *, websocket: bool) -> None:
        super().__init__(re.escape(path.rstrip("/")) + "/?$")
        self._websocket = websocket

    def match(self, request: HTTPServerRequest) -> dict[str, object] | None:
        """Match the path only for this transport, so that both share one address."""
        asked = request.headers.get("Upgrade", "").lower() == "websocket"
        return super().match(request) if asked == self._websocket else None


def rules(server: EngineServer, path: str = "/socket.io/") -> list[Rule]:
    """The routes of ``server`` at ``path``, for the list of handlers of a Tornado application."""
    return [
        Rule(TransportMatches(path, websocket=True), EngineWebSocket, {"server": server}),
        Rule(TransportMatches(path, websocket=False), PollingHandler, {"server": server}),
    ]
