"""How a socket's client behaves: after how many refused frames its connection ends, alike on every kind of socket."""

from __future__ import annotations

from replyx.errors import BAD_REQUEST, TOO_FAST, CloseCode, Problem, TooManyRequests

BAD_FRAMES = 20  # refused frames, less the good ones, before a connection is closed


class Manners:
    """Counts one client's refused frames, less the good ones."""

    __slots__ = ("_bad",)

    def __init__(self) -> None:
        self._bad = 0

    def good(self) -> None:
        """A frame was done."""
        self._bad = max(0, self._bad - 1)

    def refused(self, problem: Problem) -> CloseCode | None:
        """A frame was refused; why the connection is to end now, if it is. What is our own failure does not count."""
        if problem.status >= 500:
            return None
        self._bad += 1
        if self._bad < BAD_FRAMES:
            return None
        return TOO_FAST if isinstance(problem, TooManyRequests) else BAD_REQUEST
