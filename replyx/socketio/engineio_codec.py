"""Packets of Engine.IO 4: text in and out of WebSocket frames and of long-polling payloads.

A packet is its type, one digit, and its data. Over a WebSocket each packet is one frame, and binary data travels as a
binary frame without a type. Over long-polling packets are joined by the record separator, and binary data is base64
behind a ``b``. (Engine.IO protocol, "Packet encoding")
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import NamedTuple

from replyx.wire.websocket import frame

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "0123456"
TYPES = frozenset("0123456")
BINARY = "b"
SEPARATOR = "\x1e"

TEXT_FRAME = 0x81  # RFC 6455, 5.2: final, opcode 1
BINARY_FRAME = 0x82  # final, opcode 2


class BadPacket(ValueError):
    """What arrived is no packet of the protocol."""


class Packet(NamedTuple):
    """One packet; ``data`` is bytes only for binary messages."""

    type: str
    data: str | bytes = ""


def decode_text(text: str) -> Packet:
    """One packet as text. Raises :class:`BadPacket`."""
    kind = text[:1]
    if kind in TYPES:
        return Packet(kind, text[1:])
    if kind != BINARY:
        raise BadPacket("a packet begins with its type, 0 to 6, or with b")
    try:
        return Packet(MESSAGE, base64.b64decode(text[1:], validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadPacket("binary data in text must be base64") from error


def decode_frame(data: str | bytes) -> Packet:
    """The packet in one WebSocket frame. Raises :class:`BadPacket`."""
    return Packet(MESSAGE, data) if isinstance(data, bytes) else decode_text(data)


def decode_payload(body: bytes) -> list[Packet]:
    """The packets in the body of a POST, at least one. Raises :class:`BadPacket` when any of them is bad."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadPacket("a payload is UTF-8") from error
    return [decode_text(part) for part in text.split(SEPARATOR)]


def encode_text(packet: Packet) -> bytes:
    """A packet as it stands in a payload."""
    if isinstance(packet.data, bytes):
        return b"b" + base64.b64encode(packet.data)
    return (packet.type + packet.data).encode()


def encode_frame(packet: Packet) -> bytes:
    """A packet as a whole WebSocket frame of a server: final, not masked."""
    if isinstance(packet.data, bytes):
        return frame(BINARY_FRAME, packet.data)
    return frame(TEXT_FRAME, encode_text(packet))


def chunk(packet: Packet) -> bytes:
    """A packet and the separator behind it: what waits for a poll. Chunks may simply be joined."""
    return encode_text(packet) + b"\x1e"


def reframe(chunks: bytes) -> bytes:
    """Chunks that waited for a poll as WebSocket frames: the client has changed its transport."""
    return b"".join(
        frame(BINARY_FRAME, base64.b64decode(part[1:])) if part[:1] == b"b" else frame(TEXT_FRAME, part)
        for part in chunks.split(b"\x1e")[:-1]
    )


class Frames:
    """One text message and the binary messages that belong to it, encoded at most once for each transport.

    The same object may be written to any number of clients.
    """

    __slots__ = ("_polling", "_websocket", "binary", "text")

    def __init__(self, text: bytes | None, binary: Sequence[bytes] = ()) -> None:
        self.text = text
        self.binary = binary
        self._websocket: bytes | None = None
        self._polling: bytes | None = None

    @property
    def websocket(self) -> bytes:
        """WebSocket frames."""
        if self._websocket is None:
            text = b"" if self.text is None else frame(TEXT_FRAME, b"4" + self.text)
            self._websocket = text + b"".join(frame(BINARY_FRAME, data) for data in self.binary)
        return self._websocket

    @property
    def polling(self) -> bytes:
        """Chunks for the next poll."""
        if self._polling is None:
            text = b"" if self.text is None else b"4" + self.text + b"\x1e"
            self._polling = text + b"".join(b"b" + base64.b64encode(data) + b"\x1e" for data in self.binary)
        return self._polling


def message(data: str | bytes) -> Frames:
    """One message of a program that uses Engine.IO alone."""
    return Frames(None, (data,)) if isinstance(data, bytes) else Frames(data.encode())
