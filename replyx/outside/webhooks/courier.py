"""The courier: writes deliveries for new events and sends what is due, in one process of all that share the store.

Its loop never waits for a receiver. A few workers do, each for one delivery at a time, and a webhook never has more
than its share of them: a receiver that hangs delays its own deliveries alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from secrets import SystemRandom

from replyx import tasks
from replyx.delivery.duties import Duty
from replyx.delivery.hub import Hub
from replyx.delivery.store import Snapshot, Store
from replyx.errors import StoreUnavailable
from replyx.outside.calls import Outside
from replyx.outside.webhooks import dispatch, rows, signing
from replyx.outside.webhooks.rows import Parcel

log = logging.getLogger("replyx.webhooks")

WORKERS = 64
SHARE = 4  # of them for one webhook: requests to one receiver at a time
WAIT_S = 1.0  # when the store cannot be written


class Courier:
    """Follows the log for webhooks and sends deliveries. ``first_retry_s``: delay before the first repetition."""

    def __init__(
        self, store: Store, hub: Hub, outside: Outside, first_retry_s: float, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._hub = hub
        self._outside = outside
        self._first_retry_s = first_retry_s
        self._clock = clock
        self._random = SystemRandom().random
        self._duty = Duty(store, hub, "webhooks", clock)
        self._parcels: asyncio.Queue[Parcel] = asyncio.Queue()
        self._out: dict[int, int] = {}  # delivery → webhook, of what waits for a worker or is with one
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to follow and to send, with what a process before left undone."""
        self._tasks = [tasks.start(self._work()) for _ in range(WORKERS)]
        self._tasks.append(tasks.start(self._duty.run(self._turn)))

    async def close(self) -> None:
        """Stop sending and let another process go on; what was under way is sent again by whoever goes on."""
        await tasks.stop(self._tasks)
        await self._duty.release()

    def wake(self) -> None:
        """There may be something to do."""
        self._duty.wake()

    async def _turn(self) -> None:
        """One look: deliveries for new events, then everything that is due and for which there is a worker."""
        if not await self._store.read(dispatch.wanted):
            await self._duty.lease.release()
            return
        if not await self._duty.lease.hold():
            return
        epoch = self._hub.epoch
        while await self._store.commit(lambda tx: dispatch.dispatch(tx, epoch)):
            await self._duty.lease.hold()
        now_ms = int(self._clock() * 1000)
        for parcel in await self._store.read(lambda reading: self._due(reading, now_ms)):
            self._out[parcel.id] = parcel.target.webhook_id
            self._parcels.put_nowait(parcel)

    def _due(self, reading: Snapshot, now_ms: int) -> list[Parcel]:
        """What is due, at most a share for each webhook and no more in all than there are workers.

        Webhooks with the fewest deliveries under way come first, so that the slow ones never take every worker.
        """
        under_way = Counter(self._out.copy().values())
        free = WORKERS - under_way.total()
        found: list[Parcel] = []
        for target in sorted(rows.targets(reading, now_ms), key=lambda each: under_way[each.webhook_id]):
            share = min(SHARE - under_way[target.webhook_id], free - len(found))
            if share > 0:
                candidates = rows.due(reading, target, now_ms, SHARE + share)
                found += [parcel for parcel in candidates if parcel.id not in self._out][:share]
        return found

    async def _work(self) -> None:
        while True:
            parcel = await self._parcels.get()
            try:
                await self._send(parcel)
            except StoreUnavailable:
                log.warning("delivery %d: what came of it could not be stored; it is sent again", parcel.id)
                await asyncio.sleep(WAIT_S)
            finally:
                del self._out[parcel.id]
            self.wake()

    async def _send(self, parcel: Parcel) -> None:
        headers = signing.headers(parcel.event_id, parcel.target.secrets, int(self._clock()), parcel.body)
        reply = await self._outside.post(parcel.target.url, headers, parcel.body)
        shaken = self._random()
        status = await self._store.commit(lambda tx: rows.record(tx, parcel, reply, self._first_retry_s, shaken))
        log.log(
            logging.DEBUG if status == "delivered" else logging.WARNING,
            "webhook=%d event=%s delivery=%d: %s (%s)",
            *(parcel.target.webhook_id, parcel.event_id, parcel.id, status, reply.status or reply.error),
        )
