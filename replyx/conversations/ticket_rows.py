"""The rows of a ticket, inside one transaction: how a change moves its status, its clock and its history.

Nothing here publishes: :mod:`replyx.conversations.dialogs` announces what came of it, together with the dialog.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from msgspec import UNSET, UnsetType

from replyx.auth import AccountActor, Actor, TicketActor
from replyx.conversations.sla import Policy, next_look
from replyx.delivery.store import Snapshot, Transaction
from replyx.errors import AccountNotFound
from replyx.schemas.dialogs import Assignee, Priority, Sender, SlaMark, TicketCard, TicketStatus, timestamp
from replyx.schemas.tickets import ActorType, ChangedField, Ticket, TicketChange, TicketMessage

DONE: frozenset[TicketStatus] = frozenset({"RESOLVED", "CLOSED"})
RUNNING: frozenset[TicketStatus] = frozenset({"OPEN", "IN_PROGRESS"})
SENDER_TYPES: dict[Sender, ActorType] = {"user": "USER", "manager": "AGENT", "assistant": "BOT", "system": "SYSTEM"}

TICKET_SQL = """
SELECT t.ticket_id, t.subject, t.description, t.status, t.priority, d.assignee_id, a.name, d.created_at, d.updated_at,
    t.dialog_id, t.user_id, t.first_response_at, t.resolved_at, t.response_due_at, t.resolution_due_at,
    t.response_mark, t.resolution_mark
FROM ticket t
JOIN dialog d ON d.id = t.dialog_id
LEFT JOIN account a ON a.id = d.assignee_id
"""
CARD_COLUMNS = (
    "t.ticket_id, t.subject, t.status, t.priority, t.response_mark, t.resolution_mark,"
    " t.first_response_at, t.response_due_at, t.resolution_due_at"
)
CLOCK_COLUMNS = (
    "t.status, t.priority, d.created_at, t.first_response_at, t.resolved_at, t.running_since, t.used_ms,"
    " t.response_mark, t.resolution_mark"
)
MESSAGE_SQL = (
    "SELECT m.id, t.ticket_id, m.sender_ref, m.sender, m.text, m.message_type, m.created_at, m.client_id, m.author,"
    " m.author_id FROM message m JOIN ticket t ON t.dialog_id = m.dialog_id"
)
CHANGE_SQL = (
    "SELECT c.id, c.field, c.before, c.after, c.actor, c.account_id, a.name, c.created_at"
    " FROM ticket_change c LEFT JOIN account a ON a.id = c.account_id"
)


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


class _Changing:
    """One change of one ticket: collects the lines of history and writes the row once."""

    def __init__(self, tx: Transaction, dialog_id: int, by: Actor | TicketActor | None, policy: Policy) -> None:
        row = tx.execute(
            f"SELECT {CLOCK_COLUMNS} FROM ticket t JOIN dialog d ON d.id = t.dialog_id WHERE t.dialog_id = ?",
            (dialog_id,),
        ).fetchone()
        self._tx, self._dialog_id, self._by, self._policy = tx, dialog_id, by, policy
        self.clock = _Clock(*row)
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
        tx.execute(
            "UPDATE dialog SET status = ? WHERE id = ?",
            ("closed" if clock.status in DONE else "open", self._dialog_id),
        )

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
        self._tx.execute(
            "UPDATE ticket SET status = ?, priority = ?, first_response_at = ?, resolved_at = ?, running_since = ?,"
            " used_ms = ?, response_mark = ?, resolution_mark = ?, response_due_at = ?, resolution_due_at = ?,"
            " look_at = ? WHERE dialog_id = ?",
            (
                *(clock.status, clock.priority, clock.first_response_at, clock.resolved_at, clock.running_since),
                *(clock.used_ms, clock.response_mark, clock.resolution_mark),
                response.due_at if response else None,
                resolution.due_at if resolution else None,
                next_look((response, resolution), now),
                self._dialog_id,
            ),
        )

    def _assign(self, account_id: int | None) -> None:
        before_id, before = self._tx.execute(
            "SELECT d.assignee_id, a.name FROM dialog d LEFT JOIN account a ON a.id = d.assignee_id WHERE d.id = ?",
            (self._dialog_id,),
        ).fetchone()
        if before_id != account_id:
            after = None if account_id is None else operator_name(self._tx, account_id)
            self._tx.execute("UPDATE dialog SET assignee_id = ? WHERE id = ?", (account_id, self._dialog_id))
            self._note("assignee", before, after)

    def _note(self, field: ChangedField, before: str | None, after: str | None, by_clock: bool = False) -> None:
        actor: ActorType = "SYSTEM"
        account = None
        if isinstance(self._by, TicketActor):
            actor = SENDER_TYPES[self._by.sender]
        elif isinstance(self._by, AccountActor):
            actor = "BOT" if self._by.role == "bot" else "AGENT"
            account = Assignee(self._by.account_id, self._by.name)
        if by_clock:
            actor, account = "SYSTEM", None
        now = self._tx.now_ms
        row = self._tx.execute(
            "INSERT INTO ticket_change (dialog_id, field, before, after, actor, account_id, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (self._dialog_id, field, before, after, actor, account.id if account else None, now),
        ).fetchone()
        self.changes.append(TicketChange(int(row[0]), field, before, after, actor, account, timestamp(now)))


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


def operator_name(rows: Snapshot, account_id: int) -> str:
    """The name of an active operator. Raises :class:`AccountNotFound` for anyone else."""
    row = rows.execute(
        "SELECT name FROM account WHERE id = ? AND active AND role IN ('admin', 'manager')", (account_id,)
    ).fetchone()
    if row is None:
        raise AccountNotFound(f"There is no operator {account_id}.")
    return str(row[0])


def load(rows: Snapshot, dialog_id: int) -> Ticket:
    """The ticket as clients see it; it must exist."""
    return ticket_of(rows.execute(TICKET_SQL + " WHERE t.dialog_id = ?", (dialog_id,)).fetchone())


def ticket_of(row: Sequence[Any]) -> Ticket:
    """A row of :data:`TICKET_SQL`."""
    return Ticket(
        id=row[0],
        subject=row[1],
        description=row[2],
        status=row[3],
        priority=row[4],
        assigned_agent=Assignee(row[5], row[6]) if row[5] is not None else None,
        created_at=timestamp(row[7]),
        updated_at=timestamp(row[8]),
        dialog_id=row[9],
        user_id=row[10],
        first_response_at=_time(row[11]),
        resolved_at=_time(row[12]),
        response_due_at=_time(row[13]),
        resolution_due_at=_time(row[14]),
        sla=_worse(row[15], row[16]),
    )


def card_of(row: Sequence[Any]) -> TicketCard | UnsetType:
    """The values of :data:`CARD_COLUMNS`; UNSET for a dialog without a ticket."""
    if row[0] is None:
        return UNSET
    sla = _worse(row[4], row[5])
    return TicketCard(row[0], row[1], row[2], row[3], sla, _time(row[6]), _time(row[7]), _time(row[8]))


def message_of(row: Sequence[Any]) -> TicketMessage:
    """A row of :data:`MESSAGE_SQL`."""
    message_id, ticket_id, reference, sender, text, kind, created_at, client_id, author, author_id = row
    sender_id = reference or str(author_id or sender)
    sender_type = SENDER_TYPES[cast(Sender, sender)]
    return TicketMessage(
        message_id, ticket_id, sender_id, sender_type, text, kind, timestamp(created_at), client_id, author
    )


def change_of(row: Sequence[Any]) -> TicketChange:
    """A row of :data:`CHANGE_SQL`."""
    account = Assignee(row[5], row[6]) if row[5] is not None else None
    return TicketChange(row[0], row[1], row[2], row[3], row[4], account, timestamp(row[7]))


def _worse(one: SlaMark | None, other: SlaMark | None) -> SlaMark | None:
    return "breached" if "breached" in (one, other) else one or other


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else timestamp(milliseconds)
