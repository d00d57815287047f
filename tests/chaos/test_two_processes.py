"""Two processes, one database, one Redis: whatever breaks between them, nobody misses anything and nobody helps."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.faulty_proxy import FaultyProxy
from tests.chaos.two_processes import ROUNDS, Pair, Scene
from tests.redis_server import RedisServer
from tests.server import Server

PAUSE_S = 5.0
KILLS_A_ROUND = 5


@pytest.fixture(scope="module")
def proxy(redis_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, FaultyProxy]]:
    """Redis, and the way to it on which messages get lost."""
    with RedisServer(redis_server, tmp_path_factory.mktemp("redis")) as running, FaultyProxy(running.port) as proxy:
        yield running, proxy


@pytest.fixture(scope="module")
def pair(proxy: tuple[RedisServer, FaultyProxy], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two processes on one database; the second reaches Redis through the proxy, which is honest until it is told."""
    redis, way = proxy
    data = tmp_path_factory.mktemp("pair") / "data"
    env = {"RATE_LIMITS": "off", "LOG_LEVEL": "info"}
    with (
        Server(data, env={**env, "REDIS_URL": redis.url}) as one,
        Server(data, env={**env, "REDIS_URL": way.url}) as two,
    ):
        yield Pair(redis, one, two)
        assert [
            line for server in (one, two) for line in server.lines if " ERROR " in line or "Traceback" in line
        ] == []


@pytest.fixture
def scene(pair: Pair, request: pytest.FixtureRequest) -> Scene:
    """Subscribers and senders at both processes, which are joined."""
    pair.joined()
    return Scene(pair, request.function.__name__.removeprefix("test_").replace("_", " "))


def test_killed_processes(pair: Pair, scene: Scene) -> None:
    victims = itertools.cycle(pair.both)

    async def kill() -> None:
        victim = next(victims)
        await asyncio.to_thread(victim.kill)
        await asyncio.sleep(0.5)  # its clients go on at the other process
        await asyncio.to_thread(victim.start)

    print("\n" + scene.play(kill))
    assert sum(listener.connections for listener in scene.listeners) > len(scene.listeners), "the kills were felt"
    pair.joined()


def test_killed_redis(pair: Pair, scene: Scene) -> None:
    async def kill() -> None:
        await asyncio.to_thread(pair.redis.kill)
        await asyncio.sleep(1)
        assert [pair.health(server)["connected"] for server in pair.both] == [False, False]
        await asyncio.to_thread(pair.redis.start)

    print("\n" + scene.play(kill))
    pair.joined()


def test_killed_redis_clients(pair: Pair, scene: Scene) -> None:
    killed = 0

    async def kill() -> None:
        nonlocal killed
        for _ in range(KILLS_A_ROUND):
            killed += await asyncio.to_thread(pair.kill_clients)
            await asyncio.sleep(0.2)

    print(f"\n{scene.play(kill)}; {killed} connections killed")
    assert killed >= 2 * ROUNDS
    pair.joined()


def test_paused_redis(pair: Pair, scene: Scene) -> None:
    """Connections stand and nothing is said: only a deadline of one's own finds that."""

    async def pause() -> None:
        pair.redis.pause()
        try:
            await asyncio.sleep(PAUSE_S)
            found = [await asyncio.to_thread(pair.health, server) for server in pair.both]
        finally:
            pair.redis.resume()
        assert [health["connected"] for health in found] == [False, False]
        await asyncio.to_thread(pair.joined)

    print("\n" + scene.play(pause, rounds=max(1, ROUNDS // 2) if ROUNDS < 10 else ROUNDS))


def test_messages_lost_repeated_and_swapped(pair: Pair, scene: Scene, proxy: tuple[RedisServer, FaultyProxy]) -> None:
    _, way = proxy
    way.faulty = True
    try:
        print("\n" + scene.play(lambda: asyncio.sleep(0.5)))
    finally:
        way.faulty = False
    print(f"{way.lost} lost, {way.repeated} repeated, {way.swapped} swapped")
    assert min(way.lost, way.repeated, way.swapped) > 10
