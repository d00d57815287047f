"""How a dialog changes, inside one transaction: its row, and the events that report what became of it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from replyx.conversations import empty_dialogs
from replyx.conversations.dialog_rows import load
from replyx.conversations.handling import is_only_pause, raises_turn
from replyx.database import models
from replyx.database.rows import Update
from replyx.delivery.store import Transaction
from replyx.schemas.dialogs import Dialog
from replyx.schemas.events import INBOX, DialogUpdated, dialog_topic, staff_topic

CHANGE = Update(models.Dialog, f"{models.Dialog.id} = ?")


def announce(tx: Transaction, before: Dialog, also: Callable[[], msgspec.Struct] | None = None) -> Dialog:
    """Publish what became of the dialog since ``before``, in its next turn if somebody else is to speak now.

    Nothing happens when nothing changed. ``also`` makes the event that comes right behind it; it is called when the
    dialog's own event is written.
    """
    changed = load(tx, before.id)
    if changed == before:
        return before
    columns: dict[str, object] = {"turn": before.turn + raises_turn(before, changed, tx.now_ms)}
    if changed.status == "closed":
        columns["waiting_since"] = None
    CHANGE.change(tx, before.id, updated_at=tx.now_ms, **columns)
    empty_dialogs.show(tx, before.id)
    after = load(tx, before.id)
    shown = not is_only_pause(before, after)
    topics = ((dialog_topic if shown else staff_topic)(after.id), INBOX)
    tx.append(topics, DialogUpdated(after))
    if also is not None:
        tx.append(topics, also())
    return after
