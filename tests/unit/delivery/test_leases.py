"""Leases: one holder at a time, and a dead one's duty passes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from replyx.delivery.leases import RENEW_S, TTL_S, Lease
from replyx.delivery.store import Store

Clock = list[float]


def with_store(tmp_path: Path, scene: Callable[[Store, Clock], Awaitable[None]]) -> None:
    """Play ``scene`` on an open store whose time stands until the scene moves it."""

    async def play() -> None:
        clock = [1_700_000_000.0]
        store = Store.open(tmp_path / "replyx.db", lambda: clock[0])
        store.start(asyncio.get_running_loop())
        try:
            await asyncio.wait_for(scene(store, clock), 30)
        finally:
            await store.close()

    asyncio.run(play())


def lease(store: Store, clock: Clock, name: str = "duty") -> Lease:
    """The claim of another process."""
    return Lease(store, name, lambda: clock[0])


def test_one_process_has_the_duty_as_long_as_it_renews(tmp_path: Path) -> None:
    async def scene(store: Store, clock: Clock) -> None:
        first, second = lease(store, clock), lease(store, clock)
        assert await first.hold()
        for _ in range(20):
            clock[0] += RENEW_S
            assert await first.hold()
            assert not await second.hold()

    with_store(tmp_path, scene)


def test_the_duty_of_one_that_died_passes_on_when_its_time_is_over(tmp_path: Path) -> None:
    async def scene(store: Store, clock: Clock) -> None:
        first, second = lease(store, clock), lease(store, clock)
        assert await first.hold()
        clock[0] += TTL_S - 0.1
        assert not await second.hold()
        clock[0] += 0.1
        assert await second.hold()
        assert not await first.hold(), "one that stood still must not believe in its old lease"

    with_store(tmp_path, scene)


def test_one_that_stops_gives_it_back_at_once(tmp_path: Path) -> None:
    async def scene(store: Store, clock: Clock) -> None:
        first, second = lease(store, clock), lease(store, clock)
        assert await first.hold()
        await second.release()
        assert not await second.hold(), "giving back what one does not hold changes nothing"
        await first.release()
        assert await second.hold()

    with_store(tmp_path, scene)


def test_duties_do_not_know_of_each_other(tmp_path: Path) -> None:
    async def scene(store: Store, clock: Clock) -> None:
        assert await lease(store, clock, "one").hold()
        assert await lease(store, clock, "two").hold()

    with_store(tmp_path, scene)


def test_of_many_who_ask_together_one_gets_it(tmp_path: Path) -> None:
    async def scene(store: Store, clock: Clock) -> None:
        claims = [lease(store, clock) for _ in range(10)]
        assert sorted(await asyncio.gather(*(each.hold() for each in claims))) == [False] * 9 + [True]

    with_store(tmp_path, scene)
