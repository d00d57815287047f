"""The pusher: follows the log and sends notices to the devices that sleep, in one process of all that share the store.

A notice is a courtesy: the inbox and the log are what counts. So a notice is sent at most once; what a crash or a long
outage of a push service takes is not made up for.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

from replyx import tasks
from replyx.delivery import positions
from replyx.delivery.duties import Duty
from replyx.delivery.hub import Hub
from replyx.delivery.store import Store, Transaction
from replyx.delivery.streams import Streams
from replyx.errors import StoreUnavailable
from replyx.outside.calls import Outside, Reply
from replyx.outside.push import rows
from replyx.outside.push.notices import PushNotice, notices_of
from replyx.outside.push.rows import Reached
from replyx.outside.push.sealing import Sealer, seal
from replyx.schemas import events
from replyx.secrets_file import SecretsFile

log = logging.getLogger("replyx.push")

WORKERS = 32
WAITING = 1000  # notices that wait for a worker; beyond it the log waits, and what grows old there is left out
EVENTS = 256
STALE_S = 600.0  # an event that is older wakes nobody: the server was down, or a push service was
ATTEMPTS = 3
WAIT_S = 1.0
GONE = (404, 410)  # RFC 8030, 7.3: the subscription has ended

Item = tuple[Reached, PushNotice]


class Pusher:
    """Sends notices. ``contact`` is whom a push service may write to; ``streams`` tells who is awake."""

    def __init__(
        self,
        store: Store,
        hub: Hub,
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
        self._duty = Duty(store, hub, rows.FOLLOWER, clock)
        self._sealer: Sealer | None = None
        self._items: asyncio.Queue[Item] = asyncio.Queue(WAITING)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to follow and to send."""
        self._tasks = [tasks.start(self._work()) for _ in range(WORKERS)]
        self._tasks.append(tasks.start(self._duty.run(self._turn)))

    async def close(self) -> None:
        """Stop, and let another process go on."""
        await tasks.stop(self._tasks)
        await self._duty.release()

    async def sealer(self) -> Sealer:
        """The holder of the server's key, which is drawn at the first use."""
        if self._sealer is None:
            key = await asyncio.to_thread(self._secrets.ensure_push_key)
            self._sealer = Sealer(key, self._contact)
        return self._sealer

    async def send(self, reached: Reached, notice: PushNotice, payload: bytes) -> bool:
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
        if reply.status in GONE:
            await self._store.commit(lambda tx: rows.drop(tx, reached.device.id))
            log.info("push device=%d is gone", reached.device.id)
        elif reply.status is None or reply.status >= 300:
            log.warning("push device=%d: not sent (%s)", reached.device.id, reply.status or reply.error)
        return reply.status is not None and 200 <= reply.status < 300

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

    async def _turn(self) -> None:
        if not await self._store.read(rows.wanted):
            await self._duty.lease.release()
            return
        while await self._duty.lease.hold():
            page = await self._store.commit(_next_page)
            fresh = (self._clock() - STALE_S) * 1000
            for topics, payload, created_at in page:
                if created_at >= fresh and not events.is_broadcast(topics):
                    await self._spread(json.loads(payload))
            if len(page) < EVENTS:
                return

    async def _spread(self, event: dict[str, Any]) -> None:
        for notice in notices_of(event):
            after = 0
            while page := await self._page(notice, after):
                after = page[-1].device.id
                for reached in page:
                    if not self._streams.holds(f"session:{reached.session_id}"):
                        await self._items.put((reached, notice))

    async def _page(self, notice: PushNotice, after: int) -> list[Reached]:
        now_ms = int(self._clock() * 1000)
        return await self._store.read(lambda reading: rows.audience(reading, notice.audience, now_ms, after))

    async def _work(self) -> None:
        while True:
            reached, notice = await self._items.get()
            try:
                await self.send(reached, notice, notice.shown(reached.locale))
            except StoreUnavailable:
                log.warning("push device=%d is gone, and could not be forgotten yet", reached.device.id)


def _next_page(tx: Transaction) -> list[tuple[str, str, int]]:
    """Topics and payload of the next events, and when they happened; the place moves over them."""
    position = positions.place(tx, rows.FOLLOWER)
    page = tx.execute(
        "SELECT id, topics, payload, created_at FROM event WHERE id > ? ORDER BY id LIMIT ?", (position, EVENTS)
    ).fetchall()
    if page:
        positions.move(tx, rows.FOLLOWER, page[-1][0])
    return [(topics, payload, created_at) for _, topics, payload, created_at in page]
