"""A disk that is full and a database that somebody else holds: refused or late, never lost."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import AsyncExitStack, closing
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.chaos.full_disk import PATIENCE_S, UNBOUNDED, bound_files, first_refusal, what_is_stored_can_be_read
from tests.chaos.traffic import (
    GUEST,
    HttpSender,
    Sender,
    WsSender,
    check_listener,
    check_log,
    check_senders,
    more_is_acknowledged,
    send_while,
    truth,
)
from tests.listeners import SseListener
from tests.scenario import eventually
from tests.server import Server

pytestmark = pytest.mark.sqlite

HELD_S = 3.0
REFUSED = 50  # more than a socket is forgiven that does not keep to the rules


def senders_of(server: Server) -> list[Sender]:
    senders: list[Sender] = []
    for number in range(4):
        senders.append(HttpSender(f"http-{number}", url=f"{server.url}/api/widget/dialogs/1/messages?{GUEST}"))
        senders.append(WsSender(f"ws-{number}", url=f"{server.ws_url}/ws/widget/dialogs/1?{GUEST}"))
    return senders


async def live_through_a_full_disk(server: Server) -> None:
    senders = senders_of(server)

    async def fill_and_free() -> None:
        await asyncio.sleep(0.3)
        largest = max(file.stat().st_size for file in server.data_dir.iterdir())
        assert server.process is not None
        bound_files([server.process.pid], largest + 20_000)
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
            await first_refusal(http)
            await what_is_stored_can_be_read(http)
            async with asyncio.timeout(PATIENCE_S):
                while not any(sender.failures for sender in senders):  # noqa: ASYNC110 - a sender has no event for this
                    await asyncio.sleep(0.01)
            bound_files([server.process.pid], UNBOUNDED)
            answer = await http.post(f"/api/widget/dialogs/1/messages?{GUEST}", json={"text": "room again"})
            assert answer.status_code in (201, 503)
        await more_is_acknowledged(senders)

    async with SseListener(f"{server.url}/api/dialogs/1/events?{GUEST}", cursor="2") as listener:
        await send_while(senders, fill_and_free)
        found = truth(server.data_dir)
        await check_listener(listener, found.ids("dialog:1", after=2))
    check_log(found)
    check_senders(found, senders)
    assert server.running


def test_a_full_disk_refuses_with_503_loses_nothing_and_the_server_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with Server(tmp_path / "data", env={"RATE_LIMITS": "off"}) as server:
        asyncio.run(live_through_a_full_disk(server))
        assert "Traceback" not in server.log


def test_health_and_the_alert_tell_of_a_full_disk_until_there_is_room_again(tmp_path: Path) -> None:
    """A poll of /health once took an empty commit, which needs no room, for the end of the trouble."""
    token = "m" * 32
    env = {"RATE_LIMITS": "off", "METRICS_TOKEN": token, "LOG_LEVEL": "debug"}
    with Server(tmp_path / "data", env=env) as server, server.client() as http:

        def failing() -> bool:
            text = http.get("/metrics", headers={"Authorization": f"Bearer {token}"}).text
            return "replyx_store_failing 1.0" in text

        def send() -> int:
            return http.post(f"/api/widget/dialogs/1/messages?{GUEST}", json={"text": "hi"}).status_code

        assert (send(), http.get("/health").status_code, failing()) == (201, 200, False)
        assert server.process is not None
        bound_files([server.process.pid], 4096)
        assert send() == 503
        for _ in range(10):
            health = http.get("/health")
            assert (health.status_code, health.json()["code"]) == (503, "store_unavailable")
            assert health.json()["detail"] == "The database cannot be written: the disk is full."
            assert failing(), "who polls health takes the alert away"
            ready = http.get("/ready")
            assert (ready.status_code, ready.json()["detail"]) == (503, health.json()["detail"])
            assert http.get("/api/sse/health").status_code == 200, "a new start would mend nothing"
            assert send() == 503
        eventually(lambda: server.log.count("a commit failed") > 12, "a probe that fails")
        assert http.get("/health").status_code == 503, "a probe that fails ends nothing"
        bound_files([server.process.pid], UNBOUNDED)
        eventually(lambda: http.get("/health").status_code == 200, "health")
        assert (send(), failing(), http.get("/ready").json()) == (201, False, {"status": "ready"})
        assert server.log.count("the database cannot be written: the disk is full") == 1, "one line each way"
        assert server.log.count("the database can be written again") == 1
        assert sum("ERROR" in line and "a commit failed" in line for line in server.lines) == 1


def test_a_process_that_does_not_get_the_events_of_the_log_is_not_ready_until_it_has_them(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server, server.client() as http:
        assert http.get("/ready").json() == http.get("/readyz").json() == {"status": "ready"}
        with closing(sqlite3.connect(server.data_dir / "replyx.db", isolation_level=None)) as other:
            other.execute("UPDATE counter SET top = top + 3")  # written elsewhere, and not here yet
            behind = http.get("/ready")
            assert (behind.status_code, behind.json()["code"]) == (503, "delivery_behind")
            assert int(behind.headers["Retry-After"]) >= 1
            assert http.get("/healthz").status_code == 200
            other.execute("UPDATE counter SET top = top - 3")
        assert http.get("/ready").status_code == 200


async def refused_again_and_again(server: Server) -> None:
    assert server.process is not None
    largest = max(file.stat().st_size for file in server.data_dir.iterdir())
    bound_files([server.process.pid], largest)
    url = f"{server.ws_url}/ws/widget/dialogs/1?{GUEST}"
    async with asyncio.timeout(30), connect(url, compression=None, proxy=None) as socket:

        async def send(number: int) -> str:
            await socket.send(json.dumps({"type": "message", "text": "more " * 1000, "client_id": f"{number}"}))
            while True:
                told = json.loads(await socket.recv())
                if told.get("client_id") == f"{number}":
                    return str(told.get("code", told["type"]))

        answers = [await send(number) for number in range(REFUSED)]
        assert answers.count("store_unavailable") > REFUSED / 2, answers
        bound_files([server.process.pid], UNBOUNDED)
        assert await send(REFUSED) == "ack"


def test_a_socket_stays_open_however_often_the_server_cannot_do_what_it_asks(tmp_path: Path) -> None:
    with Server(tmp_path / "data", env={"RATE_LIMITS": "off"}) as server:
        asyncio.run(refused_again_and_again(server))


async def live_through_a_lock(server: Server) -> None:
    senders = senders_of(server)

    async def hold() -> None:
        await asyncio.sleep(0.3)
        other = sqlite3.connect(server.data_dir / "replyx.db", isolation_level=None, timeout=10)
        try:
            other.execute("BEGIN IMMEDIATE")
            held = [len(sender.acknowledged) for sender in senders]
            await asyncio.sleep(HELD_S)
            assert all(len(sender.acknowledged) <= before + 1 for sender, before in zip(senders, held, strict=True))
            with server.client() as http:
                assert http.get("/api/sse/health").status_code == 200, "the loop does not wait with the writer"
        finally:
            other.close()
        await more_is_acknowledged(senders)

    async with AsyncExitStack() as stack:
        url = f"{server.url}/api/dialogs/1/events?{GUEST}"
        listener = await stack.enter_async_context(SseListener(url, cursor="2"))
        await send_while(senders, hold)
        found = truth(server.data_dir)
        await check_listener(listener, found.ids("dialog:1", after=2))
    check_log(found)
    check_senders(found, senders)


def test_a_database_that_another_process_holds_for_a_while_makes_senders_wait_and_loses_nothing(tmp_path: Path) -> None:
    with Server(tmp_path / "data", env={"RATE_LIMITS": "off"}) as server:
        asyncio.run(live_through_a_lock(server))
        assert "Traceback" not in server.log
