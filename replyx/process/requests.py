"""What is counted of HTTP requests, in plain numbers: cheap enough for every request, whether anyone asks or not."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from itertools import accumulate

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")


class Requests:
    """Counts answered HTTP requests by the class of their status, and how long they took in all, in seconds."""

    def __init__(self) -> None:
        self.by_class = Counter(dict.fromkeys(CLASSES, 0))  # from the start: a rate needs a value before the first
        self.seconds = 0.0
        self._buckets = [0] * (len(BUCKETS_S) + 1)

    def observe(self, status: int, seconds: float) -> None:
        """One request was answered."""
        self.by_class[f"{status // 100}xx"] += 1
        self.seconds += seconds
        self._buckets[bisect_left(BUCKETS_S, seconds)] += 1

    def buckets(self) -> list[tuple[str, float]]:
        """How many requests took at most so many seconds; the last is ``+Inf`` and counts all."""
        return list(zip([*map(str, BUCKETS_S), "+Inf"], map(float, accumulate(self._buckets)), strict=True))
