"""What one Socket.IO client gets of its topics: it brings back a single offset, and joined each topic on its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from replyx.delivery.eventlog import LoggedEvent
from replyx.delivery.wire import Wire


@dataclass(frozen=True, slots=True)
class Selection:
    """Implements :class:`replyx.delivery.subscription.Filter`.

    ``wires`` has the topics whose events have another format than ``wire``; an event of several topics has that of the
    first. Of a topic in ``floors`` the events up to that id are left out: the client has them from elsewhere.
    """

    topics: frozenset[str]
    wire: Wire
    wires: Mapping[str, Wire]
    floors: Mapping[str, int]

    @property
    def ready_at(self) -> int:
        """The highest floor: live events are not compared with it."""
        return max(self.floors.values(), default=0)

    def wire_of(self, topic: str) -> Wire:
        """The format of the events of ``topic``."""
        return self.wires.get(topic, self.wire)

    def wire_for(self, event: LoggedEvent) -> Wire | None:
        """That of the first topic of which the client has not got the event from elsewhere."""
        for topic in event.topics:
            if topic in self.topics and event.id > self.floors.get(topic, 0):
                return self.wire_of(topic)
        return None
