"""Dialogs in which nobody has turned to anybody yet: operators see none of them, and in time they go.

Whoever sees a page may open a dialog, so a dialog alone is no reason to ring anybody. It comes into the inbox with the
first message of its visitor or of an operator, or with an operator's own change, in the same transaction:
``dialog:updated`` first, then what brought it in, as if it had been opened at that moment. What an assistant says
before that, such as a greeting, is heard in the dialog alone; no search finds it, nor the visitor's name.

Such a dialog has the :attr:`activity <replyx.database.models.Dialog.activity>` :data:`NOWHERE`, which no event has.
"""

from __future__ import annotations

from collections.abc import Sequence

from replyx.conversations.dialog_rows import Found, load
from replyx.conversations.search_index import index_dialog
from replyx.database import models
from replyx.database.rows import Delete, Update, exists, value
from replyx.delivery.store import Snapshot, Transaction
from replyx.schemas.dialogs import Sender
from replyx.schemas.events import DIRECTORY, INBOX, DialogUpdated, DirectoryChanged, dialog_topic

NOWHERE = 0  # the activity of a dialog that is not in the inbox

PIECE = 500  # dialogs that go in one transaction

_MOVE = Update(models.Dialog, f"{models.Dialog.id} = ?")
_EMPTY = f"{models.Dialog.activity} = {NOWHERE}"
_MOVE_EMPTY = Update(models.Dialog, f"{models.Dialog.id} = ? AND {_EMPTY}")
_OLD = value(models.Dialog.id).where(f"{_EMPTY} AND {models.Dialog.updated_at} < ?", f"LIMIT {PIECE}")
_IS_IN_INBOX = exists(models.Dialog, f"{models.Dialog.id} = ? AND {models.Dialog.activity} <> {NOWHERE}")
_VISITOR = value(models.Dialog.visitor_id).where(f"{models.Dialog.id} = ?")
_HAS_DIALOG = exists(models.Dialog, f"{models.Dialog.visitor_id} = ?")
_DROP_MESSAGES = Delete(models.Message, f"{models.Message.dialog_id} = ?")
_DROP_DIALOG = Delete(models.Dialog, f"{models.Dialog.id} = ?")
_DROP_VISITOR = Delete(models.Visitor, f"{models.Visitor.id} = ?")


def is_shown(found: Found) -> bool:
    """Whether the dialog is in the inbox."""
    return found.activity != NOWHERE


def is_in_inbox(rows: Snapshot, dialog_id: int) -> bool:
    """As :func:`is_shown`, for a dialog that was not looked at."""
    return _IS_IN_INBOX(rows, dialog_id)


def brings_in(sender: Sender) -> bool:
    """Whether a message of this sender brings its dialog into the inbox."""
    return sender in ("user", "manager")


def topics(dialog_id: int, shown: bool) -> tuple[str, ...]:
    """Who hears what happens in a dialog: those who are in it, and operators when it is in their inbox."""
    return (dialog_topic(dialog_id), INBOX) if shown else (dialog_topic(dialog_id),)


def show(tx: Transaction, dialog_id: int) -> None:
    """Put an empty dialog into the inbox; the next event of this unit tells operators what it is."""
    if _MOVE_EMPTY.change(tx, dialog_id, activity=tx.next_event_id()):
        index_dialog(tx, dialog_id, load(tx, dialog_id).visitor.name)


def bring_in(tx: Transaction, dialog_id: int) -> None:
    """Put the dialog as it stands into the inbox, and tell operators; those in the dialog know of it."""
    _MOVE.change(tx, dialog_id, activity=tx.next_event_id(), updated_at=tx.now_ms)
    dialog = load(tx, dialog_id)
    index_dialog(tx, dialog_id, dialog.visitor.name)
    tx.append((INBOX,), DialogUpdated(dialog))


def touch(tx: Transaction, dialog_id: int) -> None:
    """The visitor is here again: an empty dialog begins its time anew."""
    _MOVE_EMPTY.change(tx, dialog_id, updated_at=tx.now_ms)


def prune(tx: Transaction, oldest_ms: int) -> int:
    """Drop a piece of the empty dialogs whose visitor was last seen before ``oldest_ms``; returns how many."""
    return _drop(tx, _OLD.all(tx, oldest_ms))


def _drop(tx: Transaction, dialog_ids: Sequence[int]) -> int:
    visitors = {visitor_id for dialog_id in dialog_ids if (visitor_id := _VISITOR.only(tx, dialog_id)) is not None}
    for dialog_id in dialog_ids:
        index_dialog(tx, dialog_id)
        _DROP_MESSAGES.drop(tx, dialog_id)
        _DROP_DIALOG.drop(tx, dialog_id)
    gone = [visitor_id for visitor_id in visitors if not _HAS_DIALOG(tx, visitor_id)]
    for visitor_id in gone:
        _DROP_VISITOR.drop(tx, visitor_id)
    if gone:
        tx.append((DIRECTORY,), DirectoryChanged())  # a guest id that comes back is a new visitor's
    return len(dialog_ids)
