"""Duties: work that follows the log in one process of all that share the store, such as sending webhooks.

There is a turn whenever something was logged or asked for, and at least once a second, because another process may
have written it. Whether this process has the duty, its :class:`Lease` tells.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from replyx.delivery.hub import Hub
from replyx.delivery.leases import Lease
from replyx.delivery.store import Store
from replyx.errors import StoreUnavailable

log = logging.getLogger("replyx.duties")

LOOK_S = 1.0  # how late an event that another process wrote may be noticed
GATHER_S = 0.05  # between two turns, so that what comes together is dealt with together
WAIT_S = 1.0  # when the store cannot be reached


class Duty:
    """The duty ``name``. ``clock`` is in seconds since the epoch."""

    def __init__(self, store: Store, hub: Hub, name: str, clock: Callable[[], float]) -> None:
        self.lease = Lease(store, name, clock)
        self._name = name
        self._wake = asyncio.Event()
        hub.watch(self.wake)

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    async def run(self, turn: Callable[[], Awaitable[None]]) -> None:
        """Take turns for ever. One that finds the store away is tried again."""
        while True:
            self._wake.clear()
            try:
                await turn()
            except StoreUnavailable:
                log.warning("%s: waiting until the store can be written", self._name)
                await asyncio.sleep(WAIT_S)
            await asyncio.sleep(GATHER_S)
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def release(self) -> None:
        """Let another process go on at once, if the store can be told."""
        try:
            await self.lease.release()
        except StoreUnavailable:
            log.warning("%s: the lease could not be given back, it runs out by itself", self._name)
