"""What is opened is closed: descriptors, streams and memory settle after a thousand connections."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from tests.chaos.traffic import GUEST
from tests.listeners import Listener, SseListener, WsListener
from tests.server import Server

CONNECTIONS = 1000
AT_ONCE = 50
SETTLED_KB = 6 * 1024  # a thousand kept WebSocket handlers come to several times this


def descriptors(server: Server) -> int:
    assert server.process is not None
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def resident_kb(server: Server) -> int:
    assert server.process is not None
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())
    assert found is not None
    return int(found[1])


def streams(server: Server) -> int:
    with server.client() as http:
        count: int = http.get("/api/sse/health").json()["connections"]
    return count


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def settled(measure: Callable[[], int]) -> int:
    """What is measured when it no longer changes."""
    last, same = measure(), 0
    while same < 10:
        time.sleep(0.05)
        now = measure()
        last, same = now, same + 1 if now == last else 0
    return last


def site_session(server: Server) -> str:
    """A visitor's session: its token is good for weeks, so whatever waits for its end waits long."""
    with server.client() as http:
        headers = {"Authorization": f"Bearer {server.login()}"}
        widget = http.post("/api/widgets", json={"assistant_id": 3}, headers=headers).json()
        who = {"site_token": widget["token"], "guest_id": "anna-of-the-leaks"}
        session = http.post("/api/site/session", json=who).json()
    return f"{session['dialog']['id']} site_token={session['site_token']}"


async def open_and_close(server: Server, dialog: str, credential: str, count: int) -> None:
    """Half SSE, half WebSocket, :data:`AT_ONCE` at a time."""
    for _ in range(count // AT_ONCE):
        async with AsyncExitStack() as stack:
            listeners: list[Listener] = []
            for number in range(AT_ONCE):
                if number % 2:
                    listeners.append(SseListener(f"{server.url}/api/dialogs/{dialog}/events?{credential}"))
                else:
                    listeners.append(WsListener(f"{server.ws_url}/ws/site/dialogs/{dialog}?{credential}"))
                await stack.enter_async_context(listeners[-1])
            for listener in listeners:
                await listener.connected()


async def sees_an_open_one(server: Server, dialog: str, credential: str, before: int) -> None:
    async with SseListener(f"{server.url}/api/dialogs/{dialog}/events?{credential}") as listener:
        await listener.connected()
        assert await asyncio.to_thread(streams, server) == 1
        assert descriptors(server) > before


def test_descriptors_streams_and_memory_settle_after_a_thousand_connections(tmp_path: Path) -> None:
    with Server(tmp_path / "data", env={"RATE_LIMITS": "off"}) as server:
        dialog, credential = site_session(server).split(" ")
        asyncio.run(open_and_close(server, dialog, credential, CONNECTIONS))  # whatever grows once, grows now
        until(lambda: streams(server) == 0, "streams are left")
        before, memory = settled(lambda: descriptors(server)), resident_kb(server)
        asyncio.run(sees_an_open_one(server, dialog, credential, before))
        asyncio.run(open_and_close(server, dialog, credential, CONNECTIONS))
        until(lambda: streams(server) == 0, "streams are left")
        until(lambda: descriptors(server) <= before, f"{descriptors(server)} descriptors, {before} before")
        grown = resident_kb(server) - memory
        print(f"\n{grown} KB after {CONNECTIONS} connections")
        assert grown < SETTLED_KB
        assert [line for line in server.lines if "ERROR" in line] == []


def test_clients_that_are_gone_before_their_stream_begins_leave_nothing_and_log_no_error(tmp_path: Path) -> None:
    websocket = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n"
    paths = [
        (f"/api/dialogs/1/events?{GUEST}", ""),
        (f"/api/dialogs/1/events?{GUEST}&cursor=0", ""),
        (f"/ws/widget/dialogs/1?{GUEST}", websocket.format("dGhlIHNhbXBsZSBub25jZQ==")),
    ]
    with Server(tmp_path / "data", env={"RATE_LIMITS": "off"}) as server:
        for number in range(300):
            path, headers = paths[number % len(paths)]
            with socket.create_connection(("127.0.0.1", server.port)) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close() resets
                client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
                time.sleep((number % 7) / 2000)  # from before the request is read to after the stream stands
        until(lambda: streams(server) == 0, "streams are left")
        assert [line for line in server.lines if "ERROR" in line] == []
