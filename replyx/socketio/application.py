"""What a program implements to speak Socket.IO, and what it gets to speak with.

Promises of a connection to its application: the calls for one client come one after the other, in the order in which
it sent what they are about; an acknowledgement is sent when its event was worked off; ``on_disconnect`` is called
exactly once for each client for which ``on_connected`` was.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from replyx.delivery.eventlog import Cursor
from replyx.delivery.hub import Hub
from replyx.socketio.engineio_codec import BadPacket
from replyx.socketio.engineio_ports import MeasuredSink
from replyx.socketio.engineio_session import EngineSession
from replyx.socketio.feed import Feed
from replyx.socketio.socketio_session import (
    Acknowledged,
    AckReceived,
    ConnectAsked,
    EventReceived,
    Left,
    NamespaceUnknown,
    SocketSession,
)
from replyx.socketio.wire import Wires

log = logging.getLogger("replyx.socketio")

# Between the answer to CONNECT and the first event. A program that awaits the answer and listens only then would miss
# events that its WebSocket reads in one piece with it.
GREETING_PAUSE_S = 0.005

# A connection that was refused so often has lost its way or means harm; an honest client begins a new one.
MOST_REFUSALS = 20


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """The request that opened a session: what an application may judge a client by."""

    # Where it came from, as limits know addresses.
    address: str
    # Credentials travel in both: they stay out of whatever prints this.
    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(repr=False)


class ConnectRefused(Exception):
    """Raised by an application that does not let a client in; ``message`` and ``data`` reach ``connect_error``."""

    def __init__(self, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class ConnectLater(Exception):
    """Raised by an application that cannot decide now: the connection ends, and the client comes back by itself.

    After a ``connect_error`` it would not: stock clients leave that to their application.
    """


class Client:
    """One client in one namespace. ``id`` is what the client knows as ``socket.id``; ``state`` is the application's."""

    __slots__ = ("_connection", "connected", "feed", "id", "namespace", "request", "state")

    def __init__(self, connection: Connection, namespace: str, request: RequestInfo) -> None:
        self._connection = connection
        self.id = secrets.token_urlsafe(15)
        self.namespace = namespace
        self.request = request
        self.state: Any = None
        self.connected = False
        self.feed: Feed | None = None

    @property
    def transport(self) -> str:
        """``polling`` or ``websocket``, for the moment."""
        return self._connection.engine.transport

    @property
    def sink(self) -> MeasuredSink:
        """Where its bytes go for the moment: chunks while the transport is polling, otherwise WebSocket frames."""
        return self._connection.engine.sink

    def send(self, name: str, *args: Any, ack: Acknowledged | None = None) -> bool:
        """Send an event. False: the client reads too slowly or is gone.

        ``ack`` is called with the values that the client answers, or with None when it goes without an answer; do
        not wait for it inside ``on_event``, because the answer is worked off after that.
        """
        if not self.connected:
            return False
        return self._connection.engine.send(self._connection.socket.emit(self.namespace, name, args, ack))

    def follow(self, hub: Hub, topics: frozenset[str], wires: Wires, cursor: Cursor | None) -> Feed:
        """Bring the events of ``topics`` to the client from ``cursor`` on, whatever its transport is or becomes.

        A client has one feed: only so one offset tells all that it has seen. A second call replaces the first. Before
        ``on_connected`` and after ``on_disconnect`` the feed brings nothing.
        """
        if self.feed is not None:
            self.feed.close()
        self.feed = feed = Feed(hub, self._connection.engine, topics, wires)
        if self.connected:
            feed.start(cursor)
        else:
            feed.close()
        return feed

    def disconnect(self, *, close: bool = False) -> None:
        """Show the client out of its namespace; with ``close`` end the whole connection instead, so that it returns."""
        self._connection.disconnect(self, close)

    def end(self) -> None:
        """Hear and say nothing more."""
        self.connected = False
        if self.feed is not None:
            self.feed.close()


class Application(Protocol):
    """Handles the clients of its ``namespaces``."""

    @property
    def namespaces(self) -> Container[str]:
        """The namespaces that exist."""
        ...

    async def on_connect(self, client: Client, auth: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Let a client in, with what its CONNECT packet is to carry beside ``sid``. Raises :class:`ConnectRefused`
        and :class:`ConnectLater`.
        """
        ...

    def on_connected(self, client: Client) -> None:
        """The client was told that it is in: from now on it can be sent events."""
        ...

    async def on_event(self, client: Client, name: str, args: list[Any]) -> Sequence[Any] | None:
        """Work off an event; returns the values of its acknowledgement, which is sent if the client asked for one."""
        ...

    def on_disconnect(self, client: Client, reason: str) -> None:
        """The client is gone. A call of ``on_event`` may still be under way."""
        ...


class Connection:
    """Speaks Socket.IO over one Engine.IO session, for an application."""

    def __init__(self, application: Application, engine: EngineSession, request: RequestInfo, now: float) -> None:
        self.engine = engine
        self.socket = SocketSession(application.namespaces)
        self._application = application
        self._request = request
        self._clients: dict[str, Client] = {}
        self._refusals = 0
        engine.settle(now + engine.settings.connect_timeout_s)

    # What the engine says

    async def message(self, data: str | bytes) -> None:
        """One Engine.IO message."""
        try:
            asked = self.socket.receive(data)
        except BadPacket as problem:
            log.info("a Socket.IO client sent a bad packet: %s", problem)
            self.engine.fail("parse error")
            return
        if isinstance(asked, EventReceived):
            await self._event(asked)
        elif isinstance(asked, ConnectAsked):
            await self._connect(asked)
        elif isinstance(asked, AckReceived):
            asked.callback(asked.args)
        elif isinstance(asked, NamespaceUnknown):
            self._refuse(asked.namespace, "Invalid namespace")
        elif isinstance(asked, Left):
            self._gone(self._clients.pop(asked.namespace), "client namespace disconnect", asked.owed)

    def drained(self) -> None:
        """The sink has room again."""
        for client in self._clients.values():
            if client.feed is not None:
                client.feed.drained()

    def upgraded(self) -> None:
        """The sink is another one."""
        for client in self._clients.values():
            if client.feed is not None:
                client.feed.move()

    def closed(self, reason: str) -> None:
        """The session is over."""
        clients = list(self._clients.values())
        self._clients.clear()
        for client in clients:
            self._gone(client, reason, self.socket.forget(client.namespace))

    # Within

    async def _connect(self, asked: ConnectAsked) -> None:
        client = Client(self, asked.namespace, self._request)
        try:
            extra = await self._application.on_connect(client, asked.auth)
        except ConnectLater as unable:
            log.info("a Socket.IO client is to come back: %s", unable)
            self.engine.close()
            return
        except ConnectRefused as refused:
            self._refuse(asked.namespace, refused.message, refused.data)
            return
        except Exception:
            log.exception("an application could not decide over a client")
            self._refuse(asked.namespace, "Internal server error")
            return
        self.engine.settle()
        self.engine.send(self.socket.accept(asked.namespace, client.id, extra or {}))
        if self.engine.transport == "websocket":
            await asyncio.sleep(GREETING_PAUSE_S)
        if self.engine.alive:
            self._clients[asked.namespace] = client
            client.connected = True
            self._application.on_connected(client)

    def _refuse(self, namespace: str, message: str, data: Any = None) -> None:
        self.engine.send(self.socket.refuse(namespace, message, data))
        self._refusals += 1
        if self._refusals >= MOST_REFUSALS:
            self.engine.close()

    async def _event(self, asked: EventReceived) -> None:
        client = self._clients[asked.namespace]
        try:
            values = await self._application.on_event(client, asked.name, asked.args)
        except Exception:
            log.exception("an application could not handle an event")
            return
        if asked.ack_id is not None and client.connected:
            self.engine.send(self.socket.acknowledge(asked.namespace, asked.ack_id, values or ()))

    def disconnect(self, client: Client, close: bool) -> None:
        """Show a client out, or end the session of all of them."""
        if close:
            self.engine.close()
        elif client.connected:
            self.engine.send(self.socket.show_out(client.namespace))
            del self._clients[client.namespace]
            self._gone(client, "server namespace disconnect", self.socket.forget(client.namespace))

    def _gone(self, client: Client, reason: str, owed: Sequence[Acknowledged]) -> None:
        """Tell the application, and those who wait for an acknowledgement. One that fails keeps no other from it."""
        client.end()
        try:
            self._application.on_disconnect(client, reason)
        except Exception:
            log.exception("an application could not take leave of a client")
        for callback in owed:
            try:
                callback(None)
            except Exception:
                log.exception("an application could not take that there is no acknowledgement")
