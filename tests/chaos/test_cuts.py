"""Connections that break at any byte, and sends that come many times at once."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect

from tests.chaos.traffic import GUEST, HttpSender, WsSender, check_listener, check_log, send_while, truth
from tests.listeners import Carry, Listener, SseListener, WsListener, id_of
from tests.server import Server

CUTS = 200
AT_ONCE = 50
CARRIES: tuple[Carry, ...] = ("header", "last_event_id", "cursor")


class CuttingProxy:
    """Passes TCP connections on, and cuts each after a random number of bytes until ``CUTS`` were cut."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.port = 0
        self.cuts = 0
        self.done = asyncio.Event()
        self._chance = random.Random(2026)  # noqa: S311 - where to cut
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> CuttingProxy:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pass_on(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        far, far_out = await asyncio.open_connection("127.0.0.1", self.target)
        request = asyncio.create_task(_copy(near, far_out))
        try:
            await self._answer(far, near_out)
        finally:
            request.cancel()
            for writer in (near_out, far_out):
                writer.transport.abort()
            await asyncio.gather(request, return_exceptions=True)

    async def _answer(self, far: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        left = self._chance.randrange(1, 4000)
        with suppress(OSError):
            while data := await far.read(4096):
                if self.cuts < CUTS and len(data) >= left:
                    near_out.write(data[:left])
                    await asyncio.sleep(0.001)  # what came before the cut may still arrive
                    self.cuts += 1
                    if self.cuts == CUTS:
                        self.done.set()
                    return
                left -= len(data)
                near_out.write(data)
                await near_out.drain()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(4096):
            target.write(data)
            await target.drain()


def test_connections_cut_at_any_byte_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    with Server(tmp_path / "data", env={"RATE_LIMITS": "off"}) as server:
        asyncio.run(cut_often(server))
        assert [line for line in server.lines if "ERROR" in line] == []


async def cut_often(server: Server) -> None:
    senders = [
        HttpSender("http", url=f"{server.url}/api/widget/dialogs/1/messages?{GUEST}", pause_s=0.01),
        WsSender("ws", url=f"{server.ws_url}/ws/widget/dialogs/1?{GUEST}", pause_s=0.01),
    ]
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(CuttingProxy(server.port))
        listeners: list[Listener] = []
        for carry in CARRIES:
            stream = f"http://127.0.0.1:{proxy.port}/api/dialogs/1/events?{GUEST}"
            listeners.append(SseListener(stream, cursor="2", carry=carry))
            listeners.append(WsListener(f"ws://127.0.0.1:{proxy.port}/ws/widget/dialogs/1?{GUEST}", cursor="2"))
        for listener in listeners:
            await stack.enter_async_context(listener)
        await send_while(senders, lambda: asyncio.wait_for(_wait(proxy.done), 60))
        found = truth(server.data_dir)
        expected = found.ids("dialog:1", after=2)
        for listener in listeners:
            await check_listener(listener, expected)
            assert id_of(str(listener.cursor)) == found.top
        check_log(found)
        attempts = sum(listener.connections for listener in listeners)
        print(f"\n{proxy.cuts} cuts, {attempts} streams opened, {len(expected)} events to each of {len(listeners)}")


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


def test_one_client_id_sent_many_times_at_once_is_one_message_and_one_event(tmp_path: Path) -> None:
    with Server(tmp_path / "data", env={"RATE_LIMITS": "off"}) as server:
        answers = asyncio.run(send_at_once(server))
        found = truth(server.data_dir)
    assert len(answers) == AT_ONCE
    assert [answer["duplicate"] for answer in answers].count(False) == 1
    (message_id,) = {answer["message"]["id"] for answer in answers}
    assert found.messages == {"same": [message_id]}
    assert len([1 for _, _, event in found.events if event["type"] == "message:new"]) == 1


async def send_at_once(server: Server) -> list[dict[str, Any]]:
    draft = {"text": "once", "client_id": "same"}
    start = asyncio.Event()

    async def post(http: httpx.AsyncClient) -> dict[str, Any]:
        await http.get("/health")  # the connection stands before the start
        await start.wait()
        answer = await http.post(f"/api/widget/dialogs/1/messages?{GUEST}", json=draft)
        sent: dict[str, Any] = answer.json()
        assert answer.status_code == (200 if sent["duplicate"] else 201)
        return sent

    async def send() -> dict[str, Any]:
        url = f"{server.ws_url}/ws/widget/dialogs/1?{GUEST}"
        async with connect(url, compression=None, proxy=None) as link:
            await link.recv()
            await start.wait()
            await link.send(json.dumps({"type": "message", **draft}))
            while True:
                event: dict[str, Any] = json.loads(await link.recv())
                if event["type"] == "ack":
                    return event

    async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
        sends = [asyncio.create_task(post(http) if number % 2 else send()) for number in range(AT_ONCE)]
        await asyncio.sleep(1)
        start.set()
        return await asyncio.gather(*sends)
