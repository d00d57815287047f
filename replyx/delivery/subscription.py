"""One client's place in the stream of events: a state machine without a loop, a clock or a socket.

A subscription is *live*, and gets each frame as it is published, or *behind*, and is caught up from the log. It has
no queue of its own: a client that reads too slowly simply falls behind, and costs a cursor.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Protocol

from replyx.delivery.eventlog import LoggedEvent
from replyx.delivery.wire import Wire

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Sink(Protocol):
    """Where a subscription's bytes go."""

    def write(self, data: bytes) -> bool:
        """Take ``data`` whole, without waiting. False: no more until ``drained`` was called."""
        ...

    @property
    def full(self) -> bool:
        """Whether what was written still waits to leave, past the sink's bound."""
        ...


class State(Enum):
    """Where a subscription stands; *closed* is for good."""

    BEHIND = "behind"
    LIVE = "live"
    CLOSED = "closed"


class Subscription:
    """Topics, a wire format, a sink and the id of the last event that went into the sink.

    Promises the sink each event of its topics once, in id order, from the cursor on.

    ``wires`` names the topics whose events have another format; an event of several topics has that of the first. Of
    a topic in ``floors`` the events up to that id are left out: the client has them from elsewhere.
    """

    __slots__ = ("_waiting", "cursor", "floor", "floors", "sink", "state", "topics", "wire", "wires")

    def __init__(
        self,
        topics: frozenset[str],
        wire: Wire,
        sink: Sink,
        cursor: int,
        *,
        wires: Mapping[str, Wire] = NOTHING,
        floors: Mapping[str, int] = NOTHING,
    ) -> None:
        self.topics = topics
        self.wire = wire
        self.wires = wires
        self.floors = floors
        self.floor = max(floors.values(), default=0)
        self.sink = sink
        self.cursor = cursor
        self.state = State.BEHIND
        self._waiting: list[bytes] = []

    def wire_of(self, topic: str) -> Wire:
        """The format of the events of ``topic``."""
        return self.wires.get(topic, self.wire) if self.wires else self.wire

    def wire_for(self, event: LoggedEvent) -> Wire | None:
        """The format in which the client gets ``event``; None when it is not for this client."""
        if self.topics.isdisjoint(event.topics):
            return None
        if not self.wires and not self.floors:
            return self.wire
        for topic in event.topics:
            if topic in self.topics and event.id > self.floors.get(topic, 0):
                return self.wire_of(topic)
        return None

    def offer(self, event_id: int, frame: bytes) -> bool:
        """Take the next live event; True when it is the first of this turn and a :meth:`flush` is due."""
        if event_id <= self.cursor or self.state is not State.LIVE:
            return False
        self.cursor = event_id
        self._waiting.append(frame)
        return len(self._waiting) == 1

    def flush(self) -> bool:
        """Write what this turn brought in one go. False: the client is now behind."""
        waiting = self._waiting
        data = waiting[0] if len(waiting) == 1 else b"".join(waiting)
        waiting.clear()
        if self.sink.write(data):
            return True
        self.fall_behind()
        return False

    def replay(self, event_id: int, frame: bytes) -> bool:
        """Write one event of the past. False: the sink is full, go on after it drained."""
        if event_id <= self.cursor:
            return True
        self.cursor = event_id
        return self.sink.write(frame)

    def fall_behind(self) -> None:
        """The sink is full: no more frames until the past was told again from the cursor."""
        if self.state is State.LIVE:
            self.state = State.BEHIND

    def go_live(self) -> None:
        """The past is told: from here on every frame comes as it is published."""
        if self.state is State.BEHIND:
            self.state = State.LIVE

    def close(self) -> None:
        """No more bytes, for good."""
        self.state = State.CLOSED
        self._waiting.clear()
