"""Server-sent events: a dialog's, and the whole inbox for operators."""

from __future__ import annotations

import secrets
import socket

from handlers.base import Handler, log_request, operation
from handlers.connection import Connection, take_socket
from handlers.cursors import cursor_of
from replyx.auth import Actor, VisitorActor
from replyx.delivery.eventlog import Cursor
from replyx.delivery.hub import Hub
from replyx.delivery.streams import SSE_SLOTS, Streams
from replyx.delivery.subscription import State, Subscription
from replyx.delivery.wire import Wire
from replyx.errors import GOING_AWAY, CloseCode, DialogNotFound
from replyx.schemas.events import INBOX, clients_topic, dialog_topic, staff_topic, visitor_topic
from replyx.wire import sse
from replyx.wire.visitors import VISITORS_SSE

RETURN_WITHIN_MS = 5000  # after a restart clients come back spread over this long


def position_of(hub: Hub, cursor: Cursor | None) -> tuple[str, int]:
    """Epoch and id that a stream opens with: the client's own cursor, until it was told otherwise.

    A cursor of another epoch keeps it: cut off before ``resync`` arrived, the client must come back as it came.
    """
    return (hub.epoch, hub.last) if cursor is None else (cursor.epoch or hub.epoch, cursor.id)


def topics_of(actor: Actor, dialog_id: int) -> frozenset[str]:
    """What the actor hears in a dialog."""
    if isinstance(actor, VisitorActor):
        return frozenset({dialog_topic(dialog_id), visitor_topic(dialog_id)})
    return frozenset({dialog_topic(dialog_id), staff_topic(dialog_id)})


class EventStream(Connection):
    """One client's SSE connection, on a socket of its own: no handler, task or timer stays behind."""

    __slots__ = ("_hub", "_streams", "_subscription", "expires_at", "grant", "kind")

    heartbeat_s = SSE_SLOTS

    def __init__(self, taken: socket.socket, hub: Hub, streams: Streams, actor: Actor, topics: frozenset[str]) -> None:
        super().__init__(taken)
        self.kind = "sse"
        self.grant = actor.grant
        self.expires_at = actor.expires_at
        self._hub = hub
        self._streams = streams
        wire: Wire = VISITORS_SSE if isinstance(actor, VisitorActor) else sse.SSE
        self._subscription = Subscription(topics, wire, self, 0)

    def start(self, head: bytes, cursor: Cursor | None) -> None:
        """Send the head of the answer and the opening, then everything from ``cursor`` on."""
        self.write(head + sse.opening(*position_of(self._hub, cursor)))
        self._streams.add(self)
        self._hub.subscribe(self._subscription, cursor)

    def heartbeat(self) -> None:
        """A comment, unless events still wait to leave: those are life enough."""
        if self._subscription.state is State.LIVE:
            self.write(sse.HEARTBEAT)

    def end(self, why: CloseCode) -> None:
        """Say when to come back, and close."""
        retry_ms = 200 + secrets.randbelow(RETURN_WITHIN_MS - 200) if why is GOING_AWAY else sse.RETRY_MS
        self.write(sse.farewell(retry_ms))
        self.abort()

    def received(self, data: bytes) -> None:
        """Nothing that a client has to say."""

    def drained(self) -> None:
        """The client has read what waited for it."""
        self._hub.resume(self._subscription)

    def lost(self) -> None:
        """The socket is gone, whoever closed it."""
        self._hub.unsubscribe(self._subscription)
        self._streams.remove(self)


class StreamHandler(Handler):
    """Turns the request's connection into an :class:`EventStream`."""

    counts_reads = False

    async def stream(self, topics: frozenset[str]) -> None:
        """Answer with an endless stream; the connection is the stream's own from here on."""
        self.limit("connect", self.address)
        cursor = cursor_of(self.request, self.services.hub.epoch)
        self.set_status(200)
        self.set_header("Content-Type", "text/event-stream; charset=utf-8")
        # A proxy that compresses holds events back until it has enough of them (RFC 9111, 5.2.2.6).
        self.set_header("Cache-Control", "no-cache, no-store, no-transform")
        self.set_header("X-Accel-Buffering", "no")  # nginx would hold events back otherwise
        if self.request.method == "HEAD":
            await self.flush()  # without a Content-Length, which an endless answer has not
            self.finish()
            return
        self.set_header("Connection", "close")
        head = "".join(f"{name}: {value}\r\n" for name, value in self._headers.get_all())
        log_request(self)
        taken = take_socket(self)
        if taken is None:
            return
        services = self.services
        client = EventStream(taken[0], services.hub, services.streams, self.speaker, topics)
        client.start(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode("latin-1"), cursor)


class DialogEvents(StreamHandler):
    @operation(
        "Events of one dialog",
        answers={200: str},
        problems=(DialogNotFound,),
        media_type="text/event-stream",
    )
    async def get(self, dialog_id: int) -> None:
        await self.services.dialogs.check_access(self.speaker, dialog_id)
        await self.stream(topics_of(self.speaker, dialog_id))


class InboxEvents(StreamHandler):
    @operation(
        "Events of every dialog and, for an admin, of moderation, over one connection",
        answers={200: str},
        media_type="text/event-stream",
    )
    async def get(self) -> None:
        admin = self.account.role == "admin"
        await self.stream(frozenset({INBOX, clients_topic("admin")} if admin else {INBOX}))
