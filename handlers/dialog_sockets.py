"""A dialog over WebSocket: the same frames for operators and visitors."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from handlers.base import Handler, spend_send
from handlers.decoding import decode
from handlers.sockets import EventSocket, SocketHandler
from handlers.streams import position_of, topics_of
from handlers.writing import Writing
from replyx.auth import Actor, VisitorActor, sender_of
from replyx.conversations.dialogs import ClientId, Draft, MessageId
from replyx.delivery.eventlog import Cursor
from replyx.delivery.subscription import Subscription
from replyx.delivery.wire import Wire
from replyx.errors import FieldError, Problem
from replyx.schemas.dialogs import Message, Turn
from replyx.wire.visitors import VISITORS_WEBSOCKET
from replyx.wire.websocket import WEBSOCKET

log = logging.getLogger("replyx.sockets")


class SendFrame(msgspec.Struct, tag_field="type", tag="message"):
    """Send a message."""

    text: str
    client_id: ClientId | None = None
    sender: str | None = None
    turn: Turn | None = None


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
    errors: tuple[FieldError, ...] | UnsetType = UNSET


class DialogSocket(EventSocket):
    """One dialog, for whatever actor the route admits."""

    __slots__ = ("dialog_id", "gone", "writing")

    kind = "dialog"

    dialog_id: int

    def __init__(self, handler: Handler, cursor: Cursor | None) -> None:
        super().__init__(handler, cursor)
        self.gone = False
        self.writing: Writing | None = None  # most never write

    async def check(self, handler: Handler, *path: str) -> None:
        """The dialog must be the actor's to see."""
        self.dialog_id = int(path[0])
        await self.services.dialogs.check_access(self.speaker, self.dialog_id)

    def join(self) -> Subscription:
        """Greet the client and hear the dialog."""
        epoch, position = position_of(self.services.hub, self.cursor)
        sender = sender_of(self.speaker)
        self.send(Connected(self.dialog_id, sender, f"{epoch}-{position}", self.heartbeat_s))
        log.info("%s WebSocket connected dialog=%d", _way(self.speaker), self.dialog_id)
        wire: Wire = VISITORS_WEBSOCKET if isinstance(self.speaker, VisitorActor) else WEBSOCKET
        return Subscription(topics_of(self.speaker, self.dialog_id), wire, self.sink, 0)

    async def act(self, data: bytes) -> None:
        """Send, type, read or ping."""
        frame, dialogs, actor = decode(data, FRAMES), self.services.dialogs, self.speaker
        if isinstance(frame, SendFrame):
            spend_send(self.services, actor, self.address)
            sent = await dialogs.send_message(
                actor, self.dialog_id, Draft(frame.text, frame.client_id, frame.sender, frame.turn)
            )
            if self.writing is not None:
                self.writing.sent(self.dialog_id)
            self.send(Ack(frame.client_id, sent.message, sent.duplicate))
        elif isinstance(frame, TypingStartFrame | TypingStopFrame):
            self.limit("typing", self.request_id)
            begins = isinstance(frame, TypingStartFrame)
            stop = await dialogs.typing(actor, self.dialog_id, begins, self.sink)
            self.writing = self.writing or Writing()
            self.writing.told(stop, begins)
            if self.gone:
                self.writing.take_back(dialogs)
        elif isinstance(frame, ReadFrame):
            await dialogs.read(actor, self.dialog_id, frame.up_to)
        else:
            self.send(Pong())

    def closed(self) -> None:
        """The socket is gone, and with it whoever was writing."""
        super().closed()
        self.gone = True
        if self.writing is not None:
            self.writing.take_back(self.services.dialogs)

    def error_frame(self, problem: Problem, data: bytes) -> ErrorFrame:
        """Name the refused frame by its ``client_id``, where it has one."""
        try:
            client_id = msgspec.json.decode(data, type=Envelope).client_id
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            client_id = None
        shown = client_id if isinstance(client_id, str) and len(client_id) <= 64 else None
        return ErrorFrame(problem.code, problem.detail, shown, problem.retry_after, problem.errors or UNSET)


class DialogHandler(SocketHandler):
    """Lets in an operator or a visitor."""

    client = DialogSocket


def _way(actor: Actor) -> str:
    if isinstance(actor, VisitorActor):
        return "[Site]" if actor.via == "site" else "WIDGET"
    return "ADMIN"
