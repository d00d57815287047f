"""``--workers``: several processes behind one port, which die, are replaced, and are one server all the time."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.chaos.two_processes import Pair, Scene
from tests.redis_server import RedisServer
from tests.scenario import eventually
from tests.server import ROOT, Server

WORKERS = 2
ROLLS = 2


@pytest.fixture(scope="module")
def redis(redis_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The Redis of all servers here."""
    with RedisServer(redis_server, tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(scope="module")
def server(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of two workers."""
    env = {"RATE_LIMITS": "off", "REDIS_URL": redis.url}
    with Server(tmp_path_factory.mktemp("workers") / "data", env=env, flags=["--workers", str(WORKERS)]) as running:
        yield running
        assert running.stop() == 0
        assert [line for line in running.lines if "Traceback" in line] == []


def started(server: Server) -> list[int]:
    """The processes that were started so far, in order."""
    return [int(found[1]) for line in list(server.lines) if (found := re.search(r"worker (\d+) started in", line))]


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def living(server: Server) -> list[int]:
    return [process for process in started(server) if alive(process)]


def test_all_workers_answer_and_the_terminal_says_so_once(server: Server) -> None:
    assert len(living(server)) == WORKERS
    assert server.log.count("listening on http://") == 1
    assert server.log.count("INTERNAL_SECRET=") == 1
    bodies = [httpx.get(f"{server.url}/api/sse/health", headers={"Connection": "close"}).json() for _ in range(20)]
    assert all(body["bus"] == {"kind": "redis", "connected": True} for body in bodies)


def test_a_rolling_restart_under_load_costs_nobody_anything(server: Server, redis: RedisServer) -> None:
    """Also no request of a client that opens a connection for each."""
    scene = Scene(Pair(redis, server, server), "rolling restart")
    answers: list[int] = []

    async def ask_often(done: asyncio.Event) -> None:
        while not done.is_set():
            async with httpx.AsyncClient(timeout=30) as http:
                answers.append((await http.get(f"{server.url}/health")).status_code)

    async def roll() -> None:
        before = set(living(server))
        done = asyncio.Event()
        asking = asyncio.create_task(ask_often(done))
        assert server.process is not None
        server.process.send_signal(signal.SIGHUP)
        await asyncio.to_thread(eventually, lambda: before.isdisjoint(living(server)), "the old workers are gone")
        done.set()
        await asking

    print(f"\n{scene.play(roll, rounds=ROLLS)}; {len(answers)} other requests")
    assert all(listener.connections >= 2 for listener in scene.listeners), "the restarts were felt"
    assert set(answers) == {200}
    assert len(living(server)) == WORKERS


def test_a_worker_that_is_killed_is_replaced(server: Server, redis: RedisServer) -> None:
    scene = Scene(Pair(redis, server, server), "killed worker")

    async def kill() -> None:
        count = len(started(server))
        os.kill(living(server)[0], signal.SIGKILL)
        await asyncio.to_thread(eventually, lambda: len(started(server)) > count, "it is replaced")

    print("\n" + scene.play(kill, rounds=ROLLS))
    eventually(lambda: len(living(server)) == WORKERS, "all are there again")


def test_workers_end_with_their_supervisor(redis: RedisServer, tmp_path: Path) -> None:
    server = Server(tmp_path / "data", env={"REDIS_URL": redis.url}, flags=["--workers", "2"]).start()
    processes = living(server)
    assert len(processes) == 2
    server.kill()
    eventually(lambda: not any(map(alive, processes)), "the workers end")
    with server:  # the port is free again
        assert httpx.get(f"{server.url}/health").status_code == 200


def test_a_server_whose_workers_cannot_start_says_why_and_ends(redis: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no directory")
    command = [sys.executable, str(ROOT / "run.py"), "--port", "0", "--data-dir", str(tmp_path / "data")]
    run = subprocess.run(
        [*command, "--workers", "2", "--redis-url", redis.url], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 2
    assert "data" in run.stderr.splitlines()[-1]
    assert "listening" not in run.stdout
    assert run.stderr.count("replyx:") == 1
