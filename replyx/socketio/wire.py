"""Events of the hub as Socket.IO events, with the cursor as their offset.

Connection state recovery, as stock clients speak it: the last argument of each event is a string, the offset; a
client that reconnects sends the last one it saw with its ``pid`` in CONNECT, and goes on from there. So a durable
event always ends with its cursor, and no other event may end with a string.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from replyx.delivery.eventlog import Cursor, LoggedEvent
from replyx.delivery.wire import Wire
from replyx.errors import CursorMalformed
from replyx.socketio.engineio_codec import TEXT_FRAME, Frames
from replyx.socketio.socketio_codec import MAIN, Kind, Packet, address
from replyx.socketio.socketio_session import frames
from replyx.wire.websocket import frame

# From an event's JSON object to the name and the JSON of the one argument of a Socket.IO event; None: not for here.
Translate = Callable[[bytes], tuple[str, bytes] | None]


def websocket_frame(packet: bytes) -> bytes:
    """An encoded packet as a WebSocket frame."""
    return frame(TEXT_FRAME, b"4" + packet)


def polling_chunk(packet: bytes) -> bytes:
    """An encoded packet as a chunk for the next poll."""
    return b"4%s\x1e" % packet


class SocketIoWire:
    """One namespace over one transport. What ``translate`` leaves out becomes no bytes at all."""

    def __init__(self, translate: Translate, framed: Callable[[bytes], bytes], namespace: str = MAIN) -> None:
        self._translate = translate
        self._framed = framed
        self._start = b"%d%s" % (Kind.EVENT, address(namespace))

    def durable(self, event: LoggedEvent, epoch: str) -> bytes:
        """The event with its cursor as the last argument, which stock clients keep as their offset."""
        return self._event(event.payload, b',"%s-%d"' % (epoch.encode(), event.id))

    def ephemeral(self, payload: bytes) -> bytes:
        """The event without an offset: a client must not resume from it."""
        return self._event(payload, b"")

    def resync(self, reason: str, epoch: str, top: int) -> bytes:
        """``resync`` with the reason, and the offset from which live events go on."""
        return self._framed(
            b'%s["resync",{"reason":"%s"},"%s-%d"]' % (self._start, reason.encode(), epoch.encode(), top)
        )

    def _event(self, payload: bytes, offset: bytes) -> bytes:
        translated = self._translate(payload)
        if translated is None:
            return b""
        name, argument = translated
        return self._framed(b"%s[%s,%s%s]" % (self._start, msgspec.json.encode(name), argument, offset))


@dataclass(frozen=True, slots=True)
class Wires:
    """One namespace over both transports. Make them once: the hub encodes an event once for each object."""

    websocket: Wire
    polling: Wire

    def of_transport(self, polling: bool) -> Wire:
        """The one for the transport that a client is on."""
        return self.polling if polling else self.websocket

    @classmethod
    def of(cls, translate: Translate, namespace: str = MAIN) -> Wires:
        """The wires of ``namespace``."""
        return cls(
            SocketIoWire(translate, websocket_frame, namespace), SocketIoWire(translate, polling_chunk, namespace)
        )


def event(name: str, args: Sequence[Any], namespace: str = MAIN) -> Frames:
    """An event to be written to many clients of ``namespace``; bytes in ``args`` become attachments."""
    return frames(Packet(Kind.EVENT, namespace, [name, *args]))


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a client that was here before brings with its CONNECT: who it was, and the last that it has seen."""

    pid: str
    cursor: Cursor


def new_pid(epoch: str, position: int) -> str:
    """A private id for a client that is new. It holds where the client began, for one that has not seen any event."""
    return f"{secrets.token_urlsafe(24)}~{Cursor(epoch, position)}"


def recovery_of(auth: Mapping[str, Any]) -> Recovery | None:
    """The recovery that a CONNECT asks for. None for a client that is new, or whose claim cannot be read.

    Whether the ``pid`` is one of ours is for the application to know.
    """
    pid = auth.get("pid")
    if not isinstance(pid, str) or not pid.isascii() or len(pid) > 128:
        return None
    offset = auth.get("offset")
    try:
        return Recovery(pid, Cursor.parse(offset if isinstance(offset, str) else pid.rpartition("~")[2]))
    except CursorMalformed:
        return None
