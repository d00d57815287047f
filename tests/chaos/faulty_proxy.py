"""A proxy in front of Redis that loses, repeats and swaps what subscribers are sent, as a bus may."""

from __future__ import annotations

import asyncio
import random

from tests.chaos.way import Way

LOST, REPEATED, SWAPPED = 0.2, 0.2, 0.2  # parts of the messages


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


class FaultyProxy(Way):
    """Passes connections to Redis on; answers arrive as they are, messages, once it is ``faulty``, with luck."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.lost = self.repeated = self.swapped = 0
        self.faulty = False
        self._chance = random.Random(2026)  # noqa: S311 - what to lose

    @property
    def url(self) -> str:
        """What a server is given as ``REDIS_URL``."""
        return f"redis://127.0.0.1:{self.port}"

    async def answer(self, far: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        """See :class:`Way`."""
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
        if not self.faulty or b"pmessage" not in reply[:20]:
            out = [*held, reply]
        elif chance < LOST:
            self.lost += 1
            return
        elif chance < LOST + REPEATED:
            self.repeated += 1
            out = [*held, reply, reply]
        elif chance < LOST + REPEATED + SWAPPED and not held:
            self.swapped += 1
            held.append(reply)  # goes out behind the next
            return
        else:
            out = [reply, *held]
        held.clear()
        near_out.write(b"".join(out))
