"""An event loop whose clock moves only when the simulation says so: no sleep takes time, no wait is ever real."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any


class _NeverWaiting(selectors.SelectSelector):
    """Asked to wait, it asks whether time may pass instead."""

    def __init__(self) -> None:
        super().__init__()
        self.idle: Callable[[float | None], None] = lambda timeout: None

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None or timeout > 0:
            self.idle(timeout)
        return []


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Runs what can run now, or up to a moment of its own time; the same calls always lead to the same order."""

    def __init__(self) -> None:
        self._now = self._until = 0.0
        selector = _NeverWaiting()
        super().__init__(selector)
        selector.idle = self._idle

    def time(self) -> float:
        """Seconds since the loop was made, in simulated time."""
        return self._now

    def settle(self) -> None:
        """Run until everything waits for a timer or for the simulation."""
        self.run_forever()

    def pass_time(self, seconds: float) -> None:
        """Let ``seconds`` go by, and run every timer in them at its moment."""
        self._until = self._now + seconds
        self.run_forever()

    def _idle(self, timeout: float | None) -> None:
        if timeout is not None and self._now + timeout <= self._until:
            self._now += timeout
            return
        self._now = self._until
        self.stop()
