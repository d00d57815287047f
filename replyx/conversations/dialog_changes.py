"""How a dialog changes, inside one transaction: its row, and the events that report what became of it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from replyx.conversations.dialog_rows import load
from replyx.database import models
from replyx.database.rows import Update
from replyx.delivery.store import Transaction
from replyx.schemas.dialogs import Dialog
from replyx.schemas.events import INBOX, DialogUpdated, dialog_topic

CHANGE = Update(models.Dialog, f"{models.Dialog.id} = ?")


def announce(tx: Transaction, before: Dialog, also: Callable[[], msgspec.Struct] | None = None) -> Dialog:
    """Publish what became of the dialog since ``before``; nothing when nothing changed.

    ``also`` makes the event that comes right behind it; it is called when the dialog's own event is written.
    """
    if load(tx, before.id) == before:
        return before
    CHANGE.change(tx, before.id, activity=tx.next_event_id(), updated_at=tx.now_ms)
    after = load(tx, before.id)
    topics = (dialog_topic(after.id), INBOX)
    tx.append(topics, DialogUpdated(after))
    if also is not None:
        tx.append(topics, also())
    return after
