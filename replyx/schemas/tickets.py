"""What clients say and see of tickets. Their members are in camelCase, as the clients of tickets have them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from replyx.errors import invalid
from replyx.faults import Fault
from replyx.paging import ItemId, Paging
from replyx.schemas import sizes
from replyx.schemas.dialogs import NO_NUL, Assignee, Priority, SlaMark, TicketStatus, Turn, by_name_alone
from replyx.schemas.texts import LINE, TEXT, Written

SenderType = Literal["USER", "AGENT", "BOT"]
ActorType = Literal["USER", "AGENT", "BOT", "SYSTEM"]
MessageType = Literal["TEXT", "IMAGE", "FILE"]
ChangedField = Literal["status", "priority", "assignee", "responseSla", "resolutionSla"]

Reference = Annotated[str, msgspec.Meta(min_length=1, max_length=sizes.CLIENT_ID, pattern=NO_NUL)]
SpeakerId = Annotated[str, msgspec.Meta(min_length=1, max_length=sizes.CLIENT_ID, pattern=NO_NUL), LINE]
Subject = Annotated[str, msgspec.Meta(pattern=NO_NUL), LINE]
TicketId = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=NO_NUL)]


class Ticket(msgspec.Struct, frozen=True, rename="camel"):
    """A dialog with a subject. ``id`` is itself the right to speak as USER in it.

    ``responseDueAt`` and ``resolutionDueAt`` are null where nothing is due: answered, waiting or resolved.
    ``sla`` is the worse mark of what is still due, null while there is time.
    """

    id: str
    subject: str
    description: str
    status: TicketStatus
    priority: Priority
    assigned_agent: Assignee | None
    created_at: str
    updated_at: str
    dialog_id: int
    user_id: str | None
    first_response_at: str | None
    resolved_at: str | None
    response_due_at: str | None
    resolution_due_at: str | None
    sla: SlaMark | None


def as_user_sees(ticket: Ticket) -> Ticket:
    """A ticket for whoever holds nothing but its id: without the id of an account."""
    return msgspec.structs.replace(ticket, assigned_agent=by_name_alone(ticket.assigned_agent))


class TicketMessage(msgspec.Struct, frozen=True, rename="camel"):
    """One message of a ticket. ``senderId`` is what the sender calls itself; ``author`` an operator's name."""

    id: int
    ticket_id: str
    sender_id: str
    sender_type: ActorType
    content: str
    message_type: str
    created_at: str
    client_id: str | None
    author: str | None


class TicketChange(msgspec.Struct, frozen=True, rename="camel"):
    """Who changed what, and when. An assignee is named as the account was called; SYSTEM is the clock of the SLA."""

    id: int
    field: ChangedField
    before: str | None
    after: str | None
    actor: ActorType
    account: Assignee | None
    created_at: str


class TicketPage(msgspec.Struct, frozen=True):
    """One page of tickets, read at ``cursor``; ``next`` is the id of the ticket that continues."""

    items: list[Ticket]
    next: str | None
    cursor: str


class TicketJoined(msgspec.Struct, frozen=True):
    """A ticket and its newest messages in one snapshot: a stream from ``cursor`` continues exactly behind it.

    ``next``, where it is not null, is the ``before`` of the page of older messages.
    """

    ticket: Ticket
    messages: list[TicketMessage]
    next: int | None
    cursor: str


class TicketSent(msgspec.Struct, frozen=True):
    """The answer to a send: ``duplicate`` when this ``clientId`` had been stored before."""

    message: TicketMessage
    duplicate: bool


class NewTicket(Written, rename="camel"):
    """A ticket to open; ``title`` stands for ``subject`` where that is missing."""

    description: Annotated[str, msgspec.Meta(max_length=sizes.DESCRIPTION, pattern=NO_NUL), TEXT]
    subject: Subject | None = None
    title: Subject | None = None
    priority: Priority = "MEDIUM"
    user_id: SpeakerId | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.subject = (self.title if self.subject is None else self.subject) or ""
        if not 1 <= len(self.subject) <= sizes.SUBJECT:
            raise invalid("subject", Fault.WRONG_LENGTH, min=1, max=sizes.SUBJECT, given=len(self.subject))


class ChangeTicket(msgspec.Struct):
    """What an operator changes; what is not named stays. ``assignee`` is an operator's account id, null for nobody.

    ``displace``: whether another operator who was first may be displaced, anybody or the one of an account id.
    """

    status: TicketStatus | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    assignee: ItemId | UnsetType | None = UNSET
    displace: bool | ItemId = False


class TicketDraft(Written, rename="camel"):
    """A message to send. ``clientId`` makes repeating it safe. A bot that names a ``turn`` speaks in that one only.

    Without ``senderType`` the credential decides: an operator speaks as AGENT, a bot as BOT, everybody else as USER.
    """

    content: str
    sender_type: SenderType | None = None
    sender_id: SpeakerId | None = None
    message_type: MessageType = "TEXT"
    client_id: Reference | None = None
    turn: Turn | None = None


class TicketQuery(msgspec.Struct):
    """Tickets, newest first; ``before`` and ``after`` are ticket ids, ``assignee`` an account id or ``none``."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    before: TicketId | None = None
    after: TicketId | None = None
    status: TicketStatus | None = None
    priority: Priority | None = None
    assignee: Annotated[str, msgspec.Meta(pattern="^([0-9]{1,15}|none)$")] | None = None

    def __post_init__(self) -> None:
        if self.before is not None and self.after is not None:
            raise invalid("after", Fault.NOT_TOGETHER, other="before")

    def around(self, dialog_id: int | None) -> Paging:
        """The same page, by the number of the dialog that ``before`` or ``after`` names."""
        return Paging(
            limit=self.limit,
            before=dialog_id if self.before is not None else None,
            after=dialog_id if self.after is not None else None,
        )
