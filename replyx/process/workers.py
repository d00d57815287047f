"""The supervisor of ``--workers N``: N processes of the server on one port, kept alive and replaced one by one.

The supervisor serves nobody. It binds one socket for each worker (``SO_REUSEPORT``) and keeps them all open. The kernel
spreads connections over them: of 2,000, four sockets got 486 to 510 each, while four processes on one shared socket got
234 to 1,182. What has connected to a worker that dies waits in its socket for the next worker in that place, and in a
rolling restart old and new accept from the same socket until the old one stops.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from replyx.process import listening

log = logging.getLogger("replyx.workers")

START_S = 60.0  # for migrations too
DRAIN_S = 20.0  # docs/operating.md: what a stop may take
SETTLED_S = 10.0  # a worker that lived so long has started well
RETRY_S = (0.1, 10.0)  # between two starts in one place, doubling while workers die young
ASIDE_S = 1.0  # from this wait on the place's socket is closed, so that nobody waits in it

Bind = Callable[[], list[socket.socket]]


@dataclass(eq=False)
class Worker:
    """One process of the server, and the end of the line by which it says that it accepts connections."""

    process: asyncio.subprocess.Process
    line: socket.socket
    began: float
    judged: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def accepts(self) -> bool:
        """Wait until the worker accepts connections; False when it ended before."""
        try:
            async with asyncio.timeout(START_S):
                return await asyncio.get_running_loop().sock_recv(self.line, 1) == b"1"
        except (TimeoutError, OSError):
            return False
        finally:
            self.judged.set()

    async def stop(self) -> None:
        """Let it drain; after 20 s it is killed."""
        if self.process.returncode is None:
            self.process.terminate()
        try:
            await asyncio.wait_for(self.ended.wait(), DRAIN_S)
        except TimeoutError:
            log.error("worker %d does not stop and is killed", self.process.pid)
            self.process.kill()
            await self.ended.wait()


@dataclass(eq=False)
class Place:
    """One of the N: its listening sockets and the worker that accepts from them."""

    number: int
    sockets: list[socket.socket]
    worker: Worker | None = None
    early_deaths: int = 0


class Supervisor:
    """Keeps ``count`` processes of ``command`` running. ``bind`` gives the sockets of one place."""

    def __init__(self, command: Sequence[str], places: Sequence[list[socket.socket]], bind: Bind | None) -> None:
        self._command = list(command)
        self._bind = bind
        self._places = [Place(number, sockets) for number, sockets in enumerate(places, start=1)]
        self._stopping = asyncio.Event()
        self._rolling = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._statuses: list[int] = []

    async def run(self, accepting: Callable[[], None]) -> int:
        """Until SIGTERM or SIGINT; the exit status. Calls ``accepting`` once, when all workers accept connections.

        The first worker starts alone: it brings the schema up to date for all. If one does not start, none stays.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._start(self._roll()))
        async with self._rolling:
            started = await self._start_all()
        if started and not self._stopping.is_set():
            accepting()
            await self._stopping.wait()
        self._stopping.set()
        log.info("stopping %d workers", len(self._places))
        await asyncio.gather(*(place.worker.stop() for place in self._places if place.worker))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if not started:
            return 2
        return 1 if any(self._statuses) else 0

    async def _start_all(self) -> bool:
        first, *others = self._places
        if not await self._fill(first, first=True):
            return False
        return all(await asyncio.gather(*map(self._fill, others)))

    async def _fill(self, place: Place, *, first: bool = False) -> bool:
        """Put a worker into an empty place; whether it accepts connections. One that does not is stopped."""
        worker = place.worker = await self._spawn(place, first=first)
        if await worker.accepts():
            return True
        await worker.stop()
        return False

    async def _spawn(self, place: Place, *, first: bool = False) -> Worker:
        if not place.sockets and self._bind is not None:
            place.sockets = self._bind()
        mine, its = socket.socketpair()
        mine.setblocking(False)
        environment = {**os.environ, **listening.assignment(place.sockets, its, first=first)}
        environment.pop("NOTIFY_SOCKET", None)  # systemd listens to the supervisor
        process = await asyncio.create_subprocess_exec(
            *self._command,
            env=environment,
            pass_fds=[its.fileno(), *(each.fileno() for each in place.sockets)],
            start_new_session=True,  # Ctrl-C is the supervisor's to hear
        )
        its.close()
        worker = Worker(process, mine, time.monotonic())
        self._start(self._watch(place, worker))
        log.info("worker %d started in place %d", process.pid, place.number)
        return worker

    async def _watch(self, place: Place, worker: Worker) -> None:
        status = await worker.process.wait()
        worker.ended.set()
        await worker.judged.wait()
        worker.line.close()
        if self._stopping.is_set():
            self._statuses.append(status)
        elif place.worker is worker:
            log.error("worker %d in place %d ended with status %d", worker.process.pid, place.number, status)
            young = time.monotonic() - worker.began < SETTLED_S
            place.early_deaths = place.early_deaths + 1 if young else 0
            self._start(self._refill(place, worker))

    async def _refill(self, place: Place, dead: Worker) -> None:
        least, most = RETRY_S
        wait = min(most, least * 2**place.early_deaths) if place.early_deaths else 0.0
        if wait >= ASIDE_S and self._bind is not None:
            for each in place.sockets:
                each.close()
            place.sockets = []
        await asyncio.sleep(wait)
        if place.worker is dead and not self._stopping.is_set():
            await self._fill(place)

    async def _roll(self) -> None:
        """Replace one worker after the other; when a new one does not start, the rest stay as they are."""
        async with self._rolling:
            listening.notify(os.environ, f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
            for place in self._places:
                if self._stopping.is_set():
                    return
                old, new = place.worker, await self._spawn(place)
                if not await new.accepts():
                    log.error("the new worker in place %d did not start: the old ones stay", place.number)
                    await new.stop()
                    break
                place.worker = new
                if old is not None:
                    await old.stop()
            listening.notify(os.environ, "READY=1")

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.critical("the supervisor failed, all workers stop", exc_info=task.exception())
            self._statuses.append(1)
            self._stopping.set()
