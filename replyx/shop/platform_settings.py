"""The settings of the platform, which its admins change while it runs."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from replyx.auth import AccountActor
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.schemas.dialogs import timestamp
from replyx.schemas.events import SettingsUpdated, clients_topic
from replyx.schemas.products import PlatformSettings

log = logging.getLogger("replyx.platform_settings")


class Platform:
    """Keeps the settings: one row for each that an admin has set, the defaults for the others."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self) -> PlatformSettings:
        """The settings in force."""
        return await self._store.read(load)

    async def replace(self, actor: AccountActor, settings: PlatformSettings) -> PlatformSettings:
        """Put ``settings`` in force and tell every user, shop and admin, once; durable when this returns."""
        await self._store.commit(lambda tx: _save(tx, settings))
        log.info("settings saved admin=%d", actor.account_id)
        return settings


def load(rows: Snapshot) -> PlatformSettings:
    """The settings in force."""
    found = rows.execute("SELECT name, value FROM platform_setting").fetchall()
    given: dict[str, Any] = {name: msgspec.json.decode(value) for name, value in found}
    return msgspec.convert(given, PlatformSettings)


def _save(tx: Transaction, settings: PlatformSettings) -> None:
    for name, value in msgspec.structs.asdict(settings).items():
        tx.execute(
            "INSERT INTO platform_setting (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, msgspec.json.encode(value).decode()),
        )
    topics = tuple(clients_topic(kind) for kind in ("user", "shop", "admin"))
    tx.append(topics, SettingsUpdated(timestamp(tx.now_ms), settings))
