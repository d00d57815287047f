"""One client's place in the stream of events: a state machine without a loop, a clock or a socket.

A subscription is *live*, and gets each frame as it is published, or *behind*, and is caught up from the log. It has
no queue of its own: a client that reads too slowly simply falls behind, and costs a cursor.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from replyx.delivery.eventlog import LoggedEvent
from replyx.delivery.wire import Wire


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


class Filter(Protocol):
    """What a client gets of its topics, where that is not each event in one format."""

    @property
    def ready_at(self) -> int:
        """The event up to which :meth:`wire_for` must be asked; behind it all is live, as :meth:`wire_of` says."""
        ...

    def wire_of(self, topic: str) -> Wire:
        """The format of the events of ``topic``."""
        ...

    def wire_for(self, event: LoggedEvent) -> Wire | None:
        """The format of an event of the client's topics; None for one that the client is not to get."""
        ...


class Subscription:
    """Topics, a wire format, a sink and the id of the last event that went into the sink.

    Promises the sink each event of its topics once, in id order, from the cursor on. ``filter`` says which of them, and
    in which format, up to its ``ready_at``; without one it is all of them.
    """

    __slots__ = ("_waiting", "cursor", "filter", "ready_at", "sink", "state", "topics", "wire")

    def __init__(
        self, topics: frozenset[str], wire: Wire, sink: Sink, cursor: int, filter: Filter | None = None
    ) -> None:
        self.topics = topics
        self.wire = wire
        self.filter = filter
        self.ready_at = 0 if filter is None else filter.ready_at
        self.sink = sink
        self.cursor = cursor
        self.state = State.BEHIND
        self._waiting: list[bytes] = []

    def wire_of(self, topic: str) -> Wire:
        """The format of the live events of ``topic``."""
        return self.wire if self.filter is None else self.filter.wire_of(topic)

    def wire_for(self, event: LoggedEvent) -> Wire | None:
        """The format in which the client gets an event of the past; None when it is not for this client."""
        if self.topics.isdisjoint(event.topics):
            return None
        return self.wire if self.filter is None else self.filter.wire_for(event)

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
