"""From the log to deliveries: every event becomes one delivery for each webhook that wants it, exactly once.

The place in the log moves in the transaction that writes the deliveries. A process that is killed leaves both as they
were or both as they shall be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from replyx.database import models
from replyx.database.rows import Insert, exists, select, unless_taken
from replyx.delivery import positions
from replyx.delivery.eventlog import Entry
from replyx.delivery.store import Snapshot, Transaction
from replyx.errors import invalid
from replyx.faults import Fault
from replyx.outside.webhooks.schedule import GIVE_UP_S
from replyx.outside.webhooks.schemas import EventGroup, Notice
from replyx.schemas import events
from replyx.schemas.dialogs import timestamp

DUTY = "webhooks"

TYPES = tuple(sorted({str(event.__struct_config__.tag) for event in events.DURABLE}))


def group_of(event_type: str) -> str:
    """The group of a type: ``message`` of ``message:new``, ``product`` of ``product.approved``."""
    return event_type.replace(".", ":").partition(":")[0]


GROUPS = tuple(sorted({group_of(each) for each in TYPES}))


def event_groups() -> list[EventGroup]:
    """Everything that a webhook can listen to."""
    return [EventGroup(group, [each for each in TYPES if group_of(each) == group]) for group in GROUPS]


def checked_events(names: Iterable[str]) -> list[str]:
    """``names`` each once, in order. Raises :class:`Invalid` for what is neither a type nor a group."""
    found = list(dict.fromkeys(names))
    for name in found:
        if name not in TYPES and name not in GROUPS:
            raise invalid("events", Fault.UNKNOWN_EVENT, given=repr(name[:64]), known=", ".join((*GROUPS, *TYPES)))
    return found


class _Typed(msgspec.Struct):
    type: str = ""


class _Listening(msgspec.Struct, frozen=True):
    """A webhook that is turned on: what it wants of what comes behind the event ``since``."""

    id: int
    since: int
    events: frozenset[str]


_type_of = msgspec.json.Decoder(_Typed)

_ON = f"{models.Webhook.active} AND NOT {models.Webhook.deleted}"
_LISTENING = select(_Listening, models.Webhook).where(_ON)
_anybody_listens = exists(models.Webhook, _ON)
# The unique index is the second lock on the door: an event never becomes two deliveries of one webhook.
_ADD_DELIVERY = Insert(
    models.WebhookDelivery, unless_taken(models.WebhookDelivery.webhook_id, models.WebhookDelivery.event_id)
)


def wanted(rows: Snapshot) -> bool:
    """Whether there is anybody to tell: without an active webhook nobody follows the log."""
    return _anybody_listens(rows)


def begin(tx: Transaction) -> int:
    """The place from which a webhook that is turned on now hears events: the present."""
    return positions.begin(tx, DUTY, wanted(tx))


def dispatch(tx: Transaction, entries: Sequence[Entry], epoch: str) -> None:
    """Write the deliveries of the next events of the log."""
    listening = _LISTENING.all(tx)
    for entry in entries:
        if events.is_broadcast(entry.topics) or events.is_kept_from_operators(entry.topics):
            continue
        kind = _type_of.decode(entry.payload).type
        names = {kind, group_of(kind)}
        takers = [hook.id for hook in listening if hook.since < entry.id and hook.events & names]
        if takers:
            notice = Notice(f"{epoch}-{entry.id}", kind, timestamp(entry.created_at), _data(entry.payload))
            _write(tx, takers, notice)


def _write(tx: Transaction, takers: Sequence[int], notice: Notice) -> None:
    body = msgspec.json.encode(notice).decode()
    for hook_id in takers:
        _ADD_DELIVERY.add(
            tx,
            webhook_id=hook_id,
            event_id=notice.id,
            event_type=notice.type,
            body=body,
            status="pending",
            attempts=0,
            next_attempt_at=tx.now_ms,
            give_up_at=tx.now_ms + GIVE_UP_S * 1000,
            created_at=tx.now_ms,
        )


def _data(payload: bytes) -> dict[str, Any]:
    """The members of an event besides its type; of one that has an envelope, what is in it."""
    members: dict[str, Any] = msgspec.json.decode(payload)
    members.pop("type", None)
    enveloped = members.get("data")
    return enveloped if isinstance(enveloped, dict) else members
