"""A client that stops reading: it costs little, loses nothing, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from tests.chaos.traffic import GUEST, check_listener, fill, truth
from tests.listeners import Listener, SseListener, WsListener
from tests.server import Server

STALLED = 40
LIMIT_KB = 256  # what one stalled client may cost
MESSAGES = 1000
TEXT = "{} " + "long " * 1000  # about 5 KB: each client would be owed 5 MB


def resident_kb(server: Server) -> int:
    """Memory of the server's process, in KiB."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


def listeners_of(server: Server, count: int, cursor: str | None = None) -> list[Listener]:
    """SSE and WebSocket in turn, on dialog 1."""
    made: list[Listener] = []
    for number in range(count):
        if number % 2:
            made.append(SseListener(f"{server.url}/api/dialogs/1/events?{GUEST}", cursor=cursor))
        else:
            made.append(WsListener(f"{server.ws_url}/ws/widget/dialogs/1?{GUEST}", cursor=cursor))
    return made


async def growth_kb(server: Server, reading: bool) -> int:
    """By how much the server grows while :data:`STALLED` clients are owed a big backlog; checks what all heard."""
    slow, quick = listeners_of(server, STALLED), listeners_of(server, 2)
    async with AsyncExitStack() as stack:
        for listener in [*slow, *quick]:
            await stack.enter_async_context(listener)
            await listener.connected()
        await asyncio.to_thread(fill, server, 50, text=TEXT)  # whatever grows once, grows now
        for listener in [*slow, *quick]:
            await listener.until(lambda it: len(it.heard) >= 50, "the first messages")
        if not reading:
            for listener in slow:
                listener.reading.clear()
        before = resident_kb(server)
        await asyncio.to_thread(fill, server, MESSAGES, text=TEXT)
        expected = truth(server.data_dir).ids("dialog:1", after=2)
        assert len(expected) == 50 + MESSAGES
        for listener in quick:
            await check_listener(listener, expected)
        if reading:
            for listener in slow:
                await check_listener(listener, expected)
        else:
            assert max(len(listener.heard) for listener in slow) < MESSAGES // 2, "they do not read"
        grown = resident_kb(server) - before
        for listener in slow:
            listener.reading.set()
        for listener in slow:
            await check_listener(listener, expected)
            assert listener.connections == 1, "a slow reader is not dropped"
        return grown


def test_a_client_that_stops_reading_costs_little_and_gets_everything_later(tmp_path: Path) -> None:
    with Server(tmp_path / "reading", env={"RATE_LIMITS": "off"}) as server:
        reading = asyncio.run(growth_kb(server, reading=True))
    with Server(tmp_path / "stalled", env={"RATE_LIMITS": "off"}) as server:
        stalled = asyncio.run(growth_kb(server, reading=False))
    each = (stalled - reading) / STALLED
    print(f"\n{STALLED} clients: {reading} KB more when they read, {stalled} KB when they do not: {each:.0f} KB each")
    assert each <= LIMIT_KB


@pytest.mark.parametrize("kind", [SseListener, WsListener])
def test_a_client_may_stop_reading_in_the_middle_of_its_replay(kind: type[Listener], tmp_path: Path) -> None:
    with Server(tmp_path / "data", env={"RATE_LIMITS": "off"}) as server:
        fill(server, 600, text=TEXT)
        asyncio.run(stop_in_replay(server, kind))


async def stop_in_replay(server: Server, kind: type[Listener]) -> None:
    url = f"{server.url}/api/dialogs/1/events" if kind is SseListener else f"{server.ws_url}/ws/widget/dialogs/1"
    async with kind(f"{url}?{GUEST}", cursor="0") as listener:
        for stop_at in (20, 150, 400, 580, 700):
            await listener.until(has(stop_at), "part of the replay")
            listener.reading.clear()
            await asyncio.to_thread(fill, server, 60, text=TEXT)
            listener.reading.set()
        await check_listener(listener, truth(server.data_dir).ids("dialog:1"))
        assert listener.connections == 1


def has(count: int) -> Callable[[Listener], bool]:
    return lambda listener: len(listener.heard) >= count


def streams_and_topics(server: Server) -> tuple[int, int]:
    with server.client() as http:
        health = http.get("/api/sse/health").json()
    return health["connections"], health["topics"]


def test_stalled_clients_that_leave_leave_nothing_behind(tmp_path: Path) -> None:
    with Server(tmp_path / "data", env={"RATE_LIMITS": "off"}) as server:
        fill(server, 100, text=TEXT)
        asyncio.run(leave_stalled(server))
        deadline = time.monotonic() + 30
        while (left := streams_and_topics(server)) != (0, 0):
            assert time.monotonic() < deadline, f"{left[0]} streams and {left[1]} topics are left"
            time.sleep(0.1)
        assert "ERROR" not in server.log


async def leave_stalled(server: Server) -> None:
    """Some stall live, some in their replay; then all are gone without a word."""
    listeners = listeners_of(server, 10) + listeners_of(server, 10, cursor="0")
    async with AsyncExitStack() as stack:
        for listener in listeners:
            await stack.enter_async_context(listener)
            await listener.connected()
            listener.reading.clear()
        await asyncio.to_thread(fill, server, 200, text=TEXT)
        assert streams_and_topics(server) == (20, 2), "the count sees them"


def test_a_client_that_sends_and_does_not_read_is_not_read_either(tmp_path: Path) -> None:
    with Server(tmp_path / "data", env={"RATE_LIMITS": "off"}) as server:
        asyncio.run(send_without_reading(server))


async def send_without_reading(server: Server) -> None:
    """Every ack repeats its message: without a bound a silent client would fill the server with them."""
    url = f"{server.ws_url}/ws/widget/dialogs/1?{GUEST}"
    count = 1000
    async with connect(url, compression=None, ping_interval=None, proxy=None, max_queue=4, write_limit=1024) as link:

        async def send() -> None:
            for number in range(count):
                await link.send(json.dumps({"type": "message", "text": TEXT.format(number), "client_id": f"{number}"}))

        async def acknowledged() -> list[str]:
            ids: list[str] = []
            while len(ids) < count:
                event = json.loads(await link.recv())
                if event["type"] == "ack":
                    ids.append(event["client_id"])
            return ids

        sending = asyncio.create_task(send())
        stored = await settled(server)
        assert 0 < stored < count, "the server must stop to read"
        assert not sending.done()
        assert await asyncio.wait_for(acknowledged(), 60) == [str(number) for number in range(count)]
        await sending
    assert len(truth(server.data_dir).messages) == count


async def settled(server: Server) -> int:
    """How many messages are stored when no more come for a while."""
    stored, since = -1, time.monotonic()
    while time.monotonic() - since < 1.5:
        now = len(truth(server.data_dir).messages)
        if now != stored:
            stored, since = now, time.monotonic()
        await asyncio.sleep(0.05)
    return stored
