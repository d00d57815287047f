"""Webhooks as operators see them, and what they may ask."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from replyx.outside.failures import Failure
from replyx.schemas import sizes
from replyx.schemas.dialogs import NO_NUL
from replyx.schemas.texts import LINE, Written

DeliveryStatus = Literal["pending", "delivered", "failed"]
OffReason = Literal["gone"]

Url = Annotated[str, msgspec.Meta(min_length=1, max_length=sizes.URL)]
Description = Annotated[str, msgspec.Meta(max_length=sizes.PURPOSE, pattern=NO_NUL), LINE]
EventNames = Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(min_length=1, max_length=50)]

MAX_OVERLAP_HOURS = 7 * 24


class NewWebhook(Written):
    """A webhook to add; ``events`` are types such as ``message:new`` or groups such as ``message``."""

    url: Url
    events: EventNames
    description: Description = ""
    active: bool = True


class WebhookChange(Written):
    """What is left out stays."""

    url: Url | UnsetType = UNSET
    events: EventNames | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class Rotation(msgspec.Struct):
    """For how long the secret of before signs as well; 0 ends it at once."""

    overlap_hours: Annotated[int, msgspec.Meta(ge=0, le=MAX_OVERLAP_HOURS)] = 24


class EventGroup(msgspec.Struct, frozen=True):
    """A name that a webhook's ``events`` can hold, and the types that it stands for today."""

    group: str
    types: list[str]


class Delivery(msgspec.Struct, frozen=True):
    """One event on its way to a webhook, and what the receiver last said.

    ``attempts`` counts since the last replay. ``response_body`` is the beginning of the answer; ``failure`` says why
    there was none, and ``error`` says it in English; what failed before there were codes has no ``failure``.
    """

    id: int
    event_id: str
    type: str
    status: DeliveryStatus
    attempts: int
    next_attempt_at: str | None
    response_status: int | None
    response_body: str | None
    error: str | None
    failure: Failure | None
    created_at: str
    attempted_at: str | None
    finished_at: str | None


class Webhook(msgspec.Struct, frozen=True):
    """An address that is told of events.

    ``off_reason`` is ``gone`` when the receiver's answer 410 turned it off. ``old_secret_until`` is the end of a
    rotation's overlap, null outside of one. ``last_delivery`` is its newest delivery, null while there is none.
    """

    id: int
    url: str
    description: str
    events: list[str]
    active: bool
    off_reason: OffReason | None
    old_secret_until: str | None
    created_at: str
    updated_at: str
    last_delivery: Delivery | None


class WebhookWithSecret(Webhook, frozen=True):
    """A webhook with its new secret, which is not shown again."""

    secret: str


class Notice(msgspec.Struct, frozen=True):
    """The body of a webhook's request. ``data`` are the members of the event besides its type."""

    id: str
    type: str
    created_at: str
    data: dict[str, object]
