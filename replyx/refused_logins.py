"""Wrong passwords of strangers, kept for the owner of the account, who is told at the next login on a page."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from replyx import tasks
from replyx.database import models
from replyx.database.rows import Update, select
from replyx.delivery.store import Store, Transaction
from replyx.errors import StoreUnavailable

log = logging.getLogger("replyx.logins")

TOLD_FROM = 5
"""Fewer are mostly the owner's own typing errors in another browser."""

KEPT_AFTER_S = 1.0
"""Seconds until what was noted is written: a flood costs one commit each second. A wrong password for an account that
exists must not take longer than for one that does not, so nobody waits for that commit."""

MOST_NOTED = 10_000  # accounts; under more than that at once the rest goes untold


class Refusals(msgspec.Struct, frozen=True):
    """Logins with a wrong password since the last one that was right, and whence the last of them came."""

    count: int
    last_at: str
    last_address: str


@dataclass(frozen=True, slots=True)
class _Stored:
    refused_logins: int


@dataclass(frozen=True, slots=True)
class _Noted:
    count: int
    at_ms: int
    address: str


_COUNT = select(_Stored, models.Account).where(f"{models.Account.id} = ?")
_REFUSALS = select(
    Refusals,
    models.Account,
    count=models.Account.refused_logins,
    last_at=models.Account.refused_at,
    last_address=models.Account.refused_from,
).where(f"{models.Account.id} = ? AND {models.Account.refused_logins} > 0")
_CHANGE = Update(models.Account, f"{models.Account.id} = ?")


class RefusedLogins:
    """Counts them. What was noted in the last second before a crash is lost, and nothing else."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._noted: dict[int, _Noted] = {}
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    def start(self) -> None:
        """Begin to write what is noted."""
        self._task = tasks.start(self._keep_forever())

    async def close(self) -> None:
        """Write what was noted, and stop."""
        await tasks.stop([self._task])
        await self._keep()

    def note(self, account_id: int, address: str) -> None:
        """Somebody at ``address`` gave a wrong password for the account."""
        if account_id not in self._noted and len(self._noted) >= MOST_NOTED:
            return
        before = self._noted.get(account_id)
        count = before.count + 1 if before else 1
        self._noted[account_id] = _Noted(count, int(self._clock() * 1000), address)
        self._wake.set()

    async def _keep_forever(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(KEPT_AFTER_S)
            await self._keep()

    async def _keep(self) -> None:
        self._wake.clear()
        noted, self._noted = self._noted, {}
        if not noted:
            return
        try:
            counts = await self._store.commit(lambda tx: _add(tx, noted))
        except StoreUnavailable:
            log.warning("refused logins of %d accounts could not be kept", len(noted))
            return
        for account_id, (before, after) in counts.items():
            if len(str(after)) > len(str(before)):  # at 10, 100, 1000 …
                log.warning(
                    "%d logins to account %d with a wrong password, the last from %s",
                    *(after, account_id, noted[account_id].address),
                )


def take(tx: Transaction, account_id: int) -> Refusals | None:
    """What the owner, who is here now, has to be told; from now on it is told."""
    found = _REFUSALS.one(tx, account_id)
    if found is not None:
        _CHANGE.change(tx, account_id, refused_logins=0)
    return found if found is not None and found.count >= TOLD_FROM else None


def _add(tx: Transaction, noted: Mapping[int, _Noted]) -> dict[int, tuple[int, int]]:
    """Add what was noted; the counts before and after by account."""
    counts = {}
    for account_id, new in noted.items():
        stored = _COUNT.one(tx, account_id)
        if stored is not None:
            before, after = stored.refused_logins, stored.refused_logins + new.count
            _CHANGE.change(tx, account_id, refused_logins=after, refused_at=new.at_ms, refused_from=new.address)
            counts[account_id] = (before, after)
    return counts
