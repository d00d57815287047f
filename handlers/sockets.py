"""What every WebSocket of ours shares: admission, the greeting, the heartbeat, refusals, and its place in the log.

One subclass for each kind of client says what it greets with, what it hears and what its frames do.
"""

from __future__ import annotations

import msgspec
from tornado.iostream import IOStream
from tornado.websocket import WebSocketHandler

from handlers.base import Handler
from handlers.sinks import StreamSink
from handlers.streams import cursor_of
from replyx.errors import (
    BAD_REQUEST,
    HEARTBEAT_LOST,
    TOO_FAST,
    CloseCode,
    Malformed,
    Problem,
    TooManyRequests,
    UpgradeRequired,
    close_code_for,
)
from replyx.eventlog import Cursor
from replyx.streams import SOCKET_SLOTS
from replyx.subscription import Subscription
from replyx.wire.websocket import ping_frame, text_frame

FRAME_BYTES = 256 * 1024  # 10,000 characters, each escaped as two \uXXXX, fit
BAD_FRAMES = 20  # refused frames, less the good ones, before a connection is closed

PING = ping_frame()


class EventSocket(Handler, WebSocketHandler):
    """A WebSocket that hears events; subclasses set ``kind`` and fill in :meth:`join`, :meth:`act` and the frames."""

    kind = "socket"
    heartbeat_s = SOCKET_SLOTS

    subscription: Subscription | None = None
    sink: StreamSink | None = None
    cursor: Cursor | None = None
    refusal: Problem | None = None
    alive = True
    bad_frames = 0

    # What a kind of client fills in

    async def check(self, *path: str) -> None:
        """Look at the address before the handshake. A :class:`Problem` raised here closes the socket with its code."""

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

    async def prepare(self) -> None:
        """Refuse over HTTP what a browser may not see; everything else is refused by a close code it can read."""
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise UpgradeRequired("Connect with a WebSocket client.")
        if self.services.streams.stopping:
            await Handler.prepare(self)
        try:
            await self.admit()
            self.limit("connect", self.address)
            self.cursor = cursor_of(self)
        except Problem as problem:
            self.refuse_foreign_page()
            self.refusal = problem

    def refuse_foreign_page(self) -> None:
        """A page of an origin that is nobody's gets no handshake."""
        self.check_origin_of(None, certain=True)

    def check_origin(self, origin: str) -> bool:
        """Tornado's own check, which knows no widget's domains; :meth:`prepare` has made ours."""
        return True  # done in prepare(), where the actor's domains are known

    @property
    def max_message_size(self) -> int:
        """Bytes of one message; a larger one closes the socket with 1009."""
        return FRAME_BYTES

    async def get(self, *path: str) -> None:
        """Check the address, then shake hands."""
        if self.refusal is None:
            try:
                await self.check(*path)
            except Problem as problem:
                self.refusal = problem
        await WebSocketHandler.get(self, *path)

    def open(self, *args: str, **kwargs: str) -> None:
        """Greet the client and subscribe it, or say why not and close."""
        stream = self.stream_of_socket()
        if stream.closed():
            return  # the client left during the handshake, and on_close() has come and gone
        self.sink = StreamSink(stream, self.drained)
        if self.refusal is not None:
            self.send(self.error_frame(self.refusal, b""))
            self.end(close_code_for(self.refusal))
            return
        self.subscription = self.join()
        self.services.streams.add(self)
        self.services.hub.subscribe(self.subscription, self.cursor)

    def stream_of_socket(self) -> IOStream:
        """The socket below Tornado's WebSocket protocol."""
        connection = self.ws_connection
        assert connection is not None
        stream = connection.stream
        assert isinstance(stream, IOStream)
        return stream

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
        assert self.sink is not None
        if self.sink.unsent:
            return
        if not self.alive:
            self.end(HEARTBEAT_LOST)
            return
        self.alive = False
        self.sink.write(PING)

    def end(self, why: CloseCode) -> None:
        """Close with the code's number and reason."""
        self.leave()
        self.close(why.code, why.reason)

    # Frames

    async def on_message(self, message: str | bytes) -> None:
        """Do what a frame asks; a refusal is answered and leaves the socket open."""
        self.alive = True
        if self.sink is not None:
            await self.sink.room()  # a client that does not read the answers is not read either
        data = message.encode() if isinstance(message, str) else message
        try:
            self.limit("socket_frames", self.request_id)
            if not isinstance(message, str):
                raise Malformed("Frames are JSON in text frames, not binary.")
            await self.act(data)
            self.bad_frames = max(0, self.bad_frames - 1)
        except Problem as problem:
            self.refuse_frame(problem, data)

    def refuse_frame(self, problem: Problem, data: bytes) -> None:
        """Answer one frame with an error; close a socket that goes on and on."""
        self.send(self.error_frame(problem, data))
        self.bad_frames += 1
        if self.bad_frames >= BAD_FRAMES:
            self.end(TOO_FAST if isinstance(problem, TooManyRequests) else BAD_REQUEST)

    def send(self, frame: msgspec.Struct) -> None:
        """Write one frame of our own between the events."""
        if self.sink is not None and not self.sink.write(text_frame(msgspec.json.encode(frame))):
            self.fall_behind()

    def fall_behind(self) -> None:
        """The client does not read: no more events until it does."""
        if self.subscription is not None:
            self.subscription.fall_behind()

    def drained(self) -> None:
        """The client has read what waited for it."""
        if self.subscription is not None:
            self.services.hub.resume(self.subscription)

    def on_pong(self, data: bytes) -> None:
        """A sign of life."""
        self.alive = True

    def on_ping(self, data: bytes) -> None:
        """A sign of life; Tornado has answered it."""
        self.alive = True

    def on_close(self) -> None:
        """The socket is gone, whoever closed it."""
        self.leave()

    def leave(self) -> None:
        """Hear nothing more."""
        if self.subscription is not None:
            self.services.hub.unsubscribe(self.subscription)
        self.services.streams.remove(self)
