"""Dialogs: who may see one, what is said in it, and who answers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import UNSET

from replyx.auth import AccountActor, Actor, Speaker, TicketActor, VisitorActor
from replyx.conversations import ticket_rows
from replyx.conversations.dialog_rows import DIALOG_SQL, MESSAGE_COLUMNS, dialog_of, message_of
from replyx.conversations.search_words import words_of
from replyx.conversations.sla import Policy
from replyx.delivery import eventlog
from replyx.delivery.bus import Bus
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import DialogNotFound, SenderNotAllowed, invalid
from replyx.faults import Fault
from replyx.paging import LAST_ID, ItemId, Paging, cut, newest_first, oldest_first
from replyx.schemas import sizes
from replyx.schemas.dialogs import (
    NO_NUL,
    Dialog,
    DialogAtCursor,
    DialogKind,
    Message,
    PageAtCursor,
    Sender,
    Sent,
    Status,
    TicketStatus,
    timestamp,
)
from replyx.schemas.events import (
    INBOX,
    DialogUpdated,
    MessageNew,
    MessageRead,
    MessageReceived,
    TicketUpdated,
    TypingStart,
    TypingStop,
    dialog_topic,
    visitor_topic,
)
from replyx.schemas.languages import DEFAULT, RECEIVED, Language
from replyx.schemas.tickets import TicketChange

log = logging.getLogger("replyx.dialogs")

ClientId = Annotated[str, msgspec.Meta(min_length=1, max_length=sizes.CLIENT_ID, pattern=NO_NUL)]


MessageId = Annotated[int, msgspec.Meta(ge=1, le=LAST_ID)]


class Draft(msgspec.Struct):
    """A message to send. ``client_id`` makes repeating it safe; ``sender`` may only repeat what the credential says."""

    text: str
    client_id: ClientId | None = None
    sender: str | None = None


class Typing(msgspec.Struct):
    """True when one begins to write, false when one stops."""

    typing: bool = True


class Read(msgspec.Struct):
    """Everything up to the message ``up_to`` was read; without it, everything there is."""

    up_to: MessageId | None = None


class Assign(msgspec.Struct):
    """The operator who is to answer; null for nobody."""

    account_id: ItemId | None


class DialogQuery(Paging):
    """A page of dialogs; without ``status`` open and closed ones, without ``kind`` dialogs and tickets."""

    status: Status | None = None
    kind: DialogKind | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A checked message; the last two are a ticket's: what the sender calls itself, and what kind of text it is."""

    text: str
    client_id: str | None
    reference: str | None = None
    message_type: str = "TEXT"


@dataclass(frozen=True, slots=True)
class Found:
    """A dialog that an actor may see; the last three are set for a ticket. ``language`` is the visitor's."""

    dialog_id: int
    language: Language
    status: Status
    ticket_id: str | None
    ticket_status: TicketStatus
    user_id: str | None


def sender_of(actor: Speaker) -> Sender:
    """Whom the holder of a credential speaks as."""
    if isinstance(actor, TicketActor):
        return actor.sender
    if isinstance(actor, VisitorActor):
        return "user"
    return "assistant" if actor.role == "bot" else "manager"


class Dialogs:
    """What can be done with dialogs. Another's dialog is :class:`DialogNotFound`, as if it did not exist."""

    def __init__(self, store: Store, bus: Bus, epoch: str, clock: Callable[[], float], policy: Policy) -> None:
        self._store = store
        self._bus = bus
        self._epoch = epoch
        self._clock = clock
        self._policy = policy

    async def send(self, actor: Actor, dialog_id: int, draft: Draft) -> Sent:
        """Store a message and publish exactly one ``message:new``; durable when this returns.

        A repeated ``client_id`` returns the first message and publishes nothing. Raises
        :class:`SenderNotAllowed`, and :class:`Invalid` for a text that is empty or too long.
        """
        sender = sender_of(actor)
        if draft.sender is not None and draft.sender != sender:
            raise SenderNotAllowed(f"This credential speaks as {sender}; leave sender out or send {sender!r}.")
        said = Said(checked_text(draft.text), draft.client_id)

        def unit(tx: Transaction) -> tuple[Sent, Language]:
            found = access(tx, actor, dialog_id)
            return add_message(tx, actor, found, said, self._policy), found.language

        sent, language = await self._store.commit(unit)
        if not sent.duplicate:
            trace(actor, dialog_id, sent.message.id)
            if sender == "user":
                receipt = MessageReceived(dialog_id, RECEIVED[language], sent.message.timestamp)
                self._bus.publish_ephemeral((visitor_topic(dialog_id),), receipt)
        return sent

    async def history(self, actor: Actor, dialog_id: int, paging: Paging) -> PageAtCursor[Message]:
        """A page of messages, oldest first; the newest page when neither side of it is given."""

        def query(rows: Snapshot) -> PageAtCursor[Message]:
            access(rows, actor, dialog_id)
            newest = eventlog.top(rows)
            items, following = cut(_messages(rows, dialog_id, paging), paging, lambda message: message.id)
            return PageAtCursor(oldest_first(items, paging), following, f"{self._epoch}-{newest}")

        return await self._store.read(query)

    async def get(self, actor: Actor, dialog_id: int) -> DialogAtCursor:
        """One dialog and the cursor at which it was read."""

        def query(rows: Snapshot) -> DialogAtCursor:
            access(rows, actor, dialog_id)
            newest = eventlog.top(rows)
            return DialogAtCursor(load(rows, dialog_id), f"{self._epoch}-{newest}")

        return await self._store.read(query)

    async def list(self, query: DialogQuery) -> PageAtCursor[Dialog]:
        """Dialogs for the inbox, the one with the newest activity first."""

        def run(rows: Snapshot) -> PageAtCursor[Dialog]:
            newest = eventlog.top(rows)
            items, following = cut(_dialogs(rows, query), query, lambda dialog: dialog.id)
            return PageAtCursor(newest_first(items, query), following, f"{self._epoch}-{newest}")

        return await self._store.read(run)

    async def check_access(self, actor: Actor, dialog_id: int) -> None:
        """Raise :class:`DialogNotFound` unless the dialog is the actor's to see."""
        await self._store.read(lambda rows: access(rows, actor, dialog_id))

    async def typing(self, actor: Speaker, dialog_id: int, typing: bool, source: object = None) -> None:
        """Tell the others in the dialog; ``source`` is the sink of the connection that must not get it back."""
        found = await self._store.read(lambda rows: access(rows, actor, dialog_id))
        event = (TypingStart if typing else TypingStop)(dialog_id, sender_of(actor), found.ticket_id or UNSET)
        self._bus.publish_ephemeral((dialog_topic(dialog_id), INBOX), event, source)

    async def read(self, actor: Actor, dialog_id: int, up_to: int | None) -> Dialog:
        """Move this side's mark of what it has read; it never moves back."""
        return await self._store.commit(lambda tx: _read(tx, actor, dialog_id, up_to))

    async def assign(self, actor: AccountActor, dialog_id: int, account_id: int | None) -> Dialog:
        """Give the dialog to an operator. Raises :class:`AccountNotFound` for anyone else."""
        return await self._store.commit(lambda tx: _assign(tx, actor, dialog_id, account_id, self._policy))

    async def takeover(self, actor: AccountActor, dialog_id: int) -> Dialog:
        """The operator answers from now on, not the assistant."""
        return await self._change(actor, dialog_id, handler="manager", assignee_id=actor.account_id)

    async def release(self, actor: AccountActor, dialog_id: int) -> Dialog:
        """Give the dialog back to its assistant."""
        return await self._change(actor, dialog_id, handler="assistant", assignee_id=None)

    async def close(self, actor: AccountActor, dialog_id: int) -> Dialog:
        """Move the dialog out of the open inbox; the next message of its visitor opens it again."""
        return await self._change(actor, dialog_id, status="closed")

    async def reopen(self, actor: AccountActor, dialog_id: int) -> Dialog:
        """Bring the dialog back to the open inbox."""
        return await self._change(actor, dialog_id, status="open")

    async def _change(self, actor: AccountActor, dialog_id: int, **columns: object) -> Dialog:
        def unit(tx: Transaction) -> Dialog:
            access(tx, actor, dialog_id)
            return update(tx, dialog_id, actor, self._policy, **columns)

        return await self._store.commit(unit)


def trace(actor: Speaker, dialog_id: int, message_id: int) -> None:
    """The line that the field's diagnostics grep for; one for a message, whatever its way in."""
    way, via = "[ADMIN→WIDGET]", "ADMIN"
    if isinstance(actor, VisitorActor):
        way, via = "[WIDGET→ADMIN]", {"site": "[Site]", "widget": "WIDGET"}[actor.via]
    elif isinstance(actor, TicketActor):
        way, via = "[WIDGET→ADMIN]", "TICKET"
    log.info("publish_dialog_event %s %s dialog=%d message=%d", way, via, dialog_id, message_id)


def checked_text(text: str, field: str = "text") -> str:
    """The trimmed text; raises :class:`Invalid` where it is empty or too long."""
    trimmed = text.strip()
    if not 1 <= len(trimmed) <= sizes.MESSAGE:
        raise invalid(field, Fault.WRONG_LENGTH, min=1, max=sizes.MESSAGE, given=len(trimmed))
    if "\0" in trimmed:  # PostgreSQL cannot store it, and no client can show it
        raise invalid(field, Fault.CHARACTER_NOT_ALLOWED, character="U+0000")
    return trimmed


def load(rows: Snapshot, dialog_id: int) -> Dialog:
    """The dialog as clients see it; it must exist."""
    return dialog_of(rows.execute(DIALOG_SQL + " WHERE d.id = ?", (dialog_id,)).fetchone())


def update(tx: Transaction, dialog_id: int, by: Speaker, policy: Policy, **columns: object) -> Dialog:
    """Change columns of the dialog, of a ticket with its status and history, and :func:`announce` it."""
    before = load(tx, dialog_id)
    if before.ticket is not UNSET:
        wanted = ticket_rows.wanted_by_dialog(before.ticket.status, columns)
        return announce(tx, before, ticket_rows.change(tx, dialog_id, by, policy, wanted))
    assignments = ", ".join(f"{name} = ?" for name in columns)
    tx.execute(f"UPDATE dialog SET {assignments} WHERE id = ?", [*columns.values(), dialog_id])
    return announce(tx, before)


def announce(tx: Transaction, before: Dialog, changes: Sequence[TicketChange] = ()) -> Dialog:
    """Publish what became of the dialog since ``before``; nothing when nothing changed."""
    if load(tx, before.id) == before:
        return before
    tx.execute(
        "UPDATE dialog SET activity = ?, updated_at = ? WHERE id = ?", (tx.next_event_id(), tx.now_ms, before.id)
    )
    after = load(tx, before.id)
    topics = (dialog_topic(after.id), INBOX)
    tx.append(topics, DialogUpdated(after))
    if after.ticket is not UNSET:
        tx.append(topics, TicketUpdated(after.id, ticket_rows.load(tx, after.id), list(changes)))
    return after


def add_message(tx: Transaction, actor: Speaker, found: Found, said: Said, policy: Policy) -> Sent:
    """Store a message of a dialog or a ticket and publish it; the one way in for every transport."""
    dialog_id = found.dialog_id
    sender, text, client_id = sender_of(actor), said.text, said.client_id
    reference = None
    if found.ticket_id is not None:
        own = str(actor.account_id) if isinstance(actor, AccountActor) else sender
        reference = said.reference or (found.user_id if sender == "user" else None) or own
    author_id, author = (actor.account_id, actor.name) if isinstance(actor, AccountActor) else (None, None)
    words = " ".join(words_of(text))
    row = tx.execute(
        "INSERT INTO message (dialog_id, sender, author_id, author, text, client_id, created_at, sender_ref,"
        " message_type, words) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (dialog_id, client_id) DO NOTHING RETURNING id",
        (dialog_id, sender, author_id, author, text, client_id, tx.now_ms, reference, said.message_type, words),
    ).fetchone()
    if row is None:
        first = tx.execute(
            f"SELECT {MESSAGE_COLUMNS} FROM message WHERE dialog_id = ? AND client_id = ?", (dialog_id, client_id)
        ).fetchone()
        return Sent(message_of(first), dialog_id, True)
    message = Message(row[0], sender, text, timestamp(tx.now_ms), client_id, author)
    event = MessageNew(dialog_id, message)
    if found.ticket_id is not None and reference is not None:
        wanted = ticket_rows.heard(sender, found.ticket_status)
        before = load(tx, dialog_id)
        announce(tx, before, ticket_rows.change(tx, dialog_id, actor, policy, wanted))
        event = MessageNew(dialog_id, message, found.ticket_id, reference, said.message_type)
    elif found.status == "closed":
        update(tx, dialog_id, actor, policy, status="open")
    event_id = tx.append((dialog_topic(dialog_id), INBOX), event)
    seen = "unread = unread + 1, user_read = ?" if sender == "user" else "unread = 0, manager_read = ?"
    tx.execute(
        f"UPDATE dialog SET last_message_id = ?, activity = ?, updated_at = ?, {seen} WHERE id = ?",
        (message.id, event_id, tx.now_ms, message.id, dialog_id),
    )
    return Sent(message, dialog_id, False)


def access(rows: Snapshot, actor: Speaker, dialog_id: int) -> Found:
    """What the dialog is, if the actor may see it."""
    row = rows.execute(
        "SELECT d.visitor_id, v.locale, d.status, t.ticket_id, t.status, t.user_id FROM dialog d"
        " LEFT JOIN ticket t ON t.dialog_id = d.id LEFT JOIN visitor v ON v.id = d.visitor_id WHERE d.id = ?",
        (dialog_id,),
    ).fetchone()
    foreign = row is None
    if isinstance(actor, VisitorActor):
        foreign = foreign or row[0] != actor.visitor_id
    elif isinstance(actor, TicketActor):
        foreign = foreign or row[3] != actor.ticket_id
    if foreign:
        raise DialogNotFound(f"There is no dialog {dialog_id} for this credential.")
    return Found(dialog_id, row[1] or DEFAULT, *row[2:])


def _read(tx: Transaction, actor: Actor, dialog_id: int, up_to: int | None) -> Dialog:
    access(tx, actor, dialog_id)
    before = load(tx, dialog_id)
    last = before.last_message.id if before.last_message else 0
    mark = last if up_to is None else min(up_to, last)
    by_user = sender_of(actor) == "user"
    if mark <= (before.read_up_to.user if by_user else before.read_up_to.manager):
        return before
    if by_user:
        tx.execute("UPDATE dialog SET user_read = ? WHERE id = ?", (mark, dialog_id))
    else:
        tx.execute(
            "UPDATE dialog SET manager_read = ?, unread ="
            " (SELECT COUNT(*) FROM message WHERE dialog_id = ? AND id > ? AND sender = 'user') WHERE id = ?",
            (mark, dialog_id, mark, dialog_id),
        )
    tx.append((dialog_topic(dialog_id), INBOX), MessageRead(dialog_id, sender_of(actor), mark))
    return load(tx, dialog_id)


def _assign(tx: Transaction, actor: AccountActor, dialog_id: int, account_id: int | None, policy: Policy) -> Dialog:
    if tx.execute("SELECT 1 FROM dialog WHERE id = ?", (dialog_id,)).fetchone() is None:
        raise DialogNotFound(f"There is no dialog {dialog_id}.")
    if account_id is not None:
        ticket_rows.operator_name(tx, account_id)
    return update(tx, dialog_id, actor, policy, assignee_id=account_id)


def _messages(rows: Snapshot, dialog_id: int, paging: Paging) -> list[Message]:
    comparison, order, bound = paging.window()
    found = rows.execute(
        f"SELECT {MESSAGE_COLUMNS} FROM message WHERE dialog_id = ? AND id {comparison} ? ORDER BY id {order} LIMIT ?",
        (dialog_id, bound, paging.limit + 1),
    ).fetchall()
    return [message_of(row) for row in found]


def _dialogs(rows: Snapshot, query: DialogQuery) -> list[Dialog]:
    """One more than the page, so that its end shows. The key is the activity of the dialog that was named."""
    anchor = query.before if query.before is not None else query.after
    activity = LAST_ID
    if anchor is not None:
        row = rows.execute("SELECT activity FROM dialog WHERE id = ?", (anchor,)).fetchone()
        if row is None:
            raise DialogNotFound(f"There is no dialog {anchor} to continue from.")
        activity = row[0]
    order = f"ORDER BY d.activity {'ASC' if query.forward else 'DESC'} LIMIT ?"
    named = {"d.status = ?": query.status, "d.kind = ?": query.kind}
    where = [f"d.activity {'>' if query.forward else '<'} ?", *(name for name, value in named.items() if value)]
    params = [activity, *(value for value in named.values() if value), query.limit + 1]
    sql = f"{DIALOG_SQL} WHERE {' AND '.join(where)} {order}"
    if query.kind is not None and query.status is None:
        # The index of a kind has its status first: the page is the first of what both would begin with.
        part = (
            f"SELECT * FROM (SELECT d.id FROM dialog d WHERE {' AND '.join(where)} AND d.status = '%s' {order}) AS %s"
        )
        sql = f"{DIALOG_SQL} WHERE d.id IN ({part % ('open', 'o')} UNION ALL {part % ('closed', 'c')}) {order}"
        params = [*params, *params, query.limit + 1]
    return [dialog_of(row) for row in rows.execute(sql, params).fetchall()]
