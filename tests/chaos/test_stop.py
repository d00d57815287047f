"""SIGTERM under load: nothing acknowledged is lost, everybody is told when to return, and nobody misses anything."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from contextlib import AsyncExitStack
from pathlib import Path

from tests.chaos.traffic import (
    GUEST,
    HttpSender,
    Sender,
    WsSender,
    check_listener,
    check_log,
    check_senders,
    send_while,
    truth,
)
from tests.listeners import Listener, SseListener, WsListener, id_of
from tests.server import Server

STOPS = 3
STOP_S = 10  # the promise of docs/operating.md: a stop takes less


def test_a_stop_under_load_loses_nothing_and_sends_everybody_away_in_order(tmp_path: Path) -> None:
    with Server(tmp_path / "data", env={"RATE_LIMITS": "off"}) as server:
        asyncio.run(stop_and_start(server))
        assert [line for line in server.lines if "Traceback" in line] == []


async def stop_and_start(server: Server) -> None:
    token = server.login()
    senders: list[Sender] = []
    for number in range(8):
        senders.append(HttpSender(f"http-{number}", url=f"{server.url}/api/widget/dialogs/1/messages?{GUEST}"))
        senders.append(WsSender(f"ws-{number}", url=f"{server.ws_url}/ws/dialogs/1?token={token}"))
    events = f"{server.url}/api/dialogs/1/events"
    streams: list[Listener] = [SseListener(f"{events}?{GUEST}", carry="header"), SseListener(f"{events}?token={token}")]
    sockets: list[Listener] = [WsListener(f"{server.ws_url}/ws/widget/dialogs/1?{GUEST}") for _ in range(2)]

    async def stop_often() -> None:
        for _ in range(STOPS):
            await asyncio.sleep(0.5)
            began = time.monotonic()
            assert await asyncio.to_thread(server.stop) == 0
            assert time.monotonic() - began < STOP_S
            await asyncio.to_thread(server.start)

    async with AsyncExitStack() as stack:
        for listener in [*streams, *sockets]:
            await stack.enter_async_context(listener)
            await listener.connected()
        (began,) = {id_of(str(listener.cursor)) for listener in [*streams, *sockets]}
        await send_while(senders, stop_often)
        found = truth(server.data_dir)
        for listener in [*streams, *sockets]:
            await check_listener(listener, found.ids("dialog:1", after=began))
            assert listener.connections == STOPS + 1
    check_log(found)
    check_senders(found, senders)
    assert all(listener.close_codes == [1012] * STOPS for listener in sockets)
    for listener in streams:
        farewells = [retry for retry in listener.retries if retry != 5000]
        assert len(farewells) >= STOPS - 1, "a random time to return may be the usual one, hardly twice"
        assert all(200 <= retry <= 5000 for retry in farewells)


def test_a_request_that_is_on_its_way_at_the_stop_is_answered(tmp_path: Path) -> None:
    body = json.dumps({"text": "on its way"}).encode()
    head = f"POST /api/widget/dialogs/1/messages?{GUEST} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    with (
        Server(tmp_path / "data") as server,
        socket.create_connection(("127.0.0.1", server.port)) as client,
        socket.create_connection(("127.0.0.1", server.port)) as balancer,
    ):
        client.settimeout(15)
        balancer.settimeout(15)
        balancer.sendall(b"GET /ready HTTP/1.1\r\nHost: localhost\r\n")
        client.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + body[:5])
        assert server.process is not None
        _until_in_log(server, "listening on")
        with server.client() as http:  # one round trip later the server has read what came before
            assert http.get("/health").status_code == 200
        before = truth(server.data_dir).top
        server.process.terminate()
        _until_in_log(server, "stopping")
        balancer.sendall(b"\r\n")
        told = balancer.recv(4096)
        assert told.startswith(b"HTTP/1.1 503 "), told
        assert b"\r\nRetry-After: " in told, told
        client.sendall(body[5:])
        answer = b""
        while part := client.recv(4096):
            answer += part
        status = answer.split(b"\r\n", 1)[0]
        assert status in (b"HTTP/1.1 201 Created", b"HTTP/1.1 503 Service Unavailable"), answer
        if b" 503 " in status:
            assert b"\r\nRetry-After: " in answer
            assert truth(server.data_dir).top == before, "refused means not stored"
        head_text, _, document = answer.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(document)}".encode() in head_text
        client.close()
        assert server.stop() == 0


def _until_in_log(server: Server, words: str) -> None:
    deadline = time.monotonic() + 15
    while words not in server.log:
        assert time.monotonic() < deadline, f"{words!r} is not in the log:\n{server.log}"
        time.sleep(0.02)
