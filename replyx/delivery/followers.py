"""Followers: parts that read the log and act outside of this server, such as sending webhooks.

A subject says in a :class:`Duty` what an event means to it and how a job is done. A :class:`Follower` does the rest,
alike for every subject:

- One process of all that share the store follows, by the lease of the duty's name.
- Each event is recorded once, however a process dies: the duty's place in the log moves in the transaction that
  records what follows from the event.
- There is a turn whenever events were applied here or :meth:`Follower.wake` is called, and at least once a second,
  because another process may have written, and a job's time may have come.
- Turns never wait for a job. As many workers as the duty wants do one job at a time each.
- While the store is away turns and workers wait for it.
- A stop gives what is under way a moment to end, then another process may go on at once.

After kill -9 the lease runs out by itself (:mod:`replyx.delivery.leases`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import count
from typing import Generic, Protocol, TypeVar

from replyx import tasks
from replyx.delivery import eventlog, positions
from replyx.delivery.eventlog import Entry
from replyx.delivery.hub import Hub
from replyx.delivery.leases import RENEW_S, Lease
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import StoreUnavailable

log = logging.getLogger("replyx.followers")

LOOK_S = 1.0  # how late an event that another process wrote may be noticed
GATHER_S = 0.05  # between two turns, so that what comes together is dealt with together
WAIT_S = 1.0  # when the store cannot be reached
WAITING = 1000  # jobs that wait for a worker; beyond it the log waits
FINISH_S = 2.0  # that jobs under way have to end in when the server stops

Found = TypeVar("Found")
Job = TypeVar("Job")


class Duty(Protocol[Found, Job]):
    """What a subject does with the log. Its promise follows from where it leaves what is to be done:

    - *At least once*: :meth:`record` writes rows, :meth:`jobs` reads those that are due and not under way, and
      :meth:`do` notes in them what came of it. A job whose process dies is found again.
    - *At most once*: :meth:`record` returns what is to be done, and :meth:`jobs` makes jobs of it. The place in the
      log has moved before anything is done, so what a dying process had in hand is not done.
    """

    @property
    def name(self) -> str:
        """The name of the lease and of the place in the log; it stays for ever."""
        ...

    @property
    def workers(self) -> int:
        """How many jobs are done at a time."""
        ...

    def wanted(self, reading: Snapshot) -> bool:
        """Whether there is anybody to act for. While there is not, the log is not followed."""
        ...

    def record(self, tx: Transaction, entries: Sequence[Entry]) -> Sequence[Found]:
        """Write down what follows from the next events of the log, oldest first, as part of ``tx``."""
        ...

    def jobs(self, found: Sequence[Found], under_way: Sequence[Job]) -> AsyncIterator[Job]:
        """What is to be done now: of ``found``, which :meth:`record` returned, and of what has become due.

        Asked once a turn. ``under_way`` waits for a worker or is with one already; it also tells how many workers
        are free. Taking the next job may wait until there is room for it. May raise :class:`StoreUnavailable`.
        """
        ...

    async def do(self, job: Job) -> None:
        """Do one job. An exception but :class:`StoreUnavailable` is a fault of ours and stops the server."""
        ...


class Follower(Generic[Found, Job]):
    """Does a duty for as long as the server runs. ``clock`` is in seconds since the epoch, alike on all hosts.

    Without a ``hub`` the log is not read: the duty's jobs come from rows alone, when it is woken and once a second.
    """

    def __init__(self, store: Store, hub: Hub | None, duty: Duty[Found, Job], clock: Callable[[], float]) -> None:
        self._store = store
        self._duty = duty
        self._lease = Lease(store, duty.name, clock)
        self._wake = asyncio.Event()
        self._numbers = count()
        self._under_way: dict[int, Job] = {}
        self._queue: asyncio.Queue[int] = asyncio.Queue(WAITING)
        self._turns: asyncio.Task[None] | None = None
        self._workers: list[asyncio.Task[None]] = []
        self._follows = hub is not None
        if hub is not None:
            hub.watch(self.wake)

    def start(self) -> None:
        """Begin to follow, with what a process before has left undone."""
        self._workers = [tasks.start(self._work()) for _ in range(self._duty.workers)]
        self._turns = tasks.start(self._take_turns())

    async def close(self) -> None:
        """Take no more turns, let jobs end for :data:`FINISH_S` at most, and let another process go on."""
        await tasks.stop([self._turns])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISH_S):
                await self._queue.join()
        await tasks.stop(self._workers)
        try:
            await self._lease.release()
        except StoreUnavailable:
            log.warning("%s: the lease could not be given back, it runs out by itself", self._duty.name)

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    async def _take_turns(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._turn()
            except StoreUnavailable:
                log.warning("%s: waiting until the store can be written", self._duty.name)
                await asyncio.sleep(WAIT_S)
            await asyncio.sleep(GATHER_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._wake.wait()

    async def _turn(self) -> None:
        """One look: what is new in the log, page after page, and whatever is due."""
        wanted, more = await self._store.read(self._look)
        if not wanted:
            await self._lease.release()
            return
        while await self._lease.hold():
            found: Sequence[Found] = ()
            if more:
                found, more = await self._store.commit(lambda tx: record_page(tx, self._duty))
            async for job in self._duty.jobs(found, list(self._under_way.values())):
                await self._hand_on(job)
            if not more:
                return

    def _look(self, rows: Snapshot) -> tuple[bool, bool]:
        """Whether anybody is to be acted for, and whether the log has something new."""
        return self._duty.wanted(rows), self._follows and positions.is_behind(rows, self._duty.name)

    async def _hand_on(self, job: Job) -> None:
        """Give a job to the workers; where many wait already, keep the lease until there is room."""
        number = next(self._numbers)
        self._under_way[number] = job
        while True:
            try:
                async with asyncio.timeout(RENEW_S):
                    await self._queue.put(number)
                return
            except TimeoutError:
                with contextlib.suppress(StoreUnavailable):  # whoever else takes the lease goes on behind this job
                    await self._lease.hold()

    async def _work(self) -> None:
        while True:
            number = await self._queue.get()
            try:
                await self._duty.do(self._under_way[number])
            except StoreUnavailable:
                log.warning("%s: what came of a job could not be stored", self._duty.name)
                await asyncio.sleep(WAIT_S)
            finally:
                del self._under_way[number]
                self._queue.task_done()
            self.wake()


def record_page(tx: Transaction, duty: Duty[Found, Job]) -> tuple[Sequence[Found], bool]:
    """Record the next page of the log and move the duty's place over it; what was found, and whether there is more."""
    page = eventlog.after(tx, positions.place(tx, duty.name))
    if not page:
        return (), False
    found = duty.record(tx, page)
    return found, positions.move(tx, duty.name, page[-1].id) < positions.present(tx)
