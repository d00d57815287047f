"""Two processes, one database, one Redis: whatever breaks between them, nobody misses anything and nobody helps.

``make test-long`` plays every scene ten times with 200 subscribers, on both databases. Otherwise each is played once
with 20, those that are about Redis on SQLite and the others on PostgreSQL.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.chaos.full_disk import FILLER, UNBOUNDED, bound_files, first_refusal, what_is_stored_can_be_read
from tests.chaos.traffic import PATIENCE_S, fill, more_is_acknowledged
from tests.chaos.two_processes import LONG, ROUNDS, SENDERS, Pair, Scene
from tests.chaos.way import Way
from tests.postgres import Cluster
from tests.redis_server import RedisServer
from tests.server import Server
from tests.stored import stored

PAUSE_S = 5.0
KILLS_A_ROUND = 5
ROOM = 40_000  # bytes that are left when the disk is about to be full
WAL_MB = 1

SQLITE = pytest.param("sqlite", marks=pytest.mark.sqlite)
on_both = pytest.mark.parametrize("pair", [SQLITE, "postgres"], indirect=True)
on_postgres = pytest.mark.parametrize("pair", ["postgres"], indirect=True)
of_all = on_both if LONG else on_postgres
of_redis = on_both if LONG else pytest.mark.parametrize("pair", [SQLITE], indirect=True)


@pytest.fixture(scope="module")
def redis(redis_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, Way]]:
    """Redis, and the way to it on which messages get lost."""
    with RedisServer(redis_server, tmp_path_factory.mktemp("redis")) as running, Way(running.port, "redis") as way:
        yield running, way


@pytest.fixture(scope="module")
def pair(
    redis: tuple[RedisServer, Way],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    database: str,
) -> Iterator[Pair]:
    """Two processes on one database, both over ways to it and to Redis, which are honest until they are told."""
    server, bus_way = redis
    data = tmp_path_factory.mktemp("pair") / "data"
    env = {
        "RATE_LIMITS": "off",
        "LOG_LEVEL": "info",
        "REDIS_URL": server.url.replace(f":{server.port}", f":{bus_way.port}"),
    }
    cluster = way = None
    before = Server.database_of
    with ExitStack() as stack:
        stack.callback(setattr, Server, "database_of", staticmethod(before) if before else None)
        Server.database_of = None
        if request.param == "postgres":
            postgres = request.getfixturevalue("postgres")
            cluster = stack.enter_context(Cluster(postgres, durable=True, wal_mb=WAL_MB))
            way = stack.enter_context(Way(cluster.port, "postgres"))
            Server.database_of = cluster.database_of
            env["DATABASE_URL"] = cluster.database_of(data).replace(f":{cluster.port}/", f":{way.port}/")
        one, two = (stack.enter_context(Server(data, env=env)) for _ in range(2))
        yield Pair(server, one, two, bus_way, cluster, way)


@pytest.fixture
def scene(pair: Pair, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """Subscribers and senders at both processes, which are joined, and are so afterwards without a hand."""
    pair.joined()
    name = request.function.__name__.removeprefix("test_").replace("_", " ")
    scene = Scene(pair, f"{name} on {'SQLite' if pair.cluster is None else 'PostgreSQL'}")
    yield scene
    pair.joined()
    assert scene.unexpected_errors() == []


@of_all
def test_killed_processes(pair: Pair, scene: Scene) -> None:
    victims = itertools.cycle(pair.both)

    async def kill() -> None:
        victim = next(victims)
        await asyncio.to_thread(victim.kill)
        await asyncio.sleep(0.5)  # its clients go on at the other process
        await asyncio.to_thread(victim.start)

    print("\n" + scene.play(kill))
    assert sum(listener.connections for listener in scene.listeners) > len(scene.listeners), "the kills were felt"


@of_redis
def test_killed_redis(pair: Pair, scene: Scene) -> None:
    async def kill() -> None:
        await asyncio.to_thread(pair.redis.kill)
        await asyncio.sleep(1)
        assert [pair.health(server)["connected"] for server in pair.both] == [False, False]
        await asyncio.to_thread(pair.redis.start)

    print("\n" + scene.play(kill))


@of_redis
def test_killed_redis_clients(pair: Pair, scene: Scene) -> None:
    killed = 0

    async def kill() -> None:
        nonlocal killed
        for _ in range(KILLS_A_ROUND):
            killed += await asyncio.to_thread(pair.kill_clients)
            await asyncio.sleep(0.2)

    print(f"\n{scene.play(kill)}; {killed} connections killed")
    assert killed >= 2 * ROUNDS


@of_redis
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

    print("\n" + scene.play(pause))


@of_redis
def test_messages_lost_repeated_and_swapped(pair: Pair, scene: Scene) -> None:
    way = pair.bus_way
    assert way is not None
    way.state(faulty=True, lost=0, repeated=0, swapped=0)
    try:
        print("\n" + scene.play(partial(asyncio.sleep, 0.5)))
    finally:
        found = way.state(faulty=False)
    print(f"{found['lost']} lost, {found['repeated']} repeated, {found['swapped']} swapped")
    assert min(found["lost"], found["repeated"], found["swapped"]) > 10


@of_all
def test_dropped_connections(pair: Pair, scene: Scene) -> None:
    """All at once: every client's, and both processes' to Redis and to PostgreSQL."""
    dropped: list[int] = []

    async def drop() -> None:
        dropped.append(pair.drop_every_connection())
        await more_is_acknowledged(scene.senders)

    print(f"\n{scene.play(drop, database_fails=True)}; {sum(dropped)} connections dropped")
    assert min(dropped) > len(scene.listeners)
    assert all(listener.connections > ROUNDS for listener in scene.listeners), "every drop was felt"


def log_bytes(pair: Pair) -> int:
    """The size of the event log's table on PostgreSQL."""
    with stored(pair.one.data_dir) as database:
        (size,) = database.execute("SELECT pg_relation_size('event')").fetchone()
    return int(size)


@of_all
def test_a_full_disk(pair: Pair, scene: Scene) -> None:
    """What has no room is refused with a time to come back, what is stored is read, and with room all goes on."""
    if pair.cluster is not None:  # until the log is larger than the files of PostgreSQL's own log, which need not grow
        while log_bytes(pair) < WAL_MB << 20:
            fill(pair.one, 200, text="{} " + FILLER)

    def leave(room: int | None) -> None:
        if pair.cluster is not None:
            pair.cluster.bound_files(None if room is None else log_bytes(pair) + room)
        else:  # of what is larger only the beginning can be written
            processes = [server.process.pid for server in pair.both if server.process is not None]
            bound_files(processes, UNBOUNDED if room is None else room)

    async def until_refused(times: int) -> None:
        before = scene.failures
        async with asyncio.timeout(PATIENCE_S):
            while scene.failures < before + times:  # noqa: ASYNC110 - a sender has no event for this
                await asyncio.sleep(0.05)

    async def fill_and_free() -> None:
        await asyncio.to_thread(leave, ROOM)
        try:
            for server in pair.both:
                async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
                    await first_refusal(http)
                    await what_is_stored_can_be_read(http)
            await until_refused(SENDERS)
        finally:
            await asyncio.to_thread(leave, None)
        await more_is_acknowledged(scene.senders)

    print("\n" + scene.play(fill_and_free, database_fails=True))
    assert all(server.running for server in pair.both)


@on_postgres
def test_paused_postgresql(pair: Pair, scene: Scene) -> None:
    assert pair.cluster is not None
    cluster = pair.cluster

    async def pause() -> None:
        cluster.pause()
        try:
            await asyncio.sleep(PAUSE_S)
        finally:
            cluster.resume()
        await more_is_acknowledged(scene.senders)

    print("\n" + scene.play(pause, database_fails=True))


@on_postgres
def test_killed_postgresql(pair: Pair, scene: Scene) -> None:
    """Whatever supervises PostgreSQL starts it again; the two processes are left alone."""
    assert pair.cluster is not None
    cluster = pair.cluster

    async def kill() -> None:
        await asyncio.to_thread(cluster.kill)
        await asyncio.sleep(1)
        await asyncio.to_thread(cluster.start)
        await more_is_acknowledged(scene.senders)

    print("\n" + scene.play(kill, database_fails=True))
    assert scene.failures > 0, "the senders felt it"


@on_postgres
def test_answers_to_commit_lost(pair: Pair, scene: Scene) -> None:
    """The messages are stored and nobody was told: who repeats with the same ``client_id`` learns it."""
    way = pair.database_way
    assert way is not None
    way.state(lost=0, silent=False)

    async def lose() -> None:
        way.state(lose=2)
        async with asyncio.timeout(30):
            while way.state()["lose"]:  # noqa: ASYNC110 - the way has no event for this
                await asyncio.sleep(0.05)
        await more_is_acknowledged(scene.senders)

    print(f"\n{scene.play(lose, database_fails=True)}; {way.state()['lost']} answers to COMMIT lost")
    assert sum(sender.duplicates for sender in scene.senders) >= way.state()["lost"] == 2 * ROUNDS
