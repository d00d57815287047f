"""Events of the hub as Socket.IO events, with the cursor as their offset.

Connection state recovery, as stock clients speak it: the last argument of each event is a string, the offset; a
client that reconnects sends the last one it saw with its ``pid`` in CONNECT, and goes on from there. So a durable
event always ends with its cursor, and no other event may end with a string.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from replyx.delivery.eventlog import LoggedEvent
from replyx.delivery.wire import Wire
from replyx.socketio.engineio_codec import TEXT_FRAME
from replyx.socketio.socketio_codec import Kind
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
    """The main namespace over one transport. What ``translate`` leaves out becomes no bytes at all."""

    def __init__(self, translate: Translate, framed: Callable[[bytes], bytes]) -> None:
        self._translate = translate
        self._framed = framed

    def durable(self, event: LoggedEvent, epoch: str) -> bytes:
        """The event with its cursor as the last argument, which stock clients keep as their offset."""
        return self._event(event.payload, b',"%s-%d"' % (epoch.encode(), event.id))

    def ephemeral(self, payload: bytes) -> bytes:
        """The event without an offset: a client must not resume from it."""
        return self._event(payload, b"")

    def resync(self, reason: str, epoch: str, top: int) -> bytes:
        """``resync`` with the reason, and the offset from which live events go on."""
        return self._framed(
            b'%d["resync",{"reason":"%s"},"%s-%d"]' % (Kind.EVENT, reason.encode(), epoch.encode(), top)
        )

    def _event(self, payload: bytes, offset: bytes) -> bytes:
        translated = self._translate(payload)
        if translated is None:
            return b""
        name, argument = translated
        return self._framed(b"%d[%s,%s%s]" % (Kind.EVENT, msgspec.json.encode(name), argument, offset))


@dataclass(frozen=True, slots=True)
class Wires:
    """The main namespace over both transports. Make them once: the hub encodes an event once for each object."""

    websocket: Wire
    polling: Wire

    def of_transport(self, polling: bool) -> Wire:
        """The one for the transport that a client is on."""
        return self.polling if polling else self.websocket

    @classmethod
    def of(cls, translate: Translate) -> Wires:
        """The wires that say what ``translate`` makes of events."""
        return cls(SocketIoWire(translate, websocket_frame), SocketIoWire(translate, polling_chunk))
