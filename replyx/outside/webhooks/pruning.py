"""How long deliveries are kept, and when one that nobody could take is given up."""

from __future__ import annotations

import msgspec

from replyx.database import models
from replyx.database.models import WebhookDelivery
from replyx.database.rows import Delete, Update, select, value
from replyx.delivery.store import Transaction
from replyx.outside.failures import Failure, Why

KEEP_DAYS = 30
KEEP_EACH = 10_000  # finished deliveries of one webhook
LATE = Failure.of(Why.LATE)
PIECE = 1000  # rows in one transaction, so that no send waits for it


class _Kept(msgspec.Struct, frozen=True):
    """A webhook whose deliveries are kept, or not any more."""

    id: int
    deleted: bool


_GIVE_UP = Update(
    WebhookDelivery,
    f"{WebhookDelivery.id} IN (SELECT {WebhookDelivery.id} FROM {WebhookDelivery}"
    f" WHERE {WebhookDelivery.give_up_at} <= ? LIMIT ?)",
    f"failure = CASE WHEN {WebhookDelivery.error} IS NULL THEN ? ELSE {WebhookDelivery.failure} END,"
    f" error = COALESCE({WebhookDelivery.error}, ?)",
)
_HOOKS = select(_Kept, models.Webhook)
_FINISHED = value(WebhookDelivery.id).where(f"{WebhookDelivery.finished_at} < ?", "LIMIT ?")
_NEWEST_BUT = value(WebhookDelivery.id).where(
    f"{WebhookDelivery.webhook_id} = ?", f"ORDER BY {WebhookDelivery.id} DESC LIMIT 1 OFFSET ?"
)
_UP_TO = value(WebhookDelivery.id).where(
    f"{WebhookDelivery.webhook_id} = ? AND {WebhookDelivery.id} <= ?"
    f" AND ({WebhookDelivery.next_attempt_at} IS NULL OR ?)",
    "LIMIT ?",
)
_DROP = Delete(WebhookDelivery, f"{WebhookDelivery.id} = ?")
_DROP_HOOKS = Delete(
    models.Webhook,
    f"{models.Webhook.deleted} AND NOT EXISTS (SELECT 1 FROM {WebhookDelivery}"
    f" WHERE {WebhookDelivery.webhook_id} = {models.Webhook.id})",
)


def prune(tx: Transaction) -> int:
    """Give up what is a day old and drop old deliveries, at most a piece of them; returns how many rows changed."""
    return _give_up(tx) + _drop(tx, _old(tx)) + _DROP_HOOKS.drop(tx)


def _give_up(tx: Transaction) -> int:
    late = (msgspec.json.encode(LATE).decode(), LATE.sentence)
    return _GIVE_UP.change(
        tx,
        *(*late, tx.now_ms, PIECE),
        status="failed",
        next_attempt_at=None,
        give_up_at=None,
        finished_at=tx.now_ms,
    )


def _old(tx: Transaction) -> list[int]:
    """Deliveries that finished too long ago, are beyond the newest of their webhook, or whose webhook is deleted."""
    found = _FINISHED.all(tx, tx.now_ms - KEEP_DAYS * 86_400_000, PIECE)
    for hook in _HOOKS.all(tx):
        newest = _NEWEST_BUT.one(tx, hook.id, 0 if hook.deleted else KEEP_EACH)
        if newest is not None:
            found += _UP_TO.all(tx, hook.id, newest, hook.deleted, PIECE)
    return found[:PIECE]


def _drop(tx: Transaction, doomed: list[int]) -> int:
    for delivery_id in doomed:
        _DROP.drop(tx, delivery_id)
    return len(doomed)
