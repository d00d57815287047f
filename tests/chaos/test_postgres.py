"""PostgreSQL fails under load: what was acknowledged is there, once; nobody's stream ends, and no hand is needed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

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
from tests.listeners import Listener, SseListener, WsListener, id_of
from tests.postgres import Cluster
from tests.server import ROOT, Server, clean_environment

SENDERS = 16
PAUSE_S = 5.0  # shorter than what the server takes for the end, longer than a client waits gladly
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def own_cluster(postgres: Path) -> Iterator[Cluster]:
    """A PostgreSQL that may be killed, with fsync as an operator has it."""
    with Cluster(postgres, durable=True) as running:
        yield running


@pytest.fixture(autouse=True)
def on_postgres(own_cluster: Cluster, database: str) -> Iterator[None]:
    """The servers of these tests run on it, whatever the others run on."""
    before = Server.database_of
    Server.database_of = own_cluster.database_of
    yield
    Server.database_of = before


def senders_of(servers: list[Server], token: str) -> list[Sender]:
    """Visitors and operators, over HTTP and WebSocket, on each server alike."""
    made: list[Sender] = []
    for number in range(SENDERS // 4 // len(servers)):
        for index, server in enumerate(servers):
            name = f"{index}-{number}"
            made += [
                HttpSender(f"guest-http-{name}", url=f"{server.url}/api/widget/dialogs/1/messages?{GUEST}"),
                HttpSender(f"staff-http-{name}", url=f"{server.url}/api/dialogs/1/messages?token={token}"),
                WsSender(f"guest-ws-{name}", url=f"{server.ws_url}/ws/widget/dialogs/1?{GUEST}"),
                WsSender(f"staff-ws-{name}", url=f"{server.ws_url}/ws/dialogs/1?token={token}"),
            ]
    return made


def listeners_of(server: Server, token: str) -> list[Listener]:
    """A visitor and two operators."""
    return [
        SseListener(f"{server.url}/api/dialogs/1/events?{GUEST}", carry="header"),
        SseListener(f"{server.url}/api/inbox/events?token={token}", carry="header"),
        WsListener(f"{server.ws_url}/ws/dialogs/1?token={token}"),
    ]


async def under_fire(servers: list[Server], faults: Callable[[list[Sender]], Awaitable[None]]) -> list[Listener]:
    """Send and listen on every server while ``faults`` happen; then everything must be right."""
    token = servers[0].login()
    senders = senders_of(servers, token)
    listeners = [listener for server in servers for listener in listeners_of(server, token)]
    async with AsyncExitStack() as stack:
        for listener in listeners:
            await stack.enter_async_context(listener)
            await listener.connected()
        began = {id_of(str(listener.cursor)) for listener in listeners}
        assert len(began) == 1
        await send_while(senders, lambda: faults(senders))
        found = truth(servers[0].data_dir)
        expected = found.ids("dialog:1", after=began.pop())
        for listener in listeners:
            await check_listener(listener, expected)
    check_log(found)
    check_senders(found, senders)
    acknowledged = sum(len(sender.acknowledged) for sender in senders)
    assert sum(map(len, found.messages.values())) == acknowledged
    for server in servers:
        assert server.running
        assert "Traceback" not in server.log
    print(
        f"\n{acknowledged} messages acknowledged to {len(senders)} senders,"
        f" {sum(sender.failures for sender in senders)} sends refused or cut off,"
        f" {sum(sender.duplicates for sender in senders)} of them already stored;"
        f" {len(listeners)} listeners heard {len(expected)} events each"
    )
    return listeners


def test_a_database_that_stops_ends_its_sessions_or_is_killed_costs_no_message_and_no_stream(
    own_cluster: Cluster, tmp_path: Path
) -> None:
    async def faults(senders: list[Sender]) -> None:
        await more_is_acknowledged(senders)
        own_cluster.pause()
        await asyncio.sleep(PAUSE_S)
        own_cluster.resume()
        await more_is_acknowledged(senders)
        end_sessions(own_cluster)
        await more_is_acknowledged(senders)
        own_cluster.kill()
        await refused_for_now(server)
        await asyncio.to_thread(own_cluster.start)
        await more_is_acknowledged(senders)

    with Server(tmp_path / "data", env={"RATE_LIMITS": "off"}) as server:
        listeners = asyncio.run(under_fire([server], faults))
        assert [listener.connections for listener in listeners] == [1] * len(listeners), "no stream was ended"
        with server.client() as http:
            assert http.get("/health").status_code == 200


def test_kill_9_of_the_server_under_load_loses_nothing_on_postgresql(tmp_path: Path) -> None:
    async def faults(senders: list[Sender]) -> None:
        for _ in range(4):
            await more_is_acknowledged(senders)
            await asyncio.to_thread(server.restart_after_kill)

    with Server(tmp_path / "data", env={"RATE_LIMITS": "off"}) as server:
        listeners = asyncio.run(under_fire([server], faults))
        assert all(listener.connections > 1 for listener in listeners), "the kills were felt"


def test_two_servers_that_start_at_once_on_an_empty_database_write_one_log(tmp_path: Path) -> None:
    """No Redis joins them: each finds the other's events in the log."""
    assert Server.database_of is not None
    Server.database_of(tmp_path / "data")  # made before both ask for it
    servers = [Server(tmp_path / "data", env={"RATE_LIMITS": "off"}) for _ in range(2)]
    try:
        at_once(*(server.start for server in servers))
        started = "\n".join(server.log for server in servers)
        assert started.count("migrated to schema version 1\n") == 1, "one made the tables, the other waited"

        async def faults(senders: list[Sender]) -> None:
            await more_is_acknowledged(senders)
            servers[0].kill()
            await more_is_acknowledged([sender for sender in senders if "-1-" in sender.name])
            await asyncio.to_thread(servers[0].start)
            await more_is_acknowledged(senders)

        asyncio.run(under_fire(servers, faults))
        what_one_changes_the_other_knows(*servers)
    finally:
        for server in servers:
            if server.running:
                server.stop()


def what_one_changes_the_other_knows(one: Server, other: Server) -> None:
    """A session that has ended here is soon refused there, although it was known there."""
    token = one.login("manager@example.com")
    headers = {"Authorization": f"Bearer {token}"}
    with one.client(headers=headers) as here, other.client(headers=headers) as there:
        assert there.get("/api/v1/auth/me").status_code == 200
        assert here.post("/api/v1/auth/logout").status_code in (200, 204)
        asyncio.run(until_status(there, "/api/v1/auth/me", 401))


def test_a_start_without_its_database_says_so_and_ends(own_cluster: Cluster, tmp_path: Path) -> None:
    gone = f"postgresql://replyx:s3cret-word@127.0.0.1:{own_cluster.port + 1}/gone"
    ran = start(tmp_path / "data", "--database-url", gone)
    assert ran.returncode == 2
    assert "the database cannot be opened" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "s3cret-word" not in ran.stdout + ran.stderr


def test_a_newer_schema_and_another_encoding_are_refused(own_cluster: Cluster, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Server(data):
        pass
    assert Server.database_of is not None
    with psycopg.connect(Server.database_of(data)) as database:
        database.execute("UPDATE installation SET value = '999' WHERE key = 'schema_version'")
    newer = start(data, "--database-url", Server.database_of(data))
    assert (newer.returncode, "newer ReplyX" in newer.stderr) == (2, True)
    latin = own_cluster.new_database("latin", "ENCODING 'LATIN1' LOCALE 'C'")
    refused = start(tmp_path / "other", "--database-url", latin)
    assert (refused.returncode, "ENCODING 'UTF8'" in refused.stderr) == (2, True)


def test_a_character_that_postgresql_cannot_hold_is_the_callers_mistake_and_no_outage(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server, server.client() as http:
        nobodys = http.get("/api/widget/dialogs/1/messages?assistant_id=3&guest_id=te%00st")
        assert (nobodys.status_code, nobodys.json()["code"]) == (404, "dialog_not_found")
        refused = http.post("/api/v1/auth/login", json={"email": "a\0@example.com", "password": "x"})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
        assert http.get("/health").status_code == 200
        assert [line for line in server.lines if "ERROR" in line] == []


def start(data: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run the server for as long as it takes to refuse."""
    command = [sys.executable, str(ROOT / "run.py"), "--data-dir", str(data), "--port", "0", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=clean_environment(data))


def end_sessions(cluster: Cluster) -> None:
    """What an administrator or a failover does: every session is ended at once."""
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as database:
        database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'replyx'")


async def refused_for_now(server: Server) -> None:
    """Reads and sends are refused with a time to come back, health says so, and pages still come."""
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as http:
        requests: list[tuple[str, str, Any]] = [
            ("POST", f"/api/widget/dialogs/1/messages?{GUEST}", {"text": "Есть кто?"}),
            ("GET", f"/api/widget/dialogs/1/messages?{GUEST}", None),
            ("GET", "/health", None),
        ]
        for method, url, body in requests:
            answer = await http.request(method, url, json=body)
            assert answer.status_code == 503, (url, answer.text)
            assert answer.json()["code"] == "store_unavailable"
            assert int(answer.headers["Retry-After"]) >= 1
        assert (await http.get("/widget.js")).status_code == 200


async def until_status(http: httpx.Client, url: str, status: int) -> None:
    """Ask until the answer is ``status``."""
    async with asyncio.timeout(PATIENCE_S):
        while (await asyncio.to_thread(http.get, url)).status_code != status:  # noqa: ASYNC110 - the server knows
            await asyncio.sleep(0.05)


def at_once(*works: Callable[[], object]) -> None:
    """Run all of ``works`` at the same time."""
    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(work) for work in works]:
            done.result()
