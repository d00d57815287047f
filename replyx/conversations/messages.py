"""How a message comes into a dialog, whatever the transport and whatever the kind of dialog."""

from __future__ import annotations

import logging

from replyx.auth import AccountActor, Speaker, TicketActor, VisitorActor, sender_of
from replyx.conversations import bans, empty_dialogs
from replyx.conversations.dialog_changes import CHANGE
from replyx.conversations.dialog_rows import MESSAGES, Found
from replyx.conversations.dialog_rules import DialogRules, Said
from replyx.conversations.search_words import words_of
from replyx.database import models
from replyx.database.rows import Insert, Update, names, unless_taken
from replyx.delivery.store import Transaction
from replyx.schemas.dialogs import Message, Sent, timestamp

log = logging.getLogger("replyx.dialogs")

_ONE_MORE_UNREAD = Update(
    models.Dialog, f"{models.Dialog.id} = ?", f"{names(models.Dialog.unread)} = {models.Dialog.unread} + 1"
)
_ADD_MESSAGE = Insert(models.Message, unless_taken(models.Message.dialog_id, models.Message.client_id))
_REPEATED = MESSAGES.where(f"{models.Message.dialog_id} = ? AND {models.Message.client_id} = ?")


def add_message(tx: Transaction, rules: DialogRules, by: Speaker, found: Found, given: Said) -> Sent:
    """Store a message and publish it; a repeated ``client_id`` returns the first message and publishes nothing.

    Raises :class:`NotYourTurn` for an assistant that is not to speak.
    """
    dialog_id = found.dialog_id
    sender = sender_of(by)
    said = rules.signed(tx, found, by, given)
    known = empty_dialogs.is_shown(found)
    shown = known or empty_dialogs.brings_in(sender)
    author_id, author = (by.account_id, by.name) if isinstance(by, AccountActor) else (None, None)
    message_id = _ADD_MESSAGE.numbered_if_new(
        tx,
        dialog_id=dialog_id,
        sender=sender,
        author_id=author_id,
        author=author,
        text=said.text,
        client_id=said.client_id,
        created_at=tx.now_ms,
        sender_ref=said.reference,
        message_type=said.message_type,
        words=" ".join(words_of(said.text)) if shown else "",
    )
    if message_id is None:
        return Sent(_REPEATED.only(tx, dialog_id, said.client_id), dialog_id, True)
    bans.check_speaker(tx, by, dialog_id, tx.now_ms)  # behind the repetition: what was stored stays acknowledged
    if sender == "assistant":
        rules.check_turn(found, said.turn, tx.now_ms)
    if shown and not known:
        empty_dialogs.bring_in(tx, dialog_id)
    message = Message(message_id, sender, said.text, timestamp(tx.now_ms), said.client_id, author)
    event = rules.heard(tx, found, by, message, said)
    event_id = tx.append(empty_dialogs.topics(dialog_id, shown), event)
    activity = event_id if shown else empty_dialogs.NOWHERE
    moved: dict[str, object] = {"last_message_id": message_id, "activity": activity, "updated_at": tx.now_ms}
    if sender == "user":
        waiting_since = found.waiting_since or tx.now_ms
        moved |= {} if isinstance(by, AccountActor) or not by.address else {"address": by.address}
        _ONE_MORE_UNREAD.change(tx, dialog_id, **moved, user_read=message_id, waiting_since=waiting_since)
    elif sender == "manager":
        CHANGE.change(tx, dialog_id, **moved, unread=0, manager_read=message_id, waiting_since=None)
    elif sender == "assistant":  # answered, and no operator has read anything
        CHANGE.change(tx, dialog_id, **moved, waiting_since=None)
    else:
        CHANGE.change(tx, dialog_id, **moved)
    return Sent(message, dialog_id, False)


def trace(actor: Speaker, dialog_id: int, message_id: int) -> None:
    """The line that the field's diagnostics grep for; one for a message, whatever its way in."""
    way, via = "[ADMIN→WIDGET]", "ADMIN"
    if isinstance(actor, VisitorActor):
        way, via = "[WIDGET→ADMIN]", {"site": "[Site]", "widget": "WIDGET"}[actor.via]
    elif isinstance(actor, TicketActor):
        way, via = "[WIDGET→ADMIN]", "TICKET"
    log.info("publish_dialog_event %s %s dialog=%d message=%d", way, via, dialog_id, message_id)
