"""Leases: one holder at a time, and a dead one's duty passes on."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from replyx.delivery import holders
from replyx.delivery.leases import RENEW_S, TTL_S, Lease, take
from replyx.delivery.store import Store

ROOT = Path(__file__).resolve().parents[2]
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


def test_the_lease_of_a_process_that_was_killed_here_passes_on_at_once(tmp_path: Path) -> None:
    """The clock stands, so nothing runs out; a process with the number of the dead one changes nothing."""
    code = "import time; from replyx.delivery import holders; print(holders.new_name(), flush=True); time.sleep(60)"

    async def scene(store: Store, clock: Clock) -> None:
        command = (sys.executable, "-c", code)
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        name = (await process.stdout.readline()).decode().strip()
        assert await store.commit(lambda tx: take(tx, "duty", name, ""))
        assert not await lease(store, clock).hold(), "it lives"
        process.kill()
        await process.wait()
        assert await lease(store, clock).hold()
        machine, _, started, token = holders.new_name().split("/")
        assert not holders.is_dead("/".join((machine, str(os.getpid()), started, token)))
        assert holders.is_dead("/".join((machine, str(os.getpid()), "1", token))), "its number was given to another"

    with_store(tmp_path, scene)


@pytest.mark.parametrize("name", ["", "0123456789abcdef", "elsewhere/1/2/3", "//1/2", "/999999/1/x", "a/b/c/d/e/f"])
def test_what_nobody_here_can_know_is_not_taken_for_dead(name: str) -> None:
    assert not holders.is_dead(name)
