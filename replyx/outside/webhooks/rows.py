"""Webhooks and deliveries in the database: how rows become what people see, and what an attempt leaves behind."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from replyx.database import models
from replyx.database.models import WebhookDelivery
from replyx.database.rows import Made, Part, Update, select
from replyx.delivery.store import Snapshot, Transaction
from replyx.errors import WebhookNotFound
from replyx.outside.calls import Reply
from replyx.outside.failures import Failure, Why
from replyx.outside.webhooks.schedule import BUSY, GIVE_UP_S, asked_for, next_attempt, postponed
from replyx.outside.webhooks.schemas import Delivery, DeliveryStatus, Webhook

GONE = 410  # RFC 9110, 15.5.11: the receiver does not want this any more


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where deliveries of a webhook go, and the secrets that sign them now."""

    webhook_id: int
    url: str
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery to attempt."""

    id: int
    receiver: Receiver
    event_id: str
    body: bytes


class _Signing(msgspec.Struct, frozen=True):
    """A webhook's address, its secret, and the one of before with the time until which it signs too."""

    id: int
    url: str
    secret: str
    old_secret: str | None
    old_secret_until: int | None


class _Waiting(msgspec.Struct, frozen=True):
    """A delivery whose time has come."""

    id: int
    event_id: str
    body: str


class _State(msgspec.Struct, frozen=True):
    """How far a delivery has come."""

    attempts: int
    give_up_at: int | None
    status: DeliveryStatus


def _failure_kept(text: str | None) -> Failure | None:
    return None if text is None else msgspec.json.decode(text, type=Failure)


_MADE = {"type": WebhookDelivery.event_type, "failure": Made(_failure_kept, WebhookDelivery.failure)}
DELIVERIES = select(Delivery, WebhookDelivery, **_MADE)
# The newest delivery by a subquery: that of each webhook is one look into an index.
WEBHOOKS = select(
    Webhook,
    models.Webhook,
    f"LEFT JOIN {WebhookDelivery} ON {WebhookDelivery.id} = (SELECT MAX({WebhookDelivery.id}) FROM {WebhookDelivery}"
    f" WHERE {WebhookDelivery.webhook_id} = {models.Webhook.id})",
    last_delivery=Part(Delivery, WebhookDelivery, **_MADE).or_else(None),
)
KEPT = f"NOT {models.Webhook.deleted}"

_WEBHOOK = WEBHOOKS.where(f"{models.Webhook.id} = ? AND {KEPT}")
_SIGNING = select(_Signing, models.Webhook)
_ACTIVE = _SIGNING.where(f"{models.Webhook.active} AND {KEPT}", f"ORDER BY {models.Webhook.id}")
_ONE = _SIGNING.where(f"{models.Webhook.id} = ? AND {KEPT}")
_WAITING = select(_Waiting, WebhookDelivery).where(
    f"{WebhookDelivery.webhook_id} = ? AND {WebhookDelivery.next_attempt_at} <= ?",
    f"ORDER BY {WebhookDelivery.next_attempt_at}, {WebhookDelivery.id} LIMIT ?",
)
_STATE = select(_State, WebhookDelivery).where(f"{WebhookDelivery.id} = ?")
_CHANGE_DELIVERY = Update(WebhookDelivery, f"{WebhookDelivery.id} = ?")
_CHANGE_ACTIVE = Update(models.Webhook, f"{models.Webhook.id} = ? AND {models.Webhook.active}")


def load(rows: Snapshot, webhook_id: int) -> Webhook:
    """The webhook as operators see it, with its newest delivery. Raises :class:`WebhookNotFound`."""
    hook = _WEBHOOK.one(rows, webhook_id)
    if hook is None:
        raise WebhookNotFound(f"There is no webhook {webhook_id}.")
    return hook


def receivers(rows: Snapshot, now_ms: int, webhook_id: int | None = None) -> list[Receiver]:
    """The active webhooks, or one whether it is active or not."""
    found = _ACTIVE.all(rows) if webhook_id is None else _ONE.all(rows, webhook_id)
    return [Receiver(each.id, each.url, _secrets(each, now_ms)) for each in found]


def due(rows: Snapshot, receiver: Receiver, now_ms: int, limit: int) -> list[Parcel]:
    """The deliveries of a webhook whose time has come, the longest waiting first."""
    found = _WAITING.all(rows, receiver.webhook_id, now_ms, limit)
    return [Parcel(each.id, receiver, each.event_id, each.body.encode()) for each in found]


def record(tx: Transaction, parcel: Parcel, reply: Reply, first_s: float, random: float) -> str:
    """Write down what came of an attempt and when the next is, if any; returns the new status.

    An answer 410 turns the webhook off; one of 429 or 503 can ask for a later attempt (Retry-After).
    Changes nothing when the delivery was finished meanwhile.
    """
    state = _STATE.one(tx, parcel.id)
    if state is None or state.give_up_at is None:
        return state.status if state else "failed"
    attempts, give_up_at = state.attempts + 1, state.give_up_at
    status, following = "failed", None
    if reply.status is not None and 200 <= reply.status < 300:
        status = "delivered"
    elif reply.status == GONE:
        turn_off(tx, parcel.receiver.webhook_id)
    else:
        again = _again_at(reply, tx.now_ms, attempts, give_up_at, first_s, random)
        if again < give_up_at:
            status, following = "pending", again
    finished = None if status == "pending" else tx.now_ms
    failure = _failure(reply)
    _CHANGE_DELIVERY.change(
        tx,
        parcel.id,
        status=status,
        attempts=attempts,
        next_attempt_at=following,
        give_up_at=give_up_at if following else None,
        response_status=reply.status,
        response_body=reply.body if reply.status is not None else None,
        error=failure.sentence if failure else None,
        failure=msgspec.json.encode(failure).decode() if failure else None,
        attempted_at=tx.now_ms,
        finished_at=finished,
    )
    return status


def turn_off(tx: Transaction, webhook_id: int) -> None:
    """The receiver said that it is gone for good."""
    _CHANGE_ACTIVE.change(tx, webhook_id, active=False, off_reason="gone", updated_at=tx.now_ms)


def try_now(tx: Transaction, delivery_id: int) -> None:
    """Make a delivery due at once, with a whole day before it."""
    _CHANGE_DELIVERY.change(
        tx,
        delivery_id,
        status="pending",
        attempts=0,
        next_attempt_at=tx.now_ms,
        give_up_at=tx.now_ms + GIVE_UP_S * 1000,
        finished_at=None,
    )


def _secrets(signing: _Signing, now_ms: int) -> tuple[str, ...]:
    """Those that sign now."""
    if signing.old_secret and signing.old_secret_until is not None and signing.old_secret_until > now_ms:
        return (signing.secret, signing.old_secret)
    return (signing.secret,)


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
