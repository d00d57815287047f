"""The address by which browsers reached the server when it ran last, for the embed codes that a command prints."""

from __future__ import annotations

import logging

from replyx.database import models
from replyx.database.rows import Insert, replacing, value
from replyx.delivery.store import Snapshot, Store
from replyx.errors import StoreUnavailable

log = logging.getLogger("replyx.public_address")

KEY = "base_url"

_FACT = value(models.Installation.value).where(f"{models.Installation.key} = ?")
_KEEP = Insert(models.Installation, replacing(models.Installation.key, models.Installation.value))


def remember(store: Store, base_url: str) -> None:
    """Keep the address; writes only where it is another one. To be called before the store is started.

    A database that takes nothing now, as on a full disk, is no reason not to start.
    """
    if store.query(last) == base_url:
        return
    try:
        store.change(lambda tx: _KEEP.add(tx, key=KEY, value=base_url))
    except StoreUnavailable:
        log.warning("the address of this server could not be kept; `replyx widget add` will print the one before")


def last(rows: Snapshot) -> str | None:
    """The address, None while no server has run."""
    return _FACT.one(rows, KEY)
