"""Sockets handed over by a service manager, a successor on the same port, and polls at the wrong process."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.handing_over import HAND_OVER
from tests.redis_server import RedisServer
from tests.scenario import PATIENCE_S, read_answer
from tests.server import ROOT, Server, clean_environment


@pytest.fixture(scope="module")
def redis(redis_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The Redis of all servers here."""
    with RedisServer(redis_server, tmp_path_factory.mktemp("redis")) as running:
        yield running


def test_a_connection_made_before_the_server_starts_is_answered_through_the_socket_handed_over(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        with socket.create_connection(address, timeout=PATIENCE_S * 2) as early:
            early.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            number = listener.fileno()
            command = [sys.executable, "-c", HAND_OVER, str(number), str(ROOT / "run.py"), "--port", "1"]
            process = subprocess.Popen(
                [*command, "--data-dir", str(tmp_path / "data")],
                pass_fds=[number],
                env=clean_environment(tmp_path / "data"),
                cwd=tmp_path,
            )
            try:
                assert read_answer(early).status == 200
            finally:
                process.terminate()
                assert process.wait(PATIENCE_S * 2) == 0


def test_a_successor_on_the_same_port_takes_over_without_a_refused_request(redis: RedisServer, tmp_path: Path) -> None:
    env = {"REDIS_URL": redis.url, "RATE_LIMITS": "off"}
    old, new = (Server(tmp_path / "data", env=env) for _ in range(2))
    statuses: list[int] = []

    async def ask(done: asyncio.Event) -> None:
        while not done.is_set():
            async with httpx.AsyncClient(timeout=30) as http:
                statuses.append((await http.get(f"{old.url}/health")).status_code)

    async def replace() -> None:
        done = asyncio.Event()
        asking = [asyncio.create_task(ask(done)) for _ in range(4)]
        await asyncio.to_thread(new.start)
        assert await asyncio.to_thread(old.stop) == 0
        done.set()
        await asyncio.gather(*asking)

    with old:
        new.port = old.port
        try:
            asyncio.run(replace())
            assert httpx.get(f"{new.url}/health").status_code == 200
        finally:
            if new.running:
                new.stop()
    assert set(statuses) == {200}


def test_a_poll_that_reaches_another_process_is_told_that_its_session_is_unknown(
    redis: RedisServer, tmp_path: Path
) -> None:
    env = {"REDIS_URL": redis.url}
    with Server(tmp_path / "data", env=env) as one, Server(tmp_path / "data", env=env) as two:
        path = "/socket.io/?EIO=4&transport=polling"
        opened = httpx.get(one.url + path).text
        assert opened.startswith("0{"), opened
        session = httpx.Response(200, text=opened[1:]).json()["sid"]
        answer = httpx.get(f"{two.url}{path}&sid={session}")
        assert answer.status_code == 400
        assert answer.json() == {"code": 1, "message": "Session ID unknown"}
