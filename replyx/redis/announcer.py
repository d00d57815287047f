"""Says what waits to be said to the other processes, in pipelines: one on its way at a time, and not too many a second.

All that came meanwhile goes out together, as one signed message, so whoever reads it pays for one message and one
signature however many events it carries. Whoever watches by hand has a channel for each topic, which no process reads.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from redis.asyncio.connection import AbstractConnection

from replyx.redis.bus_wire import BusWire
from replyx.redis.stream import RedisStream

PREFIX = "ws:"  # of every channel: PSUBSCRIBE "ws:dialog:*" shows the traffic of the dialogs
PROCESSES = PREFIX + "replyx"  # what processes say to each other

WAITING = 4096  # pieces that wait for Redis; past it the oldest go, and the others read them from the log
PIPELINE = 512  # pieces in one pipeline
MESSAGE_BYTES = 256 * 1024  # of pieces in one message: Redis keeps it for each process that is slow to read
PACE_S = 0.004  # from one pipeline to the next: an event that comes alone goes at once
PUBLISH_S = 3.0  # until a pipeline that is not answered counts as lost, and its connection as dead

Piece = tuple[str | None, bytes]  # the topic on whose channel it can be watched, and the piece


class Announcer:
    """The publishing half of the bus."""

    def __init__(self, wire: BusWire) -> None:
        self._wire = wire
        self._waiting: deque[Piece] = deque(maxlen=WAITING)
        self._stream: RedisStream | None = None
        self._unanswered = 0
        self._next_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._silent = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether something that is said now goes out."""
        return self._stream is not None

    def say(self, pieces: Iterable[Piece]) -> None:
        """Say this as soon as possible; nothing while Redis is away."""
        if self._stream is not None:
            self._waiting.extend(pieces)
            self._silent.clear()
            self._go_on()

    async def all_said(self) -> None:
        """Wait until Redis has answered all that was said, or is away."""
        if self._stream is not None:
            await self._silent.wait()

    async def work(self, connection: AbstractConnection) -> None:
        """Use this connection until it ends; raises why."""
        stream = self._stream = RedisStream(connection, self._answered)
        try:
            await stream.over()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._stream = self._timer = None
            self._unanswered = 0
            self._waiting.clear()
            self._silent.set()

    def check(self) -> None:
        """Give up a connection that owes an answer for too long; to be called once a second."""
        late = asyncio.get_running_loop().time() - self._next_at > PUBLISH_S
        if self._stream is not None and self._unanswered and late:
            self._stream.end(TimeoutError("Redis does not answer"))

    def _go_on(self) -> None:
        if self._unanswered or self._timer is not None:
            return
        if not self._waiting:
            self._silent.set()
            return
        loop = asyncio.get_running_loop()
        if loop.time() < self._next_at:
            self._timer = loop.call_at(self._next_at, self._pipeline)
        else:
            self._pipeline()

    def _pipeline(self) -> None:
        """Tell the processes, then whoever watches: one answer for each watched piece would cost more than all else."""
        assert self._stream is not None
        self._timer = None
        self._next_at = asyncio.get_running_loop().time() + PACE_S
        batch = [self._waiting.popleft() for _ in range(min(PIPELINE, len(self._waiting)))]
        messages = [("PUBLISH", PROCESSES, self._wire.message(pieces)) for pieces in _portions(batch)]
        watched = [("PUBLISH", PREFIX + topic, piece) for topic, piece in batch if topic is not None]
        self._unanswered = len(messages) + 1
        self._stream.write([*messages, ("CLIENT", "REPLY", "OFF"), *watched, ("CLIENT", "REPLY", "ON")])

    def _answered(self, answer: object) -> None:
        self._unanswered -= 1
        self._go_on()


def _portions(batch: Sequence[Piece]) -> Iterator[list[bytes]]:
    """The pieces, as many in one message as it may carry."""
    portion: list[bytes] = []
    size = 0
    for _, piece in batch:
        if portion and size + len(piece) > MESSAGE_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(piece)
        size += len(piece)
    yield portion
