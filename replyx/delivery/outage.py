"""While the database is away: refuse at once, and look until it is back.

Without this every request would wait for a connection that does not come, and those behind it for longer still.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor

from replyx import tasks
from replyx.errors import StoreUnavailable

log = logging.getLogger("replyx.store")

LOOK_S = 0.5


class Outage:
    """Whether the database is away; ``look`` raises one of ``failures`` as long as it is."""

    def __init__(self, look: Callable[[], object], failures: tuple[type[Exception], ...]) -> None:
        self.away = False
        self._failures = failures
        self._look = look
        self._loop: asyncio.AbstractEventLoop | None = None
        self._executor: Executor | None = None
        self._noticed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, loop: asyncio.AbstractEventLoop, executor: Executor) -> None:
        """Be ready to look for the database, on ``executor``; called on the loop."""
        self._loop = loop
        self._executor = executor
        self._task = tasks.start(self._watch())

    async def close(self) -> None:
        """Stop looking."""
        await tasks.stop([self._task])

    def begin(self) -> None:
        """The database was found to be away; from any thread. Does nothing before :meth:`start`."""
        if self._loop is not None and not self.away:
            self.away = True
            self._loop.call_soon_threadsafe(self._noticed.set)

    def check(self) -> None:
        """Raise :class:`StoreUnavailable` while the database is away."""
        if self.away:
            raise StoreUnavailable("The database cannot be reached. Nothing was kept.", retry_after=1)

    async def _watch(self) -> None:
        assert self._loop is not None
        while True:
            await self._noticed.wait()
            log.warning("the database is away: requests that need it are refused until it is back")
            while self.away:
                await asyncio.sleep(LOOK_S)
                try:
                    await self._loop.run_in_executor(self._executor, self._look)
                    self.away = False
                except self._failures:  # the reader has logged nothing: one line each way will do
                    continue
            self._noticed.clear()
            log.warning("the database is back")
