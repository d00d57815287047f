"""Server-sent events (WHATWG HTML, 9.2): ``id:`` and ``data:`` lines, never an ``event:`` name."""

from __future__ import annotations

from replyx.delivery.eventlog import LoggedEvent

RETRY_MS = 5000
HEARTBEAT = b": heartbeat\n\n"


class SseWire:
    """JSON holds no raw line break, so a payload is always a single ``data:`` line."""

    def durable(self, event: LoggedEvent, epoch: str) -> bytes:
        """An ``id:`` line with the cursor, and the payload."""
        return b"id: %s-%d\ndata: %s\n\n" % (epoch.encode(), event.id, event.payload)

    def ephemeral(self, payload: bytes) -> bytes:
        """The payload alone: without ``id:`` the client's place stays."""
        return b"data: %s\n\n" % payload

    def resync(self, reason: str, epoch: str, top: int) -> bytes:
        """See :class:`replyx.delivery.wire.Wire`; the ``id:`` moves the client's place to ``top``."""
        return b'id: %s-%d\ndata: {"type":"resync","reason":"%s"}\n\n' % (epoch.encode(), top, reason.encode())


def opening(epoch: str, position: int) -> bytes:
    """The first bytes of a stream: when to come back, and the id to come back with if nothing else arrives."""
    return b"retry: %d\n: heartbeat\nid: %s-%d\n\n" % (RETRY_MS, epoch.encode(), position)


def farewell(retry_ms: int) -> bytes:
    """The last bytes before the server ends a stream: come back in ``retry_ms``."""
    return b"retry: %d\n\n" % retry_ms


SSE = SseWire()
