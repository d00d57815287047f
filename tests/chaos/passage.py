"""Passes TCP connections to a server of this machine on, until it is told otherwise: the process behind ``way.Way``.

``python -m tests.chaos.passage KIND PORT`` prints its own port. Each line that it reads is a JSON object: what to set,
and ``"cut": true`` to reset every connection; it answers with all that can be set and was counted. It ends with its
input. A process of its own: two hundred clients keep the interpreter of the tests so busy that what runs beside them
there would be slow.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import sys
from contextlib import suppress
from typing import Any

import uvloop

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close sends RST, as when the way between two hosts is gone
LOST, REPEATED, SWAPPED = 0.2, 0.2, 0.2  # parts of the messages


class Passage:
    """Lets everything through. ``state`` is what can be set and what was counted."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.state: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Until the end of the input."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        commands = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        while line := await commands.readline():
            asked: dict[str, Any] = json.loads(line)
            if asked.pop("cut", False):
                self.state["cut"] = await self._cut()
            self.state |= asked
            print(json.dumps(self.state), flush=True)
        server.close()
        await self._cut()

    async def _cut(self) -> int:
        cut = list(self._tasks)
        for task in cut:
            task.cancel()
        await asyncio.gather(*cut, return_exceptions=True)
        return len(cut)

    def _connected(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass_on(near, near_out))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        """Both directions, until either side or the passage itself ends."""
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
                connection = writer.get_extra_info("socket")  # uvloop has none any more when the other end has closed
                with suppress(OSError):
                    if connection is not None:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
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


class LostCommits(Passage):
    """To PostgreSQL: ``lose`` answers to COMMIT are still to be lost, ``lost`` were.

    The commit has happened when its answer is swallowed. Then the connection ends, or, when ``silent``, stays and
    nothing more is heard on it.
    """

    # PostgreSQL, 54.7: CommandComplete with the tag of a commit; the server sends a short answer in one piece
    COMMITTED = b"C\0\0\0\x0bCOMMIT\0"

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.state = {"lose": 0, "lost": 0, "silent": False}

    async def answer(self, far: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        """See :class:`Passage`."""
        while data := await far.read(65536):
            if self.state["lose"] and self.COMMITTED in data:
                self.state["lose"] -= 1
                self.state["lost"] += 1
                if self.state["silent"]:
                    await asyncio.Event().wait()
                return
            near_out.write(data)
            await near_out.drain()


class FaultyMessages(Passage):
    """To Redis: while it is ``faulty``, messages are lost, repeated and swapped as a bus may; answers never are."""

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.state = {"faulty": False, "lost": 0, "repeated": 0, "swapped": 0}
        self._chance = random.Random(2026)  # noqa: S311 - what to lose

    async def answer(self, far: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        """See :class:`Passage`."""
        waiting = b""
        held: list[bytes] = []
        while data := await far.read(65536):
            waiting += data
            while length := next_reply(waiting):
                reply, waiting = waiting[:length], waiting[length:]
                self._reply(reply, held, near_out)
            await near_out.drain()

    def _reply(self, reply: bytes, held: list[bytes], near_out: asyncio.StreamWriter) -> None:
        chance = self._chance.random()
        if not self.state["faulty"] or b"message" not in reply[:20]:
            out = [*held, reply]
        elif chance < LOST:
            self.state["lost"] += 1
            return
        elif chance < LOST + REPEATED:
            self.state["repeated"] += 1
            out = [*held, reply, reply]
        elif chance < LOST + REPEATED + SWAPPED and not held:
            self.state["swapped"] += 1
            held.append(reply)  # goes out behind the next
            return
        else:
            out = [reply, *held]
        held.clear()
        near_out.write(b"".join(out))


def next_reply(data: bytes) -> int:
    """The length of the first RESP value in ``data``; 0 while it is not whole (Redis serialization protocol)."""
    end = data.find(b"\r\n") + 2
    if end < 2:
        return 0
    kind, number = data[:1], data[1 : end - 2]
    if kind in b"+-:":
        return end
    if kind == b"$":
        whole = end + (int(number) + 2 if int(number) >= 0 else 0)
        return whole if len(data) >= whole else 0
    for _ in range(int(number)):
        length = next_reply(data[end:])
        if not length:
            return 0
        end += length
    return end


KINDS: dict[str, type[Passage]] = {"plain": Passage, "postgres": LostCommits, "redis": FaultyMessages}


if __name__ == "__main__":
    uvloop.run(KINDS[sys.argv[1]](int(sys.argv[2])).serve())
