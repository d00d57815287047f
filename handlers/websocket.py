"""The server's side of a WebSocket (RFC 6455) on a socket of its own: handshake, order of messages, pongs, the end."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import logging
import socket
from collections import deque
from typing import Protocol

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from handlers.connection import Connection, take_socket
from handlers.proxies import advise
from replyx.errors import SERVER_FAILED, TRY_LATER, CloseCode, Malformed, UpgradeRequired
from replyx.faults import Fault
from replyx.process.held import Held
from replyx.wire.frames import CLOSE, PING, TEXT, Frame, FrameReader
from replyx.wire.websocket import close_frame, pong_frame

log = logging.getLogger("replyx.sockets")

VERSION = "13"  # RFC 6455, 4.1
ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
KEY_BYTES = 16  # RFC 6455, 4.1
CLOSE_S = 5.0  # how long a client may take to answer a close, or to take what was sent before it
COUNTED_BYTES = 4_096  # of an unfinished message; most reads end within a frame, which costs nothing worth counting
TURN = 64  # frames of one client before others have their turn


class Owner(Protocol):
    """What a WebSocket tells. ``closed`` is called once, when nothing can be sent any more."""

    async def heard(self, data: bytes, text: bool) -> None:
        """A message; the next one comes when this one is worked off."""
        ...

    def alive(self) -> None:
        """The client gave a sign of life."""
        ...

    def drained(self) -> None:
        """Everything that waited has left."""
        ...

    def closed(self) -> None:
        """It is over."""
        ...


class WebSocket(Connection):
    """One client's WebSocket after the handshake. As a sink it takes whole frames.

    Messages and control frames are worked off strictly in order. While a message is, at most one more read is taken
    from the client; a client that does not read the answers is not read either.
    """

    __slots__ = (
        *("_address", "_closing", "_held", "_holds", "_leaving", "_owner"),
        *("_queue", "_reader", "_room", "_timer", "_told", "_work"),
    )

    def __init__(self, taken: socket.socket, owner: Owner, max_bytes: int, held: Held, address: str) -> None:
        self._owner = owner
        self._held = held
        self._address = address
        self._holds = False
        self._reader = FrameReader(max_bytes)
        self._queue: deque[Frame] | None = None
        self._work: asyncio.Task[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False  # our close frame is written
        self._leaving = False  # and whatever the client sends now is not looked at
        self._told = False
        super().__init__(taken)

    def write(self, data: bytes) -> bool:
        """As :meth:`Connection.write`; nothing follows a close frame (5.5.1)."""
        return not self._closing and super().write(data)

    def close(self, code: int, reason: str = "") -> None:
        """Say why, then wait for the client to close too, but not for long. Harmless when repeated."""
        self._say_goodbye(close_frame(code, reason))

    # What the client sends

    def received(self, data: bytes) -> None:
        """Work off the frames that ``data`` completes; those that need no waiting at once."""
        if self._leaving:
            return
        self._owner.alive()
        frames = self._reader.feed(data)
        if self._holds or self._reader.held >= COUNTED_BYTES:
            self._count_held()
        if self._queue is not None:
            self._queue.extend(frames)
            self.pause()
            return
        if len(frames) > 1 or (frames and frames[0][0] < CLOSE):
            self._queue = deque(frames)
            self._work = self._loop.create_task(self._work_off(self._queue))
            return
        for opcode, payload in frames:
            self._control(opcode, payload)
        self._settle()

    def _count_held(self) -> None:
        size = self._reader.held
        self._holds = size >= COUNTED_BYTES
        self._held.change(self, self._address, size if self._holds else 0)

    def let_go(self) -> None:
        """Half a message is more than the server has room for; see :class:`replyx.process.held.Holder`."""
        self._holds = False
        self._reader.give_up(TRY_LATER)
        if self._queue is None:
            self._settle()

    async def _work_off(self, queue: deque[Frame]) -> None:
        worked = 0
        try:
            while queue:
                opcode, payload = queue.popleft()
                if opcode >= CLOSE:
                    self._control(opcode, payload)
                elif not self._closing:
                    if self.full:
                        await self._until_drained()
                    await self._owner.heard(payload, opcode == TEXT)
                worked += 1
                if worked % TURN == 0:
                    await asyncio.sleep(0)
        except Exception:
            log.exception("a message could not be worked off; its WebSocket is closed")
            self._fail(SERVER_FAILED)
        self._queue = self._work = None
        self._settle()
        self.read_on()

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self.write(pong_frame(payload))  # 5.5.3
        elif opcode == CLOSE:
            self._say_goodbye(close_frame(int.from_bytes(payload[:2], "big") if payload else None))  # 5.5.1
            self._leave()

    def _settle(self) -> None:
        """What was read before a broken rule is worked off: now the connection fails."""
        if self._reader.failure is not None:
            self._fail(self._reader.failure)

    async def _until_drained(self) -> None:
        self._room = self._loop.create_future()
        await self._room

    # The end (7.1)

    def _fail(self, why: CloseCode) -> None:
        self.close(why.code, why.reason)
        self._leave()

    def _say_goodbye(self, frame: bytes) -> None:
        if self._closing:
            return
        super().write(frame)
        self._closing = True
        if not self.closed:
            self._timer = self._loop.call_later(CLOSE_S, self.abort)

    def _leave(self) -> None:
        """Nothing more to say or to hear: end our direction, and wait for the end of the other (7.1.1)."""
        if not self._leaving:
            self._leaving = True
            if not self.unsent:
                self.shut()
            self._tell()

    def drained(self) -> None:
        """See :class:`Connection`."""
        self._go_on()
        if self._leaving:
            self.shut()
        else:
            self._owner.drained()

    def lost(self) -> None:
        """See :class:`Connection`."""
        self._closing = True
        if self._holds:
            self._holds = False
            self._held.change(self, self._address, 0)
        if self._timer is not None:
            self._timer.cancel()
        self._go_on()
        self._tell()

    def _go_on(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            self._owner.closed()


def asks_for_websocket(request: HTTPServerRequest) -> bool:
    """Whether HTTP is to go on as a WebSocket: offered among others perhaps, by the connection itself, over HTTP/1.1.

    RFC 6455, 4.2.1; RFC 9110, 7.8: without ``Connection: upgrade``, and over HTTP/1.0, ``Upgrade`` means nothing.
    """
    headers = request.headers
    offered, hop = _listed(headers.get("Upgrade", "")), _listed(headers.get("Connection", ""))
    return "websocket" in offered and "upgrade" in hop and request.version != "HTTP/1.0"


def upgrade_required(request: HTTPServerRequest) -> UpgradeRequired:
    """What answers a request that is no handshake, or was one before a proxy had it."""
    if "Sec-WebSocket-Key" not in request.headers:
        return UpgradeRequired("Connect with a WebSocket client.")
    return UpgradeRequired("Connect with a WebSocket client.", errors=[advise("Upgrade", Fault.UPGRADE_DROPPED)])


def _listed(field: str) -> set[str]:
    return {token.strip() for token in field.lower().split(",")}


def accept_key(request: HTTPServerRequest) -> str:
    """The value of ``Sec-WebSocket-Accept`` that answers a handshake (RFC 6455, 4.2).

    Raises :class:`UpgradeRequired` and :class:`Malformed`.
    """
    headers = request.headers
    if not asks_for_websocket(request):
        raise upgrade_required(request)
    if headers.get("Sec-WebSocket-Version") != VERSION:
        raise UpgradeRequired(f"This server speaks version {VERSION} of the WebSocket protocol.")
    key = headers.get("Sec-WebSocket-Key", "")
    try:
        decoded = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != KEY_BYTES:
        raise Malformed(f"Sec-WebSocket-Key must be {KEY_BYTES} bytes in base64.")
    digest = hashlib.sha1(key.encode() + ACCEPT_SUFFIX, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def shake_hands(handler: RequestHandler, accept: str) -> tuple[socket.socket, bytes] | None:
    """Answer 101 and take the socket, with what the client has sent already; None if the client is gone."""
    handler.clear_header("Content-Type")
    handler.set_status(101)
    handler.set_header("Upgrade", "websocket")
    handler.set_header("Connection", "Upgrade")
    handler.set_header("Sec-WebSocket-Accept", accept)
    handler.finish()
    return take_socket(handler)
