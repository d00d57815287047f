"""The hub: whatever happens between the log and a socket, each subscriber gets each event once, in id order."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from replyx.delivery.eventlog import Cursor
from tests.unit.delivery.hub_world import TOPICS, World, small_bounds

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
