"""What the tests of the hub share: a real log, a hub, clients that know what they must hear, and events on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
import pytest

from replyx.database.migrations import migrate
from replyx.database.sqlite import Sqlite
from replyx.delivery import eventlog, hub, recent
from replyx.delivery.eventlog import Cursor, LoggedEvent
from replyx.delivery.hub import Hub
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.delivery.subscription import State, Subscription
from replyx.errors import StoreUnavailable
from replyx.schemas.events import TypingStart
from replyx.wire.sse import SSE
from tests.listeners import SseParser, id_of

T = TypeVar("T")

TOPICS = ("shoes", "hats", "inbox")
TURNS = 3000  # turns of the loop after which everything must have arrived


class Happened(msgspec.Struct, tag_field="type", tag="happened"):
    """An event of some size."""

    padding: str


class MemoryLog:
    """The real log in a database of its own, read as a store reads it; the answer to a read may come late."""

    def __init__(self) -> None:
        self.database = Sqlite(Path(":memory:"))
        migrate(self.database)
        self.rows = Snapshot(self.database)
        self.reads = 0
        self.delay = 0
        self.failures = 0
        self.everything: list[LoggedEvent] = []

    def append(self, topics: tuple[str, ...], size: int) -> LoggedEvent:
        tx = Transaction(self.database, 0)
        tx.append(topics, Happened("x" * size))
        tx.seal()
        self.everything += tx.events
        return tx.events[0]

    async def read(self, query: Callable[[Snapshot], T]) -> T:
        self.reads += 1
        if self.failures:
            self.failures -= 1
            await asyncio.sleep(0)
            raise StoreUnavailable("as the test wants it", retry_after=1)
        answer = query(self.rows)
        for _ in range(self.delay):
            await asyncio.sleep(0)
        return answer

    @property
    def top(self) -> int:
        return eventlog.top(self.rows)

    @property
    def epoch(self) -> str:
        return eventlog.epoch(self.rows)


class FullingSink:
    """Takes what is written, and is full when more than ``bound`` bytes have not left."""

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self.unsent = 0
        self.most = 0
        self.taken = b""

    def write(self, data: bytes) -> bool:
        assert not self.full, "a full sink is left alone"
        self.unsent += len(data)
        self.most = max(self.most, self.unsent)
        self.taken += data
        return not self.full

    @property
    def full(self) -> bool:
        return self.unsent > self.bound

    def blocks(self) -> list[tuple[str | None, dict[str, Any]]]:
        parser = SseParser()
        return [(cursor, json.loads(data)) for cursor, data, _ in parser.feed(self.taken) if data is not None]


class Client:
    """A subscriber with its own story of what it must have heard."""

    def __init__(self, world: World, topics: frozenset[str], cursor: Cursor | None, bound: int) -> None:
        self.world = world
        self.sink = FullingSink(bound)
        self.subscription = Subscription(topics, SSE, self.sink, 0)
        self.eras = [(-1, topics)]
        self.foreign = cursor is not None and cursor.epoch not in (None, world.log.epoch)
        self.ahead = cursor is not None and cursor.id > world.log.top
        self.start = world.hub.last if cursor is None else cursor.id
        self.left = False
        world.hub.subscribe(self.subscription, cursor)

    def drain(self) -> None:
        """All that was written has left; the sink says so, as the real one does."""
        if self.sink.unsent:
            self.sink.unsent = 0
            self.world.hub.resume(self.subscription)

    def leave(self) -> None:
        self.left = True
        self.world.hub.unsubscribe(self.subscription)

    def turn_to(self, topics: frozenset[str]) -> None:
        """Other topics, from where the client stands."""
        position = self.world.hub.position(self.subscription).id
        if position > self.world.log.top:  # a cursor of nowhere: nothing was told under the old topics
            self.eras = [(-1, topics)]
        self.eras.append((position, topics))
        self.subscription = self.world.hub.retopic(self.subscription, topics)

    def topics_at(self, event_id: int) -> frozenset[str]:
        """What the client heard when it came to this event."""
        return next(topics for since, topics in reversed(self.eras) if since < event_id)

    def owed(self, after: int) -> list[int]:
        """What the client must hear behind ``after``."""
        behind = [event for event in self.world.log.everything if event.id > after]
        return [event.id for event in behind if self.topics_at(event.id) & set(event.topics)]

    def check(self, *, complete: bool) -> None:
        """Once each and in order from the cursor on; a new start only where the log cannot go on."""
        expected = self.owed(self.start)
        position = self.start
        resyncs = []
        for cursor, event in self.sink.blocks():
            if event["type"] == "resync":
                resyncs.append(event["reason"])
                if event["reason"] == "retention":
                    assert position < eventlog.floor(self.world.log.rows)
                position = id_of(str(cursor))
                expected = self.owed(position)
            elif cursor is not None:
                assert expected, f"an event that is not owed: {cursor}"
                assert id_of(cursor) == expected.pop(0)
                position = id_of(cursor)
        if complete:
            assert expected == []
        if self.foreign:
            assert not complete or resyncs[:1] == ["epoch"]
        elif not self.ahead:
            assert set(resyncs) <= {"retention"}
        elif complete and self.start > self.world.log.top:
            assert resyncs[:1] == ["ahead"]
        assert len([reason for reason in resyncs if reason != "retention"]) <= 1


class World:
    """A log, a hub, clients, and events that are on their way from the one to the other."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.hub = Hub(cast(Store, self.log), self.log.epoch, 0)
        self.clients: list[Client] = []
        self.underway: list[LoggedEvent] = []

    def append(self, topics: tuple[str, ...], size: int, announced: bool) -> None:
        event = self.log.append(topics, size)
        if announced:
            # A copy: what comes over a bus shares nothing with what was read from the log.
            self.underway.append(LoggedEvent(event.id, event.topics, event.payload))

    def arrive(self, picks: list[int], keep: bool) -> None:
        """Some of the announced events arrive, in any order; kept ones will arrive again."""
        chosen = [self.underway[pick % len(self.underway)] for pick in picks if self.underway]
        if not keep:
            self.underway = [event for event in self.underway if event not in chosen]
        self.hub.deliver(chosen)

    def arrive_all(self) -> None:
        events, self.underway = self.underway, []
        self.hub.deliver(events)

    def join(self, topics: frozenset[str], cursor: Cursor | None, bound: int) -> None:
        self.clients.append(Client(self, topics, cursor, bound))

    def prune(self, keep: int) -> None:
        eventlog.prune(self.log.rows, 0, keep)

    def typing(self, topics: tuple[str, ...]) -> None:
        self.hub.deliver_ephemeral(topics, TypingStart(1, "user"))

    def of(self, pick: int) -> Client | None:
        present = [client for client in self.clients if not client.left]
        return present[pick % len(present)] if present else None

    async def settle(self) -> None:
        """Nothing more happens; everybody reads. All that is owed must arrive."""
        self.log.failures = 0
        for _ in range(TURNS):
            self.hub.notice(self.log.top)
            present = [client for client in self.clients if not client.left]
            for client in present:
                client.drain()
            await asyncio.sleep(0)
            live = all(client.subscription.state is State.LIVE for client in present)
            if live and self.hub.last == self.log.top and not any(client.sink.unsent for client in present):
                return
        raise AssertionError("somebody waits for ever")


@contextmanager
def small_bounds() -> Iterator[None]:
    """Every bound of the hub within reach of a short story, and no waiting."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recent, "RECENT_EVENTS", 6)
        patch.setattr(recent, "RECENT_BYTES", 700)
        patch.setattr(hub, "EARLY_EVENTS", 3)
        patch.setattr(hub, "SEND_BYTES", 150)
        patch.setattr(hub, "RETRY_S", 0)
        patch.setattr(eventlog, "PAGE_BYTES", 250)
        patch.setattr(eventlog, "PAGE_EVENTS", 4)
        yield


def run(scene: Callable[[World], Any], *, small: bool = True) -> None:
    """Play one scene in a started world."""

    async def play() -> None:
        world = World()
        world.hub.start()
        try:
            await scene(world)
        finally:
            await world.hub.close()
            world.log.database.close()

    if small:
        with small_bounds():
            asyncio.run(play())
    else:
        asyncio.run(play())


def everything_to(world: World, bound: int = 100_000, cursor: Cursor | None = None) -> Client:
    world.join(frozenset(TOPICS), cursor, bound)
    return world.clients[-1]
