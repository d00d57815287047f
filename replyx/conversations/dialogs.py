"""Dialogs: who may see one, what is said in it, and who answers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import UNSET

from replyx.auth import AccountActor, Actor, Speaker, TicketActor, VisitorActor
from replyx.conversations import empty_dialogs, ticket_rows
from replyx.conversations.dialog_rows import DIALOGS, MESSAGES, dialogs_by_activity
from replyx.conversations.search_words import words_of
from replyx.conversations.sla import Policy
from replyx.database import models
from replyx.database.rows import Insert, Update, computed, exists, names, select, unless_taken
from replyx.delivery import eventlog
from replyx.delivery.bus import Bus
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import DialogNotFound, SenderNotAllowed, invalid
from replyx.faults import Fault
from replyx.paging import LAST_ID, ItemId, Paging, cut, newest_first, oldest_first, read_page
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


class Found(msgspec.Struct, frozen=True):
    """What decides who may see a dialog; the last three are set for a ticket. ``locale`` is the visitor's."""

    dialog_id: int
    visitor_id: int | None
    locale: Language | None
    status: Status
    activity: int
    ticket_id: str | None
    ticket_status: TicketStatus
    user_id: str | None


_DIALOG = DIALOGS.where(f"{models.Dialog.id} = ?")
_DIALOG_EXISTS = exists(models.Dialog, f"{models.Dialog.id} = ?")
_FOUND = select(
    Found,
    models.Dialog,
    f"LEFT JOIN {models.Ticket} ON {models.Ticket.dialog_id} = {models.Dialog.id}"
    f" LEFT JOIN {models.Visitor} ON {models.Visitor.id} = {models.Dialog.visitor_id}",
    dialog_id=models.Dialog.id,
    locale=models.Visitor.locale,
    ticket_id=models.Ticket.ticket_id,
    ticket_status=models.Ticket.status,
    user_id=models.Ticket.user_id,
).where(f"{models.Dialog.id} = ?")
_CHANGE = Update(models.Dialog, f"{models.Dialog.id} = ?")
_ONE_MORE_UNREAD = Update(
    models.Dialog, f"{models.Dialog.id} = ?", f"{names(models.Dialog.unread)} = {models.Dialog.unread} + 1"
)

_ADD_MESSAGE = Insert(models.Message, unless_taken(models.Message.dialog_id, models.Message.client_id))
_REPEATED = MESSAGES.where(f"{models.Message.dialog_id} = ? AND {models.Message.client_id} = ?")
_UNREAD = computed(int, "COUNT(*)", models.Message).where(
    f"{models.Message.dialog_id} = ? AND {models.Message.id} > ? AND {models.Message.sender} = 'user'"
)


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
            return add_message(tx, actor, found, said, self._policy), found.locale or DEFAULT

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
            of_dialog = {f"{models.Message.dialog_id} = ?": dialog_id}
            items, following = read_page(rows, MESSAGES, models.Message.id, paging, of_dialog)
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
            found = dialogs_by_activity(rows, query, query.status, query.kind)
            items, following = cut(found, query, lambda dialog: dialog.id)
            return PageAtCursor(newest_first(items, query), following, f"{self._epoch}-{newest}")

        return await self._store.read(run)

    async def check_access(self, actor: Actor, dialog_id: int) -> None:
        """Raise :class:`DialogNotFound` unless the dialog is the actor's to see."""
        await self._store.read(lambda rows: access(rows, actor, dialog_id))

    async def typing(self, actor: Speaker, dialog_id: int, typing: bool, source: object = None) -> None:
        """Tell the others in the dialog; ``source`` is the sink of the connection that must not get it back."""
        found = await self._store.read(lambda rows: access(rows, actor, dialog_id))
        event = (TypingStart if typing else TypingStop)(dialog_id, sender_of(actor), found.ticket_id or UNSET)
        topics = empty_dialogs.topics(dialog_id, empty_dialogs.is_shown(found.activity))
        self._bus.publish_ephemeral(topics, event, source)

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
    return _DIALOG.only(rows, dialog_id)


def update(tx: Transaction, dialog_id: int, by: Speaker, policy: Policy, **columns: object) -> Dialog:
    """Change columns of the dialog, of a ticket with its status and history, and :func:`announce` it."""
    before = load(tx, dialog_id)
    if before.ticket is not UNSET:
        wanted = ticket_rows.wanted_by_dialog(before.ticket.status, columns)
        return announce(tx, before, ticket_rows.change(tx, dialog_id, by, policy, wanted))
    _CHANGE.change(tx, dialog_id, **columns)
    return announce(tx, before)


def announce(tx: Transaction, before: Dialog, changes: Sequence[TicketChange] = ()) -> Dialog:
    """Publish what became of the dialog since ``before``; nothing when nothing changed."""
    if load(tx, before.id) == before:
        return before
    _CHANGE.change(tx, before.id, activity=tx.next_event_id(), updated_at=tx.now_ms)
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
    known = empty_dialogs.is_shown(found.activity)
    shown = known or empty_dialogs.brings_in(sender)
    reference = None
    if found.ticket_id is not None:
        own = str(actor.account_id) if isinstance(actor, AccountActor) else sender
        reference = said.reference or (found.user_id if sender == "user" else None) or own
    author_id, author = (actor.account_id, actor.name) if isinstance(actor, AccountActor) else (None, None)
    message_id = _ADD_MESSAGE.numbered_if_new(
        tx,
        dialog_id=dialog_id,
        sender=sender,
        author_id=author_id,
        author=author,
        text=text,
        client_id=client_id,
        created_at=tx.now_ms,
        sender_ref=reference,
        message_type=said.message_type,
        words=" ".join(words_of(text)) if shown else "",
    )
    if message_id is None:
        return Sent(_REPEATED.only(tx, dialog_id, client_id), dialog_id, True)
    if shown and not known:
        empty_dialogs.bring_in(tx, dialog_id)
    message = Message(message_id, sender, text, timestamp(tx.now_ms), client_id, author)
    event = MessageNew(dialog_id, message)
    if found.ticket_id is not None and reference is not None:
        wanted = ticket_rows.heard(sender, found.ticket_status)
        before = load(tx, dialog_id)
        announce(tx, before, ticket_rows.change(tx, dialog_id, actor, policy, wanted))
        event = MessageNew(dialog_id, message, found.ticket_id, reference, said.message_type)
    elif found.status == "closed":
        update(tx, dialog_id, actor, policy, status="open")
    event_id = tx.append(empty_dialogs.topics(dialog_id, shown), event)
    activity = event_id if shown else empty_dialogs.NOWHERE
    moved = {"last_message_id": message_id, "activity": activity, "updated_at": tx.now_ms}
    if sender == "user":
        _ONE_MORE_UNREAD.change(tx, dialog_id, **moved, user_read=message_id)
    else:
        _CHANGE.change(tx, dialog_id, **moved, unread=0, manager_read=message_id)
    return Sent(message, dialog_id, False)


def access(rows: Snapshot, actor: Speaker, dialog_id: int) -> Found:
    """What the dialog is, if the actor may see it."""
    found = _FOUND.one(rows, dialog_id)
    if found is None or not _may_see(actor, found):
        raise DialogNotFound(f"There is no dialog {dialog_id} for this credential.")
    return found


def _may_see(actor: Speaker, found: Found) -> bool:
    if isinstance(actor, VisitorActor):
        return found.visitor_id == actor.visitor_id
    return not isinstance(actor, TicketActor) or found.ticket_id == actor.ticket_id


def _read(tx: Transaction, actor: Actor, dialog_id: int, up_to: int | None) -> Dialog:
    found = access(tx, actor, dialog_id)
    before = load(tx, dialog_id)
    last = before.last_message.id if before.last_message else 0
    mark = last if up_to is None else min(up_to, last)
    by_user = sender_of(actor) == "user"
    if mark <= (before.read_up_to.user if by_user else before.read_up_to.manager):
        return before
    if by_user:
        _CHANGE.change(tx, dialog_id, user_read=mark)
    else:
        _CHANGE.change(tx, dialog_id, manager_read=mark, unread=_UNREAD.only(tx, dialog_id, mark))
    topics = empty_dialogs.topics(dialog_id, empty_dialogs.is_shown(found.activity))
    tx.append(topics, MessageRead(dialog_id, sender_of(actor), mark))
    return load(tx, dialog_id)


def _assign(tx: Transaction, actor: AccountActor, dialog_id: int, account_id: int | None, policy: Policy) -> Dialog:
    if not _DIALOG_EXISTS(tx, dialog_id):
        raise DialogNotFound(f"There is no dialog {dialog_id}.")
    if account_id is not None:
        ticket_rows.operator_name(tx, account_id)
    return update(tx, dialog_id, actor, policy, assignee_id=account_id)
