"""COMMIT was sent and its answer never came: only the database knows, and whoever repeats the send learns it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.chaos.traffic import GUEST, check_listener, check_log, truth
from tests.chaos.two_processes import LONG
from tests.chaos.way import Way
from tests.listeners import SseListener
from tests.postgres import Cluster
from tests.server import Server

SEND = f"/api/widget/dialogs/1/messages?{GUEST}"
UNKNOWN = "Repeat with the same client_id to learn what was kept."
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def way(postgres: Path) -> Iterator[Way]:
    """The way to PostgreSQL."""
    with Cluster(postgres, durable=True) as cluster, Way(cluster.port, "postgres") as way:
        before = Server.database_of
        Server.database_of = cluster.database_of
        yield way
        Server.database_of = staticmethod(before) if before else None


@pytest.fixture(scope="module")
def server(way: Way, database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that reaches PostgreSQL by it."""
    data = tmp_path_factory.mktemp("server") / "data"
    assert Server.database_of is not None
    url = Server.database_of(data).replace(f":{way.target}/", f":{way.port}/")
    with Server(data, env={"RATE_LIMITS": "off", "DATABASE_URL": url}) as running:
        yield running
        assert "Traceback" not in running.log


def kept(server: Server, client_id: str) -> int:
    """How often a message is stored."""
    return len(truth(server.data_dir).messages.get(client_id, []))


def unknown(server: Server, way: Way, http: httpx.Client, name: str) -> tuple[str, httpx.Response]:
    """Send until a commit with a message loses its answer; the ``client_id`` and what the sender was told.

    The server commits for itself, too; a send beside that is refused, and is told truly that nothing was kept.
    """
    deadline = time.monotonic() + PATIENCE_S
    for number in range(1000):
        client_id = f"{name}-{number}"
        way.state(lose=1)
        answer = http.post(SEND, json={"text": "Дошло?", "client_id": client_id})
        if answer.status_code == 503 and UNKNOWN in answer.json()["detail"]:
            break
        assert kept(server, client_id) == (1 if answer.status_code == 201 else 0)
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)
    way.state(lose=0)
    return client_id, answer


def repeated(http: httpx.Client, client_id: str) -> httpx.Response:
    """Send again until the server knows."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        answer = http.post(SEND, json={"text": "Дошло?", "client_id": client_id})
        if answer.status_code != 503:
            return answer
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)


@pytest.mark.parametrize("silent", [False, True] if LONG else [False], ids="silent={}".format)
def test_a_send_whose_commit_was_not_answered_is_refused_as_unknown_and_its_repetition_is_stored_and_heard_once(
    server: Server, way: Way, silent: bool
) -> None:
    way.state(silent=silent)

    async def run() -> None:
        with server.client() as http:
            async with SseListener(f"{server.url}/api/dialogs/1/events?{GUEST}", cursor="2") as listener:
                client_id, told = await asyncio.to_thread(unknown, server, way, http, f"http-{silent}")
                assert (told.status_code, told.json()["code"]) == (503, "store_unavailable")
                assert "Nothing was kept" not in told.json()["detail"]
                assert int(told.headers["Retry-After"]) >= 1
                assert kept(server, client_id) == 1, "the commit had happened"
                answer = await asyncio.to_thread(repeated, http, client_id)
                assert (answer.status_code, answer.json()["duplicate"]) == (200, True)
                found = truth(server.data_dir)
                assert found.messages[client_id] == [answer.json()["message"]["id"]]
                check_log(found)
                await check_listener(listener, found.ids("dialog:1", after=2))

    asyncio.run(run())


def test_a_socket_is_told_the_same_and_stays_open(server: Server, way: Way) -> None:
    way.state(silent=False)

    async def run() -> None:
        url = f"{server.ws_url}/ws/widget/dialogs/1?{GUEST}"
        async with asyncio.timeout(PATIENCE_S), connect(url, compression=None, proxy=None) as socket:

            async def send(client_id: str) -> dict[str, object]:
                await socket.send(json.dumps({"type": "message", "text": "Дошло?", "client_id": client_id}))
                while True:
                    told: dict[str, object] = json.loads(await socket.recv())
                    if told.get("client_id") == client_id:
                        return told

            number = 0
            while True:
                way.state(lose=1)
                client_id = f"ws-{number}"
                told = await send(client_id)
                if UNKNOWN in str(told.get("detail")):
                    break
                number += 1
                await asyncio.sleep(0.05)
            way.state(lose=0)
            assert (told["type"], told["code"]) == ("error", "store_unavailable")
            while (told := await send(client_id))["type"] == "error":  # noqa: ASYNC110 - it is what a client does
                await asyncio.sleep(0.05)
            assert (told["type"], told["duplicate"]) == ("ack", True)
        assert kept(server, client_id) == 1

    asyncio.run(run())
