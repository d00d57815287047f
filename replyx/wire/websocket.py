"""WebSocket frames as a server sends them (RFC 6455, 5.2): unmasked, final, never fragmented."""

from __future__ import annotations

import struct

from replyx.delivery.eventlog import LoggedEvent

TEXT = 0x81
CLOSE = 0x88
PING = 0x89
PONG = 0x8A


def text_frame(payload: bytes) -> bytes:
    """One text frame that holds ``payload``."""
    return frame(TEXT, payload)


def ping_frame() -> bytes:
    """An empty ping."""
    return frame(PING, b"")


def pong_frame(payload: bytes) -> bytes:
    """The answer to a ping that held ``payload`` (5.5.3)."""
    return frame(PONG, payload)


def close_frame(code: int | None, reason: str = "") -> bytes:
    """The last frame (5.5.1), empty without a code; ``reason`` is at most 123 bytes."""
    return frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason.encode())


def frame(first: int, payload: bytes) -> bytes:
    """One frame whose first byte is ``first``: FIN and the opcode."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", first, size) + payload
    if size < 65536:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


class WebSocketWire:
    """The event's JSON object with a ``cursor`` member added at its end."""

    def durable(self, event: LoggedEvent, epoch: str) -> bytes:
        """The payload with ``cursor`` as its last member."""
        return text_frame(b'%s,"cursor":"%s-%d"}' % (event.payload[:-1], epoch.encode(), event.id))

    def ephemeral(self, payload: bytes) -> bytes:
        """The payload as it is."""
        return text_frame(payload)

    def resync(self, reason: str, epoch: str, top: int) -> bytes:
        """See :class:`replyx.delivery.wire.Wire`; ``cursor`` is the client's new place."""
        return text_frame(b'{"type":"resync","reason":"%s","cursor":"%s-%d"}' % (reason.encode(), epoch.encode(), top))


WEBSOCKET = WebSocketWire()
