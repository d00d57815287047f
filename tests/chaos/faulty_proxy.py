"""A proxy in front of Redis that loses, repeats and swaps what subscribers are sent, as a bus may."""

from __future__ import annotations

import asyncio
import random
import threading
from contextlib import suppress

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


class FaultyProxy:
    """Passes connections to Redis on in a thread of its own; answers arrive as they are, messages with luck."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.port = 0
        self.lost = self.repeated = self.swapped = 0
        self.faulty = False
        self._chance = random.Random(2026)  # noqa: S311 - what to lose
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    def __enter__(self) -> FaultyProxy:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        """What a server is given as ``REDIS_URL``."""
        return f"redis://127.0.0.1:{self.port}"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pass_on(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        request = None
        try:
            far, far_out = await asyncio.open_connection("127.0.0.1", self.target)
            request = asyncio.create_task(self._copy(near, far_out))
            await self._answer(far, near_out)
        except OSError:
            pass  # Redis is away: so is this connection
        finally:
            if request is not None:
                request.cancel()
                far_out.transport.abort()
            near_out.transport.abort()

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                target.write(data)
                await target.drain()

    async def _answer(self, far: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
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
        if not self.faulty or b"message" not in reply[:20]:
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
