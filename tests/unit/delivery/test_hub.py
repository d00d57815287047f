"""The hub, scene by scene."""

from __future__ import annotations

import asyncio

from replyx.delivery import hub
from replyx.delivery.eventlog import Cursor, LoggedEvent
from replyx.delivery.subscription import State, Subscription
from replyx.schemas.events import TypingStart
from replyx.socketio.selection import Selection
from replyx.wire.sse import SSE
from tests.unit.delivery.hub_world import TOPICS, TURNS, FullingSink, World, everything_to, run

SHOES = frozenset({"shoes"})


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
        world.hub.subscribe(Subscription(SHOES, SSE, sink, 0, Selection(SHOES, SSE, {}, {"shoes": 1})), None)
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
        selection = Selection(SHOES, SSE, {}, {"shoes": 1})
        subscription = Subscription(SHOES, SSE, FullingSink(100_000), 0, selection)
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


def test_topics_are_counted_and_forgotten() -> None:
    async def scene(world: World) -> None:
        client = everything_to(world)
        assert world.hub.topics == 3
        client.leave()
        client.leave()
        assert world.hub.topics == 0

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
