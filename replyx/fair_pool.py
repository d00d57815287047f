"""A few threads that many strangers ask for work at once, and the order in which they get it.

Who asks stands in a *lane* and has a *standing*. The best standing goes first; within a standing the lanes take turns,
so a client that asks for much waits for itself. What does not fit is refused at once: the newcomer, or, if somebody of
a worse standing or with more in the queue waits, that one.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, TypeVar

from replyx.errors import TooManyRequests

PATIENCE_S = 6.0
"""Seconds that a place in the queue is good for: whoever filled in a form has given up by then."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: ``lane`` takes turns with others, a lower ``standing`` goes first. It is asked when it matters."""

    lane: str
    standing: Callable[[], float]


def known(lane: str) -> Asker:
    """Somebody who is known already, and goes before every stranger."""
    return Asker(lane, lambda: -1.0)


@dataclass(slots=True, eq=False)
class _Job:
    asker: Asker
    work: Callable[[], Any]
    future: asyncio.Future[Any]
    since: float
    number: int
    running: Future[Any] | None = None


class FairPool:
    """Runs work on the ``threads`` of ``executor``; at most ``limit`` jobs run or wait.

    Belongs to one event loop. The caller owns the executor and shuts it down.
    """

    def __init__(self, executor: Executor, threads: int, limit: int, retry_after: int) -> None:
        self._executor = executor
        self._threads = threads
        self._limit = limit
        self._retry_after = retry_after
        self._running = 0
        self._waiting: list[_Job] = []
        self._served: dict[str, int] = {}  # of lanes that run or wait: when their last job was begun
        self._numbers = itertools.count(1)
        self._begun = itertools.count(1)

    async def run(self, asker: Asker, work: Callable[[], T]) -> T:
        """The result of ``work``. Raises what it raises, and :class:`TooManyRequests` where it finds no place.

        Whoever is cancelled leaves the queue. Work that has begun is done to its end and keeps its thread so long.
        """
        loop = asyncio.get_running_loop()
        job = _Job(asker, work, loop.create_future(), loop.time(), next(self._numbers))
        if self._running < min(self._threads, self._limit):
            self._begin(job)
        else:
            self._queue(job)
        try:
            result: T = await job.future
        except asyncio.CancelledError:
            if job.running is not None:
                job.running.cancel()  # no more than asked: work that has begun goes on, and keeps its thread
            raise
        return result

    def _queue(self, job: _Job) -> None:
        self._waiting = [each for each in self._waiting if not each.future.done()]
        self._waiting.append(job)
        if self._running + len(self._waiting) > self._limit:
            share = Counter(each.asker.lane for each in self._waiting)
            worst = max(self._waiting, key=lambda one: (one.asker.standing(), share[one.asker.lane], one.number))
            self._refuse(worst)

    def _begin(self, job: _Job) -> None:
        job.running = self._executor.submit(job.work)
        self._running += 1
        asyncio.wrap_future(job.running).add_done_callback(lambda done: self._finish(job, done))
        self._served[job.asker.lane] = next(self._begun)

    def _finish(self, job: _Job, done: asyncio.Future[Any]) -> None:
        self._running -= 1
        if done.cancelled():
            job.future.cancel()
        elif not job.future.done():
            error = done.exception()
            if error is None:
                job.future.set_result(done.result())
            else:
                job.future.set_exception(error)
        self._begin_next()

    def _begin_next(self) -> None:
        late = asyncio.get_running_loop().time() - PATIENCE_S
        for job in self._waiting[:]:
            if job.future.done():
                self._waiting.remove(job)
            elif job.since < late:
                self._refuse(job)
        while self._waiting and self._running < self._threads:
            job = min(self._waiting, key=lambda one: (one.asker.standing(), self._turn(one), one.number))
            self._waiting.remove(job)
            try:
                self._begin(job)
            except RuntimeError as stopped:  # the executor was shut down
                job.future.set_exception(stopped)
        lanes = {each.asker.lane for each in self._waiting}
        self._served = {lane: number for lane, number in self._served.items() if lane in lanes}

    def _turn(self, job: _Job) -> int:
        return self._served.get(job.asker.lane, 0)

    def _refuse(self, job: _Job) -> None:
        self._waiting.remove(job)
        job.future.set_exception(
            TooManyRequests("Too many logins are being checked just now.", retry_after=self._retry_after)
        )
