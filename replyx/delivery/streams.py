"""The open streams of this process, and the one wheel that keeps all of them alive.

No task or timer per connection: once a second the wheel turns by one slot, and the streams of that slot get their
heartbeat. The same turn closes the streams whose token has run out.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec

from replyx import tasks
from replyx.delivery.eventlog import LoggedEvent
from replyx.delivery.hub import Hub
from replyx.errors import BAD_CREDENTIAL, GOING_AWAY, CloseCode
from replyx.schemas.events import DIRECTORY, DirectoryChanged

log = logging.getLogger("replyx.streams")

SSE_SLOTS = 15  # seconds between SSE heartbeats (contract: every 15 s)
ENDED_KEPT = 10_000  # grants that ended lately; a request that was admitted on one cannot take longer
EXPIRED_KEPT = 256  # closed streams that may still wait for their expiry before the list is made anew
SOCKET_SLOTS = 25  # seconds between pings; silence between two closes, so a dead phone is gone within 50 s


class Stream(Protocol):
    """One client's open connection. ``expires_at`` is in seconds since the epoch, None for never."""

    kind: str
    heartbeat_s: int

    @property
    def grant(self) -> str | None:
        """What the right to listen rests on, ``session:<id>`` or ``widget:<id>``; its end closes the stream."""
        ...

    @property
    def expires_at(self) -> float | None:
        """When the right to listen runs out."""
        ...

    def heartbeat(self) -> None:
        """Send a sign of life, and close when the client gave none since the last."""
        ...

    def end(self, why: CloseCode) -> None:
        """Close, telling the client why and when to return."""
        ...


class Streams:
    """Registers streams, beats their hearts, and ends those that lost their right to listen."""

    def __init__(self, hub: Hub, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._slots: dict[int, list[dict[Stream, None]]] = {
            period: [{} for _ in range(period)] for period in (SSE_SLOTS, SOCKET_SLOTS)
        }
        self._slot_of: dict[Stream, dict[Stream, None]] = {}
        self._grants: Counter[str | None] = Counter()
        self._next_slot = itertools.count()
        self._turn = 0
        self._expiring: list[tuple[float, int, Stream]] = []
        self._task: asyncio.Task[None] | None = None
        self._ended: OrderedDict[str, None] = OrderedDict()
        self.stopping = False
        hub.listen(DIRECTORY, self._directory_changed)
        hub.watch_skips(self._send_away)

    def start(self) -> None:
        """Begin to turn the wheel."""
        self._task = tasks.start(self._turn_forever())

    def add(self, stream: Stream) -> None:
        """Take a stream into the wheel. Slots are given in turn, so that no second carries all heartbeats."""
        number = next(self._next_slot)
        slot = self._slots[stream.heartbeat_s][number % stream.heartbeat_s]
        slot[stream] = None
        self._slot_of[stream] = slot
        self._grants[stream.grant] += 1
        if stream.expires_at is not None:
            heapq.heappush(self._expiring, (stream.expires_at, number, stream))
        if self.stopping:
            stream.end(GOING_AWAY)
        elif stream.grant in self._ended:  # it ended while the stream was being admitted
            stream.end(BAD_CREDENTIAL)

    def remove(self, stream: Stream) -> None:
        """Forget a stream; harmless when repeated."""
        slot = self._slot_of.pop(stream, None)
        if slot is None:
            return
        slot.pop(stream, None)
        self._grants[stream.grant] -= 1
        if not self._grants[stream.grant]:
            del self._grants[stream.grant]
        # A visitor's token is good for weeks: without this each closed stream would be kept for as long.
        if len(self._expiring) > 2 * len(self._slot_of) + EXPIRED_KEPT:
            self._expiring = [entry for entry in self._expiring if entry[2] in self._slot_of]
            heapq.heapify(self._expiring)

    def __iter__(self) -> Iterator[Stream]:
        return iter(list(self._slot_of))

    def __len__(self) -> int:
        return len(self._slot_of)

    def holds(self, grant: str) -> bool:
        """Whether a stream that rests on ``grant`` is open in this process."""
        return grant in self._grants

    def by_kind(self) -> dict[str, int]:
        """How many streams of each kind are open."""
        return dict(Counter(stream.kind for stream in self._slot_of))

    async def close(self) -> None:
        """Tell every client that the server restarts, and stop the wheel."""
        self.stopping = True
        await tasks.stop([self._task])
        self._send_away()

    def _send_away(self) -> None:
        """Tell every client to come back. Whoever may listen no longer, and was not ended here, is refused then."""
        for stream in self:
            stream.end(GOING_AWAY)

    async def _turn_forever(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.turn(self._clock())

    def turn(self, now: float) -> None:
        """One second of the wheel: heartbeats of one slot of each period, and the streams whose token ran out."""
        self._turn += 1
        for period, slots in self._slots.items():
            for stream in list(slots[self._turn % period]):
                stream.heartbeat()
        while self._expiring and self._expiring[0][0] <= now:
            _, _, stream = heapq.heappop(self._expiring)
            if stream in self._slot_of:
                stream.end(BAD_CREDENTIAL)

    def _directory_changed(self, event: LoggedEvent) -> None:
        ended = set(msgspec.json.decode(event.payload, type=DirectoryChanged).ended)
        if not ended:
            return
        self._ended.update(dict.fromkeys(ended))
        while len(self._ended) > ENDED_KEPT:
            self._ended.popitem(last=False)
        for stream in self:
            if stream.grant in ended:
                stream.end(BAD_CREDENTIAL)
