"""A dialog over WebSocket: one handler for each kind of client, with the same frames."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from tornado.iostream import IOStream
from tornado.websocket import WebSocketHandler

from handlers.base import Handler
from handlers.decoding import decode
from handlers.sinks import StreamSink
from handlers.streams import cursor_of, position_of, topics_of
from replyx.auth import Actor, VisitorActor
from replyx.dialogs import ClientId, Draft, MessageId, sender_of
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
from replyx.schemas import Message
from replyx.streams import SOCKET_SLOTS
from replyx.subscription import Subscription
from replyx.wire.websocket import WEBSOCKET, ping_frame, text_frame

log = logging.getLogger("replyx.sockets")

FRAME_BYTES = 256 * 1024  # 10,000 characters, each escaped as two \uXXXX, fit
BAD_FRAMES = 20  # refused frames, less the good ones, before a connection is closed

PING = ping_frame()


class SendFrame(msgspec.Struct, tag_field="type", tag="message"):
    """Send a message."""

    text: str
    client_id: ClientId | None = None
    sender: str | None = None


class TypingStartFrame(msgspec.Struct, tag_field="type", tag="typing_start"):
    """This side writes."""


class TypingStopFrame(msgspec.Struct, tag_field="type", tag="typing_stop"):
    """This side stopped writing."""


class ReadFrame(msgspec.Struct, tag_field="type", tag="read"):
    """This side has read everything up to a message."""

    up_to: MessageId | None = None


class PingFrame(msgspec.Struct, tag_field="type", tag="ping"):
    """Answered by ``pong``."""


Frame = SendFrame | TypingStartFrame | TypingStopFrame | ReadFrame | PingFrame
FRAMES: msgspec.json.Decoder[Frame] = msgspec.json.Decoder(Frame)


class Envelope(msgspec.Struct):
    """What is looked at when a frame is refused: whom to answer."""

    client_id: Any = None


class Connected(msgspec.Struct, tag_field="type", tag="connected", frozen=True):
    """The first frame; ``cursor`` is where the stream stands before anything else arrives."""

    dialog_id: int
    sender: str
    cursor: str
    heartbeat_s: int


class Ack(msgspec.Struct, tag_field="type", tag="ack", frozen=True):
    """The message is stored; ``duplicate`` when it had been before."""

    client_id: str | None
    message: Message
    duplicate: bool


class Pong(msgspec.Struct, tag_field="type", tag="pong", frozen=True):
    """The answer to ``ping``."""


class ErrorFrame(msgspec.Struct, tag_field="type", tag="error", frozen=True):
    """A refusal of one frame; the socket stays open."""

    code: str
    detail: str
    client_id: str | None = None
    retry_after: int | None = None


class DialogSocket(Handler, WebSocketHandler):
    """The frames of contract section 4, for whatever actor the route admits."""

    kind = "dialog"
    heartbeat_s = SOCKET_SLOTS

    dialog_id: int
    subscription: Subscription | None = None
    sink: StreamSink | None = None
    cursor: Cursor | None = None
    refusal: Problem | None = None
    alive = True
    bad_frames = 0

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

    async def get(self, dialog_id: str) -> None:
        """Check that the actor may see the dialog, then shake hands."""
        self.dialog_id = int(dialog_id)
        if self.refusal is None:
            try:
                await self.services.dialogs.check_access(self.speaker, self.dialog_id)
            except Problem as problem:
                self.refusal = problem
        await WebSocketHandler.get(self, dialog_id)

    def open(self, *args: str, **kwargs: str) -> None:
        """Greet the client and subscribe it, or say why not and close."""
        stream = self.stream_of_socket()
        if stream.closed():
            return  # the client left during the handshake, and on_close() has come and gone
        self.sink = StreamSink(stream, self.drained)
        if self.refusal is not None:
            self.send(ErrorFrame(self.refusal.code, self.refusal.detail, None, self.refusal.retry_after))
            self.end(close_code_for(self.refusal))
            return
        hub = self.services.hub
        epoch, position = position_of(hub, self.cursor)
        sender = sender_of(self.speaker)
        self.send(Connected(self.dialog_id, sender, f"{epoch}-{position}", self.heartbeat_s))
        self.subscription = Subscription(topics_of(self.speaker, self.dialog_id), WEBSOCKET, self.sink, 0)
        self.services.streams.add(self)
        hub.subscribe(self.subscription, self.cursor)
        log.info("%s WebSocket connected dialog=%d", _way(self.speaker), self.dialog_id)

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
            await self.act(decode(data, FRAMES))
            self.bad_frames = max(0, self.bad_frames - 1)
        except Problem as problem:
            self.refuse_frame(problem, data)

    async def act(self, frame: Frame) -> None:
        """Do what one frame asks. Raises what the service refuses."""
        dialogs, actor = self.services.dialogs, self.speaker
        if isinstance(frame, SendFrame):
            self.spend_send()
            sent = await dialogs.send(actor, self.dialog_id, Draft(frame.text, frame.client_id, frame.sender))
            self.send(Ack(frame.client_id, sent.message, sent.duplicate))
        elif isinstance(frame, TypingStartFrame | TypingStopFrame):
            self.limit("typing", self.request_id)
            await dialogs.typing(actor, self.dialog_id, isinstance(frame, TypingStartFrame), self.sink)
        elif isinstance(frame, ReadFrame):
            await dialogs.read(actor, self.dialog_id, frame.up_to)
        else:
            self.send(Pong())

    def refuse_frame(self, problem: Problem, data: bytes) -> None:
        """Answer one frame with an error; close a socket that goes on and on."""
        try:
            client_id = msgspec.json.decode(data, type=Envelope).client_id
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            client_id = None
        shown = client_id if isinstance(client_id, str) and len(client_id) <= 64 else None
        self.send(ErrorFrame(problem.code, problem.detail, shown, problem.retry_after))
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


def _way(actor: Actor) -> str:
    if isinstance(actor, VisitorActor):
        return "[Site]" if actor.via == "site" else "WIDGET"
    return "ADMIN"
