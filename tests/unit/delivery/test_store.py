"""The store: group commit, units that fail alone, snapshots, and an end that answers everybody."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from replyx.database import models
from replyx.database.rows import exists
from replyx.delivery import eventlog, store
from replyx.delivery.eventlog import LoggedEvent
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import DialogNotFound, StoreUnavailable
from tests.scenario import eventually

NOW = 1_700_000_000.5


class Happened(msgspec.Struct, tag_field="type", tag="happened"):
    """An event with a name."""

    name: str


def named(name: str) -> Callable[[Transaction], int]:
    """A unit that logs one event."""
    return lambda tx: tx.append(("shoes",), Happened(name))


def with_store(tmp_path: Path, scene: Callable[[Store, list[int]], Awaitable[None]]) -> None:
    """Play ``scene`` on an open store; its second argument collects the ids that were announced."""

    async def play() -> None:
        opened = Store.open(tmp_path / "replyx.db", lambda: NOW)
        announced: list[int] = []

        def announce(events: Sequence[LoggedEvent]) -> None:
            announced.extend(event.id for event in events)

        opened.on_commit = announce
        opened.start(asyncio.get_running_loop())
        try:
            await asyncio.wait_for(scene(opened, announced), 30)
        finally:
            await opened.close()

    asyncio.run(play())


class Gate:
    """A unit that holds the writer until it is opened, so that what comes meanwhile waits together."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self, tx: Transaction) -> None:
        self.reached.set()
        assert self.opened.wait(20)

    async def hold(self, held: Store) -> asyncio.Task[None]:
        task = asyncio.create_task(held.commit(self))
        await asyncio.to_thread(self.reached.wait, 20)
        return task


def test_units_that_wait_share_a_commit_and_one_bad_one_fails_alone(tmp_path: Path) -> None:
    transactions: set[int] = set()

    def good(tx: Transaction) -> int:
        transactions.add(id(tx))
        return tx.append(("shoes",), Happened("good"))

    def bad(tx: Transaction) -> int:
        tx.append(("shoes",), Happened("never"))
        tx.append(("hats",), Happened("never"))
        tx.execute("INSERT INTO installation (key, value) VALUES ('bad', 'never')")
        raise DialogNotFound("as the test wants it")

    async def scene(opened: Store, announced: list[int]) -> None:
        gate = Gate()
        holding = await gate.hold(opened)
        units = [asyncio.create_task(opened.commit(bad if number in (2, 5) else good)) for number in range(8)]
        await asyncio.sleep(0)
        gate.opened.set()
        await holding
        results = await asyncio.gather(*units, return_exceptions=True)
        assert [result for result in results if isinstance(result, int)] == [1, 2, 3, 4, 5, 6]
        assert [isinstance(result, DialogNotFound) for result in results].count(True) == 2
        assert len(transactions) == 1
        assert announced == [1, 2, 3, 4, 5, 6]
        found = await opened.read(lambda rows: (eventlog.top(rows), eventlog.between(rows, 0, 100)))
        assert found[0] == 6
        assert [event.id for event in found[1]] == [1, 2, 3, 4, 5, 6]
        assert all(event.payload == b'{"type":"happened","name":"good"}' for event in found[1])
        topics = await opened.read(lambda rows: rows.execute("SELECT COUNT(*) FROM event_topic").fetchone()[0])
        assert topics == 6
        assert (
            await opened.read(lambda rows: rows.execute("SELECT 1 FROM installation WHERE key = 'bad'").fetchone())
            is None
        )

    with_store(tmp_path, scene)


def test_a_broken_rule_of_the_database_fails_its_unit_alone(tmp_path: Path) -> None:
    def twice(tx: Transaction) -> None:
        tx.append(("shoes",), Happened("never"))
        tx.execute("INSERT INTO counter (id, top) VALUES (1, 5)")

    async def scene(opened: Store, announced: list[int]) -> None:
        gate = Gate()
        holding = await gate.hold(opened)
        units = [asyncio.create_task(opened.commit(unit)) for unit in (named("a"), named("b"))]
        broken = asyncio.create_task(opened.commit(twice))
        last = asyncio.create_task(opened.commit(named("c")))
        await asyncio.sleep(0)
        gate.opened.set()
        await holding
        assert await asyncio.gather(*units, last) == [1, 2, 3]
        with pytest.raises(Exception, match="UNIQUE"):
            await broken
        assert announced == [1, 2, 3]

    with_store(tmp_path, scene)


def test_an_event_knows_its_own_id_and_what_comes_next(tmp_path: Path) -> None:
    def unit(tx: Transaction) -> tuple[int, int, int]:
        return tx.next_event_id(), tx.append_made(("shoes",), lambda id: Happened(f"number {id}")), tx.next_event_id()

    async def scene(opened: Store, announced: list[int]) -> None:
        assert await opened.commit(unit) == (1, 1, 2)
        (event,) = await opened.read(lambda rows: eventlog.between(rows, 0, 9))
        assert event.payload == b'{"type":"happened","name":"number 1"}'

    with_store(tmp_path, scene)


def test_the_change_of_a_caller_that_went_away_stands_and_is_announced(tmp_path: Path) -> None:
    async def scene(opened: Store, announced: list[int]) -> None:
        gate = Gate()
        holding = await gate.hold(opened)
        leaving = asyncio.create_task(opened.commit(named("left")))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.sleep(0)
        gate.opened.set()
        await holding
        assert await opened.commit(named("stays")) == 2
        assert leaving.cancelled()
        assert announced == [1, 2]

    with_store(tmp_path, scene)


def test_events_are_announced_before_their_callers_go_on_even_when_that_fails(tmp_path: Path) -> None:
    async def scene(opened: Store, announced: list[int]) -> None:
        seen: list[int] = []
        assert await opened.commit(named("a")) == 1
        seen += announced
        assert seen == [1]

        def broken(events: Sequence[LoggedEvent]) -> None:
            raise RuntimeError("as the test wants it")

        told: list[dict[str, object]] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
        opened.on_commit = broken
        assert await opened.commit(named("b")) == 2
        assert [str(context["exception"]) for context in told] == ["as the test wants it"]

    with_store(tmp_path, scene)


def test_a_read_sees_one_state_throughout(tmp_path: Path) -> None:
    async def scene(opened: Store, announced: list[int]) -> None:
        await opened.commit(named("a"))
        first, second = threading.Event(), threading.Event()

        def query(rows: Snapshot) -> tuple[int, int]:
            before = eventlog.top(rows)
            first.set()
            assert second.wait(20)
            return before, eventlog.top(rows)

        reading = asyncio.create_task(opened.read(query))
        await asyncio.to_thread(first.wait, 20)
        assert await opened.commit(named("b")) == 2
        second.set()
        assert await reading == (1, 1)
        assert await opened.read(eventlog.top) == 2

    with_store(tmp_path, scene)


def test_a_reader_that_met_a_problem_reads_on(tmp_path: Path) -> None:
    def refuse(rows: Snapshot) -> None:
        raise DialogNotFound("as the test wants it")

    async def scene(opened: Store, announced: list[int]) -> None:
        for _ in range(2 * store.READERS):
            with pytest.raises(DialogNotFound):
                await opened.read(refuse)
            with pytest.raises(StoreUnavailable):
                await opened.read(lambda rows: rows.execute("SELECT * FROM nowhere").fetchall())
            assert await opened.read(eventlog.top) == 0

    with_store(tmp_path, scene)


def test_past_the_bound_of_the_queue_callers_are_told_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "WAITING", 3)

    async def scene(opened: Store, announced: list[int]) -> None:
        gate = Gate()
        holding = await gate.hold(opened)
        waiting = [asyncio.create_task(opened.commit(named("waits"))) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable) as refused:
            await opened.commit(named("too many"))
        assert refused.value.retry_after == 1
        gate.opened.set()
        await holding
        assert await asyncio.gather(*waiting) == [1, 2, 3]

    with_store(tmp_path, scene)


def test_a_commit_that_fails_refuses_its_whole_group_and_the_next_one_works(tmp_path: Path) -> None:
    def broken(tx: Transaction) -> None:
        tx.execute("INSERT INTO nowhere VALUES (1)")

    async def scene(opened: Store, announced: list[int]) -> None:
        gate = Gate()
        holding = await gate.hold(opened)
        units = [asyncio.create_task(opened.commit(unit)) for unit in (named("a"), broken, named("b"))]
        await asyncio.sleep(0)
        gate.opened.set()
        await holding
        results = await asyncio.gather(*units, return_exceptions=True)
        assert all(isinstance(result, StoreUnavailable) for result in results)
        assert opened.trouble.cause
        assert announced == []
        assert await opened.commit(named("c")) == 1, "the id was not used up"
        assert opened.trouble.cause, "a small commit proves nothing"
        await asyncio.to_thread(eventually, lambda: not opened.trouble.cause, "a large commit")
        assert not await opened.read(exists(models.Installation, "key = 'probe'")), "it leaves nothing"

    with_store(tmp_path, scene)


def test_closing_finishes_what_waits_and_refuses_what_comes_later(tmp_path: Path) -> None:
    """A unit behind the end of the queue was never answered, and its caller hung until the process ended."""

    async def play() -> None:
        opened = Store.open(tmp_path / "replyx.db", lambda: NOW)
        opened.start(asyncio.get_running_loop())
        gate = Gate()
        holding = await gate.hold(opened)
        waiting = [asyncio.create_task(opened.commit(named("waits"))) for _ in range(600)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(opened.close())
        await asyncio.sleep(0)
        for late in (opened.commit(named("late")), opened.read(eventlog.top)):
            with pytest.raises(StoreUnavailable):
                await asyncio.wait_for(late, 20)
        gate.opened.set()
        await holding
        await closing
        assert await asyncio.wait_for(asyncio.gather(*waiting), 20) == list(range(1, 601))

    asyncio.run(play())
    with sqlite3.connect(tmp_path / "replyx.db") as database:
        assert database.execute("SELECT top FROM counter").fetchone() == (600,)
    database.close()


def test_units_run_with_the_time_of_their_commit_in_whole_milliseconds(tmp_path: Path) -> None:
    async def scene(opened: Store, announced: list[int]) -> None:
        assert await opened.commit(lambda tx: tx.now_ms) == 1_700_000_000_500

    with_store(tmp_path, scene)


def test_set_up_works_without_a_loop_and_raises_what_the_unit_raised(tmp_path: Path) -> None:
    def refuse(tx: Transaction) -> None:
        raise DialogNotFound("as the test wants it")

    opened = Store.open(tmp_path / "replyx.db", lambda: NOW)
    assert opened.change(named("a")) == 1
    with pytest.raises(DialogNotFound):
        opened.change(refuse)
    assert opened.query(eventlog.top) == 1


def test_the_database_is_opened_for_durability(tmp_path: Path) -> None:
    async def scene(opened: Store, announced: list[int]) -> None:
        def pragmas(tx: Transaction) -> list[object]:
            return [
                tx.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")
            ]

        assert await opened.commit(pragmas) == ["wal", 2, 1]  # 2 is FULL

    with_store(tmp_path, scene)
