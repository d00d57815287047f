"""A way over TCP to a server of this machine, which tests may cut, and which may lose what servers say."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import struct
import threading
from collections.abc import Collection
from contextlib import suppress
from types import TracebackType
from typing import Self

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close sends RST, as when the way between two hosts is gone


class Way:
    """Passes connections to ``port`` on, in a thread of its own. Subclasses say what becomes of the answers."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def cut(self) -> int:
        """Reset every connection at both ends; how many there were."""
        return asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(10)

    async def _cut(self) -> int:
        cut = list(self._tasks)
        for task in cut:
            task.cancel()
        await asyncio.gather(*cut, return_exceptions=True)
        return len(cut)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        await self._cut()

    def _connected(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass_on(near, near_out))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        """Both directions, until either side or the way itself ends."""
        writers = [near_out]
        directions: list[asyncio.Task[None]] = []
        try:
            far, far_out = await asyncio.open_connection("127.0.0.1", self.target)
            writers.append(far_out)
            directions = [
                asyncio.create_task(self._ask(near, far_out)),
                asyncio.create_task(self.answer(far, near_out)),
            ]
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass  # the server is away: so is this connection
        finally:
            for direction in directions:
                direction.cancel()
            for writer in writers:
                with suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                writer.transport.abort()
            await asyncio.gather(*directions, return_exceptions=True)

    async def _ask(self, near: asyncio.StreamReader, far_out: asyncio.StreamWriter) -> None:
        while data := await near.read(65536):
            far_out.write(data)
            await far_out.drain()

    async def answer(self, far: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        """Hand on what the server says; the connection ends with this."""
        while data := await far.read(65536):
            near_out.write(data)
            await near_out.drain()


class WayOfCommits(Way):
    """A way to PostgreSQL on which answers to COMMIT get lost: ``lose`` of them are still to be lost.

    The commit has happened when its answer is swallowed. Then the connection ends, or, when ``silent``, stays and
    nothing more is heard on it.
    """

    # PostgreSQL, 54.7: CommandComplete with the tag of a commit; the server sends a short answer in one piece
    COMMITTED = b"C\0\0\0\x0bCOMMIT\0"

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.lose = self.lost = 0
        self.silent = False

    async def answer(self, far: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        """See :class:`Way`."""
        while data := await far.read(65536):
            if self.lose and self.COMMITTED in data:
                self.lose -= 1
                self.lost += 1
                if self.silent:
                    await asyncio.Event().wait()
                return
            near_out.write(data)
            await near_out.drain()


def reset_connections(ports: Collection[int]) -> int:
    """Reset every TCP connection of this process to ``ports``, whoever holds it; how many there were.

    What was not yet read is gone, and the server is told by RST: connect(2) with AF_UNSPEC dissolves a connection.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    unspecified = bytes(16)
    cut = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            with socket.socket(fileno=os.dup(int(name))) as connection:
                if connection.family == socket.AF_INET and connection.getpeername()[1] in ports:
                    cut += libc.connect(connection.fileno(), unspecified, len(unspecified)) == 0
        except OSError:
            continue  # no socket, or not connected
    return cut
