"""The attacker: one client without any account, at an address of its own, and what came of what it did."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

HOST = "127.0.0.1"
ADDRESS = "127.0.0.2"  # of the attacker; the people at work come from another
FILES = 600  # that the server may open: few, so that the attacker need not open many
AGAIN_S = 0.1  # until it comes again after it was cut off
ASSISTANT = 3

REFUSED = (OSError, EOFError, WebSocketException, TimeoutError)

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Attacker:
    """What it did and what it was answered is counted: statuses, codes of problems, and connections that were cut."""

    port: int
    counts: Counter[str] = field(default_factory=Counter)

    # Connections

    async def connect(self) -> Stream:
        """A connection that the caller closes. Raises OSError."""
        return await asyncio.open_connection(HOST, self.port, local_addr=(ADDRESS, 0))

    @asynccontextmanager
    async def websocket(self, path: str) -> AsyncIterator[ClientConnection]:
        """A WebSocket. Raises one of :data:`REFUSED`."""
        url, own = f"ws://{HOST}:{self.port}{path}", (ADDRESS, 0)
        async with connect(url, local_addr=own, compression=None, proxy=None, max_size=None) as connection:
            yield connection

    async def again_and_again(self, step: Callable[[], Awaitable[None]]) -> None:
        """Take ``step`` for ever; a refusal is counted, and it comes again a moment later."""
        while True:
            try:
                await step()
            except REFUSED:
                self.counts["cut"] += 1
                await asyncio.sleep(AGAIN_S)

    async def crowd(self, count: int, step: Callable[[], Awaitable[None]]) -> None:
        """As :meth:`again_and_again`, ``count`` times at once."""
        await asyncio.gather(*(self.again_and_again(step) for _ in range(count)))

    # Requests

    async def repeat(self, requests: Iterator[bytes], ahead: int = 1) -> None:
        """Send ``requests`` over one connection, ``ahead`` of them on their way at once; after a cut, over the next."""

        async def over_one() -> None:
            reader, writer = await self.connect()
            try:
                while batch := list(itertools.islice(requests, ahead)):
                    writer.write(b"".join(batch))
                    await writer.drain()
                    for _ in batch:
                        await self.answer(reader)
            finally:
                writer.close()

        await self.again_and_again(over_one)

    async def answer(self, reader: asyncio.StreamReader) -> tuple[int, Any]:
        """Read and count one answer: its status, and its body where that is JSON."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
        body = await reader.readexactly(int(fields.get("content-length", 0)))
        status = int(first.split()[1])
        self.counts[str(status)] += 1
        return status, json.loads(body) if body and "json" in fields.get("content-type", "") else None

    async def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """One request over a connection of its own; status and answer. Raises one of :data:`REFUSED`."""
        reader, writer = await self.connect()
        try:
            writer.write(request(method, path, body, close=True))
            return await self.answer(reader)
        finally:
            writer.close()

    async def dialog(self) -> str:
        """Open a dialog; the address of its messages, with its credential. Raises OSError if it is refused."""
        status, opened = await self.call("POST", "/api/widget/dialogs", {"assistant_id": ASSISTANT})
        if status != 200:
            raise OSError(f"no dialog: {status}")
        credential = f"assistant_id={ASSISTANT}&guest_id={opened['guest_id']}"
        return f"/api/widget/dialogs/{opened['dialog']['id']}/messages?{credential}"


Attack = Callable[[Attacker], Awaitable[None]]


def request(method: str, path: str, body: object = None, *, close: bool = False) -> bytes:
    """The bytes of a request."""
    data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    fields = f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    if close:
        fields += "Connection: close\r\n"
    return f"{method} {path} HTTP/1.1\r\n{fields}\r\n".encode() + data
