"""Devices in the database. A device belongs to the login that registered it, and ends with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from replyx.delivery.store import Snapshot, Transaction
from replyx.outside.push.notices import Audience
from replyx.outside.push.sealing import Device
from replyx.schemas.languages import Language

DUTY = "push"
PAGE = 500

_LIVE = (
    "SELECT p.id, p.endpoint, p.p256dh, p.auth, p.locale, p.session_id FROM push_device p"
    " JOIN session s ON s.id = p.session_id JOIN account a ON a.id = p.account_id"
    " WHERE NOT s.ended AND s.expires_at > ? AND a.active"
)


@dataclass(frozen=True, slots=True)
class Reached:
    """A device with its language and the login that it belongs to."""

    device: Device
    locale: Language
    session_id: str


def wanted(rows: Snapshot) -> bool:
    """Whether there is any device: without one nobody follows the log."""
    return rows.execute("SELECT 1 FROM push_device LIMIT 1").fetchone() is not None


def audience(rows: Snapshot, of: Audience, now_ms: int, after: int = 0) -> list[Reached]:
    """The next page of an audience's devices, by id."""
    params: list[object] = [*sorted(of.roles)] if of.account_id is None else [of.account_id]
    where = "p.account_id = ?" if of.account_id is not None else f"a.role IN ({', '.join('?' * len(params))})"
    found = rows.execute(
        f"{_LIVE} AND {where} AND p.id > ? ORDER BY p.id LIMIT ?", (now_ms, *params, after, PAGE)
    ).fetchall()
    return [_reached(row) for row in found]


def drop(tx: Transaction, device_id: int) -> None:
    """Forget a device that the push service no longer knows."""
    tx.execute("DELETE FROM push_device WHERE id = ?", (device_id,))


def _reached(row: Sequence[Any]) -> Reached:
    device_id, endpoint, p256dh, auth, locale, session_id = row
    return Reached(Device(device_id, endpoint, bytes.fromhex(p256dh), bytes.fromhex(auth)), locale, session_id)
