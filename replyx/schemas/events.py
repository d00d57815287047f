"""Every event, one typed struct each; ``type`` is what clients branch on. A new event starts here.

Durable events go through the log and have an id; ephemeral ones reach whoever is connected.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import msgspec
from msgspec import UNSET, UnsetType

from replyx.schemas.dialogs import Dialog, Message, Sender
from replyx.schemas.products import ModeratedProduct, PlatformSettings, ProductVerdict
from replyx.schemas.tickets import Ticket, TicketChange


class MessageNew(msgspec.Struct, tag_field="type", tag="message:new", frozen=True):
    """Durable. A message was stored; exactly one per message.

    The members behind ``message`` are there for a ticket only: they complete what a ticket's clients see.
    """

    dialog_id: int
    message: Message
    ticket_id: str | UnsetType = UNSET
    sender_ref: str | UnsetType = UNSET
    message_type: str | UnsetType = UNSET


class DialogUpdated(msgspec.Struct, tag_field="type", tag="dialog:updated", frozen=True):
    """Durable. The dialog came into the inbox, or its status, handler, assignee or visitor changed."""

    dialog: Dialog


class TicketUpdated(msgspec.Struct, tag_field="type", tag="ticket:updated", frozen=True):
    """Durable. A ticket was opened or changed, or one of its targets is due soon or missed.

    Comes right behind the ``dialog:updated`` of the same change; ``changes`` are the new lines of its history.
    """

    dialog_id: int
    ticket: Ticket
    changes: list[TicketChange]


class MessageRead(msgspec.Struct, tag_field="type", tag="message:read", frozen=True):
    """Durable. One side has read everything up to a message."""

    dialog_id: int
    sender: Sender
    up_to: int


class ProductSubmitted(msgspec.Struct, tag_field="type", tag="product.submitted", frozen=True):
    """Durable, to admins. A product waits for a decision: it is new, was changed, or was sent back to the queue."""

    timestamp: str
    data: ModeratedProduct


class ProductApproved(msgspec.Struct, tag_field="type", tag="product.approved", frozen=True):
    """Durable, to the product's shop, to every user and to admins. A product is offered; one per approval."""

    timestamp: str
    data: ProductVerdict


class ProductRejected(msgspec.Struct, tag_field="type", tag="product.rejected", frozen=True):
    """Durable, to the product's shop and to admins. A product is not offered; the notes say why."""

    timestamp: str
    data: ProductVerdict


class SettingsUpdated(msgspec.Struct, tag_field="type", tag="settings.updated", frozen=True):
    """Durable, to users, shops and admins. An admin has saved the platform's settings; they are here as a whole."""

    timestamp: str
    data: PlatformSettings


class Broadcast(msgspec.Struct, frozen=True):
    """Durable. What a bot, or this server like one, told web apps: ``body`` is the object, ``type`` among it."""

    type: str
    timestamp: str
    body: msgspec.Raw


class DirectoryChanged(msgspec.Struct, tag_field="type", tag="directory:changed", frozen=True):
    """Durable, never sent to clients. Cached accounts, sessions or widgets are out of date.

    ``ended`` names the grants that hold no longer, ``session:<id>`` or ``widget:<id>``: streams that were opened on
    them must be closed.
    """

    ended: list[str] = []


class MessageReceived(msgspec.Struct, tag_field="type", tag="message_received", frozen=True):
    """Ephemeral, to the visitor's own streams: the message is stored."""

    dialog_id: int
    message: str
    timestamp: str


class TypingStart(msgspec.Struct, tag_field="type", tag="typing_start", frozen=True):
    """Ephemeral. One side writes; ``ticket_id`` in a ticket only."""

    dialog_id: int
    sender: Sender
    ticket_id: str | UnsetType = UNSET


class TypingStop(msgspec.Struct, tag_field="type", tag="typing_stop", frozen=True):
    """Ephemeral. One side stopped writing; ``ticket_id`` in a ticket only."""

    dialog_id: int
    sender: Sender
    ticket_id: str | UnsetType = UNSET


def taken_back(event: TypingStart | TypingStop) -> TypingStop:
    """The end of what ``event`` says, for a writer who can no longer say it."""
    return TypingStop(event.dialog_id, event.sender, event.ticket_id)


DURABLE = (
    *(MessageNew, DialogUpdated, TicketUpdated, MessageRead),
    *(ProductSubmitted, ProductApproved, ProductRejected, SettingsUpdated),
)
EPHEMERAL = (MessageReceived, TypingStart, TypingStop)

DIRECTORY = "directory"
INBOX = "inbox"
BROADCASTS = "broadcasts"

ClientType = Literal["user", "shop", "admin"]
CLIENT_TYPES: tuple[ClientType, ...] = get_args(ClientType)


def dialog_topic(dialog_id: int) -> str:
    """The topic of one dialog."""
    return f"dialog:{dialog_id}"


def visitor_topic(dialog_id: int) -> str:
    """The topic of a dialog's visitor alone."""
    return f"dialog:{dialog_id}:visitor"


def staff_topic(dialog_id: int) -> str:
    """The topic of a dialog's operators and bots: what its visitor need not hear."""
    return f"dialog:{dialog_id}:staff"


def account_topic(account_id: int) -> str:
    """The topic of one account, on whichever of its devices."""
    return f"account:{account_id}"


def clients_topic(client_type: ClientType) -> str:
    """The topic of every client of a type: ``user``, ``shop`` or ``admin``."""
    return f"clients:{client_type}"


def is_broadcast(topics: Iterable[str]) -> bool:
    """Whether an event of these ``topics`` is a broadcast: its type may be any word."""
    return all(topic in ("", BROADCASTS) or topic.startswith(room_topic("")) for topic in topics)


def is_kept_from_operators(topics: Sequence[str]) -> bool:
    """Whether an event of these ``topics`` is of a dialog that is not in the inbox."""
    return topics[0].startswith("dialog:") and INBOX not in topics


def room_topic(room: str) -> str:
    """The topic of a room that clients name, such as ``shop:123``."""
    return f"room:{room}"


def everyone() -> tuple[str, ...]:
    """The topics that together reach every mobile, shop and admin client and every webapp that named no room."""
    return (*map(clients_topic, CLIENT_TYPES), BROADCASTS)
