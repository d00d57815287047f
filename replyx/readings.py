"""What the database knows of the installation and a monitor wants to know, read when it asks.

Each query has a bound: a monitor that asks every few seconds must not be what makes the database slow.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from replyx.database.backup import LAST_BACKUP
from replyx.database.dialect import Dialect
from replyx.database.migrations import MIGRATIONS
from replyx.database.models import Dialog, Installation, WebhookDelivery
from replyx.database.rows import select, stated, value
from replyx.delivery.store import Snapshot
from replyx.outside.webhooks.schedule import GIVE_UP_S

NEWEST_DIALOGS = 10_000  # open ones that are looked at for somebody who waits: those that spoke last
MOST_DELIVERIES = 100_000

_NEWEST = (
    f"SELECT {Dialog.waiting_since} AS since FROM {Dialog} WHERE {Dialog.status} = 'open'"
    f" ORDER BY {Dialog.activity} DESC LIMIT {NEWEST_DIALOGS}"
)
_WAITING = stated(int, f"SELECT COUNT(since) FROM ({_NEWEST}) AS newest")
_SINCE = stated(int, f"SELECT MIN(since) FROM ({_NEWEST}) AS newest")
_QUEUED = stated(
    int,
    f"SELECT COUNT(*) FROM (SELECT 1 FROM {WebhookDelivery} WHERE {WebhookDelivery.give_up_at} IS NOT NULL"
    f" LIMIT {MOST_DELIVERIES}) AS queued",
)
_FACT = value(Installation.value).where(f"{Installation.key} = ?")


@dataclass(frozen=True, slots=True)
class _Tried:
    """When a delivery was made, and when it is given up."""

    created_at: int
    give_up_at: int | None


_FIRST = select(_Tried, WebhookDelivery).where(
    f"{WebhookDelivery.give_up_at} IS NOT NULL", f"ORDER BY {WebhookDelivery.give_up_at} LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Readings:
    """The installation at one moment. Ages are in seconds, 0 where nothing waits.

    ``last_backup`` is in seconds since the epoch, 0 for never. PostgreSQL is copied by others, who do not tell: None.
    """

    schema: int
    waiting: int
    waiting_s: float
    deliveries: int
    deliveries_s: float
    database_bytes: int
    last_backup: float | None


def readings(rows: Snapshot, dialect: Dialect, now_ms: int) -> Readings:
    """What the rows tell, in a few queries of bounded length."""
    first = _FIRST.one(rows)
    # A delivery that is made anew was created long before; one that has a single try is given up at once.
    tried_since = max(first.created_at, (first.give_up_at or 0) - GIVE_UP_S * 1000) if first else None
    copied = _FACT.one(rows, LAST_BACKUP)
    return Readings(
        schema=len(MIGRATIONS),
        waiting=_WAITING.only(rows),
        waiting_s=_age(now_ms, _SINCE.one(rows)),
        deliveries=_QUEUED.only(rows),
        deliveries_s=_age(now_ms, tried_since),
        database_bytes=stated(int, dialect.SIZE).only(rows),
        last_backup=int(copied or 0) / 1000 if dialect.name == "sqlite" else None,
    )


def free_bytes(directory: Path) -> int:
    """What is left for this user of the disk that ``directory`` lies on."""
    return shutil.disk_usage(directory).free


def _age(now_ms: int, since_ms: int | None) -> float:
    return 0.0 if since_ms is None else max(0, now_ms - since_ms) / 1000
