"""The pusher: sends notices of new events to the devices that sleep, as a duty of a follower of the log.

A notice is a courtesy: the inbox and the log are what counts. So a notice is sent at most once; what a crash or a long
outage of a push service takes is not made up for.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Sequence

from replyx.delivery.eventlog import Entry
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.delivery.streams import Streams
from replyx.outside.calls import Outside, Reply
from replyx.outside.push import rows
from replyx.outside.push.notices import PushNotice, notices_of
from replyx.outside.push.rows import Reached
from replyx.outside.push.sealing import Sealer, seal
from replyx.schemas import events
from replyx.secrets_file import SecretsFile
from replyx.tally import tally

log = logging.getLogger("replyx.push")

WORKERS = 32
STALE_S = 600.0  # an event that is older wakes nobody: the server was down, or a push service was
ATTEMPTS = 3
WAIT_S = 1.0
GONE = (404, 410)  # RFC 8030, 7.3: the subscription has ended

Item = tuple[Reached, PushNotice]


class Pusher:
    """The duty (:class:`replyx.delivery.followers.Duty`) of sending notices, each at most once.

    ``contact`` is whom a push service may write to; ``streams`` tells who is awake.
    """

    name = rows.DUTY
    workers = WORKERS

    def __init__(
        self,
        store: Store,
        streams: Streams,
        outside: Outside,
        secrets: SecretsFile,
        contact: str,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._streams = streams
        self._outside = outside
        self._secrets = secrets
        self._contact = contact
        self._clock = clock
        self._sealer: Sealer | None = None

    def wanted(self, reading: Snapshot) -> bool:
        """Whether any device is registered."""
        return rows.wanted(reading)

    def record(self, tx: Transaction, entries: Sequence[Entry]) -> Sequence[PushNotice]:
        """The notices of these events; those of events that are too old are left out."""
        fresh = tx.now_ms - STALE_S * 1000
        return [
            notice
            for entry in entries
            if entry.created_at >= fresh and not events.is_broadcast(entry.topics)
            for notice in notices_of(json.loads(entry.payload))
        ]

    async def jobs(self, found: Sequence[PushNotice], under_way: Sequence[Item]) -> AsyncIterator[Item]:
        """A job for each device that a notice is for and that sleeps when its turn comes."""
        for notice in found:
            after = 0
            while page := await self._page(notice, after):
                after = page[-1].device.id
                for reached in page:
                    if not self._streams.holds(f"session:{reached.session_id}"):
                        yield reached, notice

    async def do(self, item: Item) -> None:
        """Send one notice to one device."""
        reached, notice = item
        await self.push_notice(reached, notice, notice.shown(reached.locale))

    async def sealer(self) -> Sealer:
        """The holder of the server's key, which is drawn at the first use."""
        if self._sealer is None:
            key = await asyncio.to_thread(self._secrets.ensure_push_key)
            self._sealer = Sealer(key, self._contact)
        return self._sealer

    async def push_notice(self, reached: Reached, notice: PushNotice, payload: bytes) -> bool:
        """Send one notice now, a few times if need be; True when the push service took it.

        A device that the push service does not know any more is forgotten.
        """
        reply = Reply(None, "", None)
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(WAIT_S * 2 ** (attempt - 1))
            reply = await self._post(reached, notice, payload)
            if reply.status is not None and reply.status < 500 and reply.status != 429:
                break
        taken = reply.status is not None and 200 <= reply.status < 300
        tally.notices["sent" if taken else "gone" if reply.status in GONE else "failed"] += 1
        if reply.status in GONE:
            await self._store.commit(lambda tx: rows.drop(tx, reached.device.id))
            log.info("push device=%d is gone", reached.device.id)
        elif reply.status is None or reply.status >= 300:
            log.warning("push device=%d: not sent (%s)", reached.device.id, reply.status or reply.failure)
        return taken

    async def _post(self, reached: Reached, notice: PushNotice, payload: bytes) -> Reply:
        device, sealer = reached.device, await self.sealer()
        # Two operations on the curve: a hundred devices in a row would hold the loop for too long.
        body = await asyncio.to_thread(seal, payload, device)
        headers = {
            **(await asyncio.to_thread(sealer.headers, device.endpoint, self._clock())),
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",  # RFC 8291, 4
            "TTL": str(notice.ttl_s),
            "Urgency": notice.urgency,
            "Topic": notice.topic,
        }
        return await self._outside.post(device.endpoint, headers, body)

    async def _page(self, notice: PushNotice, after: int) -> list[Reached]:
        now_ms = int(self._clock() * 1000)
        return await self._store.read(lambda reading: rows.audience(reading, notice.audience, now_ms, after))
