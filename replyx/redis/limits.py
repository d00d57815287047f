"""Limits that hold across processes: each process decides at once by its own buckets, and soon tells what it took.

Every process takes from its buckets what the others took from theirs, so all of them agree a moment later. What was
granted twice in that moment makes a bucket owe, and whoever went too fast waits longer: in the long run the rate is
that of one process. While Redis is away nothing is heard and each process grants the limit for what it serves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from replyx.limits import Limits

TOLD_AFTER_S = 0.05  # much less than the time that trying a password takes
MOST_KEYS = 10_000  # told at a time; under more strangers than that each process guards itself
AT_ONCE = 500

Taken = tuple[str, str, int]
"""Rule, key, cost; below zero for what was given back."""

OF_ONE_CONNECTION = frozenset({"typing", "ticket_join", "socket_frames"})
"""Rules whose keys name a connection, which lives in one process."""


class SharedLimits:
    """A :class:`replyx.limits.Limiter` over ``limits``. ``tell`` brings what was taken here to the other processes."""

    def __init__(self, limits: Limits, tell: Callable[[Sequence[Taken]], None], clock: Callable[[], float]) -> None:
        self._limits = limits
        self._tell = tell
        self._clock = clock
        self._taken: dict[tuple[str, str], int] = {}

    def spend(self, rule_name: str, key: str, now: float, cost: int = 1) -> None:
        """See :class:`replyx.limits.Limiter`."""
        self._limits.spend(rule_name, key, now, cost)
        self._note(rule_name, key, cost)

    def peek(self, rule_name: str, key: str, now: float, cost: int = 1) -> int:
        """See :class:`replyx.limits.Limiter`."""
        return self._limits.peek(rule_name, key, now, cost)

    def refund(self, rule_name: str, key: str, now: float, cost: int = 1) -> None:
        """See :class:`replyx.limits.Limiter`."""
        self._limits.refund(rule_name, key, now, cost)
        self._note(rule_name, key, -cost)

    def absorb(self, rule_name: str, key: str, now: float, cost: int) -> None:
        """See :class:`replyx.limits.Limiter`."""
        self._limits.absorb(rule_name, key, now, cost)
        self._note(rule_name, key, cost)

    def burst(self, rule_name: str) -> int:
        """See :class:`replyx.limits.Limiter`."""
        return self._limits.burst(rule_name)

    def hear(self, taken: Sequence[Taken]) -> None:
        """Count what another process took."""
        now = self._clock()
        for rule_name, key, cost in taken:
            self._limits.absorb(rule_name, key, now, cost)

    def settle(self) -> None:
        """Tell what was taken since the last time."""
        taken = [(rule, key, cost) for (rule, key), cost in self._taken.items() if cost]
        self._taken.clear()
        for first in range(0, len(taken), AT_ONCE):
            self._tell(taken[first : first + AT_ONCE])

    def _note(self, rule_name: str, key: str, cost: int) -> None:
        if rule_name in OF_ONE_CONNECTION or not self._limits.enabled:
            return
        if not self._taken:
            asyncio.get_running_loop().call_later(TOLD_AFTER_S, self.settle)
        entry = (rule_name, key)
        if entry in self._taken or len(self._taken) < MOST_KEYS:
            self._taken[entry] = self._taken.get(entry, 0) + cost
