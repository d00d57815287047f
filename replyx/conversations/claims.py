"""Two operators at once: whoever comes second is told who was first, and displaces nobody unawares.

An operator *has* a dialog or a ticket that is assigned to them. Taking it over, giving it to somebody else or back to
the assistant takes it from them, and so does closing or reopening a conversation that they lead. Whoever assigned it
may change that again. A status or a priority is nobody's: there, what another operator changed a moment ago is kept
from one who cannot have seen it, and that a ticket is assigned to somebody keeps no other operator from working on it.
"""

from __future__ import annotations

import msgspec

from replyx.auth import AccountActor
from replyx.conversations.dialog_changes import CHANGE
from replyx.conversations.operators import operator_named
from replyx.database import models
from replyx.database.rows import select
from replyx.delivery.store import Snapshot, Transaction
from replyx.errors import Taken
from replyx.paging import ItemId
from replyx.schemas.dialogs import DialogKind

MOMENT_MS = 2_000  # as long as an operator may take to see what another did, and not to press their own button

Displace = bool | ItemId


class Displacing(msgspec.Struct):
    """Whether another operator may be displaced: anybody with true, only the one of this account id with a number."""

    displace: Displace = False


class _Claim(msgspec.Struct, frozen=True):
    kind: DialogKind
    assignee_id: int | None
    assigned_by: int | None
    changed_by: int | None
    changed_at: int | None


_CLAIM = select(_Claim, models.Dialog).where(f"{models.Dialog.id} = ?")


def give(tx: Transaction, by: AccountActor, dialog_id: int, account_id: int | None, displace: Displace) -> None:
    """``by`` is about to give the dialog to an operator, or to nobody. Raises :class:`Taken` where another has it."""
    claim = _CLAIM.only(tx, dialog_id)
    if claim.assignee_id == account_id:
        return
    _respect(tx, by, claim, displace)
    CHANGE.change(tx, dialog_id, assigned_by=by.account_id)


def change(tx: Transaction, by: AccountActor, dialog_id: int, displace: Displace) -> None:
    """``by`` is about to change the status, or a ticket's priority.

    Raises :class:`Taken` where another has changed one a moment ago, or leads the conversation.
    """
    claim = _CLAIM.only(tx, dialog_id)
    if claim.kind == "dialog":
        _respect(tx, by, claim, displace)
    if claim.changed_at is not None and tx.now_ms - claim.changed_at < MOMENT_MS:
        _tell(tx, by, claim.changed_by, displace, "has just changed this")
    CHANGE.change(tx, dialog_id, changed_by=by.account_id, changed_at=tx.now_ms)


def _respect(rows: Snapshot, by: AccountActor, claim: _Claim, displace: Displace) -> None:
    if claim.assigned_by != by.account_id:
        _tell(rows, by, claim.assignee_id, displace, "has this")


def _tell(rows: Snapshot, by: AccountActor, other_id: int | None, displace: Displace, what: str) -> None:
    """An account that was disabled meanwhile has nothing."""
    if other_id in (None, by.account_id) or displace is True or (displace is not False and displace == other_id):
        return
    name = operator_named(rows, other_id)
    if name is not None:
        raise Taken(f'{name} {what}. Send "displace": true to do it all the same.', other_id, name)
