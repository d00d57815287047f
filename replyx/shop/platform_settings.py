"""The settings of the platform, which its admins change while it runs."""

from __future__ import annotations

import logging

import msgspec

from replyx.auth import AccountActor
from replyx.database import models
from replyx.database.rows import Insert, replacing, select
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.schemas.dialogs import timestamp
from replyx.schemas.events import CLIENT_TYPES, SettingsUpdated, clients_topic
from replyx.schemas.products import PlatformSettings

log = logging.getLogger("replyx.platform_settings")


class Given(msgspec.Struct):
    """A setting that an admin has set; ``value`` is JSON."""

    name: str
    value: str


_GIVEN = select(Given, models.PlatformSetting)
_PUT = Insert(models.PlatformSetting, replacing(models.PlatformSetting.name, models.PlatformSetting.value))


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
    given = {each.name: msgspec.json.decode(each.value) for each in _GIVEN.all(rows)}
    return msgspec.convert(given, PlatformSettings)


def _save(tx: Transaction, settings: PlatformSettings) -> None:
    for name, value in msgspec.structs.asdict(settings).items():
        _PUT.add(tx, name=name, value=msgspec.json.encode(value).decode())
    topics = tuple(map(clients_topic, CLIENT_TYPES))
    tx.append(topics, SettingsUpdated(timestamp(tx.now_ms), settings))
