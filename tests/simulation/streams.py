"""The bytes of each wire format, read as a client reads them: what has arrived whole, and no more."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from replyx.conversations.ticket_joins import claim_of, new_pid
from replyx.delivery.eventlog import Cursor
from replyx.delivery.wire import Wire
from replyx.socketio.wire import Wires, polling_chunk, websocket_frame
from replyx.wire import sse
from replyx.wire.websocket import WEBSOCKET, text_frame
from tests.listeners import SseParser


@dataclass(frozen=True, slots=True)
class Block:
    """One thing that a client was told: its ``type``, or ``opening``."""

    kind: str
    cursor: Cursor | None
    event: dict[str, Any] = field(default_factory=dict)


class Reader(Protocol):
    """One connection's reading end."""

    def feed(self, data: bytes) -> Iterator[Block]:
        """What became whole with ``data``."""
        ...


class Format(Protocol):
    """A kind of client."""

    @property
    def wire(self) -> Wire:
        """What encodes its events."""
        ...

    def opening(self, epoch: str, position: int) -> bytes:
        """The first bytes of a connection; they hold the client's place."""
        ...

    def reader(self) -> Reader:
        """A reader for one connection."""
        ...


def place(text: str | None) -> Cursor | None:
    """A cursor as it travels, if there is one."""
    return Cursor.parse(text) if text is not None else None


class Sse:
    """An ``EventSource``."""

    wire: Wire = sse.SSE

    def opening(self, epoch: str, position: int) -> bytes:
        return sse.opening(epoch, position)

    def reader(self) -> Reader:
        return _SseReader()


class _SseReader:
    def __init__(self) -> None:
        self._parser = SseParser()

    def feed(self, data: bytes) -> Iterator[Block]:
        for cursor, payload, _ in self._parser.feed(data):
            if payload is not None:
                event = msgspec.json.decode(payload)
                yield Block(event["type"], place(cursor), event)
            elif cursor is not None:
                yield Block("opening", place(cursor))


class WebSocket:
    """A WebSocket of ours."""

    wire: Wire = WEBSOCKET

    def opening(self, epoch: str, position: int) -> bytes:
        return text_frame(b'{"type":"connected","cursor":"%s-%d"}' % (epoch.encode(), position))

    def reader(self) -> Reader:
        return _WebSocketReader()


class _WebSocketReader:
    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Block]:
        payloads, self._rest = frames_of(self._rest + data)
        for payload in payloads:
            event = msgspec.json.decode(payload)
            cursor = place(event.pop("cursor", None))
            yield Block("opening" if event["type"] == "connected" else event["type"], cursor, event)


def frames_of(data: bytes) -> tuple[list[bytes], bytes]:
    """The payloads of the whole frames at the start of ``data``, and the rest (RFC 6455, 5.2)."""
    payloads = []
    while len(data) >= 2:
        size, start = data[1], 2
        if size == 126:
            if len(data) < 4:
                break
            size, start = struct.unpack_from("!H", data, 2)[0], 4
        assert size != 127, "no event here is that large"
        if len(data) < start + size:
            break
        payloads.append(data[start : start + size])
        data = data[start + size :]
    return payloads, data


def named_by_type(payload: bytes) -> tuple[str, bytes]:
    """The hub's event under its type's name."""
    return msgspec.json.decode(payload)["type"], payload


class SocketIo:
    """A stock Socket.IO client; its place is what tickets read in the ``pid`` and the offset that it brings back."""

    wires = Wires.of(named_by_type)

    def __init__(self, polling: bool) -> None:
        self.polling = polling
        self.wire = self.wires.of_transport(polling)
        self._framed = polling_chunk if polling else websocket_frame

    def opening(self, epoch: str, position: int) -> bytes:
        return self._framed(b'0{"pid":"%s"}' % new_pid(Cursor(epoch, position), 0.0).encode())

    def reader(self) -> Reader:
        return _SocketIoReader(self.polling)


class _SocketIoReader:
    def __init__(self, polling: bool) -> None:
        self._polling = polling
        self._rest = b""
        self._pid = ""

    def feed(self, data: bytes) -> Iterator[Block]:
        if self._polling:
            *packets, self._rest = (self._rest + data).split(b"\x1e")
        else:
            packets, self._rest = frames_of(self._rest + data)
        for packet in packets:
            yield self._block(packet)

    def _block(self, packet: bytes) -> Block:
        if packet[:2] == b"40":
            self._pid = msgspec.json.decode(packet[2:])["pid"]
            return Block("opening", self._place(None))
        assert packet[:2] == b"42", packet
        name, event, *offset = msgspec.json.decode(packet[2:])
        return Block(name, self._place(offset[0]) if offset else None, event)

    def _place(self, offset: str | None) -> Cursor:
        claim = claim_of({"pid": self._pid, "offset": offset})
        assert claim is not None
        return claim.place.cursor


FORMATS: dict[str, Format] = {
    "sse": Sse(),
    "websocket": WebSocket(),
    "socket.io": SocketIo(polling=False),
    "polling": SocketIo(polling=True),
}
