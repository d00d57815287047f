"""The hub: whatever happens between the log and a socket, each subscriber gets each event once, in id order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replyx import eventlog, hub
from replyx.databases import Sqlite
from replyx.errors import StoreUnavailable
from replyx.eventlog import Cursor, LoggedEvent
from replyx.events import TypingStart
from replyx.hub import Hub
from replyx.migrations import migrate
from replyx.store import Snapshot, Store, Transaction
from replyx.subscription import State, Subscription
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


topic_sets = st.sets(st.sampled_from(TOPICS), min_size=1).map(lambda chosen: tuple(sorted(chosen)))
cursors = st.none() | st.builds(
    lambda epoch, back: (epoch, back), st.sampled_from(["bare", "ours", "ours", "theirs"]), st.integers(-3, 60)
)
actions = st.one_of(
    st.tuples(st.just("append"), topic_sets, st.sampled_from([0, 0, 10, 300]), st.booleans()),
    st.tuples(st.just("append"), topic_sets, st.sampled_from([0, 10]), st.just(True)),
    st.tuples(st.just("burst"), st.lists(topic_sets, min_size=5, max_size=25), st.booleans()),
    st.tuples(st.just("arrive"), st.lists(st.integers(0, 50), max_size=6), st.booleans()),
    st.tuples(st.just("arrive_all")),
    st.tuples(st.just("join"), topic_sets.map(frozenset), cursors, st.sampled_from([0, 100, 100_000])),
    st.tuples(st.just("join"), topic_sets.map(frozenset), cursors, st.sampled_from([0, 100, 100_000])),
    st.tuples(st.just("drain"), st.integers(0, 50)),
    st.tuples(st.just("leave"), st.integers(0, 50)),
    st.tuples(st.just("turn_to"), st.integers(0, 50), topic_sets.map(frozenset)),
    st.tuples(st.just("prune"), st.integers(0, 60)),
    st.tuples(st.just("typing"), topic_sets),
    st.tuples(st.just("notice")),
    st.tuples(st.just("fail"), st.integers(1, 3)),
    st.tuples(st.just("slow"), st.integers(0, 4)),
    st.tuples(st.just("turns"), st.integers(1, 6)),
)


async def act(world: World, action: tuple[Any, ...]) -> None:
    match action:
        case ("append", topics, size, announced):
            world.append(topics, size, announced)
        case ("burst", bursts, announced):
            for topics in bursts:
                world.append(topics, 0, announced)
            world.arrive_all()
        case ("arrive", picks, keep):
            world.arrive(picks, keep)
        case ("arrive_all",):
            world.arrive_all()
        case ("join", topics, place, bound):
            world.join(topics, cursor_at(world, place), bound)
        case ("drain", pick) if client := world.of(pick):
            client.drain()
        case ("leave", pick) if client := world.of(pick):
            client.leave()
        case ("turn_to", pick, topics) if client := world.of(pick):
            client.turn_to(topics)
        case ("prune", keep):
            world.prune(keep)
        case ("typing", topics):
            world.typing(topics)
        case ("notice",):
            world.hub.notice(world.log.top)
        case ("fail", count):
            world.log.failures = count
        case ("slow", delay):
            world.log.delay = delay
        case ("turns", count):
            for _ in range(count):
                await asyncio.sleep(0)


def cursor_at(world: World, place: tuple[str, int] | None) -> Cursor | None:
    if place is None:
        return None
    epoch, back = place
    names = {"bare": None, "ours": world.log.epoch, "theirs": "f" * 8}
    return Cursor(names[epoch], max(0, world.log.top - back))


@contextmanager
def small_bounds() -> Iterator[None]:
    """Every bound of the hub within reach of a short story, and no waiting."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub, "RECENT_EVENTS", 6)
        patch.setattr(hub, "RECENT_BYTES", 700)
        patch.setattr(hub, "EARLY_EVENTS", 3)
        patch.setattr(hub, "SEND_BYTES", 150)
        patch.setattr(hub, "RETRY_S", 0)
        patch.setattr(eventlog, "PAGE_BYTES", 250)
        patch.setattr(eventlog, "PAGE_EVENTS", 4)
        yield


async def live_through(story: list[tuple[Any, ...]]) -> None:
    world = World()
    world.hub.start()
    try:
        for action in story:
            await act(world, action)
            for client in world.clients:
                client.check(complete=False)
        await world.settle()
        for client in world.clients:
            client.check(complete=not client.left)
        for client in world.clients:
            client.leave()
        assert world.hub.topics == 0
    finally:
        await world.hub.close()
        world.log.database.close()


@settings(max_examples=150)
@given(st.lists(topic_sets, min_size=20, max_size=60), st.lists(actions, min_size=15, max_size=60))
def test_every_subscriber_gets_each_event_once_and_in_order_whatever_happens(
    past: list[tuple[str, ...]], story: list[tuple[Any, ...]]
) -> None:
    with small_bounds():
        asyncio.run(live_through([("burst", past, True), *story]))


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


def test_a_cursor_that_this_process_has_not_heard_of_yet_is_not_ahead_of_the_log() -> None:
    """A history read in a fresh commit can reach the client before the commit reaches the hub."""

    async def scene(world: World) -> None:
        for _ in range(3):
            world.append(("shoes",), 0, announced=True)
        client = everything_to(world, cursor=Cursor(world.log.epoch, 3))
        world.arrive_all()
        world.append(("shoes",), 0, announced=True)
        world.arrive_all()
        await world.settle()
        assert [cursor for cursor, _ in client.sink.blocks()] == [f"{world.log.epoch}-4"]

    run(scene)


def test_who_joins_without_a_cursor_is_not_told_what_the_history_held() -> None:
    """The history was read in a commit that another process made, and that had not come here yet."""

    async def scene(world: World) -> None:
        world.append(("shoes",), 0, announced=True)
        sink = FullingSink(100_000)
        world.hub.subscribe(Subscription(frozenset({"shoes"}), SSE, sink, 0, floors={"shoes": 1}), None)
        world.append(("shoes",), 0, announced=True)
        world.arrive_all()
        assert sink.taken == SSE.durable(world.log.everything[1], world.log.epoch)

    run(scene)


def test_one_batch_costs_a_client_that_does_not_read_no_more_than_its_bound_and_one_send() -> None:
    async def scene(world: World) -> None:
        client = everything_to(world, bound=64 * 1024)
        for _ in range(256):
            world.append(("shoes",), 40_000, announced=True)
        world.arrive_all()
        assert client.sink.most <= 64 * 1024 + hub.SEND_BYTES + 2 * 41_000
        await world.settle()
        client.check(complete=True)

    run(scene, small=False)


def test_a_hole_is_filled_from_the_log_without_waiting_for_the_follower() -> None:
    async def scene(world: World) -> None:
        client = everything_to(world)
        for number in range(3):
            world.append(("shoes",), 0, announced=number == 2)
        world.arrive_all()
        assert client.sink.blocks() == [], "nothing before what is missing"
        for _ in range(10):
            await asyncio.sleep(0)
        client.check(complete=True)

    run(scene)


def test_a_cursor_ahead_of_the_log_gets_one_resync_and_then_live_events() -> None:
    async def scene(world: World) -> None:
        client = everything_to(world, cursor=Cursor(world.log.epoch, 7))
        await world.settle()
        world.append(("shoes",), 0, announced=True)
        world.arrive_all()
        told = [(cursor, event["type"], event.get("reason")) for cursor, event in client.sink.blocks()]
        epoch = world.log.epoch
        assert told == [(f"{epoch}-0", "resync", "ahead"), (f"{epoch}-1", "happened", None)]

    run(scene)


def test_a_client_that_keeps_draining_is_read_for_once_at_a_time() -> None:
    async def scene(world: World) -> None:
        for _ in range(20):
            world.append(("shoes",), 0, announced=False)
        world.hub.last = 20
        world.log.delay = 3
        client = everything_to(world, cursor=Cursor(None, 0))
        for _ in range(50):
            world.hub.resume(client.subscription)
        for _ in range(3):
            await asyncio.sleep(0)
        assert world.log.reads == 1

    run(scene)


def test_topics_that_change_while_the_log_is_read_are_the_ones_that_are_told() -> None:
    async def scene(world: World) -> None:
        for topic in ("hats", "shoes", "hats", "shoes"):
            world.append((topic,), 0, announced=False)
        world.hub.last = 4
        world.log.delay = 3
        world.join(frozenset({"hats"}), Cursor(None, 0), 100_000)
        (client,) = world.clients
        await asyncio.sleep(0)
        client.turn_to(frozenset({"shoes"}))
        await world.settle()
        assert [cursor for cursor, _ in client.sink.blocks()] == [f"{world.log.epoch}-2", f"{world.log.epoch}-4"]
        assert (world.hub.topics_within("sho"), world.hub.topics_within("hat")) == (["shoes"], [])

    run(scene)


def test_a_hub_that_slept_past_retention_tells_everybody_and_goes_on() -> None:
    async def scene(world: World) -> None:
        client = everything_to(world)
        for _ in range(30):
            world.append(("shoes",), 0, announced=False)
        world.prune(5)
        await world.settle()
        reasons = [event.get("reason") for _, event in client.sink.blocks()]
        assert reasons.count("retention") == 1
        assert world.hub.last == 30
        client.check(complete=True)

    run(scene)


def test_who_waited_for_an_event_that_was_pruned_waits_no_more() -> None:
    """The history held what this process had not heard of, and retention took it before it came here."""

    async def scene(world: World) -> None:
        world.append(("shoes",), 0, announced=False)
        subscription = Subscription(frozenset({"shoes"}), SSE, FullingSink(100_000), 0, floors={"shoes": 1})
        world.hub.subscribe(subscription, None)
        world.prune(0)
        for _ in range(TURNS):
            if subscription.state is State.LIVE:
                break
            await asyncio.sleep(0)
        assert subscription.state is State.LIVE
        assert not world.hub._early_birds

    run(scene)


def test_what_was_pruned_before_it_came_is_told_to_those_who_keep_what_they_know() -> None:
    async def scene(world: World) -> None:
        heard: list[int] = []
        skips: list[int] = []
        world.hub.listen("hats", lambda event: heard.append(event.id))
        world.hub.watch_skips(lambda: skips.append(world.hub.last))
        for _ in range(6):
            world.append(("hats",), 0, announced=False)
        world.prune(2)
        await world.settle()
        assert heard == [5, 6], "what was pruned cannot be told"
        assert skips == [4]

    run(scene)


def test_an_ephemeral_event_reaches_each_live_client_once_but_not_its_source() -> None:
    async def scene(world: World) -> None:
        anna, boris = everything_to(world), everything_to(world)
        world.hub.deliver_ephemeral(TOPICS, TypingStart(1, "user"), source=anna.sink)
        assert anna.sink.blocks() == []
        assert [event["type"] for _, event in boris.sink.blocks()] == ["typing_start"]

    run(scene)


def test_an_event_is_encoded_once_for_all_subscribers() -> None:
    async def scene(world: World) -> None:
        encoded: list[int] = []

        class CountingWire:
            """SSE, counted."""

            def durable(self, event: LoggedEvent, epoch: str) -> bytes:
                encoded.append(event.id)
                return SSE.durable(event, epoch)

            def ephemeral(self, payload: bytes) -> bytes:
                return SSE.ephemeral(payload)

            def resync(self, reason: str, epoch: str, top: int) -> bytes:
                return SSE.resync(reason, epoch, top)

        wire = CountingWire()
        sinks = [FullingSink(100_000) for _ in range(10)]
        for sink in sinks:
            world.hub.subscribe(Subscription(frozenset({"shoes"}), wire, sink, 0), None)
        world.append(("shoes",), 0, announced=True)
        world.arrive_all()
        assert encoded == [1]
        assert {sink.taken for sink in sinks} == {SSE.durable(world.log.everything[0], world.log.epoch)}

    run(scene)


def test_a_listener_hears_an_event_before_any_subscriber() -> None:
    async def scene(world: World) -> None:
        client = everything_to(world)
        sent_before: list[bytes] = []
        world.hub.listen("shoes", lambda event: sent_before.append(client.sink.taken))
        world.append(("shoes",), 0, announced=True)
        world.arrive_all()
        assert sent_before == [b""]
        assert client.sink.taken

    run(scene)


def test_one_event_of_two_topics_reaches_a_subscriber_of_both_once() -> None:
    async def scene(world: World) -> None:
        client = everything_to(world)
        world.append(("hats", "shoes"), 0, announced=True)
        world.arrive_all()
        assert len(client.sink.blocks()) == 1

    run(scene)


def test_topics_and_subscribers_are_counted_and_forgotten() -> None:
    async def scene(world: World) -> None:
        client = everything_to(world)
        assert world.hub.topics == 3
        assert world.hub.subscribers("shoes") == 1
        client.leave()
        client.leave()
        assert world.hub.topics == 0
        assert world.hub.subscribers("shoes") == 0

    run(scene)


def test_a_hole_is_not_read_while_its_event_is_on_its_way() -> None:
    async def scene(world: World) -> None:
        world.hub.patience_s = 30.0
        client = everything_to(world)
        for _ in range(3):
            world.append(("shoes",), 0, announced=True)
        first, *rest = world.underway
        world.hub.deliver(rest)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        assert client.sink.blocks() == []
        world.hub.deliver([first])
        client.check(complete=True)

    run(scene)


def test_a_hole_that_nothing_fills_is_read_when_patience_ends() -> None:
    async def scene(world: World) -> None:
        world.hub.patience_s = 0.001
        client = everything_to(world)
        filled = asyncio.Event()
        world.hub.listen("coats", lambda event: filled.set())
        world.append(("coats",), 0, announced=False)
        world.append(("shoes",), 0, announced=True)
        world.arrive_all()
        await asyncio.wait_for(filled.wait(), 10)
        client.check(complete=True)

    run(scene)


def test_caches_hear_of_an_event_at_once_and_once_though_it_waits_for_others() -> None:
    async def scene(world: World) -> None:
        told: list[int] = []
        world.hub.listen("shoes", lambda event: told.append(event.id))
        for announced in (False, True):
            world.append(("shoes",), 0, announced=announced)
        world.arrive_all()
        assert (told, world.hub.last) == ([2], 0)
        await world.settle()
        assert told == [2, 1]

    run(scene)
