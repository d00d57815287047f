"""What operators do with webhooks."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET

from replyx.database import models
from replyx.database.rows import Insert, Update, computed, value
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import DeliveryNotFound, TooManyWebhooks, WebhookOff
from replyx.outside.calls import Outside
from replyx.outside.webhooks import dispatch, rows, signing
from replyx.outside.webhooks.rows import Parcel, Receiver
from replyx.outside.webhooks.schemas import (
    Delivery,
    EventGroup,
    NewWebhook,
    Notice,
    Rotation,
    Webhook,
    WebhookChange,
    WebhookWithSecret,
)
from replyx.paging import Paging, newest_first, oldest_first, read_page
from replyx.schemas.dialogs import Page, timestamp

log = logging.getLogger("replyx.webhooks")

MOST = 100  # each is looked at every second
TEST = "webhook.test"

_COUNT = computed(int, "COUNT(*)", models.Webhook).where(rows.KEPT)
_ADD = Insert(models.Webhook)
_CHANGE = Update(models.Webhook, f"{models.Webhook.id} = ?")
_SECRET = value(models.Webhook.secret).where(f"{models.Webhook.id} = ?")
_ADD_DELIVERY = Insert(models.WebhookDelivery)
_DELIVERY = rows.DELIVERIES.where(f"{models.WebhookDelivery.id} = ? AND {models.WebhookDelivery.webhook_id} = ?")


class Webhooks:
    """Keeps webhooks. Every method that takes an id raises :class:`WebhookNotFound` for an unknown one.

    ``wake`` is called after a change that may give the courier something to do.
    """

    def __init__(self, store: Store, outside: Outside, clock: Callable[[], float], wake: Callable[[], None]) -> None:
        self._store = store
        self._outside = outside
        self._clock = clock
        self._wake = wake

    async def list(self, paging: Paging) -> Page[Webhook]:
        """A page of webhooks, oldest first."""

        def query(reading: Snapshot) -> Page[Webhook]:
            items, following = read_page(reading, rows.WEBHOOKS, models.Webhook.id, paging, fixed=(rows.KEPT,))
            return Page(oldest_first(items, paging), following)

        return await self._store.read(query)

    def event_types(self) -> Page[EventGroup]:
        """All that a webhook can listen to, on one page."""
        return Page(dispatch.event_groups(), None)

    async def get(self, webhook_id: int) -> Webhook:
        """One webhook."""
        return await self._store.read(lambda reading: rows.load(reading, webhook_id))

    async def create(self, new: NewWebhook) -> WebhookWithSecret:
        """Add a webhook; it is told of what happens from now on. Raises :class:`Invalid`, :class:`TooManyWebhooks`."""
        url, names = self._outside.check_url(new.url, "url"), dispatch.checked_events(new.events)
        secret = signing.new_secret()

        def unit(tx: Transaction) -> WebhookWithSecret:
            count = _COUNT.only(tx)
            if count >= MOST:
                raise TooManyWebhooks(f"There are {count} webhooks; delete one to make room.")
            webhook_id = _ADD.numbered(
                tx,
                url=url,
                description=new.description,
                events=json.dumps(names),
                active=False,
                secret=secret,
                since=0,
                deleted=False,
                created_at=tx.now_ms,
                updated_at=tx.now_ms,
            )
            if new.active:
                _turn_on(tx, webhook_id)
            return _with_secret(rows.load(tx, webhook_id), secret)

        made = await self._store.commit(unit)
        log.info("webhook=%d created", made.id)
        self._wake()
        return made

    async def change(self, webhook_id: int, change: WebhookChange) -> Webhook:
        """Change what is given, leave the rest. Raises :class:`Invalid`.

        One that is turned on again is told of what happens from then on, and of what waited when it was turned off.
        """
        columns: dict[str, Any] = {}
        if change.url is not UNSET:
            columns["url"] = self._outside.check_url(change.url, "url")
        if change.events is not UNSET:
            columns["events"] = json.dumps(dispatch.checked_events(change.events))
        if change.description is not UNSET:
            columns["description"] = change.description

        def unit(tx: Transaction) -> Webhook:
            before = rows.load(tx, webhook_id)
            _CHANGE.change(tx, webhook_id, updated_at=tx.now_ms, **columns)
            if change.active is True and not before.active:
                _turn_on(tx, webhook_id)
            elif change.active is False:
                _CHANGE.change(tx, webhook_id, active=False, off_reason=None)
            return rows.load(tx, webhook_id)

        changed = await self._store.commit(unit)
        self._wake()
        return changed

    async def delete(self, webhook_id: int) -> None:
        """Forget the webhook and its secret; what waited is not sent. Its deliveries go with the next pruning."""

        def unit(tx: Transaction) -> None:
            rows.load(tx, webhook_id)
            _CHANGE.change(tx, webhook_id, deleted=True, active=False, secret="", old_secret=None)

        await self._store.commit(unit)
        log.info("webhook=%d deleted", webhook_id)

    async def rotate(self, webhook_id: int, rotation: Rotation) -> WebhookWithSecret:
        """Draw a new secret; until the overlap is over the one before signs as well."""
        secret = signing.new_secret()

        def unit(tx: Transaction) -> WebhookWithSecret:
            rows.load(tx, webhook_id)
            overlap_ms = rotation.overlap_hours * 3600 * 1000
            _CHANGE.change(
                tx,
                webhook_id,
                old_secret=_SECRET.only(tx, webhook_id) if overlap_ms else None,
                secret=secret,
                old_secret_until=tx.now_ms + overlap_ms if overlap_ms else None,
                updated_at=tx.now_ms,
            )
            return _with_secret(rows.load(tx, webhook_id), secret)

        rotated = await self._store.commit(unit)
        log.info("webhook=%d: its signing key was replaced", webhook_id)
        return rotated

    async def test(self, webhook_id: int) -> Delivery:
        """Send a ``webhook.test`` now, once, and return what came of it; also of a webhook that is turned off."""
        now = self._clock()
        now_ms = int(now * 1000)

        def query(reading: Snapshot) -> Receiver:
            rows.load(reading, webhook_id)
            return rows.receivers(reading, now_ms, webhook_id)[0]

        receiver = await self._store.read(query)
        event_id = f"test-{secrets.token_hex(8)}"
        notice = Notice(event_id, TEST, timestamp(now_ms), {"webhook_id": webhook_id})
        body = msgspec.json.encode(notice)
        headers = signing.headers(event_id, receiver.secrets, int(now), body)
        reply = await self._outside.post(receiver.url, headers, body)

        def unit(tx: Transaction) -> Delivery:
            rows.load(tx, webhook_id)
            delivery_id = _ADD_DELIVERY.numbered(
                tx,
                webhook_id=webhook_id,
                event_id=event_id,
                event_type=TEST,
                body=body.decode(),
                status="pending",
                attempts=0,
                give_up_at=now_ms,
                created_at=now_ms,
            )
            parcel = Parcel(delivery_id, receiver, event_id, body)
            rows.record(tx, parcel, reply, 1, 0)  # its time is over already: a test is not repeated
            return _delivery(tx, webhook_id, parcel.id)

        return await self._store.commit(unit)

    async def deliveries(self, webhook_id: int, paging: Paging) -> Page[Delivery]:
        """A page of deliveries, the newest first."""

        def query(reading: Snapshot) -> Page[Delivery]:
            rows.load(reading, webhook_id)
            of_hook = {f"{models.WebhookDelivery.webhook_id} = ?": webhook_id}
            items, following = read_page(reading, rows.DELIVERIES, models.WebhookDelivery.id, paging, of_hook)
            return Page(newest_first(items, paging), following)

        return await self._store.read(query)

    async def replay(self, webhook_id: int, delivery_id: int) -> Delivery:
        """Send a delivery again, whatever came of it, with the same event id; or one that waits at once.

        Raises :class:`DeliveryNotFound`, and :class:`WebhookOff` for a webhook that sends nothing.
        """

        def unit(tx: Transaction) -> Delivery:
            if not rows.load(tx, webhook_id).active:
                raise WebhookOff("Turn the webhook on first.")
            _delivery(tx, webhook_id, delivery_id)
            rows.try_now(tx, delivery_id)
            return _delivery(tx, webhook_id, delivery_id)

        again = await self._store.commit(unit)
        self._wake()
        return again


def _turn_on(tx: Transaction, webhook_id: int) -> None:
    since = dispatch.begin(tx)
    _CHANGE.change(tx, webhook_id, active=True, off_reason=None, since=since)


def _delivery(reading: Snapshot, webhook_id: int, delivery_id: int) -> Delivery:
    delivery = _DELIVERY.one(reading, delivery_id, webhook_id)
    if delivery is None:
        raise DeliveryNotFound(f"Webhook {webhook_id} has no delivery {delivery_id}.")
    return delivery


def _with_secret(hook: Webhook, secret: str) -> WebhookWithSecret:
    return WebhookWithSecret(**{name: getattr(hook, name) for name in hook.__struct_fields__}, secret=secret)
