"""Everything of one simulation: a database, processes, a network between them, and clients. What holds, always."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from replyx.database.migrations import migrate
from replyx.database.sqlite import Sqlite
from replyx.delivery import hub as hubs
from replyx.delivery import recent
from replyx.delivery.eventlog import Cursor
from replyx.delivery.store import Transaction, Unit
from replyx.delivery.subscription import Subscription
from replyx.errors import StoreUnavailable
from replyx.retention import Retention
from replyx.schemas.events import TypingStart
from tests.simulation.clients import Client, Connection, StableSubscription
from tests.simulation.history import History, Said
from tests.simulation.loop import SimulatedLoop
from tests.simulation.processes import CACHED, Parts, Process

BIRTH_S = 1_800_000_000.0  # when the simulated world begins
PATIENCE_S = 10  # simulated seconds without anything to read before somebody waits in vain, once nothing fails
ROUNDS = 10_000
KEEP_DAYS = 1

Topics = tuple[str, ...]


class Refused(Exception):
    """A unit changes its mind: what it appended is undone."""


@dataclass(slots=True)
class Copy:
    """A copy of the database, and how far its log goes."""

    path: Path
    top: int


@dataclass(frozen=True)
class Plan:
    """One world's making: its processes' parts and how its clients subscribe."""

    parts: Parts = field(default_factory=Parts)
    subscription: type[Subscription] = StableSubscription


class World:
    """The driver's face: each method is one thing that can happen."""

    def __init__(self, folder: Path, template: Path, plan: Plan, processes: int) -> None:
        self.folder = folder
        self.plan = plan
        self.loop = SimulatedLoop()
        self.path = folder / "replyx.db"
        shutil.copyfile(template, self.path)
        self.skews = [0.0] * processes
        self.made = 0
        self.epochs = 0
        self.copy = Copy(template, 0)
        self.ghosts: list[Connection] = []
        self.clients: list[Client] = []
        self.observer = observer_of(self.path)
        self.history = History(self._draw_epoch())
        self.processes = [self._started(number) for number in range(processes)]
        self._rewire()

    # Making processes

    def _draw_epoch(self) -> str:
        self.epochs += 1
        epoch = f"{self.epochs:08x}"
        self.observer.execute_sql("UPDATE installation SET value = ? WHERE key = 'epoch'", (epoch,))
        return epoch

    def _started(self, number: int) -> Process:
        return Process(self.plan.parts, self.path, self._clock_of(number), self.loop)

    def _clock_of(self, number: int) -> Callable[[], float]:
        return lambda: BIRTH_S + self.loop.time() + self.skews[number]

    def _rewire(self) -> None:
        for process in self.processes:
            process.bus.others = [other.bus for other in self.processes if other is not process]

    def process(self, pick: int) -> Process:
        """One of the processes."""
        return self.processes[pick % len(self.processes)]

    # Writing

    def send(self, pick: int, events: Sequence[tuple[Topics, int]], *, fails: bool) -> None:
        """A client asks a process to store events, in one unit; a failing one is undone at its end."""
        self.process(pick).send(self._unit(events, fails=fails))

    def _unit(self, events: Sequence[tuple[Topics, int]], *, fails: bool) -> Unit[list[tuple[int, int]]]:
        numbers = range(self.made + 1, self.made + 1 + len(events))
        self.made += len(events)

        def unit(tx: Transaction) -> list[tuple[int, int]]:
            stored = []
            for number, (topics, size) in zip(numbers, events, strict=True):
                event = Said(number, tx.next_event_id(), "x" * size)
                stored.append((number, tx.append(topics, event)))
            if fails:
                raise Refused
            return stored

        return unit

    def write(self, pick: int) -> None:
        """The writer of a process commits what waits."""
        self.process(pick).store.write()
        self.history.look(self.observer)

    def hand_over(self, pick: int) -> None:
        """A process hears of its own commit and announces it."""
        process = self.process(pick)
        if process.store.written:
            process.store.hand_over()
            self.loop.settle()
            self._look_at_answers(process)

    def _look_at_answers(self, process: Process) -> None:
        for task in [task for task in process.sends if task.done()]:
            process.sends.remove(task)
            failure = task.exception()
            assert failure is None or isinstance(failure, StoreUnavailable | Refused), repr(failure)
            for number, event_id in task.result() if failure is None else ():
                assert self.history.events[event_id - 1].said.number == number, "an answered send is not in the log"

    def prune(self, pick: int, keep: int) -> None:
        """Retention runs in one process: its age by that process's clock, and the newest ``keep`` events at most."""
        process, clock = self.process(pick), self._clock_of(pick % len(self.processes))
        stamps = dict(self.observer.execute_sql("SELECT id, created_at FROM event").fetchall())
        retention = Retention(process.store, KEEP_DAYS, keep, 24 * KEEP_DAYS, clock)
        task = self.loop.create_task(retention.prune())
        self.loop.settle()
        while process.store.write():
            self.history.look(self.observer)
            while process.store.written:
                self.hand_over(pick)
        assert task.done()
        assert isinstance(task.exception(), StoreUnavailable | None)
        self.history.look(self.observer)
        oldest = (clock() - KEEP_DAYS * 86400) * 1000
        for event_id in range(1, self.history.floor + 1):
            if event_id in stamps and event_id > self.history.top - keep:
                assert stamps[event_id] < oldest, f"event {event_id} was pruned before its time"

    # Between processes

    def announce(self, pick: int, picks: Sequence[int], *, again: bool) -> None:
        """Some of what was announced to a process arrives, in any order; what may come again stays on its way."""
        bus = self.process(pick).bus
        chosen = [bus.inbox[each % len(bus.inbox)] for each in picks if bus.inbox]
        if not again:
            bus.inbox = [each for each in bus.inbox if each not in chosen]
        bus.arrive(chosen)
        self.loop.settle()

    def announce_all(self, pick: int) -> None:
        """All that is on its way to a process arrives, in order."""
        bus = self.process(pick).bus
        inbox, bus.inbox = bus.inbox, []
        bus.arrive(inbox)
        self.loop.settle()

    def lose(self, pick: int, picks: Sequence[int]) -> None:
        """Some of what was announced to a process never arrives."""
        bus = self.process(pick).bus
        lost = [bus.inbox[each % len(bus.inbox)] for each in picks if bus.inbox]
        bus.inbox = [each for each in bus.inbox if each not in lost]

    def typing(self, pick: int, topics: Topics) -> None:
        """Somebody writes."""
        self.process(pick).bus.publish_ephemeral(topics, TypingStart(1, "user"))
        self.loop.settle()

    # The database

    def hold(self, pick: int, *, holding: bool) -> None:
        """Reads of a process take their time from here on, or no longer."""
        self.process(pick).store.holding = holding

    def look(self, pick: int, read: int) -> None:
        """The database takes its snapshot for one of the reads that are on their way."""
        store = self.process(pick).store
        if store.held:
            store.held[read % len(store.held)].look(store.query)

    def answer(self, pick: int, read: int) -> None:
        """One of the reads is answered."""
        store = self.process(pick).store
        if store.held:
            held = store.held.pop(read % len(store.held))
            held.look(store.query)
            held.arrive()
            self.loop.settle()

    def fail(self, pick: int, kind: str) -> None:
        """The database leaves one process, now or in its next commit."""
        setattr(self.process(pick).store.faults, kind, True)

    def heal(self, pick: int) -> None:
        """The database is back for one process."""
        self.process(pick).store.faults.heal()

    def back_up(self) -> None:
        """Keep a copy of the database as it is."""
        path = self.folder / "copy.db"
        path.unlink(missing_ok=True)
        with sqlite3.connect(path) as target:
            self.observer.connection().backup(target)
        target.close()
        self.copy = Copy(path, self.history.top)

    def restore(self, arrived: int) -> None:
        """As the handbook says: everything stops, the copy is put in place, a new epoch is drawn, everything starts."""
        for number in range(len(self.processes)):
            self._stop(number, arrived)
        self.observer.close()
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(self.copy.path, self.path)
        del self.history.events[self.copy.top :]
        for client in self.clients:  # what a client joined with stands in the database too, and went with the rest
            client.floors = {topic: floor for topic, floor in client.floors.items() if floor <= self.copy.top}
            client.story.floors = client.floors
        self.observer = observer_of(self.path)
        self.history.epoch = self._draw_epoch()
        self.history.look(self.observer)
        for number in range(len(self.processes)):
            self._start(number)

    # Time and processes

    def pass_time(self, seconds: float) -> None:
        """Timers run: a follower looks, a retry is made."""
        self.loop.pass_time(seconds)

    def skew(self, pick: int, seconds: float) -> None:
        """The clock of one process's machine jumps."""
        self.skews[pick % len(self.processes)] = seconds

    def crash(self, pick: int, arrived: int) -> None:
        """A process ends at once, its clients get a prefix of what was written, and it starts again."""
        number = pick % len(self.processes)
        self._stop(number, arrived)
        self._start(number)

    def _stop(self, number: int, arrived: int) -> None:
        process = self.processes[number]
        for client in self.clients:
            if client.connection is not None and client.connection.process is process:
                client.cut(arrived % (len(client.connection.unsent) + 1), noticed=False)
        self.ghosts = [each for each in self.ghosts if each.process is not process]
        process.crash()

    def _start(self, number: int) -> None:
        inbox = self.processes[number].bus.inbox  # what was on its way may still come
        self.processes[number] = self._started(number)
        self.processes[number].bus.inbox = inbox
        self._rewire()

    # Clients

    def join(self, pick: int, client: Client, cursor: Cursor | None) -> None:
        """A new client connects with any cursor at all."""
        self.clients.append(client)
        client.connect(self.process(pick), cursor, self.plan.subscription)
        self.loop.settle()

    def read(self, client: Client, size: int) -> None:
        """A client reads a little, or all that there is."""
        if client.connection is not None:
            client.connection.arrive(size)
            self.loop.settle()

    def cut(self, client: Client, arrived: int, *, noticed: bool) -> None:
        """A connection ends at any byte. When the server does not notice, the old subscription stays for a while."""
        if client.connection is not None:
            connection = client.cut(arrived % (len(client.connection.unsent) + 1), noticed=noticed)
            if not noticed:
                self.ghosts.append(connection)
            self.loop.settle()

    def resume(self, client: Client, pick: int) -> None:
        """A client that is away comes back, to any process."""
        if client.connection is None:
            client.resume(self.process(pick), self.plan.subscription)
            self.loop.settle()

    def change_topics(self, client: Client, topics: frozenset[str]) -> None:
        """A client that has read everything chooses other topics; of those that stay it misses nothing."""
        if client.connection is not None and not client.connection.unsent:
            client.connection.change_topics(topics)
            self.loop.settle()

    def patience(self, pick: int, seconds: float) -> None:
        """How long a hole waits for its event, which may be on its way."""
        self.process(pick).hub.patience_s = seconds

    def leave(self, client: Client) -> None:
        """A client never comes back."""
        if client.connection is not None:
            client.cut(0, noticed=True)
        self.clients.remove(client)

    def bury(self) -> None:
        """The server notices every connection that is gone."""
        for connection in self.ghosts:
            connection.close()
        self.ghosts.clear()

    # What holds

    def check(self) -> None:
        """After every step."""
        for client in self.clients:
            if client.connection is not None:
                client.connection.check()
        for connection in self.ghosts:
            connection.check()
        for process in self.processes:
            hub = process.hub
            assert hub.last <= self.history.top, "a hub is ahead of the log"
            assert not process.cache.twice, f"a listener was told twice of {process.cache.twice}"
            assert len(hub._early) <= hubs.EARLY_EVENTS, "a hub keeps too many early events"
            assert len(hub._recent) <= recent.RECENT_EVENTS, "a hub keeps too many recent events"
            assert hub._recent.bytes <= recent.RECENT_BYTES

    def quiet(self) -> None:
        """Nothing fails any more and nobody is away: within a while everybody has heard everything."""
        self.bury()
        for process in self.processes:
            process.store.faults.heal()
            process.store.holding = False
        for number in range(len(self.processes)):
            while self.processes[number].store.held:
                self.answer(number, 0)
            self.write(number)
            while self.processes[number].store.written:
                self.hand_over(number)
        for number, client in enumerate(self.clients):
            self.resume(client, number)
        waited = 0
        for _ in range(ROUNDS):
            if self._is_quiet():
                break
            if self._all_read():
                waited = 0
                continue
            assert waited < PATIENCE_S, "somebody waits for ever"
            waited += 1
            self.pass_time(1)
        assert self._is_quiet(), "somebody is told more and more"
        self._complete()

    def _all_read(self) -> bool:
        """Every client reads all that is there for it; whether there was anything."""
        waiting = [each.connection for each in self.clients if each.connection and each.connection.unsent]
        for connection in waiting:
            self.read(connection.client, len(connection.unsent))
        return bool(waiting)

    def _is_quiet(self) -> bool:
        applied = all(process.hub.last == self.history.top for process in self.processes)
        return applied and all(client.settled() for client in self.clients)

    def _complete(self) -> None:
        for client in self.clients:
            assert client.connection is not None
            client.story.complete()
            client.connection.told.complete()
        for process in self.processes:
            assert process.hub.last == self.history.top
            assert not process.hub._early, "an event waits for what has come"
            assert not process.hub._reading, "a subscription waits to be read for"
            assert not process.hub._early_birds, "a subscription waits for an event that has come"
            cache = process.cache
            changes = {number for number in range(cache.begun + 1, self.history.top + 1) if self._is_cached(number)}
            assert changes <= cache.heard, f"a cache never heard of {changes - cache.heard}"

    def _is_cached(self, event_id: int) -> bool:
        return CACHED in self.history.events[event_id - 1].topics

    def close(self) -> None:
        """Stop everything."""
        try:
            for process in self.processes:
                process.crash()
        finally:
            self.observer.close()
            self.loop.close()


def observer_of(path: Path) -> Any:
    """The simulation's own connection to the database."""
    database = Sqlite(path)
    database.pragma("synchronous", "off", permanent=True)  # opens it
    return database


def make_template(path: Path) -> Path:
    """An empty database with the present schema, to be copied for each world."""
    database = Sqlite(path)
    database.connect()
    migrate(database)
    database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path
