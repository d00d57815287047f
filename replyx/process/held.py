"""What clients make this process hold: messages of which half has come, and answers that nobody takes.

Each single one has a bound of its own; here all of them have one together. Past it, whoever is at the address that
makes the process hold most is let go of, with the largest first, so that many slow clients cost nobody else.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal, Protocol, get_args

MOST_BYTES = 64 * 1024 * 1024

Why = Literal["memory", "slow", "silent"]
WHY: tuple[Why, ...] = get_args(Why)


class Holder(Protocol):
    """A connection for which something is held."""

    def let_go(self) -> None:
        """Drop it, and the client with it; nothing is held for it afterwards."""


class Held:
    """The bytes that are held, by connection and address, at most ``most`` of them.

    ``cut`` counts the connections that were ended for everybody's sake: for the ``memory``, ``slow`` readers, and
    ``silent`` ones that made room for others.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.most = most
        self.total = 0
        self.cut: Counter[Why] = Counter()
        self._of: dict[str, dict[Holder, int]] = {}
        self._bytes: Counter[str] = Counter()

    def change(self, holder: Holder, address: str, size: int) -> None:
        """``holder``, whose ``address`` is always the same, makes the process hold ``size`` bytes from now on."""
        holders = self._of.setdefault(address, {})
        more = size - holders.pop(holder, 0)
        if size:
            holders[holder] = size
        self.total += more
        self._bytes[address] += more
        if not holders:
            del self._of[address], self._bytes[address]
        while more > 0 and self.total > self.most:
            self._relieve()

    def _relieve(self) -> None:
        """Let go of the largest at the address that has most."""
        address = max(self._bytes, key=self._bytes.__getitem__)
        holders = self._of[address]
        largest = max(holders, key=holders.__getitem__)
        self.cut["memory"] += 1
        self.change(largest, address, 0)
        largest.let_go()
