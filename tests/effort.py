"""How the work of a function grows with the text that a client sends: twice the text must be twice the work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

SHORT, LONG = 500, 4_000  # characters: work that grows with the square is 64 times as much, not 8
MOST = 3 * LONG / SHORT  # between the two, because caches and interruptions blur what is measured
ROUNDS = 3


def grown(work: Callable[[str], object], unit: str, end: str = "") -> float:
    """How many times as much work a long text of ``unit`` again and again is as a short one.

    Both are counted in the CPU time of this thread, the least of a few rounds: what others do meanwhile is not in it.
    """
    short, long = (unit * (size // len(unit)) + end for size in (SHORT, LONG))
    return _least(work, long) / max(_least(work, short), 1e-6)


def disproportionate(work: Callable[[str], object], units: Iterable[str], ends: Iterable[str] = ("",)) -> list[str]:
    """Those of the ``units`` of which more text is disproportionately more work; looked at again before they count."""
    cases = [(unit, end) for unit in units for end in ends]
    return [
        f"{unit!r}, in the end {end!r}"
        for unit, end in cases
        if grown(work, unit, end) > MOST and grown(work, unit, end) > MOST
    ]


def _least(work: Callable[[str], object], text: str) -> float:
    times = []
    for _ in range(ROUNDS):
        begin = time.thread_time()
        work(text)
        times.append(time.thread_time() - begin)
    return min(times)
