"""Limits of several processes: each answers at once, and a moment later all agree."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from replyx.errors import TooManyRequests
from replyx.limits import Limits, Rule
from replyx.redis.limits import AT_ONCE, SharedLimits, Taken

NOW = 1_700_000_000.0
RULES = (Rule("login", 4, 1.0), Rule("typing", 4, 1.0))


class Processes:
    """Two processes, and what is under way between them."""

    def __init__(self, *, enabled: bool = True) -> None:
        self.said: list[tuple[int, Sequence[Taken]]] = []
        self.limits = [
            SharedLimits(Limits(enabled, RULES), lambda taken, who=who: self.said.append((who, taken)), lambda: NOW)  # type: ignore[misc]
            for who in (0, 1)
        ]

    def settle(self) -> None:
        for limits in self.limits:
            limits.settle()
        for who, taken in self.said:
            self.limits[1 - who].hear(taken)
        self.said.clear()

    def granted(self, who: int, rule: str = "login") -> int:
        """How many more go at once."""
        count = 0
        try:
            while count < 100:
                self.limits[who].spend(rule, "anna", NOW)
                count += 1
        except TooManyRequests:
            pass
        return count


def run(scene: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(scene())  # type: ignore[arg-type]


def test_what_one_process_granted_the_other_grants_no_more() -> None:
    async def scene() -> None:
        processes = Processes()
        processes.limits[0].spend("login", "anna", NOW, 3)
        assert processes.limits[1].peek("login", "anna", NOW, 4) == 0, "it has not heard yet"
        processes.settle()
        assert processes.granted(1) == 1

    run(scene)


def test_what_both_granted_in_the_same_moment_is_paid_for_by_waiting() -> None:
    async def scene() -> None:
        processes = Processes()
        assert (processes.granted(0), processes.granted(1)) == (4, 4)
        processes.settle()
        assert [limits.peek("login", "anna", NOW) for limits in processes.limits] == [5, 5]
        processes.limits[0].hear([("login", "anna", 1000)])
        assert processes.limits[0].peek("login", "anna", NOW) == 5, "a debt is at most one burst"

    run(scene)


def test_what_is_given_back_counts_nowhere() -> None:
    async def scene() -> None:
        processes = Processes()
        processes.limits[0].spend("login", "anna", NOW, 3)
        processes.settle()
        processes.limits[0].refund("login", "anna", NOW, 3)
        processes.settle()
        assert processes.granted(1) == 4

    run(scene)


def test_limits_of_a_connection_and_limits_that_are_off_are_not_told() -> None:
    async def scene() -> None:
        processes = Processes()
        processes.granted(0, "typing")
        processes.limits[0].settle()
        off = Processes(enabled=False)
        assert off.granted(0) == 100
        off.limits[0].settle()
        assert processes.said == off.said == []

    run(scene)


def test_a_rule_that_is_not_known_here_is_left_aside() -> None:
    Processes().limits[0].hear([("of a later version", "anna", 1)])


def test_what_was_taken_is_told_soon_by_itself_and_in_pieces() -> None:
    async def scene() -> None:
        pieces: asyncio.Queue[int] = asyncio.Queue()
        limits = SharedLimits(Limits(True, RULES), lambda taken: pieces.put_nowait(len(taken)), lambda: NOW)
        for number in range(AT_ONCE + 1):
            limits.spend("login", str(number), NOW)
        assert [await asyncio.wait_for(pieces.get(), 10) for _ in range(2)] == [AT_ONCE, 1]

    run(scene)


def test_a_spend_that_is_refused_is_not_told() -> None:
    async def scene() -> None:
        processes = Processes()
        processes.granted(0)
        with pytest.raises(TooManyRequests):
            processes.limits[0].spend("login", "anna", NOW)
        processes.limits[0].settle()
        assert processes.said == [(0, [("login", "anna", 4)])]

    run(scene)
