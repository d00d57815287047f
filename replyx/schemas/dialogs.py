"""The objects that clients see: what an answer or an event holds. Requests stand beside the service that takes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from replyx.schemas.languages import Language

Sender = Literal["user", "manager", "assistant", "system"]
Status = Literal["open", "closed"]
DialogKind = Literal["dialog", "ticket"]
DialogHandler = Literal["assistant", "manager"]
TicketStatus = Literal["OPEN", "IN_PROGRESS", "WAITING", "RESOLVED", "CLOSED"]
Priority = Literal["LOW", "MEDIUM", "HIGH", "URGENT"]
SlaMark = Literal["due_soon", "breached"]
Role = Literal["admin", "manager", "user", "shop", "bot"]

# In a Meta's pattern: any text without U+0000, which PostgreSQL cannot store and no client can show.
NO_NUL = r"^[^\x00]*$"

Turn = Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]

OPERATOR_ROLES = frozenset({"admin", "manager"})


def timestamp(milliseconds: int) -> str:
    """RFC 3339 in UTC with a trailing ``Z``, e.g. ``2025-09-06T18:30:00.000Z``."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


class Message(msgspec.Struct, frozen=True):
    """One message. ``author`` is the operator's name where an operator wrote it."""

    id: int
    sender: Sender
    text: str
    timestamp: str
    client_id: str | None = None
    author: str | None = None


class Assignee(msgspec.Struct, frozen=True):
    """The operator to whom a dialog is given. Operators see the account's ``id``, visitors the name alone."""

    name: str
    id: int | UnsetType = UNSET


def by_name_alone(assignee: Assignee | None) -> Assignee | None:
    """An operator as visitors see one."""
    return None if assignee is None else Assignee(assignee.name)


class VisitorCard(msgspec.Struct, frozen=True):
    """What is known of the visitor; never the guest id, which is the visitor's credential."""

    name: str | None
    page: str | None


class ReadUpTo(msgspec.Struct, frozen=True):
    """The newest message id that each side has read; 0 for none."""

    user: int
    manager: int


class TicketCard(msgspec.Struct, frozen=True):
    """What the inbox shows of a ticket. ``sla`` is the worse mark of what is still due; due times are null when met."""

    id: str
    subject: str
    status: TicketStatus
    priority: Priority
    sla: SlaMark | None
    first_response_at: str | None
    response_due_at: str | None
    resolution_due_at: str | None


class Dialog(msgspec.Struct, frozen=True):
    """One conversation. ``unread`` counts the visitor's messages that no operator has read.

    ``waiting_since`` is when the visitor wrote what neither an operator nor an assistant has answered yet.

    ``turn`` rises whenever somebody else is to speak. Until ``paused_until`` the assistant is quiet, since the operator
    called ``paused_by`` writes; a time that is past means nothing. ``ticket`` is there for kind ``ticket`` only.
    """

    id: int
    kind: DialogKind
    assistant_id: int | None
    widget_id: int | None
    status: Status
    handler: DialogHandler
    assignee: Assignee | None
    visitor: VisitorCard
    last_message: Message | None
    unread: int
    read_up_to: ReadUpTo
    created_at: str
    updated_at: str
    turn: int
    paused_until: str | None
    paused_by: str | None
    waiting_since: str | None
    ticket: TicketCard | UnsetType = UNSET


def as_visitor_sees(dialog: Dialog) -> Dialog:
    """A visitor's dialog, without the id of an account."""
    return msgspec.structs.replace(dialog, assignee=by_name_alone(dialog.assignee))


class Account(msgspec.Struct, frozen=True):
    """Somebody who logs in; an account that is not ``active`` cannot."""

    id: int
    email: str
    name: str
    role: Role
    active: bool = True
    created_at: str | None = None


class Assistant(msgspec.Struct, frozen=True):
    """Who answers first in a widget's dialogs. A visitor reads the one of ``greetings`` in the visitor's language.

    Where there is none it is ``greeting``, and where that is empty the chat's own words.
    """

    id: int
    name: str
    greeting: str
    greetings: dict[Language, str]
    created_at: str


class Widget(msgspec.Struct, frozen=True):
    """An assistant embedded on named domains, with the line of HTML that does it.

    The chat is called by the one of ``titles`` in the visitor's language, else ``name``, else as its assistant is.
    """

    id: int
    assistant_id: int
    name: str
    token: str
    embed_code: str
    allowed_domains: list[str]
    theme: str
    type: str
    position: str
    locale: Language | None
    titles: dict[Language, str]
    created_at: str


T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list; ``next`` continues in the same direction, null at the end."""

    items: list[T]
    next: int | None


class PageAtCursor(msgspec.Struct, Generic[T], frozen=True):
    """A page read at ``cursor``: a stream opened with that cursor continues exactly behind it."""

    items: list[T]
    next: int | None
    cursor: str


class DialogAtCursor(msgspec.Struct, frozen=True):
    """A dialog as it was at ``cursor``: a stream opened with that cursor continues exactly behind it."""

    dialog: Dialog
    cursor: str


class DialogAnswer(msgspec.Struct, frozen=True):
    """A dialog after the change that was asked for."""

    dialog: Dialog


class Sent(msgspec.Struct, frozen=True):
    """The answer to a send: ``duplicate`` when this ``client_id`` had been stored before."""

    message: Message
    dialog_id: int
    duplicate: bool
