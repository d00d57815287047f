"""Whether this process should be sent requests: what a load balancer asks before it does.

Being well is another question: a server that is about to stop is well, and one whose disk is full is not mended by a
new start.
"""

from __future__ import annotations

import asyncio

from replyx.delivery import eventlog
from replyx.delivery.hub import Hub
from replyx.delivery.store import Store
from replyx.errors import DeliveryBehind, Stopping

BEHIND_S = 2.0  # what is in the log is fanned out within a second, by the watch of its end at the latest


class Readiness:
    """Knows from its ``end`` on that the process stops, and finds out the rest when asked."""

    def __init__(self, store: Store, hub: Hub) -> None:
        self._store = store
        self._hub = hub
        self._ending = False
        self._applied = asyncio.Event()
        hub.watch(self._applied.set)
        hub.watch_skips(self._applied.set)

    def end(self) -> None:
        """The process is to stop: nobody new should come."""
        self._ending = True

    async def check(self) -> None:
        """Raise what is missing for a request to be served: :class:`Stopping`, :class:`StoreUnavailable`, or
        :class:`DeliveryBehind` where events that are in the log do not reach the clients of this process.
        """
        if self._ending:
            raise Stopping("The server is restarting. Try again.", retry_after=2)
        top = await self._store.read(eventlog.top)
        self._store.trouble.check()
        try:
            async with asyncio.timeout(BEHIND_S):
                while self._hub.last < top:
                    self._applied.clear()
                    await self._applied.wait()
        except TimeoutError:
            detail = f"The log ends at event {top}, and here events are delivered up to {self._hub.last}."
            raise DeliveryBehind(detail, retry_after=1) from None
