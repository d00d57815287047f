"""What the chaos tests share: senders that do not give up, and the truth as the database has it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.listeners import Listener
from tests.server import Server
from tests.stored import stored

RETRY_S = 0.05
PATIENCE_S = 60.0
FILLERS = 8
GUEST = "assistant_id=3&guest_id=test"


@dataclass
class Sender:
    """Sends numbered messages one after the other, each with a ``client_id``, until it is told to stop.

    A message is repeated with its ``client_id`` until it is acknowledged, so ``acknowledged`` (client_id to message
    id) has every message that was begun. After a failure the next of ``elsewhere``, other processes' addresses, is
    tried.
    """

    name: str
    url: str = ""
    elsewhere: tuple[str, ...] = ()
    pause_s: float = 0.02
    acknowledged: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    duplicates: int = 0
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Send until ``stopped``; returns when the last message is acknowledged."""
        while not self.stopped.is_set():
            client_id = f"{self.name}-{len(self.acknowledged)}"
            self.acknowledged[client_id] = await self._until_acknowledged(client_id)
            await asyncio.sleep(self.pause_s)

    async def _until_acknowledged(self, client_id: str) -> int:
        while True:
            answer = await self.attempt(client_id)
            if answer is not None:
                assert answer["message"]["client_id"] == client_id, answer
                self.duplicates += answer["duplicate"]
                return int(answer["message"]["id"])
            self.failures += 1
            self.url, *rest = (*self.elsewhere, self.url)
            self.elsewhere = tuple(rest)
            await asyncio.sleep(RETRY_S)

    async def attempt(self, client_id: str) -> dict[str, Any] | None:
        """Send once; the acknowledgement, or None when there was none."""
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of the connection."""


@dataclass
class HttpSender(Sender):
    """Sends by POST; ``url`` holds the credential."""

    client: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=20))

    async def attempt(self, client_id: str) -> dict[str, Any] | None:
        try:
            answer = await self.client.post(self.url, json={"text": f"text of {client_id}", "client_id": client_id})
        except httpx.TransportError:
            return None
        if answer.status_code == 503:
            assert answer.json()["code"] in ("store_unavailable", "stopping"), answer.text
            assert int(answer.headers["Retry-After"]) >= 1
            return None
        assert answer.status_code in (200, 201), answer.text
        sent: dict[str, Any] = answer.json()
        return sent

    async def close(self) -> None:
        await self.client.aclose()


@dataclass
class WsSender(Sender):
    """Sends over a WebSocket and waits for the ``ack``."""

    link: ClientConnection | None = None

    async def attempt(self, client_id: str) -> dict[str, Any] | None:
        try:
            if self.link is None:
                self.link = await connect(self.url, compression=None, ping_interval=None, proxy=None)
            frame = {"type": "message", "text": f"text of {client_id}", "client_id": client_id}
            await self.link.send(json.dumps(frame))
            return await self._ack(self.link, client_id)
        except (OSError, EOFError, ConnectionClosed, InvalidHandshake, TimeoutError):
            await self.close()
            return None

    async def _ack(self, link: ClientConnection, client_id: str) -> dict[str, Any] | None:
        while True:
            event: dict[str, Any] = json.loads(await link.recv())
            if event.get("client_id") != client_id:
                continue
            if event["type"] == "ack":
                return event
            assert event["code"] == "store_unavailable", event
            return None

    async def close(self) -> None:
        link, self.link = self.link, None
        if link is not None:
            link.transport.abort()
            with suppress(ConnectionClosed):
                await link.wait_closed()


async def send_while(senders: Iterable[Sender], what_happens: Callable[[], Awaitable[None]]) -> None:
    """Run ``what_happens`` under the traffic of ``senders``, then let each finish its message."""
    everyone = list(senders)
    running = [asyncio.create_task(sender.run()) for sender in everyone]
    try:
        await what_happens()
        for sender in everyone:
            sender.stopped.set()
        await asyncio.wait_for(asyncio.gather(*running), PATIENCE_S)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for sender in everyone:
            await sender.close()


async def more_is_acknowledged(senders: Sequence[Sender]) -> None:
    """Every sender gets a further message through."""
    before = [len(sender.acknowledged) for sender in senders]
    async with asyncio.timeout(PATIENCE_S):
        while any(  # noqa: ASYNC110 - a sender has no event for this
            len(sender.acknowledged) <= so_far for sender, so_far in zip(senders, before, strict=True)
        ):
            await asyncio.sleep(0.05)


@dataclass(frozen=True)
class Truth:
    """What the database holds."""

    events: list[tuple[int, list[str], dict[str, Any]]]
    messages: dict[str, list[int]]
    top: int

    def ids(self, *topics: str, after: int = 0) -> list[int]:
        """The ids of the events of ``topics`` behind ``after``, ascending."""
        return [id for id, of, _ in self.events if id > after and not set(topics).isdisjoint(of)]


def truth(data_dir: Path) -> Truth:
    """Read the database; ``messages`` maps each client_id to the ids of its messages."""
    with stored(data_dir) as database:
        events = database.execute("SELECT id, topics, payload FROM event ORDER BY id").fetchall()
        messages: dict[str, list[int]] = {}
        for id, client_id in database.execute("SELECT id, client_id FROM message WHERE client_id IS NOT NULL"):
            messages.setdefault(client_id, []).append(id)
        (top,) = database.execute("SELECT top FROM counter").fetchone()
    return Truth([(id, topics.split(" "), json.loads(payload)) for id, topics, payload in events], messages, top)


def check_log(found: Truth) -> None:
    """The log has no hole and no repeat, ends at the counter, and has one ``message:new`` per message."""
    ids = [id for id, _, _ in found.events]
    assert ids == list(range(ids[0], found.top + 1))
    announced = [event["message"]["id"] for _, _, event in found.events if event["type"] == "message:new"]
    stored = sorted(id for ids in found.messages.values() for id in ids)
    assert announced == sorted(set(announced))
    assert set(stored) <= set(announced)


def check_senders(found: Truth, senders: Iterable[Sender]) -> None:
    """Each acknowledged message is there once, under the id that was acknowledged, in its sender's order."""
    for sender in senders:
        for client_id, message_id in sender.acknowledged.items():
            assert found.messages.get(client_id) == [message_id], client_id
        order = list(sender.acknowledged.values())
        assert order == sorted(order), sender.name


async def check_listener(listener: Listener, expected: list[int]) -> None:
    """The listener hears exactly ``expected``, in order, and was never told to start anew."""
    await listener.until(lambda it: len(it.heard) >= len(expected), f"{len(expected)} events")
    assert listener.ids == expected
    assert listener.resyncs == []


def fill(server: Server, count: int, *, text: str = "backlog {}") -> None:
    """Put ``count`` numbered messages into dialog 1, over many sockets that do not wait for each other."""

    async def pour(numbers: range) -> None:
        url = f"{server.ws_url}/ws/widget/dialogs/1?{GUEST}&cursor=999999999"
        async with connect(url, compression=None, ping_interval=None, proxy=None, max_queue=None) as link:
            for number in numbers:
                await link.send(json.dumps({"type": "message", "text": text.format(number)}))
            left = len(numbers)
            while left:
                left -= json.loads(await link.recv())["type"] == "ack"

    async def run() -> None:
        async with asyncio.timeout(60):
            await asyncio.gather(*(pour(range(start, count, FILLERS)) for start in range(FILLERS)))

    asyncio.run(run())
