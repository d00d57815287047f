"""Broadcasts: what bots tell the web apps of shops, as they sent it, and what this server tells them in the same words.

An event belongs to the rooms that its ids name. Sockets that have named no room get it too, unless its type is
private.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

import msgspec

from replyx.database.models import BroadcastKey
from replyx.database.rows import Delete, Insert, value
from replyx.delivery.store import Store, Transaction
from replyx.errors import FieldError, IdempotencyKeyReused, Invalid, invalid
from replyx.faults import Fault
from replyx.schemas.dialogs import timestamp
from replyx.schemas.events import BROADCASTS, Broadcast, room_topic
from replyx.schemas.texts import shows
from replyx.shop import rooms

log = logging.getLogger("replyx.broadcasts")

BODY_BYTES = 64 * 1024
KEY_HOURS = 24  # the bot that retries does so within seconds

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "product_added": ("shopId", "productId"),
    "product_updated": ("shopId", "productId"),
    "product_deleted": ("shopId", "productId"),
    "order_status": ("orderId", "status"),
    "new_subscriber": ("shopId",),
    "shop_updated": ("shopId",),
}
TYPE = r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$"
OURS = frozenset({"connected", "subscribed", "subscribe", "unsubscribe", "ping", "pong", "error", "resync"})
KEY = re.compile(r"[\x21-\x7e]{1,255}")

_DIGEST = value(BroadcastKey.digest).where(f"{BroadcastKey.key} = ?")
_ADD_KEY = Insert(BroadcastKey)
_DROP_OLD = Delete(BroadcastKey, f"{BroadcastKey.created_at} < ?")
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class CheckedBroadcast:
    """A broadcast that was checked: ``body`` is its object without spaces between the parts."""

    type: str
    body: bytes
    rooms: tuple[str, ...]


class Broadcasts:
    """Takes broadcasts into the log; ``private_types`` reach only sockets that have named their room."""

    def __init__(self, store: Store, private_types: Set[str]) -> None:
        self._store = store
        self._private_types = private_types

    async def publish_broadcast(self, broadcast: CheckedBroadcast, key: str | None) -> None:
        """Publish once for each ``key``, or once where there is none; durable when this returns.

        Raises :class:`IdempotencyKeyReused` where the key came with another body before.
        """

        def unit(tx: Transaction) -> int | None:
            if key is not None and not _is_first(tx, key, hashlib.sha256(broadcast.body).hexdigest()):
                return None
            return self._append(tx, broadcast)

        event_id = await self._store.commit(unit)
        if event_id is not None:
            log.info("Broadcast %s event=%d rooms=%s", broadcast.type, event_id, ",".join(broadcast.rooms) or "none")

    def tell(self, tx: Transaction, kind: str, **ids: int) -> None:
        """Publish what a change of this server's own means to web apps, in the transaction of that change."""
        self._append(tx, CheckedBroadcast(kind, msgspec.json.encode({"type": kind, **ids}), rooms.named_by(ids)))

    def _append(self, tx: Transaction, broadcast: CheckedBroadcast) -> int:
        topics = tuple(map(room_topic, broadcast.rooms))
        if broadcast.type not in self._private_types:
            topics = (BROADCASTS, *topics)
        return tx.append(topics, Broadcast(broadcast.type, timestamp(tx.now_ms), msgspec.Raw(broadcast.body)))


def checked(body: bytes, members: Mapping[str, Any]) -> CheckedBroadcast:
    """The broadcast in ``body``, whose ``members`` were read already. Raises :class:`Invalid`.

    Every part keeps its text: numbers, escapes and the order of members. A member that stands twice counts once.
    """
    kind = members.get("type")
    if not isinstance(kind, str) or not re.fullmatch(TYPE, kind):
        raise invalid("type", Fault.NOT_AN_EVENT_TYPE)
    if kind in OURS:
        raise invalid("type", Fault.NAME_TAKEN, given=kind)
    if "cursor" in members:
        raise invalid("cursor", Fault.NAME_TAKEN, given="cursor")
    faults = {name: _wrong(members.get(name), name) for name in REQUIRED.get(kind, ())}
    wrong = [FieldError.of(name, fault) for name, fault in faults.items() if fault is not None]
    if wrong:
        raise Invalid(errors=wrong)
    whole = msgspec.json.format(msgspec.json.encode(_MEMBERS.decode(body)), indent=-1)
    return CheckedBroadcast(kind, whole, rooms.named_by(members))


def checked_key(key: str) -> str:
    """``key`` as it is. Raises :class:`Invalid` for one that is empty or too long."""
    if not KEY.fullmatch(key):
        raise invalid("Idempotency-Key", Fault.NOT_A_KEY, max=255)
    return key


def prune(tx: Transaction) -> None:
    """Forget the keys whose retries cannot come any more."""
    _DROP_OLD.drop(tx, tx.now_ms - KEY_HOURS * 3_600_000)


def _wrong(value: Any, name: str) -> Fault | None:
    if value is None:
        return Fault.REQUIRED
    if name == "status":
        return None if isinstance(value, str) and shows(value) else Fault.NOT_A_TEXT
    return None if rooms.is_id(value) else Fault.NOT_AN_ID


def _is_first(tx: Transaction, key: str, digest: str) -> bool:
    known = _DIGEST.one(tx, key)
    if known is None:
        _ADD_KEY.add(tx, key=key, digest=digest, created_at=tx.now_ms)
        return True
    if known != digest:
        raise IdempotencyKeyReused("This Idempotency-Key came with another body before. Make a new key for each event.")
    return False
