"""Sessions in the database: a row for each login that is still good, in the units of whoever begins or ends one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from replyx.database import models
from replyx.database.rows import Delete, Insert, Update, exists, select, value
from replyx.delivery.store import Transaction
from replyx.schemas.events import DIRECTORY, DirectoryChanged

PRUNED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session that has not ended; times in milliseconds since the epoch."""

    id: str
    account_id: int
    refresh_id: str
    expires_at: int
    created_at: int


_ADD = Insert(models.Session)
_CHANGE = Update(models.Session, f"{models.Session.id} = ?")
_LIVE = select(
    LiveSession, models.Session, f"JOIN {models.Account} ON {models.Account.id} = {models.Session.account_id}"
).where(
    f"{models.Session.id} = ? AND {models.Session.expires_at} > ?"
    f" AND NOT {models.Session.ended} AND {models.Account.active}"
)
_OF_ACCOUNT = value(models.Session.id).where(f"{models.Session.account_id} = ? AND NOT {models.Session.ended}")
_OVER = (
    f"SELECT {models.Session.id} FROM {models.Session} WHERE {models.Session.expires_at} <= ?"
    f" ORDER BY {models.Session.expires_at}, {models.Session.id} LIMIT {PRUNED_AT_ONCE}"
)
_DROP_DEVICES = Delete(models.PushDevice, f"{models.PushDevice.session_id} IN ({_OVER})")
_DROP = Delete(models.Session, f"{models.Session.id} IN ({_OVER})")
_any_over = exists(models.Session, f"{models.Session.expires_at} <= ?")


def add(tx: Transaction, session_id: str, account_id: int, refresh_id: str, expires_at: int) -> None:
    """Insert a session; ``expires_at`` in milliseconds."""
    times = {"expires_at": expires_at, "created_at": tx.now_ms}
    _ADD.add(tx, id=session_id, account_id=account_id, refresh_id=refresh_id, ended=False, **times)


def live(tx: Transaction, session_id: str) -> LiveSession | None:
    """The session, unless it has ended, its time is over or its account is disabled."""
    return _LIVE.one(tx, session_id, tx.now_ms)


def prolong(tx: Transaction, session_id: str, expires_at: int) -> None:
    """Let a session last until ``expires_at`` (milliseconds)."""
    _CHANGE.change(tx, session_id, expires_at=expires_at)


def renew(tx: Transaction, session_id: str, refresh_id: str, expires_at: int) -> None:
    """As :func:`prolong`, and from now on another refresh token is the good one."""
    _CHANGE.change(tx, session_id, refresh_id=refresh_id, expires_at=expires_at)


def end(tx: Transaction, session_ids: Sequence[str]) -> None:
    """End sessions and tell every process to close their streams."""
    for session_id in session_ids:
        _CHANGE.change(tx, session_id, ended=True, expires_at=tx.now_ms)
    tx.append((DIRECTORY,), DirectoryChanged([f"session:{session_id}" for session_id in session_ids]))


def end_all(tx: Transaction, account_id: int) -> None:
    """End every session of an account."""
    end(tx, _OF_ACCOUNT.all(tx, account_id))


def prune(tx: Transaction) -> bool:
    """Forget a piece of the sessions that are over, with what was registered in them; whether there may be more."""
    _DROP_DEVICES.drop(tx, tx.now_ms)
    _DROP.drop(tx, tx.now_ms)
    return _any_over(tx, tx.now_ms)
