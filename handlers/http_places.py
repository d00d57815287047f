"""Who holds a server's connections: how many come from an address, and which of them could be missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Place(Protocol):
    """A connection, and the address at its other end."""

    @property
    def address(self) -> str:
        """Always the same."""


P = TypeVar("P", bound=Place)


class Places(Generic[P]):
    """Counts connections by address, and knows those that wait for their client, the longest first.

    ``most`` is how many there may be, ``of_address`` how many of one address.
    """

    def __init__(self, most: int, of_address: Callable[[str], float]) -> None:
        self.most = most
        self._of_address = of_address
        self._count = 0
        self._from: Counter[str] = Counter()
        self._waiting: dict[str, dict[P, None]] = {}

    def take(self, address: str) -> None:
        """One more connection."""
        self._count += 1
        self._from[address] += 1

    def leave(self, address: str) -> None:
        """One less."""
        self._count -= 1
        self._from[address] -= 1
        if not self._from[address]:
            del self._from[address]

    def waits(self, connection: P) -> None:
        """It waits for its client from now on."""
        waiting = self._waiting.setdefault(connection.address, {})
        waiting.pop(connection, None)
        waiting[connection] = None

    def serves(self, connection: P) -> None:
        """It has something to do for its client, or is no more."""
        waiting = self._waiting.get(connection.address)
        if waiting is not None:
            waiting.pop(connection, None)
            if not waiting:
                del self._waiting[connection.address]

    def crowded(self, address: str) -> bool:
        """Whether a newcomer from there has to wait until there is room."""
        return self._count >= self.most or self._from[address] >= self._of_address(address)

    def spare(self, address: str) -> P | None:
        """The connection that makes room for a newcomer from ``address``; None where all are at work.

        One of the address that has most of those that wait, which is the newcomer's own when that has all it may.
        """
        if self._from[address] < self._of_address(address) and self._waiting:
            address = max(self._waiting, key=lambda each: len(self._waiting[each]))
        return next(iter(self._waiting.get(address, ())), None)
