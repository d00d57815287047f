"""Devices in the database. A device belongs to the login that registered it, and ends with it."""

from __future__ import annotations

from dataclasses import dataclass

from replyx.database import models
from replyx.database.rows import Delete, Made, Part, exists, select
from replyx.delivery.store import Snapshot, Transaction
from replyx.outside.push.notices import Audience
from replyx.outside.push.sealing import Device
from replyx.schemas.languages import Language

DUTY = "push"
PAGE = 500


@dataclass(frozen=True, slots=True)
class Reached:
    """A device with its language and the login that it belongs to."""

    device: Device
    locale: Language
    session_id: str


_AWAITED = select(
    Reached,
    models.PushDevice,
    f"JOIN {models.Session} ON {models.Session.id} = {models.PushDevice.session_id}"
    f" JOIN {models.Account} ON {models.Account.id} = {models.PushDevice.account_id}",
    device=Part(
        Device,
        models.PushDevice,
        p256dh=Made(bytes.fromhex, models.PushDevice.p256dh),
        auth=Made(bytes.fromhex, models.PushDevice.auth),
    ),
)
_LIVE = f"NOT {models.Session.ended} AND {models.Session.expires_at} > ? AND {models.Account.active}"
_DROP = Delete(models.PushDevice, f"{models.PushDevice.id} = ?")
_any_device = exists(models.PushDevice)


def wanted(rows: Snapshot) -> bool:
    """Whether there is any device: without one nobody follows the log."""
    return _any_device(rows)


def audience(rows: Snapshot, of: Audience, now_ms: int, after: int = 0) -> list[Reached]:
    """The next page of an audience's devices, by id."""
    members: list[object] = [*sorted(of.roles)] if of.account_id is None else [of.account_id]
    column = models.Account.role if of.account_id is None else models.PushDevice.account_id
    theirs = f"{column} IN ({', '.join('?' * len(members))})"
    page = _AWAITED.where(
        f"{_LIVE} AND {theirs} AND {models.PushDevice.id} > ?", f"ORDER BY {models.PushDevice.id} LIMIT ?"
    )
    return page.all(rows, now_ms, *members, after, PAGE)


def drop(tx: Transaction, device_id: int) -> None:
    """Forget a device that the push service no longer knows."""
    _DROP.drop(tx, device_id)
