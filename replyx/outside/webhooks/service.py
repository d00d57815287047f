"""What operators do with webhooks."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET

from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import DeliveryNotFound, TooManyWebhooks, WebhookOff
from replyx.outside.calls import Outside
from replyx.outside.webhooks import dispatch, rows, signing
from replyx.outside.webhooks.rows import DELIVERY_COLUMNS, WEBHOOK_COLUMNS, Parcel, Target
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
from replyx.paging import Paging, cut, newest_first, oldest_first
from replyx.schemas.dialogs import Page, timestamp

log = logging.getLogger("replyx.webhooks")

MOST = 100  # each is looked at every second
TEST = "webhook.test"


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
            comparison, order, bound = paging.window()
            found = reading.stream(
                f"SELECT {WEBHOOK_COLUMNS} FROM webhook WHERE id {comparison} ? AND NOT deleted"
                f" ORDER BY id {order} LIMIT ?",
                (bound, paging.limit + 1),
            )
            hooks = (rows.webhook_of(reading, row) for row in found)
            items, following = cut(hooks, paging.limit, lambda hook: hook.id)
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
            count = tx.execute("SELECT COUNT(*) FROM webhook WHERE NOT deleted").fetchone()[0]
            if count >= MOST:
                raise TooManyWebhooks(f"There are {count} webhooks; delete one to make room.")
            row = tx.execute(
                "INSERT INTO webhook (url, description, events, active, secret, since, deleted, created_at, updated_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                (url, new.description, json.dumps(names), False, secret, 0, False, tx.now_ms, tx.now_ms),
            ).fetchone()
            if new.active:
                _turn_on(tx, int(row[0]))
            return _with_secret(rows.load(tx, int(row[0])), secret)

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
            assignments = ", ".join(f"{name} = ?" for name in ("updated_at", *columns))
            tx.execute(f"UPDATE webhook SET {assignments} WHERE id = ?", [tx.now_ms, *columns.values(), webhook_id])
            if change.active is True and not before.active:
                _turn_on(tx, webhook_id)
            elif change.active is False:
                tx.execute("UPDATE webhook SET active = ?, off_reason = NULL WHERE id = ?", (False, webhook_id))
            return rows.load(tx, webhook_id)

        changed = await self._store.commit(unit)
        self._wake()
        return changed

    async def delete(self, webhook_id: int) -> None:
        """Forget the webhook and its secret; what waited is not sent. Its deliveries go with the next pruning."""

        def unit(tx: Transaction) -> None:
            rows.load(tx, webhook_id)
            tx.execute(
                "UPDATE webhook SET deleted = ?, active = ?, secret = '', old_secret = NULL WHERE id = ?",
                (True, False, webhook_id),
            )

        await self._store.commit(unit)
        log.info("webhook=%d deleted", webhook_id)

    async def rotate(self, webhook_id: int, rotation: Rotation) -> WebhookWithSecret:
        """Draw a new secret; until the overlap is over the one before signs as well."""
        secret = signing.new_secret()

        def unit(tx: Transaction) -> WebhookWithSecret:
            rows.load(tx, webhook_id)
            overlap_ms = rotation.overlap_hours * 3600 * 1000
            tx.execute(
                "UPDATE webhook SET old_secret = CASE WHEN ? > 0 THEN secret END, secret = ?, old_secret_until = ?,"
                " updated_at = ? WHERE id = ?",
                (overlap_ms, secret, tx.now_ms + overlap_ms if overlap_ms else None, tx.now_ms, webhook_id),
            )
            return _with_secret(rows.load(tx, webhook_id), secret)

        rotated = await self._store.commit(unit)
        log.info("webhook=%d: its signing key was replaced", webhook_id)
        return rotated

    async def test(self, webhook_id: int) -> Delivery:
        """Send a ``webhook.test`` now, once, and return what came of it; also of a webhook that is turned off."""
        now = self._clock()
        now_ms = int(now * 1000)

        def query(reading: Snapshot) -> Target:
            rows.load(reading, webhook_id)
            return rows.targets(reading, now_ms, webhook_id)[0]

        target = await self._store.read(query)
        event_id = f"test-{secrets.token_hex(8)}"
        notice = Notice(event_id, TEST, timestamp(now_ms), {"webhook_id": webhook_id})
        body = msgspec.json.encode(notice)
        headers = signing.headers(event_id, target.secrets, int(now), body)
        reply = await self._outside.post(target.url, headers, body)

        def unit(tx: Transaction) -> Delivery:
            rows.load(tx, webhook_id)
            row = tx.execute(
                "INSERT INTO webhook_delivery (webhook_id, event_id, event_type, body, status, attempts, give_up_at,"
                " created_at) VALUES (?, ?, ?, ?, 'pending', 0, ?, ?) RETURNING id",
                (webhook_id, event_id, TEST, body.decode(), now_ms, now_ms),
            ).fetchone()
            parcel = Parcel(int(row[0]), target, event_id, body)
            rows.record(tx, parcel, reply, 1, 0)  # its time is over already: a test is not repeated
            return _delivery(tx, webhook_id, parcel.id)

        return await self._store.commit(unit)

    async def deliveries(self, webhook_id: int, paging: Paging) -> Page[Delivery]:
        """A page of deliveries, the newest first."""

        def query(reading: Snapshot) -> Page[Delivery]:
            rows.load(reading, webhook_id)
            comparison, order, bound = paging.window()
            found = reading.stream(
                f"SELECT {DELIVERY_COLUMNS} FROM webhook_delivery WHERE webhook_id = ? AND id {comparison} ?"
                f" ORDER BY id {order} LIMIT ?",
                (webhook_id, bound, paging.limit + 1),
            )
            items, following = cut(map(rows.delivery_of, found), paging.limit, lambda each: each.id)
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
    tx.execute("UPDATE webhook SET active = ?, off_reason = NULL, since = ? WHERE id = ?", (True, since, webhook_id))


def _delivery(reading: Snapshot, webhook_id: int, delivery_id: int) -> Delivery:
    row = reading.execute(
        f"SELECT {DELIVERY_COLUMNS} FROM webhook_delivery WHERE id = ? AND webhook_id = ?", (delivery_id, webhook_id)
    ).fetchone()
    if row is None:
        raise DeliveryNotFound(f"Webhook {webhook_id} has no delivery {delivery_id}.")
    return rows.delivery_of(row)


def _with_secret(hook: Webhook, secret: str) -> WebhookWithSecret:
    return WebhookWithSecret(**{name: getattr(hook, name) for name in hook.__struct_fields__}, secret=secret)
