"""The rows of a ticket, inside one transaction: how a change moves its status, its clock and its history.

Nothing here publishes: :mod:`replyx.conversations.ticket_rules` announces what came of it, together with the dialog.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec import UNSET, UnsetType

from replyx.auth import AccountActor, Actor, TicketActor
from replyx.conversations.operators import operator_name
from replyx.conversations.sla import Policy, next_look
from replyx.database import models
from replyx.database.rows import Insert, Made, Part, Update, select
from replyx.delivery.store import Snapshot, Transaction
from replyx.schemas.dialogs import Assignee, Priority, Sender, SlaMark, TicketCard, TicketStatus, timestamp
from replyx.schemas.tickets import ActorType, ChangedField, Ticket, TicketChange, TicketMessage

DONE: frozenset[TicketStatus] = frozenset({"RESOLVED", "CLOSED"})
RUNNING: frozenset[TicketStatus] = frozenset({"OPEN", "IN_PROGRESS"})
SENDER_TYPES: dict[Sender, ActorType] = {"user": "USER", "manager": "AGENT", "assistant": "BOT", "system": "SYSTEM"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a change is to bring; None and UNSET leave things as they are. ``answered``: an operator has replied."""

    status: TicketStatus | None = None
    priority: Priority | None = None
    assignee_id: int | UnsetType | None = UNSET
    answered: bool = False


@dataclass(slots=True)
class _Clock:
    """The part of a ticket on which its due times depend."""

    status: TicketStatus
    priority: Priority
    created_at: int
    first_response_at: int | None
    resolved_at: int | None
    running_since: int | None
    used_ms: int
    response_mark: SlaMark | None
    resolution_mark: SlaMark | None

    def move(self, status: TicketStatus, now: int, policy: Policy) -> None:
        """The clock stands while the ticket waits; one that is opened again after its end starts from zero."""
        if self.status in DONE and status not in DONE:
            self.used_ms, self.resolved_at = 0, None
        if status in RUNNING and self.running_since is None:
            self.running_since = now
        elif status not in RUNNING and self.running_since is not None:
            self.used_ms += policy.worked_ms(self.priority, self.running_since, now)
            self.running_since = None
        if status in DONE and self.resolved_at is None:
            self.resolved_at = now
        self.status = status


def _worse(one: SlaMark | None, other: SlaMark | None) -> SlaMark | None:
    return "breached" if "breached" in (one, other) else one or other


def _sender_id(reference: str | None, author_id: int | None, sender: str) -> str:
    """What a sender called itself; versions before put the account's id there where it said nothing."""
    return sender if reference is None or reference == str(author_id) else reference


_WORSE_MARK = Made(_worse, models.Ticket.response_mark, models.Ticket.resolution_mark)
_OF_DIALOG = f"{models.Ticket.dialog_id} = ?"

CARD = Part(TicketCard, models.Ticket, id=models.Ticket.ticket_id, sla=_WORSE_MARK)
TICKETS = select(
    Ticket,
    models.Ticket,
    f"JOIN {models.Dialog} ON {models.Dialog.id} = {models.Ticket.dialog_id}"
    f" LEFT JOIN {models.Account} ON {models.Account.id} = {models.Dialog.assignee_id}",
    id=models.Ticket.ticket_id,
    assigned_agent=Part(Assignee, models.Account).or_else(None),
    created_at=models.Dialog.created_at,
    updated_at=models.Dialog.updated_at,
    sla=_WORSE_MARK,
)
_TICKET = TICKETS.where(_OF_DIALOG)
MESSAGES = select(
    TicketMessage,
    models.Message,
    f"JOIN {models.Ticket} ON {models.Ticket.dialog_id} = {models.Message.dialog_id}",
    ticket_id=models.Ticket.ticket_id,
    sender_id=Made(_sender_id, models.Message.sender_ref, models.Message.author_id, models.Message.sender),
    sender_type=Made(SENDER_TYPES.__getitem__, models.Message.sender),
    content=models.Message.text,
)
CHANGES = select(
    TicketChange,
    models.TicketChange,
    f"LEFT JOIN {models.Account} ON {models.Account.id} = {models.TicketChange.account_id}",
    account=Part(Assignee, models.Account).or_else(None),
)

_CLOCK = select(
    _Clock,
    models.Ticket,
    f"JOIN {models.Dialog} ON {models.Dialog.id} = {models.Ticket.dialog_id}",
    created_at=models.Dialog.created_at,
).where(_OF_DIALOG)
_ASSIGNEE = select(
    Assignee, models.Account, f"JOIN {models.Dialog} ON {models.Dialog.assignee_id} = {models.Account.id}"
).where(f"{models.Dialog.id} = ?")
_CHANGE_TICKET = Update(models.Ticket, _OF_DIALOG)
_CHANGE_DIALOG = Update(models.Dialog, f"{models.Dialog.id} = ?")
_ADD_CHANGE = Insert(models.TicketChange)


class _Changing:
    """One change of one ticket: collects the lines of history and writes the row once."""

    def __init__(self, tx: Transaction, dialog_id: int, by: Actor | TicketActor | None, policy: Policy) -> None:
        self._tx, self._dialog_id, self._by, self._policy = tx, dialog_id, by, policy
        self.clock = _CLOCK.only(tx, dialog_id)
        self.changes: list[TicketChange] = []

    def apply(self, wanted: Wanted) -> None:
        """Bring about what is wanted; repeating what already holds changes nothing."""
        clock, tx = self.clock, self._tx
        self.look()  # a target that was missed stays missed in the history, even if it is met in this moment
        if wanted.answered and clock.first_response_at is None:
            clock.first_response_at = tx.now_ms
        if wanted.status is not None and wanted.status != clock.status:
            self._note("status", clock.status, wanted.status)
            clock.move(wanted.status, tx.now_ms, self._policy)
        if wanted.priority is not None and wanted.priority != clock.priority:
            self._note("priority", clock.priority, wanted.priority)
            clock.priority = wanted.priority
        if not isinstance(wanted.assignee_id, UnsetType):
            self._assign(wanted.assignee_id)
        self.look()
        _CHANGE_DIALOG.change(tx, self._dialog_id, status="closed" if clock.status in DONE else "open")

    def look(self) -> None:
        """Compute the due times and marks as of now, note each mark that is new, and write the row."""
        clock, now = self.clock, self._tx.now_ms
        answered = clock.first_response_at is not None or clock.status in DONE
        response = None if answered else self._policy.response(clock.priority, clock.created_at)
        since = clock.running_since
        resolution = None if since is None else self._policy.resolution(clock.priority, since, clock.used_ms)
        marks = tuple(deadline.mark(now) if deadline else None for deadline in (response, resolution))
        noted: tuple[tuple[ChangedField, SlaMark | None, SlaMark | None], ...] = (
            ("responseSla", clock.response_mark, marks[0]),
            ("resolutionSla", clock.resolution_mark, marks[1]),
        )
        for field, before, after in noted:
            if after is not None and after != before:
                self._note(field, before, after, by_clock=True)
        clock.response_mark, clock.resolution_mark = marks
        _CHANGE_TICKET.change(
            self._tx,
            self._dialog_id,
            status=clock.status,
            priority=clock.priority,
            first_response_at=clock.first_response_at,
            resolved_at=clock.resolved_at,
            running_since=clock.running_since,
            used_ms=clock.used_ms,
            response_mark=clock.response_mark,
            resolution_mark=clock.resolution_mark,
            response_due_at=response.due_at if response else None,
            resolution_due_at=resolution.due_at if resolution else None,
            look_at=next_look((response, resolution), now),
        )

    def _assign(self, account_id: int | None) -> None:
        before = _ASSIGNEE.one(self._tx, self._dialog_id)
        if (before.id if before else None) != account_id:
            after = None if account_id is None else operator_name(self._tx, account_id)
            _CHANGE_DIALOG.change(self._tx, self._dialog_id, assignee_id=account_id)
            self._note("assignee", before.name if before else None, after)

    def _note(self, field: ChangedField, before: str | None, after: str | None, by_clock: bool = False) -> None:
        actor: ActorType = "SYSTEM"
        account = None
        if isinstance(self._by, TicketActor):
            actor = SENDER_TYPES[self._by.sender]
        elif isinstance(self._by, AccountActor):
            actor = "BOT" if self._by.role == "bot" else "AGENT"
            account = Assignee(self._by.name, self._by.account_id)
        if by_clock:
            actor, account = "SYSTEM", None
        now = self._tx.now_ms
        number = _ADD_CHANGE.numbered(
            self._tx,
            dialog_id=self._dialog_id,
            field=field,
            before=before,
            after=after,
            actor=actor,
            account_id=self._by.account_id if account and isinstance(self._by, AccountActor) else None,
            created_at=now,
        )
        self.changes.append(TicketChange(number, field, before, after, actor, account, timestamp(now)))


def change(
    tx: Transaction, dialog_id: int, by: Actor | TicketActor | None, policy: Policy, wanted: Wanted
) -> list[TicketChange]:
    """Change a ticket and its dialog, keep the history, and return its new lines. Raises :class:`AccountNotFound`."""
    changing = _Changing(tx, dialog_id, by, policy)
    changing.apply(wanted)
    return changing.changes


def wanted_by_dialog(status_now: TicketStatus, columns: dict[str, Any]) -> Wanted:
    """What closing, reopening or assigning the dialog means for its ticket; a ticket has no assistant to hand it to."""
    status: TicketStatus | None = None
    if columns.get("status") == "closed" and status_now not in DONE:
        status = "CLOSED"
    elif columns.get("status") == "open" and status_now in DONE:
        status = "OPEN"
    return Wanted(status=status, assignee_id=columns.get("assignee_id", UNSET))


def heard(sender: Sender, status_now: TicketStatus) -> Wanted:
    """What a message means for its ticket: the user's opens it again, an operator's is an answer."""
    if sender == "user" and status_now not in RUNNING:
        return Wanted(status="OPEN")
    return Wanted(answered=sender == "manager")


def load(rows: Snapshot, dialog_id: int) -> Ticket:
    """The ticket as clients see it; it must exist."""
    return _TICKET.only(rows, dialog_id)
