"""People at work: visitors who write, an operator who answers, and newcomers. How long each waits is written down."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.attacks.attacker import ASSISTANT, HOST
from tests.bench.servers import PASSWORD

VISITORS = 4
PAUSE_S = 0.2  # between two sends of a visitor, and of the operator: what one visitor may send for ever
NEWCOMER_S = 1.0
PATIENCE_S = 10.0  # who is not served by then is not served

FAILED = (OSError, EOFError, WebSocketException, TimeoutError, httpx.HTTPError, KeyError, ValueError)


@dataclass
class Waits:
    """How long one kind of person waited for each answer, in milliseconds, and how often none came."""

    took_ms: list[float] = field(default_factory=list)
    unserved: int = 0

    async def of(self, step: Callable[[], Awaitable[object]]) -> bool:
        """Time one step; False when it was refused, or not done in time."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await step()
        except FAILED:
            self.unserved += 1
            return False
        finally:
            self.took_ms.append((time.perf_counter() - began) * 1000)
        return True

    def quantile(self, share: float) -> float:
        """Within how many milliseconds this share was served."""
        ordered = sorted(self.took_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


class People:
    """Everybody at work at one server, from :meth:`work` on until it is cancelled."""

    def __init__(self, port: int) -> None:
        url, alone = f"http://{HOST}:{port}", httpx.Limits(max_keepalive_connections=0)
        self._operator_http = httpx.AsyncClient(base_url=url, timeout=PATIENCE_S)
        self._newcomers_http = httpx.AsyncClient(base_url=url, timeout=PATIENCE_S, limits=alone)
        self._port = port
        self.reset()

    def reset(self) -> None:
        """Write down from now on."""
        self.visitors, self.operators, self.newcomers = Waits(), Waits(), Waits()

    async def empty_dialogs(self) -> int:
        """How many dialogs stand among the newest 200 of the operators' inbox in which nobody has said anything."""
        async with asyncio.timeout(PATIENCE_S):
            # The places of the attacker are not free at once, and nothing tells when.
            while (answer := await self._operator_http.get("/api/dialogs?limit=200")).status_code == 429:  # noqa: ASYNC110
                await asyncio.sleep(PAUSE_S)
        items = answer.raise_for_status().json()["items"]
        return sum(item["last_message"] is None for item in items)

    async def work(self) -> None:
        """Never returns."""
        places = [await self._dialog() for _ in range(VISITORS)]
        self._operator_http.headers["Authorization"] = f"Bearer {await self._token()}"
        async with asyncio.TaskGroup() as group:
            for place in places:
                group.create_task(self._visitor(place))
            group.create_task(self._operator(places[0][0]))
            group.create_task(self._newcomers())

    async def _visitor(self, place: tuple[int, str]) -> None:
        """Writes over a WebSocket, and waits for each ack; a socket that is lost is opened again."""
        url = f"ws://{HOST}:{self._port}/ws/widget/dialogs/{place[0]}?{place[1]}"
        while True:
            try:
                async with connect(url, proxy=None, open_timeout=PATIENCE_S) as socket:

                    async def send(socket=socket) -> None:  # type: ignore[no-untyped-def]
                        await socket.send('{"type": "message", "text": "Где мой заказ?"}')
                        while json.loads(await socket.recv())["type"] != "ack":
                            continue

                    while True:
                        await asyncio.sleep(PAUSE_S)
                        if not await self.visitors.of(send):
                            break
            except FAILED:
                self.visitors.unserved += 1
            await asyncio.sleep(PAUSE_S)

    async def _operator(self, dialog_id: int) -> None:
        """Answers by POST."""

        async def answer() -> None:
            path, body = f"/api/dialogs/{dialog_id}/messages", {"text": "Уже в пути"}
            (await self._operator_http.post(path, json=body)).raise_for_status()

        while True:
            await self.operators.of(answer)
            await asyncio.sleep(PAUSE_S)

    async def _newcomers(self) -> None:
        """Each comes over new connections, opens a dialog and says a word, and has a session of Socket.IO."""

        async def come() -> None:
            dialog_id, credential = await self._dialog()
            path, http = f"/api/widget/dialogs/{dialog_id}/messages?{credential}", self._newcomers_http
            (await http.post(path, json={"text": "Здравствуйте"})).raise_for_status()
            (await http.get("/socket.io/?EIO=4&transport=polling")).raise_for_status()

        while True:
            await self.newcomers.of(come)
            await asyncio.sleep(NEWCOMER_S)

    async def _dialog(self) -> tuple[int, str]:
        answer = await self._newcomers_http.post("/api/widget/dialogs", json={"assistant_id": ASSISTANT})
        opened = answer.raise_for_status().json()
        return opened["dialog"]["id"], f"assistant_id={ASSISTANT}&guest_id={opened['guest_id']}"

    async def _token(self) -> str:
        body = {"email": "admin@example.com", "password": PASSWORD}
        token: str = (await self._operator_http.post("/api/v1/auth/login", json=body)).json()["access_token"]
        return token
