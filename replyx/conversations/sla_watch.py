"""The watch over tickets' targets: the one task that marks a ticket before and after it misses one.

When a mark changes next stands in the ticket's row, so a restart forgets nothing, and a look costs what it finds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from replyx import tasks
from replyx.conversations.ticket_rows import Wanted
from replyx.conversations.ticket_rules import TicketRules
from replyx.database.models import Ticket
from replyx.database.rows import value
from replyx.delivery.store import Store, Transaction
from replyx.errors import StoreUnavailable

log = logging.getLogger("replyx.sla")

EVERY_S = 5.0  # a mark comes at most this late; targets are minutes and hours
AT_ONCE = 200


_DUE = value(Ticket.dialog_id).where(f"{Ticket.look_at} <= ?", f"ORDER BY {Ticket.look_at} LIMIT ?")


class SlaWatch:
    """Looks for tickets whose mark is to change, and publishes each change once, as ``ticket:updated``.

    Several processes may watch the same store: whoever comes second finds nothing to change.
    """

    def __init__(self, store: Store, rules: TicketRules, clock: Callable[[], float]) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch, with what was missed while nobody did."""
        self._task = tasks.start(self._watch())

    async def close(self) -> None:
        """Stop watching."""
        await tasks.stop([self._task])

    async def look(self) -> int:
        """Mark what is due at this moment; returns how many tickets that were."""
        now = int(self._clock() * 1000)
        found = await self._store.read(lambda rows: _DUE.all(rows, now, AT_ONCE))
        for dialog_id in found:
            await self._store.commit(partial(self._mark, dialog_id))
        return len(found)

    def _mark(self, dialog_id: int, tx: Transaction) -> None:
        """Bring the marks of one ticket to the present and publish them."""
        self._rules.bring(tx, dialog_id, None, Wanted())

    async def _watch(self) -> None:
        while True:
            try:
                while await self.look() == AT_ONCE:
                    log.info("many targets are due: going on at once")
            except StoreUnavailable:
                log.warning("the watch over tickets waits until the store can be written")
            await asyncio.sleep(EVERY_S)
