"""Whether the store can write: from a commit that failed until a write as large as the largest message has succeeded.

A small commit proves nothing: on a full disk it may fit into what the database has reserved, and one that changes
nothing always succeeds. So while there is trouble a probe is written every second, and nothing else ends it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from replyx import tasks
from replyx.errors import StoreUnavailable

log = logging.getLogger("replyx.store")

PROBE_S = 1.0


class Trouble:
    """Why the store cannot write, and the watch that finds out when it can; ``probe`` raises as long as it cannot."""

    def __init__(self, probe: Callable[[], Awaitable[None]]) -> None:
        self.cause = ""
        self._probe = probe
        self._loop: asyncio.AbstractEventLoop | None = None
        self._begun = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to watch; called on the loop."""
        self._loop = loop
        if self.cause:
            self._begun.set()
        self._task = tasks.start(self._watch())

    async def close(self) -> None:
        """Stop watching."""
        await tasks.stop([self._task])

    def begin(self, cause: str) -> None:
        """A commit has failed because of ``cause``, the end of a sentence for people; from any thread."""
        self.cause = cause
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begun.set)

    def check(self) -> None:
        """Raise :class:`StoreUnavailable` with the cause while there is trouble."""
        if self.cause:
            raise StoreUnavailable(f"The database cannot be written: {self.cause}.", retry_after=1)

    async def _watch(self) -> None:
        while True:
            await self._begun.wait()
            log.error("the database cannot be written: %s", self.cause)
            while self._begun.is_set():
                await asyncio.sleep(PROBE_S)
                self._begun.clear()
                try:
                    await self._probe()
                except StoreUnavailable:  # the writer has logged why, and begun anew
                    self._begun.set()
            self.cause = ""
            log.warning("the database can be written again")
