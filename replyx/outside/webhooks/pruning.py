"""How long deliveries are kept, and when one that nobody could take is given up."""

from __future__ import annotations

import msgspec

from replyx.delivery.store import Transaction
from replyx.outside.failures import Failure, Why

KEEP_DAYS = 30
KEEP_EACH = 10_000  # finished deliveries of one webhook
LATE = Failure.of(Why.LATE)
PIECE = 1000  # rows in one transaction, so that no send waits for it


def prune(tx: Transaction) -> int:
    """Give up what is a day old and drop old deliveries, at most a piece of them; returns how many rows changed."""
    return _give_up(tx) + _drop(tx, _old(tx)) + _forget_deleted(tx)


def _give_up(tx: Transaction) -> int:
    given_up = tx.execute(
        "UPDATE webhook_delivery SET status = 'failed', next_attempt_at = NULL, give_up_at = NULL, finished_at = ?,"
        " failure = CASE WHEN error IS NULL THEN ? ELSE failure END, error = COALESCE(error, ?) WHERE id IN"
        " (SELECT id FROM webhook_delivery WHERE give_up_at <= ? LIMIT ?)",
        (tx.now_ms, msgspec.json.encode(LATE).decode(), LATE.sentence, tx.now_ms, PIECE),
    )
    return int(given_up.rowcount)


def _old(tx: Transaction) -> list[int]:
    """Deliveries that finished too long ago, are beyond the newest of their webhook, or whose webhook is deleted."""
    oldest = tx.now_ms - KEEP_DAYS * 86_400_000
    found = tx.execute("SELECT id FROM webhook_delivery WHERE finished_at < ? LIMIT ?", (oldest, PIECE)).fetchall()
    for hook_id, deleted in tx.execute("SELECT id, deleted FROM webhook").fetchall():
        newest = tx.execute(
            "SELECT id FROM webhook_delivery WHERE webhook_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?",
            (hook_id, 0 if deleted else KEEP_EACH),
        ).fetchone()
        if newest is not None:
            found += tx.execute(
                "SELECT id FROM webhook_delivery WHERE webhook_id = ? AND id <= ?"
                " AND (next_attempt_at IS NULL OR ?) LIMIT ?",
                (hook_id, newest[0], bool(deleted), PIECE),
            ).fetchall()
    return [int(row[0]) for row in found[:PIECE]]


def _drop(tx: Transaction, doomed: list[int]) -> int:
    for delivery_id in doomed:
        tx.execute("DELETE FROM webhook_delivery WHERE id = ?", (delivery_id,))
    return len(doomed)


def _forget_deleted(tx: Transaction) -> int:
    forgotten = tx.execute(
        "DELETE FROM webhook WHERE deleted AND NOT EXISTS"
        " (SELECT 1 FROM webhook_delivery d WHERE d.webhook_id = webhook.id)"
    )
    return int(forgotten.rowcount)
