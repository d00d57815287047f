"""Clients that listen, for tests of the delivery guarantee: they note every id, and come back with their cursor.

Written for correctness, not for speed: an event counts only when it has arrived whole, the way a browser's
``EventSource`` (WHATWG HTML, 9.2.6) and a WebSocket client see it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

WAIT_S = 60.0
RETURN_S = 0.02  # between two connections; the servers of these tests are on this machine
MOST_RETURN_S = 0.5  # where one refusal follows the other, doubling up to this

Carry = Literal["header", "last_event_id", "cursor"]


@dataclass(frozen=True, slots=True)
class Heard:
    """A durable event as it arrived."""

    id: int
    event: dict[str, Any]


class Refused(Exception):
    """The server answered the connection with something else than a stream."""


def id_of(cursor: str) -> int:
    """The number in ``<epoch>-<id>``."""
    return int(cursor.rpartition("-")[2])


class Listener:
    """Follows one stream by cursor, through as many connections as it takes, until it is left.

    ``carry`` says how the cursor travels. While ``reading`` is cleared nothing is read from the socket, whose
    receive buffer is small, so the server soon cannot send more. Of ``elsewhere``, the same stream at other processes,
    each connection takes the next.
    """

    def __init__(
        self, url: str, *, cursor: str | None = None, carry: Carry = "cursor", elsewhere: Sequence[str] = ()
    ) -> None:
        self.url = url
        self._turns = itertools.cycle([*elsewhere, url])
        self.cursor = cursor
        self.carry = carry
        self.heard: list[Heard] = []
        self.ephemeral: list[dict[str, Any]] = []
        self.resyncs: list[str] = []
        self.refusals: list[str] = []
        self.close_codes: list[int] = []
        self.retries: list[int] = []
        self.connections = 0
        self.reading = asyncio.Event()
        self.reading.set()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def ids(self) -> list[int]:
        """The ids heard, in the order of their arrival."""
        return [heard.id for heard in self.heard]

    def texts(self) -> list[str]:
        """The texts of the messages heard."""
        return [heard.event["message"]["text"] for heard in self.heard if heard.event["type"] == "message:new"]

    async def until(self, condition: Callable[[Self], bool], what: str, seconds: float = WAIT_S) -> None:
        """Wait until ``condition`` holds; AssertionError with the state of the listener after ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                while not condition(self):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            ids = self.ids
            raise AssertionError(
                f"{what}: not within {seconds} s; {len(ids)} events, the last {ids[-3:]}, cursor {self.cursor},"
                f" {self.connections} connections, refusals {self.refusals[-3:]}, resyncs {self.resyncs}"
            ) from None

    async def connected(self) -> None:
        """Wait for the first connection's opening."""
        await self.until(lambda listener: listener.connections > 0, "the stream opens")

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _follow(self) -> None:
        wait = RETURN_S
        while True:
            connections = self.connections
            try:
                await self._connection()
            except (OSError, EOFError, Refused) as end:
                self.refusals.append(repr(end))
            self._news.set()
            self.url = next(self._turns)
            wait = min(MOST_RETURN_S, wait * 2) if self.connections == connections else RETURN_S
            await asyncio.sleep(wait)

    async def _connection(self) -> None:
        """One connection, from its opening to its end."""
        raise NotImplementedError

    def _take(self, event: dict[str, Any], cursor: str | None) -> None:
        if event["type"] == "resync":
            self.resyncs.append(event["reason"])
        elif cursor is not None:
            self.heard.append(Heard(id_of(cursor), event))
        else:
            self.ephemeral.append(event)
        self.cursor = cursor or self.cursor
        self._news.set()

    def _opened(self) -> None:
        self.connections += 1
        self._news.set()

    def _target(self) -> str:
        if self.cursor is None or self.carry == "header":
            return self.url
        parts = urlsplit(self.url)
        query = "&".join(filter(None, (parts.query, urlencode([(self.carry, self.cursor)]))))
        return urlunsplit(parts._replace(query=query))

    async def _socket(self) -> socket.socket:
        parts = urlsplit(self.url)
        client = socket.socket()
        try:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await asyncio.get_running_loop().sock_connect(client, (parts.hostname, parts.port))
        except BaseException:
            client.close()
            raise
        return client


class SseParser:
    """Bytes in, dispatched blocks out: WHATWG HTML, 9.2.6, for UTF-8 streams with LF line ends."""

    def __init__(self) -> None:
        self._rest = b""
        self._id: str | None = None
        self._data: list[str] = []
        self._retry: int | None = None
        self.comments = 0

    def feed(self, data: bytes) -> list[tuple[str | None, str | None, int | None]]:
        """Each complete block as (last event id, data, retry); what it did not say is None."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        blocks = []
        for line in lines:
            if not line:
                blocks.append((self._id, "\n".join(self._data) if self._data else None, self._retry))
                self._id, self._data, self._retry = None, [], None
                continue
            name, _, value = line.decode().partition(":")
            value = value.removeprefix(" ")
            if name == "id":
                self._id = value
            elif name == "data":
                self._data.append(value)
            elif name == "retry":
                self._retry = int(value)
            else:
                assert name == "", f"not a field of ours: {line!r}"
                self.comments += 1
        return blocks


class SseListener(Listener):
    """Listens to Server-Sent Events."""

    async def _connection(self) -> None:
        client = await self._socket()
        reader, writer = await asyncio.open_connection(sock=client, limit=4096)
        try:
            writer.write(self._request())
            head = await self._head(reader)
            if not head.startswith(b"HTTP/1.1 200 "):
                raise Refused(head.decode("latin-1"))
            await self._read(reader)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _request(self) -> bytes:
        parts = urlsplit(self._target())
        lines = [f"GET {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}", "Accept: text/event-stream"]
        if self.cursor is not None and self.carry == "header":
            lines.append(f"Last-Event-ID: {self.cursor}")
        return "\r\n".join([*lines, "", ""]).encode()

    async def _head(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as end:
            raise EOFError(f"the answer ended after {len(end.partial)} bytes") from None

    async def _read(self, reader: asyncio.StreamReader) -> None:
        parser = SseParser()
        opened = False
        while True:
            await self.reading.wait()
            data = await reader.read(4096)
            if not data:
                return
            for cursor, payload, retry in parser.feed(data):
                if retry is not None:
                    self.retries.append(retry)
                if not opened:
                    opened = True
                    self._opened()
                if payload is not None:
                    self._take(json.loads(payload), cursor)
                elif cursor is not None:
                    self.cursor = cursor


class WsListener(Listener):
    """Listens over a WebSocket."""

    link: ClientConnection | None = None

    async def _connection(self) -> None:
        client = await self._socket()
        try:
            link = await connect(
                self._target(), sock=client, compression=None, ping_interval=None, max_queue=4, proxy=None
            )
        except (InvalidHandshake, ConnectionClosed, TimeoutError) as end:
            client.close()
            raise Refused(repr(end)) from None
        try:
            await self._read(link)
        except ConnectionClosed as end:
            self.close_codes.append(end.rcvd.code if end.rcvd else 1006)
        finally:
            self.link = None
            link.transport.abort()
            with suppress(ConnectionClosed):
                await link.wait_closed()

    async def _read(self, link: ClientConnection) -> None:
        while True:
            await self.reading.wait()
            event = json.loads(await link.recv())
            if event["type"] == "connected":
                self.cursor = event["cursor"]
                self.link = link
                self._opened()
            else:
                self._take(event, event.pop("cursor", None))


class TicketListener(Listener):
    """Listens to one ticket over Socket.IO, and recovers as stock clients do: by private id and offset.

    Engine.IO 4 over a WebSocket, Socket.IO protocol 5, its text packets written by hand: what stock clients make of
    them is tested elsewhere, and two hundred of these fit into one loop.
    """

    def __init__(self, url: str, ticket_id: str, *, elsewhere: Sequence[str] = ()) -> None:
        super().__init__(url, elsewhere=elsewhere)
        self.ticket_id = ticket_id
        self._auth: dict[str, str] = {}
        self._joined = False

    async def _connection(self) -> None:
        address = f"{self.url}/socket.io/?EIO=4&transport=websocket"
        try:
            link = await connect(address, compression=None, ping_interval=None, proxy=None)
        except (InvalidHandshake, ConnectionClosed, TimeoutError) as end:
            raise Refused(repr(end)) from None
        try:
            while True:
                await self._packet(link, str(await link.recv()))
        except ConnectionClosed as end:
            self.close_codes.append(end.rcvd.code if end.rcvd else 1006)
        finally:
            link.transport.abort()
            with suppress(ConnectionClosed):
                await link.wait_closed()

    async def _packet(self, link: ClientConnection, packet: str) -> None:
        if packet.startswith("0"):
            await link.send("40" + (json.dumps(self._auth) if self._auth else ""))
        elif packet == "2":
            await link.send("3")
        elif packet.startswith("40"):
            pid = json.loads(packet[2:])["pid"]
            if self._joined and pid != self._auth["pid"]:
                self.resyncs.append("not recovered")
            self._auth["pid"] = pid
            if not self._joined:
                await link.send("420" + json.dumps(["join_ticket", {"ticketId": self.ticket_id}]))
            else:
                self._opened()
        elif packet.startswith("44"):  # from here on a stock client waits for its application's hand
            self.resyncs.append(packet)
        elif packet.startswith("430"):
            (answer,) = json.loads(packet[3:])
            if not answer["ok"]:
                raise Refused(packet)
            self._joined = True
            self.cursor = answer["cursor"]
            self._opened()
        elif packet.startswith("42"):
            name, data, *offset = json.loads(packet[2:])
            if offset:
                self._auth["offset"] = offset[-1]
                place = re.match(r"[0-9a-f]+-[0-9]+", offset[-1])
                assert place is not None
                if name == "message:new":
                    self._take({"type": name, "message": {"text": data["content"]}}, place[0])
