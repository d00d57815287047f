"""The courier: writes deliveries for new events and sends what is due, as a duty of a follower of the log.

A webhook never has more than its share of the workers: a receiver that hangs delays its own deliveries alone.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from secrets import SystemRandom

from replyx.delivery.eventlog import Entry
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.outside.calls import Outside
from replyx.outside.webhooks import dispatch, rows, signing
from replyx.outside.webhooks.rows import Parcel
from replyx.tally import tally

log = logging.getLogger("replyx.webhooks")

WORKERS = 64
SHARE = 4  # of them for one webhook: requests to one receiver at a time


class Courier:
    """The duty (:class:`replyx.delivery.followers.Duty`) of sending webhooks: every delivery at least once.

    ``epoch`` is the log's, a part of every event's id; ``first_retry_s`` the delay before the first repetition.
    """

    name = dispatch.DUTY
    workers = WORKERS

    def __init__(
        self, store: Store, outside: Outside, epoch: str, first_retry_s: float, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._outside = outside
        self._epoch = epoch
        self._first_retry_s = first_retry_s
        self._clock = clock
        self._random = SystemRandom().random

    def wanted(self, reading: Snapshot) -> bool:
        """Whether a webhook is turned on."""
        return dispatch.wanted(reading)

    def record(self, tx: Transaction, entries: Sequence[Entry]) -> Sequence[None]:
        """Write the deliveries of these events; they are found there by :meth:`jobs`."""
        dispatch.dispatch(tx, entries, self._epoch)
        return ()

    async def jobs(self, found: Sequence[None], under_way: Sequence[Parcel]) -> AsyncIterator[Parcel]:
        """Every delivery that is due and for which there is a worker."""
        now_ms = int(self._clock() * 1000)
        for parcel in await self._store.read(lambda reading: _due(reading, now_ms, under_way)):
            yield parcel

    async def do(self, parcel: Parcel) -> None:
        """Attempt one delivery and note what came of it."""
        headers = signing.headers(parcel.event_id, parcel.receiver.secrets, int(self._clock()), parcel.body)
        reply = await self._outside.post(parcel.receiver.url, headers, parcel.body)
        shaken = self._random()
        status = await self._store.commit(lambda tx: rows.record(tx, parcel, reply, self._first_retry_s, shaken))
        tally.attempts[status] += 1
        log.log(
            logging.DEBUG if status == "delivered" else logging.WARNING,
            "webhook=%d event=%s delivery=%d: %s (%s)",
            *(parcel.receiver.webhook_id, parcel.event_id, parcel.id, status, reply.status or reply.failure),
        )


def _due(reading: Snapshot, now_ms: int, under_way: Sequence[Parcel]) -> list[Parcel]:
    """What is due, at most a share for each webhook and no more in all than there are workers.

    Webhooks with the fewest deliveries under way come first, so that the slow ones never take every worker.
    """
    out = {parcel.id for parcel in under_way}
    busy = Counter(parcel.receiver.webhook_id for parcel in under_way)
    free = WORKERS - len(under_way)
    found: list[Parcel] = []
    for receiver in sorted(rows.receivers(reading, now_ms), key=lambda each: busy[each.webhook_id]):
        share = min(SHARE - busy[receiver.webhook_id], free - len(found))
        if share > 0:
            candidates = rows.due(reading, receiver, now_ms, SHARE + share)
            found += [parcel for parcel in candidates if parcel.id not in out][:share]
    return found
