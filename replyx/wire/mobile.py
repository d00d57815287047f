"""The envelope of mobile, shop and admin clients: ``{"event", "timestamp", "data", "id"?, "cursor"?}``.

Events for these clients are logged as ``{"type", "timestamp", "data"}``, in this order, so that the envelope is made
without reading them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from replyx.delivery.eventlog import LoggedEvent
from replyx.schemas.dialogs import timestamp
from replyx.wire.webapp import BROADCAST
from replyx.wire.websocket import text_frame

TYPE = b'{"type":'


class MobileWire:
    """The same bytes for every client type. ``clock`` gives seconds since the epoch: ``resync`` alone is made here."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def durable(self, event: LoggedEvent, epoch: str) -> bytes:
        """The envelope with ``id`` and ``cursor`` as its last members."""
        head = envelope(event.payload)[:-1]
        return text_frame(b'%s,"id":%d,"cursor":"%s-%d"}' % (head, event.id, epoch.encode(), event.id))

    def ephemeral(self, payload: bytes) -> bytes:
        """The envelope alone."""
        return text_frame(envelope(payload))

    def resync(self, reason: str, epoch: str, top: int) -> bytes:
        """See :class:`replyx.delivery.wire.Wire`; ``cursor`` is the client's new place.

        In the envelope, and as every other transport says it: one reader of ``resync`` serves them all.
        """
        now, why = timestamp(int(self._clock() * 1000)).encode(), reason.encode()
        return text_frame(
            b'{"event":"resync","timestamp":"%s","data":{"reason":"%s"},"type":"resync","reason":"%s","cursor":"%s-%d"}'
            % (now, why, why, epoch.encode(), top)
        )


def envelope(payload: bytes) -> bytes:
    """A logged event as these clients know it; what a bot sent becomes its ``data``."""
    found = BROADCAST.match(payload)
    if found is not None:
        payload = payload[: found.end() - len(b'"body":')] + b'"data":' + payload[found.end() :]
    return b'{"event":' + payload[len(TYPE) :]


MOBILE = MobileWire(time.time)
