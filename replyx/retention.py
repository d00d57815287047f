"""Retention: how far back a client may resume. Older events are pruned; messages are not touched."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from replyx import session_rows, tasks
from replyx.conversations import bans, empty_dialogs, ticket_joins
from replyx.delivery import eventlog
from replyx.delivery.store import Store
from replyx.errors import StoreUnavailable
from replyx.outside.webhooks import pruning
from replyx.shop import broadcasts

log = logging.getLogger("replyx.retention")

EVERY_S = 600.0


class Retention:
    """Prunes the log by age and count, a small piece at a time so that no send waits for it."""

    def __init__(
        self, store: Store, days: int, events: int, empty_dialog_hours: int, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._days = days
        self._events = events
        self._empty_dialog_hours = empty_dialog_hours
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to prune."""
        self._task = tasks.start(self._prune_forever())

    async def close(self) -> None:
        """Stop pruning."""
        await tasks.stop([self._task])

    async def prune(self) -> int:
        """Drop every event that is past its time; returns how many."""
        oldest = int((self._clock() - self._days * 86400) * 1000)
        total = 0
        while pruned := await self._store.commit(lambda tx: eventlog.prune(tx, oldest, self._events)):
            total += pruned
        await self._store.commit(lambda tx: ticket_joins.prune(tx, oldest))
        unseen = int((self._clock() - self._empty_dialog_hours * 3600) * 1000)
        while await self._store.commit(lambda tx: empty_dialogs.prune(tx, unseen)):
            log.debug("pruned a piece of the empty dialogs")
        await self._store.commit(bans.prune)
        await self._store.commit(broadcasts.prune)
        while await self._store.commit(session_rows.prune):
            log.debug("pruned a piece of the sessions")
        while await self._store.commit(pruning.prune):
            log.debug("pruned a piece of the webhooks' deliveries")
        return total

    async def _prune_forever(self) -> None:
        while True:
            try:
                if pruned := await self.prune():
                    log.info("pruned %d events", pruned)
            except StoreUnavailable:
                log.warning("pruning waits until the store can be written")
            await asyncio.sleep(EVERY_S)
