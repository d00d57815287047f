"""Webhooks and deliveries in the database: how rows become what people see, and what an attempt leaves behind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from replyx.delivery.store import Snapshot, Transaction
from replyx.errors import WebhookNotFound
from replyx.outside.calls import Reply
from replyx.outside.failures import Failure, Why
from replyx.outside.webhooks.schedule import BUSY, GIVE_UP_S, asked_for, next_attempt, postponed
from replyx.outside.webhooks.schemas import Delivery, Webhook
from replyx.schemas.dialogs import timestamp

WEBHOOK_COLUMNS = "id, url, description, events, active, off_reason, old_secret_until, created_at, updated_at"
DELIVERY_COLUMNS = (
    "id, event_id, event_type, status, attempts, next_attempt_at, response_status, response_body, error, failure,"
    " created_at, attempted_at, finished_at"
)

GONE = 410  # RFC 9110, 15.5.11: the receiver does not want this any more


@dataclass(frozen=True, slots=True)
class Target:
    """Where deliveries of a webhook go, and the secrets that sign them now."""

    webhook_id: int
    url: str
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery to attempt."""

    id: int
    target: Target
    event_id: str
    body: bytes


def load(rows: Snapshot, webhook_id: int) -> Webhook:
    """The webhook as operators see it. Raises :class:`WebhookNotFound`."""
    row = rows.execute(f"SELECT {WEBHOOK_COLUMNS} FROM webhook WHERE id = ? AND NOT deleted", (webhook_id,)).fetchone()
    if row is None:
        raise WebhookNotFound(f"There is no webhook {webhook_id}.")
    return webhook_of(rows, row)


def webhook_of(rows: Snapshot, row: Sequence[Any]) -> Webhook:
    """A webhook of a row of :data:`WEBHOOK_COLUMNS`, with its newest delivery."""
    newest = rows.execute(
        f"SELECT {DELIVERY_COLUMNS} FROM webhook_delivery WHERE webhook_id = ? ORDER BY id DESC LIMIT 1", (row[0],)
    ).fetchone()
    hook_id, url, description, events, active, off_reason, until, created_at, updated_at = row
    return Webhook(
        hook_id,
        url,
        description,
        json.loads(events),
        bool(active),
        off_reason,
        _moment(until),
        timestamp(created_at),
        timestamp(updated_at),
        None if newest is None else delivery_of(newest),
    )


def delivery_of(row: Sequence[Any]) -> Delivery:
    """A delivery of a row of :data:`DELIVERY_COLUMNS`."""
    delivery_id, event_id, kind, status, attempts, next_at, answered, answer, error, failure, *times = row
    created_at, tried, finished = times
    return Delivery(
        delivery_id,
        event_id,
        kind,
        status,
        attempts,
        _moment(next_at),
        answered,
        answer,
        error,
        None if failure is None else msgspec.json.decode(failure, type=Failure),
        timestamp(created_at),
        _moment(tried),
        _moment(finished),
    )


def targets(rows: Snapshot, now_ms: int, webhook_id: int | None = None) -> list[Target]:
    """The active webhooks, or one whether it is active or not."""
    where, params = ("active", []) if webhook_id is None else ("id = ?", [webhook_id])
    found = rows.execute(
        f"SELECT id, url, secret, old_secret, old_secret_until FROM webhook WHERE {where} AND NOT deleted ORDER BY id",
        params,
    ).fetchall()
    return [
        Target(hook_id, url, (secret, old) if old and until > now_ms else (secret,))
        for hook_id, url, secret, old, until in found
    ]


def due(rows: Snapshot, target: Target, now_ms: int, limit: int) -> list[Parcel]:
    """The deliveries of a webhook whose time has come, the longest waiting first."""
    found = rows.execute(
        "SELECT id, event_id, body FROM webhook_delivery WHERE webhook_id = ? AND next_attempt_at <= ?"
        " ORDER BY next_attempt_at, id LIMIT ?",
        (target.webhook_id, now_ms, limit),
    ).fetchall()
    return [Parcel(delivery_id, target, event_id, body.encode()) for delivery_id, event_id, body in found]


def record(tx: Transaction, parcel: Parcel, reply: Reply, first_s: float, random: float) -> str:
    """Write down what came of an attempt and when the next is, if any; returns the new status.

    An answer 410 turns the webhook off; one of 429 or 503 can ask for a later attempt (Retry-After).
    Changes nothing when the delivery was finished meanwhile.
    """
    row = tx.execute("SELECT attempts, give_up_at, status FROM webhook_delivery WHERE id = ?", (parcel.id,)).fetchone()
    if row is None or row[1] is None:
        return str(row[2]) if row else "failed"
    attempts, give_up_at = row[0] + 1, row[1]
    status, following = "failed", None
    if reply.status is not None and 200 <= reply.status < 300:
        status = "delivered"
    elif reply.status == GONE:
        turn_off(tx, parcel.target.webhook_id)
    else:
        again = _again_at(reply, tx.now_ms, attempts, give_up_at, first_s, random)
        if again < give_up_at:
            status, following = "pending", again
    finished = None if status == "pending" else tx.now_ms
    failure = _failure(reply)
    tx.execute(
        "UPDATE webhook_delivery SET status = ?, attempts = ?, next_attempt_at = ?, give_up_at = ?,"
        " response_status = ?, response_body = ?, error = ?, failure = ?, attempted_at = ?, finished_at = ?"
        " WHERE id = ?",
        (
            *(status, attempts, following, give_up_at if following else None),
            *(reply.status, reply.body if reply.status is not None else None),
            *(failure and failure.sentence, failure and msgspec.json.encode(failure).decode()),
            *(tx.now_ms, finished, parcel.id),
        ),
    )
    return status


def turn_off(tx: Transaction, webhook_id: int) -> None:
    """The receiver said that it is gone for good."""
    tx.execute(
        "UPDATE webhook SET active = ?, off_reason = 'gone', updated_at = ? WHERE id = ? AND active",
        (False, tx.now_ms, webhook_id),
    )


def try_now(tx: Transaction, delivery_id: int) -> None:
    """Make a delivery due at once, with a whole day before it."""
    tx.execute(
        "UPDATE webhook_delivery SET status = 'pending', attempts = 0, next_attempt_at = ?, give_up_at = ?,"
        " finished_at = NULL WHERE id = ?",
        (tx.now_ms, tx.now_ms + GIVE_UP_S * 1000, delivery_id),
    )


def _again_at(reply: Reply, now_ms: int, attempts: int, give_up_at: int, first_s: float, random: float) -> int:
    """The next attempt, in milliseconds since the epoch; ``give_up_at`` or later means that there is none."""
    now = now_ms / 1000
    moment = next_attempt(now, attempts, first_s, random)
    if reply.status in BUSY and reply.retry_after is not None:
        moment = postponed(moment, asked_for(reply.retry_after, now), give_up_at / 1000)
    return int(moment * 1000)


def _failure(reply: Reply) -> Failure | None:
    if reply.status is not None and 300 <= reply.status < 400:
        return Failure.of(Why.REDIRECT)
    return reply.failure


def _moment(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else timestamp(milliseconds)
