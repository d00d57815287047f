"""Leases: a duty that one process at a time does, for all the processes that share a store.

A lease is a row with a holder and an end. Who holds it renews it in time. Of a holder that died it ends by itself, so
somebody else goes on within :data:`TTL_S` and a few seconds; on the holder's own machine at the next look, because
there one can see that it is dead (:mod:`replyx.delivery.holders`). Two may believe for a moment that they hold it, when
one stood still past its end: the duty itself must bear that.
"""

from __future__ import annotations

from collections.abc import Callable

from replyx.database import models
from replyx.database.rows import Delete, Insert, Update, unless_taken, value
from replyx.delivery import holders
from replyx.delivery.store import Snapshot, Store, Transaction

TTL_S = 8.0
RENEW_S = 3.0  # twice within the TTL: one failed write of the store loses no lease


_HOLDER = value(models.Lease.holder).where(f"{models.Lease.name} = ? AND {models.Lease.expires_at} > ?")
_ADD = Insert(models.Lease, unless_taken(models.Lease.name))
_TAKE = Update(
    models.Lease, f"{models.Lease.name} = ? AND ({models.Lease.holder} = ? OR {models.Lease.expires_at} <= ?)"
)
_DROP = Delete(models.Lease, f"{models.Lease.name} = ? AND {models.Lease.holder} = ?")


class Lease:
    """One process's claim on the duty ``name``. ``clock`` is in seconds since the epoch, alike on all hosts."""

    def __init__(self, store: Store, name: str, clock: Callable[[], float]) -> None:
        self.name = name
        self._store = store
        self._clock = clock
        self._holder = holders.new_name()
        self._renew_at = 0.0
        self._held = False

    async def hold(self) -> bool:
        """Whether this process has the duty now; takes it where nobody does, and renews it.

        Costs nothing while it is held and fresh, a read while another holds it. Raises :class:`StoreUnavailable`.
        """
        now = self._clock()
        if self._held and now < self._renew_at:
            return True
        before = self._holder
        if not self._held:
            before = await self._store.read(lambda rows: holder(rows, self.name, int(now * 1000)))
            if before and not holders.is_dead(before):
                return False
        self._held = await self._store.commit(lambda tx: take(tx, self.name, self._holder, before))
        self._renew_at = now + RENEW_S
        return self._held

    async def release(self) -> None:
        """Let another have it at once; harmless when it is not held. Raises :class:`StoreUnavailable`."""
        if self._held:
            self._held = False
            await self._store.commit(lambda tx: release(tx, self.name, self._holder))


def holder(rows: Snapshot, name: str, now_ms: int) -> str:
    """Who holds ``name``; empty for nobody."""
    return _HOLDER.one(rows, name, now_ms) or ""


def take(tx: Transaction, name: str, holder: str, before: str) -> bool:
    """Take or renew ``name`` for ``holder``; False while anybody but ``before`` holds it."""
    _ADD.add(tx, name=name, holder=holder, expires_at=0)
    return bool(_TAKE.change(tx, name, before, tx.now_ms, holder=holder, expires_at=tx.now_ms + int(TTL_S * 1000)))


def release(tx: Transaction, name: str, holder: str) -> None:
    """End the lease that ``holder`` has."""
    _DROP.drop(tx, name, holder)
