"""What is particular to tickets among the dialogs: what opening, a message or a change does to one, and its events.

A ticket and its dialog change together, in one transaction, and are announced together.
"""

from __future__ import annotations

import secrets

from msgspec import UNSET

from replyx.auth import Speaker, sender_of
from replyx.conversations import handling, ticket_rows
from replyx.conversations.dialog_changes import announce
from replyx.conversations.dialog_rows import Found, load
from replyx.conversations.dialog_rules import Said
from replyx.conversations.search_index import index_dialog
from replyx.conversations.sla import Policy
from replyx.conversations.ticket_rows import Wanted
from replyx.database import models
from replyx.database.rows import Insert, value
from replyx.delivery.store import Snapshot, Transaction
from replyx.schemas.dialogs import Dialog, Message, Sender, TicketCard
from replyx.schemas.events import INBOX, DialogUpdated, MessageNew, TicketUpdated, TypingStart, TypingStop, dialog_topic
from replyx.schemas.tickets import NewTicket, Ticket

ID_BYTES = 18  # 144 random bits, 24 characters: the id is a credential

_ADD_DIALOG = Insert(models.Dialog)
_ADD_TICKET = Insert(models.Ticket)
_TICKET_ID = value(models.Ticket.ticket_id).where(f"{models.Ticket.dialog_id} = ?")
_USER_ID = value(models.Ticket.user_id).where(f"{models.Ticket.dialog_id} = ?")


class TicketRules:
    """Implements :class:`replyx.conversations.dialog_rules.DialogRules`. ``policy`` says when a ticket is due."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def open(self, tx: Transaction, new: NewTicket) -> Ticket:
        """Insert an open ticket with its dialog and its due times, and publish both."""
        now = tx.now_ms
        dialog_id = _ADD_DIALOG.numbered(
            tx,
            kind="ticket",
            status="open",
            handler="manager",
            activity=tx.next_event_id(),
            created_at=now,
            updated_at=now,
            waiting_since=now,
        )
        _ADD_TICKET.add(
            tx,
            dialog_id=dialog_id,
            ticket_id=secrets.token_urlsafe(ID_BYTES),
            subject=new.subject,
            description=new.description,
            priority=new.priority,
            status="OPEN",
            user_id=new.user_id,
            running_since=now,
            used_ms=0,
        )
        index_dialog(tx, dialog_id, new.subject)
        ticket_rows.change(tx, dialog_id, None, self._policy, Wanted())
        ticket = ticket_rows.load(tx, dialog_id)
        topics = (dialog_topic(dialog_id), INBOX)
        tx.append(topics, DialogUpdated(load(tx, dialog_id)))
        tx.append(topics, TicketUpdated(dialog_id, ticket, []))
        return ticket

    def bring(self, tx: Transaction, dialog_id: int, by: Speaker | None, wanted: Wanted) -> Dialog:
        """Bring about what is wanted of a ticket, and publish it; ``by`` None is the clock.

        Raises :class:`AccountNotFound` for an assignee who is no operator.
        """
        return self._bring(tx, load(tx, dialog_id), by, wanted)

    def check_turn(self, found: Found, turn: int | None, now_ms: int) -> None:
        """No assistant handles a ticket: bots help whoever does, unless they name a turn that is over."""
        handling.check_number(found, turn)

    def signed(self, rows: Snapshot, found: Found, by: Speaker, said: Said) -> Said:
        """With what the sender calls itself; else the user is who opened the ticket, the others who they are here."""
        sender = sender_of(by)
        opened_by = _USER_ID.one(rows, found.dialog_id) if sender == "user" and not said.reference else None
        reference = said.reference or opened_by or sender
        return Said(said.text, said.client_id, reference, said.message_type, said.turn)

    def heard(self, tx: Transaction, found: Found, by: Speaker, message: Message, said: Said) -> MessageNew:
        """The user's message opens a ticket that is done or waits, an operator's is an answer."""
        before = load(tx, found.dialog_id)
        card = _card(before)
        self._bring(tx, before, by, ticket_rows.heard(message.sender, card.status))
        assert said.reference is not None
        return MessageNew(found.dialog_id, message, card.id, said.reference, said.message_type)

    def change(self, tx: Transaction, dialog_id: int, by: Speaker, **columns: object) -> Dialog:
        """Of the dialog's columns a ticket follows the status and the assignee."""
        before = load(tx, dialog_id)
        return self._bring(tx, before, by, ticket_rows.wanted_by_dialog(_card(before).status, columns))

    def typing(self, rows: Snapshot, dialog_id: int, sender: Sender, typing: bool) -> TypingStart | TypingStop:
        """With the ticket's id, by which its clients know it."""
        return (TypingStart if typing else TypingStop)(dialog_id, sender, _TICKET_ID.only(rows, dialog_id))

    def _bring(self, tx: Transaction, before: Dialog, by: Speaker | None, wanted: Wanted) -> Dialog:
        changes = ticket_rows.change(tx, before.id, by, self._policy, wanted)
        return announce(tx, before, lambda: TicketUpdated(before.id, ticket_rows.load(tx, before.id), changes))


def _card(dialog: Dialog) -> TicketCard:
    assert dialog.ticket is not UNSET
    return dialog.ticket
