"""One simulated process: the real store without its threads, the real hub and tail watch, and a bus to the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from peewee import OperationalError

from replyx.database.sqlite import Sqlite
from replyx.delivery import eventlog
from replyx.delivery.bus import TailWatch
from replyx.delivery.eventlog import LoggedEvent
from replyx.delivery.hub import Hub
from replyx.delivery.store import Query, Store, Unit
from replyx.errors import StoreUnavailable
from replyx.redis.bus_wire import BusWire, Garbage, Happened, event, logged
from tests.simulation.loop import SimulatedLoop

T = TypeVar("T")

CACHED = "directory"


class Faults:
    """The ways in which a database fails: it is away, or it goes away in a commit, before or after that was done."""

    def __init__(self, database: Any) -> None:
        self._execute = database.execute_sql
        self.away = False
        self.lose_commit = False
        self.lose_answer = False
        database.execute_sql = self._execute_or_fail

    def heal(self) -> None:
        """The database works again."""
        self.away = self.lose_commit = self.lose_answer = False

    def _execute_or_fail(self, sql: str, *args: Any, **kwargs: Any) -> Any:
        if self.away:
            raise OperationalError("the database is away")
        commit = sql == "COMMIT"
        if commit and self.lose_commit:
            self.lose_commit = False
            raise OperationalError("the database went away before it heard of the commit")
        result = self._execute(sql, *args, **kwargs)
        if commit and self.lose_answer:
            self.lose_answer = False
            raise OperationalError("the database went away when the commit was done")
        return result


@dataclass(eq=False)
class HeldRead:
    """A read on its way: first the database looks, later the answer arrives."""

    query: Query[Any]
    future: asyncio.Future[Any]
    answer: list[Any] = field(default_factory=list)
    failure: BaseException | None = None

    def look(self, read: Callable[[Query[Any]], Any]) -> None:
        """The database takes its snapshot."""
        if self.answer or self.failure is not None:
            return
        try:
            self.answer.append(read(self.query))
        except StoreUnavailable as failure:
            self.failure = failure

    def arrive(self) -> None:
        """The answer reaches whoever asked, if that one still waits."""
        if self.future.done():
            return
        if self.failure is not None:
            self.future.set_exception(self.failure)
        else:
            self.future.set_result(self.answer[0])


class SteppedStore(Store):
    """The real store whose writer and readers move when the simulation says so."""

    def __init__(self, path: Path, clock: Callable[[], float], loop: SimulatedLoop) -> None:
        database = Sqlite(path)
        database.pragma("synchronous", "off", permanent=True)  # power cuts are another test's matter
        self.faults = Faults(database)
        super().__init__(database, clock)
        self._loop = loop
        self.held: list[HeldRead] = []
        self.holding = False
        self.written: list[tuple[Any, list[LoggedEvent]]] = []

    async def read(self, query: Query[T]) -> T:
        """As the real one; while ``holding`` the simulation decides when it looks and when it answers."""
        if not self.holding:
            return self.query(query)
        assert self._loop is not None
        held = HeldRead(query, self._loop.create_future())
        self.held.append(held)
        result: T = await held.future
        return result

    def write(self) -> bool:
        """What the writer's thread does for one group: commit it. False: nothing waits."""
        if self._queue.empty():
            return False
        group = self._next_group()
        assert group is not None
        self.written.append((group, self._run_group(group)))
        return True

    def hand_over(self) -> None:
        """The loop hears of the oldest commit that it has not heard of."""
        self._hand_over(*self.written.pop(0))

    def drop(self) -> None:
        """The process is gone, and its connection with it."""
        self._database.close()


class LossyBus:
    """Tells the process's own hub at once, and the others as the simulation wants it, in the bytes of the real bus."""

    kind = "simulated"
    connected = True

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.wire = BusWire("process", hub.epoch, [b"the key of this installation"])
        self.inbox: list[bytes] = []
        self.others: list[LossyBus] = []

    def publish(self, events: Sequence[LoggedEvent]) -> None:
        """See :class:`replyx.delivery.bus.Bus`."""
        self.hub.deliver(events)
        messages = [self.wire.message([event(each)]) for each in events]
        for other in self.others:
            other.inbox += messages

    def publish_ephemeral(self, topics: Sequence[str], event: msgspec.Struct, source: object = None) -> None:
        """See :class:`replyx.delivery.bus.Bus`."""
        self.hub.deliver_ephemeral(topics, event, source)
        for other in self.others:
            other.hub.deliver_ephemeral(topics, event)

    def arrive(self, messages: Sequence[bytes]) -> None:
        """Some of what is on its way arrives."""
        arrived = []
        for message in messages:
            try:
                _, said = self.wire.read(message)
            except Garbage:  # from before the database was replaced
                continue
            arrived += [logged(body) for body in said if isinstance(body, Happened)]
        self.hub.deliver(arrived)


class Cache:
    """What a process keeps as long as it hears of changes: every event of one topic once, or that it missed some."""

    def __init__(self, hub: Hub) -> None:
        self.begun = hub.last
        self.heard: set[int] = set()
        self.twice: set[int] = set()
        hub.listen(CACHED, self._changed)
        hub.watch_skips(lambda: self._skipped(hub))

    def _changed(self, event: LoggedEvent) -> None:
        (self.twice if event.id in self.heard else self.heard).add(event.id)

    def _skipped(self, hub: Hub) -> None:
        self.begun = hub.last


@dataclass(frozen=True)
class Parts:
    """The classes that a process is made of. A mutant replaces one of them."""

    hub: type[Hub] = Hub
    store: type[SteppedStore] = SteppedStore
    bus: type[LossyBus] = LossyBus
    follows: bool = True


class Process:
    """Starts as the real one does: epoch and top are read, then the hub begins there."""

    def __init__(self, parts: Parts, path: Path, clock: Callable[[], float], loop: SimulatedLoop) -> None:
        self.store = parts.store(path, clock, loop)
        epoch, top = self.store.query(lambda rows: (eventlog.epoch(rows), eventlog.top(rows)))
        self.hub = parts.hub(self.store, epoch, top)
        self.cache = Cache(self.hub)
        self.bus = parts.bus(self.hub)
        self.store.on_commit = self.bus.publish
        self.tail_watch = TailWatch(self.store, self.hub)
        self.sends: list[asyncio.Task[Any]] = []
        self._loop = loop
        loop.call_soon(self.hub.start)
        if parts.follows:
            loop.call_soon(self.tail_watch.start)
        loop.settle()

    def send(self, unit: Unit[Any]) -> asyncio.Task[Any]:
        """Ask the store for a commit; the task ends with the answer."""
        task = self._loop.create_task(self.store.commit(unit))
        self.sends.append(task)
        self._loop.settle()
        return task

    def crash(self) -> None:
        """Everything ends at once: what was not committed never was, what was not announced never is."""
        for task in self.sends:
            task.cancel()
        closing = [self._loop.create_task(self.tail_watch.close()), self._loop.create_task(self.hub.close())]
        self._loop.settle()
        assert all(task.done() for task in closing)
        self.store.drop()
