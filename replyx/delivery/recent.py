"""The newest events of the log, in memory: a reconnect within them costs no read."""

from __future__ import annotations

from collections import deque

from replyx.delivery.eventlog import LoggedEvent

RECENT_EVENTS = 4096
RECENT_BYTES = 4 * 1024 * 1024


class Recent:
    """Keeps up to ``RECENT_EVENTS`` events of up to ``RECENT_BYTES`` of payload, without a hole between them."""

    def __init__(self) -> None:
        self._events: deque[LoggedEvent] = deque()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._events)

    def add(self, event: LoggedEvent) -> None:
        """Keep the event that comes right behind the newest one; the oldest make room for it."""
        self._events.append(event)
        self.bytes += len(event.payload)
        while len(self._events) > RECENT_EVENTS or self.bytes > RECENT_BYTES:
            self.bytes -= len(self._events.popleft().payload)

    def reaches(self, cursor: int) -> bool:
        """Whether every event behind ``cursor`` is here."""
        return bool(self._events) and cursor >= self._events[0].id - 1

    def after(self, cursor: int) -> list[LoggedEvent]:
        """The events behind ``cursor``, which must be :meth:`reached <reaches>`."""
        missed = self._events[-1].id - cursor if self._events else 0
        return [self._events[index] for index in range(-missed, 0)]

    def clear(self) -> None:
        """Forget all: what comes next does not follow on them."""
        self._events.clear()
        self.bytes = 0
