"""Followers of the log: what a subject is promised, with the real store and hub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import msgspec

from replyx.delivery import eventlog, positions
from replyx.delivery.eventlog import Entry
from replyx.delivery.followers import Follower
from replyx.delivery.hub import Hub
from replyx.delivery.leases import Lease, holder
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import StoreUnavailable
from tests.scenario import eventually


class Happened(msgspec.Struct, tag_field="type", tag="happened"):
    """An event with a number."""

    number: int


class Recorder:
    """A duty that acts on each event at most once; ``going`` lets its jobs end."""

    name = "recorder"
    workers = 2

    def __init__(self) -> None:
        self.is_wanted = True
        self.recorded: list[int] = []
        self.done: list[int] = []
        self.busiest = 0
        self.going = asyncio.Event()
        self.going.set()
        self.refused_turns = 0
        self.refused_jobs = 0
        self._busy = 0

    def wanted(self, reading: Snapshot) -> bool:
        """As the test says."""
        return self.is_wanted

    def record(self, tx: Transaction, entries: Sequence[Entry]) -> Sequence[int]:
        """The ids of the events."""
        ids = [entry.id for entry in entries]
        self.recorded += ids
        return ids

    async def jobs(self, found: Sequence[int], under_way: Sequence[int]) -> AsyncIterator[int]:
        """A job for each event."""
        if self.refused_turns:
            self.refused_turns -= 1
            raise StoreUnavailable("away", retry_after=1)
        for event_id in found:
            yield event_id

    async def do(self, job: int) -> None:
        """Done when the test lets it."""
        self._busy += 1
        self.busiest = max(self.busiest, self._busy)
        try:
            await self.going.wait()
            if self.refused_jobs:
                self.refused_jobs -= 1
                raise StoreUnavailable("away", retry_after=1)
            self.done.append(job)
        finally:
            self._busy -= 1


class House:
    """One process: a store and a hub; several may share the file."""

    def __init__(self, path: Path) -> None:
        self.now = 1_700_000_000.0
        self.store = Store.open(path, lambda: self.now)
        epoch, top = self.store.query(lambda rows: (eventlog.epoch(rows), eventlog.top(rows)))
        self.hub = Hub(self.store, epoch, top)
        self.store.on_commit = self.hub.deliver

    def follower(self, duty: Recorder) -> Follower[int, int]:
        """A follower of this process for ``duty``."""
        return Follower(self.store, self.hub, duty, lambda: self.now)

    async def happen(self, count: int) -> None:
        """Log events."""
        await self.store.commit(lambda tx: [tx.append(("t",), Happened(n)) for n in range(count)])

    async def place(self) -> int:
        """How far the duty has come."""
        return await self.store.commit(lambda tx: positions.place(tx, Recorder.name))


async def until(reached: Callable[[], object], what: str) -> None:
    """Wait for a condition, which is looked at beside the loop."""
    await asyncio.to_thread(eventually, reached, what)


def play(tmp_path: Path, scene: Callable[[House], Awaitable[None]]) -> None:
    """Play ``scene`` in a house that is open."""

    async def opened() -> None:
        house = House(tmp_path / "replyx.db")
        house.store.start(asyncio.get_running_loop())
        house.hub.start()
        try:
            await scene(house)
        finally:
            await house.hub.close()
            await house.store.close()

    asyncio.run(asyncio.wait_for(opened(), 60))


def test_every_event_is_recorded_once_in_order_over_pages_and_restarts(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        duty = Recorder()
        await house.place()
        total = 0
        for _ in range(3):
            await house.happen(3)  # while nobody follows
            follower = house.follower(duty)
            follower.start()
            await house.happen(eventlog.PAGE_EVENTS + 10)
            total += 3 + eventlog.PAGE_EVENTS + 10
            await until(lambda total=total: len(duty.done) == total, f"{total} events")
            await follower.close()
        assert duty.recorded == list(range(1, total + 1))
        assert sorted(duty.done) == duty.recorded

    play(tmp_path, scene)


def test_as_many_jobs_are_done_at_a_time_as_the_duty_wants_and_turns_wait_for_none(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        duty = Recorder()
        await house.place()
        duty.going.clear()
        follower = house.follower(duty)
        follower.start()
        await house.happen(5)
        await until(lambda: duty.busiest == Recorder.workers, "busy workers")
        await house.happen(5)
        await until(lambda: len(duty.recorded) == 10, "a turn while all workers are busy")
        duty.going.set()
        await until(lambda: len(duty.done) == 10, "all jobs")
        assert duty.busiest == Recorder.workers
        await follower.close()

    play(tmp_path, scene)


def test_one_that_is_new_begins_at_the_present(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        duty = Recorder()
        await house.happen(5)
        follower = house.follower(duty)
        follower.start()
        while await house.store.read(lambda rows: positions.is_behind(rows, Recorder.name)):
            pass
        await house.happen(2)
        await until(lambda: len(duty.done) == 2, "2 events")
        await follower.close()
        assert duty.recorded == [6, 7]

    play(tmp_path, scene)


def test_of_two_processes_one_follows_and_the_other_goes_on_when_it_stops(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        other = House(tmp_path / "replyx.db")
        other.store.start(asyncio.get_running_loop())
        first, second = Recorder(), Recorder()
        await house.place()
        followers = [house.follower(first), other.follower(second)]
        followers[0].start()
        await house.happen(1)
        await until(lambda: first.done == [1], "the first follows")
        followers[1].start()
        await house.happen(2)
        await until(lambda: first.done == [1, 2, 3], "the first goes on")
        assert second.recorded == []
        await followers[0].close()
        await house.happen(1)
        await until(lambda: second.done == [4], "the second goes on at once, as nothing runs out here")
        await followers[1].close()
        await other.store.close()

    play(tmp_path, scene)


def test_a_stop_lets_jobs_under_way_end_and_a_job_that_hangs_does_not_hold_it_for_ever(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        duty = Recorder()
        await house.place()
        duty.going.clear()
        follower = house.follower(duty)
        follower.start()
        await house.happen(1)
        await until(lambda: duty.busiest == 1, "a job under way")
        stopping = asyncio.create_task(follower.close())
        await asyncio.sleep(0)
        duty.going.set()
        await stopping
        assert duty.done == [1]
        duty.going.clear()
        follower = house.follower(duty)
        follower.start()
        await house.happen(1)
        await until(lambda: duty.recorded == [1, 2], "a job that hangs")
        await follower.close()
        assert duty.done == [1], "at most once: it is not done again"
        assert await Lease(house.store, Recorder.name, lambda: house.now).hold(), "the lease was given back"

    play(tmp_path, scene)


def test_while_nobody_is_to_be_told_the_lease_is_free_and_the_log_is_not_read(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        duty = Recorder()
        await house.place()
        follower = house.follower(duty)
        follower.start()
        await house.happen(1)
        await until(lambda: duty.done == [1], "the first event")
        duty.is_wanted = False
        await house.happen(1)
        while await house.store.read(lambda rows: holder(rows, Recorder.name, int(house.now * 1000))):
            pass
        assert duty.recorded == [1]
        await house.store.commit(lambda tx: positions.begin(tx, Recorder.name, followed=False))
        duty.is_wanted = True
        await house.happen(1)
        await until(lambda: duty.done == [1, 3], "what happens from now on, and not what nobody was to hear")
        await follower.close()

    play(tmp_path, scene)


def test_a_store_that_is_away_stops_neither_turns_nor_workers(tmp_path: Path) -> None:
    async def scene(house: House) -> None:
        duty = Recorder()
        await house.place()
        duty.refused_jobs = Recorder.workers
        follower = house.follower(duty)
        follower.start()
        await house.happen(6)
        await until(lambda: len(duty.done) == 6 - Recorder.workers, "the workers go on")
        duty.refused_turns = 1
        await house.happen(1)
        await until(lambda: not duty.refused_turns, "a turn that is refused")
        await house.happen(1)
        await until(lambda: 8 in duty.done, "the turns go on")
        await follower.close()

    play(tmp_path, scene)
