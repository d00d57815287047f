"""The address by which browsers reached the server when it ran last, for the embed codes that a command prints."""

from __future__ import annotations

from replyx.database import models
from replyx.database.rows import Insert, replacing, value
from replyx.delivery.store import Snapshot, Store

KEY = "base_url"

_FACT = value(models.Installation.value).where(f"{models.Installation.key} = ?")
_KEEP = Insert(models.Installation, replacing(models.Installation.key, models.Installation.value))


def remember(store: Store, base_url: str) -> None:
    """Keep the address; writes only where it is another one. To be called before the store is started."""
    if store.query(last) != base_url:
        store.change(lambda tx: _KEEP.add(tx, key=KEY, value=base_url))


def last(rows: Snapshot) -> str | None:
    """The address, None while no server has run."""
    return _FACT.one(rows, KEY)
