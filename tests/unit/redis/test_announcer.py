"""What a process says to the others, on a real Redis: whole, in order, bundled, and with an end when Redis is gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.client import PubSub
from redis.exceptions import ConnectionError, ResponseError

from replyx.redis import announcer
from replyx.redis.address import RedisAddress
from replyx.redis.announcer import MESSAGE_BYTES, PROCESSES, WAITING, Announcer
from replyx.redis.bus_wire import BusWire
from replyx.redis.link import RedisLink
from tests.redis_server import RedisServer

HEARD_S = 10.0
RIGHTS = "resetchannels &ws:* +publish +subscribe +ping +hello +client|setname +client|reply"


@pytest.fixture(scope="module")
def redis(redis_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that these tests end by no other way than killing its clients."""
    with RedisServer(redis_server, tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def watch(redis: RedisServer) -> Iterator[PubSub]:
    """Somebody who hears what processes say, and what can be watched."""
    with redis.client() as client, client.pubsub() as pubsub:
        pubsub.psubscribe("ws:*")
        assert pubsub.get_message(timeout=HEARD_S)["type"] == "psubscribe"
        yield pubsub


@asynccontextmanager
async def at_work(url: str) -> AsyncIterator[tuple[Announcer, asyncio.Task[None]]]:
    """An announcer with a connection, and the task that ends with it."""
    connection = await RedisLink(RedisAddress.parse(url), "test").open()
    telling = Announcer(BusWire("aaaa", "5f3a", [b"k" * 32]))
    working = asyncio.create_task(telling.work(connection))
    await asyncio.sleep(0)
    try:
        yield telling, working
    finally:
        working.cancel()
        await asyncio.wait([working])


def piece(number: int, padding: int = 0) -> bytes:
    return json.dumps({"number": number, "padding": "x" * padding}).encode()


def heard(watch: PubSub, channel: str, count: int) -> list[list[int]]:
    """The numbers in the messages of a channel, until so many have come."""
    messages: list[list[int]] = []
    while sum(map(len, messages)) < count:
        message = watch.get_message(timeout=HEARD_S)
        assert message is not None, messages
        if message["channel"].decode() == channel:
            said = json.loads(message["data"])
            messages.append([each["number"] for each in said["said"]] if channel == PROCESSES else [said["number"]])
    return messages


def test_what_comes_while_a_pipeline_is_on_its_way_goes_out_together_and_in_order(
    redis: RedisServer, watch: PubSub
) -> None:
    async def say() -> None:
        async with at_work(redis.url) as (telling, _):
            for number in range(1000):
                telling.say([("inbox", piece(number))])
            async with asyncio.timeout(HEARD_S):
                await telling.all_said()

    asyncio.run(say())
    messages = heard(watch, PROCESSES, 1000)
    assert [number for message in messages for number in message] == list(range(1000))
    assert len(messages) <= 4, "the first alone, and the others in pipelines of 512"


def test_each_piece_can_be_watched_on_the_channel_of_its_topic(redis: RedisServer, watch: PubSub) -> None:
    async def say() -> None:
        async with at_work(redis.url) as (telling, _):
            telling.say([("dialog:1", piece(1)), ("dialog:2", piece(2)), (None, piece(3)), ("dialog:1", piece(4))])
            async with asyncio.timeout(HEARD_S):
                await telling.all_said()
            telling.say([("dialog:1", piece(5))])
            async with asyncio.timeout(HEARD_S):
                await telling.all_said()

    asyncio.run(say())
    assert heard(watch, "ws:dialog:1", 3) == [[1], [4], [5]]


def test_large_pieces_are_spread_over_messages_that_a_reader_accepts(redis: RedisServer, watch: PubSub) -> None:
    async def say() -> None:
        async with at_work(redis.url) as (telling, _):
            telling.say([(None, piece(number, MESSAGE_BYTES // 3)) for number in range(7)])
            async with asyncio.timeout(HEARD_S):
                await telling.all_said()

    asyncio.run(say())
    assert heard(watch, PROCESSES, 7) == [[0, 1], [2, 3], [4, 5], [6]]


def test_past_the_bound_the_oldest_go_and_nothing_waits_for_them(redis: RedisServer, watch: PubSub) -> None:
    async def say() -> None:
        async with at_work(redis.url) as (telling, _):
            telling.say([(None, piece(-1))])
            for number in range(WAITING + 10):
                telling.say([(None, piece(number))])
            async with asyncio.timeout(HEARD_S):
                await telling.all_said()

    asyncio.run(say())
    numbers = [number for message in heard(watch, PROCESSES, WAITING + 1) for number in message]
    assert numbers == [-1, *range(10, WAITING + 10)]


def test_it_needs_no_more_rights_than_the_page_on_scaling_says(redis: RedisServer, watch: PubSub) -> None:
    assert RIGHTS in (Path(__file__).parents[3] / "docs" / "scaling.md").read_text()
    with redis.client() as client:
        client.execute_command("ACL", "SETUSER", "replyx", "on", ">p@ss", *RIGHTS.split(" "))
        client.execute_command("ACL", "SETUSER", "narrow", "on", ">p@ss", *RIGHTS.split(" ")[:-1])

    async def say(user: str) -> None:
        async with at_work(redis.url.replace("//", f"//{user}:p%40ss@")) as (telling, working):
            telling.say([("dialog:1", piece(1))])
            async with asyncio.timeout(HEARD_S):
                await telling.all_said()
                if working.done():
                    working.result()

    asyncio.run(say("replyx"))
    assert heard(watch, "ws:dialog:1", 1) == [[1]]
    with pytest.raises(ResponseError, match="permissions"):
        asyncio.run(say("narrow"))


def test_a_connection_that_ends_is_told_and_nothing_more_is_kept_for_it(redis: RedisServer) -> None:
    async def lose() -> None:
        async with at_work(redis.url) as (telling, working), asyncio.timeout(HEARD_S):
            with redis.client() as client:
                client.client_kill_filter(_type="normal", skipme=True)
            with pytest.raises(ConnectionError):
                await working
            assert not telling.connected
            telling.say([(None, piece(1))])
            await telling.all_said()

    asyncio.run(lose())


def test_a_redis_that_owes_an_answer_for_too_long_counts_as_gone(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcer, "PUBLISH_S", 0.2)

    async def wait() -> None:
        async with at_work(redis.url) as (telling, working), asyncio.timeout(HEARD_S):
            telling.check()
            redis.pause()
            try:
                telling.say([(None, piece(1))])
                while not working.done():
                    await asyncio.sleep(0.05)
                    telling.check()
            finally:
                redis.resume()
            with pytest.raises(TimeoutError):
                await working

    asyncio.run(wait())
