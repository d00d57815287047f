"""Presence: how many clients are connected, by group and name, over all processes of the installation.

A process counts what it serves itself. Counts of other processes are what they said last; a process that has been
silent for :data:`KEPT_S` seconds no longer counts, so the share of one that died is gone within seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

TOLD_EVERY_S = 2.0
KEPT_S = 5.0  # two reports may be lost before a living process is taken for dead
MOST_PROCESSES = 1024  # whose shares are kept; a bound for memory, not for an installation

Counts = Mapping[str, int]
"""How many of each name: ``{"user": 3, "admin": 1}``. What is zero is left out."""

Source = Callable[[], Counts]


class Presence(Protocol):
    """Counts over all processes. Calls answer at once."""

    def report(self, group: str, source: Source) -> None:
        """Let ``source`` be what this process has to say of ``group``; it is asked whenever somebody wants to know."""
        ...

    def totals(self, group: str) -> dict[str, int]:
        """The counts of ``group``, summed over all processes by name; of this process they are of this moment."""
        ...


class LocalPresence:
    """Presence as far as this process knows it, and what others told of themselves.

    Alone, nobody tells anything and the totals are its own counts.
    """

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {}
        self._others: dict[str, tuple[float, Mapping[str, Counts]]] = {}

    def report(self, group: str, source: Source) -> None:
        """See :class:`Presence`."""
        self._sources[group] = source

    def totals(self, group: str) -> dict[str, int]:
        """See :class:`Presence`."""
        total = Counter(self._sources[group]() if group in self._sources else {})
        for _, groups in self._others.values():
            total.update(groups.get(group, {}))
        return dict(total)

    def own(self) -> dict[str, dict[str, int]]:
        """This process's share of every group, to be told to the others."""
        return {
            group: {name: count for name, count in source().items() if count} for group, source in self._sources.items()
        }

    def heard(self, process: str, groups: Mapping[str, Counts], now: float) -> bool:
        """Another process told its share at ``now`` (seconds of any clock). True: it was not known before."""
        new = process not in self._others
        if not new or len(self._others) < MOST_PROCESSES:
            self._others[process] = (now, groups)
        return new

    def forget(self, now: float) -> None:
        """Drop the shares of processes that have been silent for too long at ``now``."""
        self._others = {each: share for each, share in self._others.items() if now - share[0] < KEPT_S}

    def left(self, process: str) -> None:
        """Another process said goodbye."""
        self._others.pop(process, None)
