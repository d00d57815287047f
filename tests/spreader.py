"""Spreads the connections to one address over several processes, as a proxy before them does, byte by byte.

Where a connection goes depends on the order of connections alone, so a test that fails does so again.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import threading
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeVar

from tests.ports import held_port

T = TypeVar("T")

HOST = "127.0.0.1"
PIECE = 65_536
ASKS_FOR = re.compile(rb"[A-Z]+ /socket\.io/\?\S*\bsid=([\w-]+)")
OPENED = re.compile(rb'"sid":"([\w-]+)"')
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: closing resets the connection, socket(7)


class Spreader:
    """The thread in which connections are carried; a :class:`Gate` is an address."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="spreader", daemon=True)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` in the thread, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def __enter__(self) -> Spreader:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.do(self._cut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _cut(self) -> None:
        carried = asyncio.all_tasks() - {asyncio.current_task()}
        for task in carried:
            task.cancel()
        await asyncio.gather(*carried, return_exceptions=True)


class Gate:
    """One address before several processes; ``ports`` are theirs. Closed, it refuses connections.

    A connection goes to the process whose turn it is, as soon as it says something; one that names a session of
    Socket.IO goes to the process that opened the session. It outlives the gate's closing, as long as both its ends do.
    """

    def __init__(self, spreader: Spreader) -> None:
        self.port = held_port(self)
        self.ports: Sequence[int] = ()
        self._spreader = spreader
        self._count = 0
        self._sessions: dict[bytes, int] = {}
        self._listening: socket.socket | None = None
        self._carried: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Let connections in; always at the same port."""
        if self._listening is None:
            self._spreader.do(self._open())

    def close(self) -> None:
        """Let nobody in any more."""
        if self._listening is not None:
            self._spreader.do(self._close())

    async def _open(self) -> None:
        self._listening = socket.create_server((HOST, self.port), backlog=1024)
        self._listening.setblocking(False)
        asyncio.get_running_loop().add_reader(self._listening, self._accept, self._listening)

    async def _close(self) -> None:
        assert self._listening is not None
        asyncio.get_running_loop().remove_reader(self._listening)
        self._listening.close()
        self._listening = None

    def _turn(self) -> int:
        """The port of the process whose turn it is.

        By the Thue-Morse sequence: of two in a row each process gets one, and yet nothing comes round with a period,
        so that clients that are made in the same way do not all have the same process.
        """
        self._count += 1
        return self.ports[(self._count - 1).bit_count() % len(self.ports)]

    def _accept(self, listening: socket.socket) -> None:
        """Take the next connection. asyncio's own server loses one that comes in the moment in which it is closed."""
        with suppress(OSError):  # whoever came may have gone again
            near, _ = listening.accept()
            task = asyncio.get_running_loop().create_task(self._carry(near))
            self._carried.add(task)  # the loop knows tasks, and streams their readers, only weakly
            task.add_done_callback(self._carried.discard)

    async def _carry(self, near: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=near, limit=PIECE)
        ends = [writer]
        try:
            first = await reader.read(PIECE)
            asked = ASKS_FOR.match(first)
            port = (self._sessions.get(asked[1]) if asked else None) or self._turn()
            far_reader, far_writer = await asyncio.open_connection(HOST, port, limit=PIECE)
            ends.append(far_writer)
            far_writer.write(first)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._requests(reader, far_writer))
                both.create_task(self._answers(far_reader, writer, port))
        except* OSError:
            for each in ends:  # whoever is still there must see it as it was
                reset(each)
        finally:
            for each in ends:
                each.close()
            for each in ends:
                with suppress(OSError):
                    await each.wait_closed()

    async def _requests(self, reader: asyncio.StreamReader, far_writer: asyncio.StreamWriter) -> None:
        await far_writer.drain()
        while data := await reader.read(PIECE):
            far_writer.write(data)
            await far_writer.drain()
        far_writer.write_eof()

    async def _answers(self, far_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        while data := await far_reader.read(PIECE):
            for session in OPENED.findall(data):
                self._sessions[session] = port
            writer.write(data)
            await writer.drain()
        writer.write_eof()


def reset(writer: asyncio.StreamWriter) -> None:
    """Reset a connection, and drop what waits for it."""
    connection = writer.get_extra_info("socket")
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
