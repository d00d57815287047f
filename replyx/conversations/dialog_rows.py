"""How dialogs and their messages are read: as clients see them, and by whom they may be seen."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import UNSET

from replyx.auth import Speaker, TicketActor, VisitorActor
from replyx.conversations import ticket_rows
from replyx.database import models
from replyx.database.rows import Part, Rows, select, value
from replyx.errors import DialogNotFound
from replyx.paging import LAST_ID, Paging
from replyx.schemas.dialogs import (
    Assignee,
    Dialog,
    DialogHandler,
    DialogKind,
    Message,
    ReadUpTo,
    Status,
    VisitorCard,
)
from replyx.schemas.languages import Language

MESSAGE = Part(Message, models.Message, timestamp=models.Message.created_at)
MESSAGES = select(Message, models.Message, timestamp=models.Message.created_at)

DIALOGS = select(
    Dialog,
    models.Dialog,
    f"LEFT JOIN {models.Account} ON {models.Account.id} = {models.Dialog.assignee_id}"
    f" LEFT JOIN {models.Visitor} ON {models.Visitor.id} = {models.Dialog.visitor_id}"
    f" LEFT JOIN {models.Message} ON {models.Message.id} = {models.Dialog.last_message_id}"
    f" LEFT JOIN {models.Ticket} ON {models.Ticket.dialog_id} = {models.Dialog.id}",
    assignee=Part(Assignee, models.Account).or_else(None),
    visitor=Part(VisitorCard, models.Visitor),
    last_message=MESSAGE.or_else(None),
    read_up_to=Part(ReadUpTo, user=models.Dialog.user_read, manager=models.Dialog.manager_read),
    ticket=ticket_rows.CARD.or_else(UNSET),
)
_DIALOG = DIALOGS.where(f"{models.Dialog.id} = ?")
_IDS = value(models.Dialog.id)
_ACTIVITY = value(models.Dialog.activity).where(f"{models.Dialog.id} = ?")


class Found(msgspec.Struct, frozen=True):
    """What decides who may see a dialog, and what may be done with it. ``locale`` is the visitor's.

    ``paused_until`` and ``waiting_since`` are in milliseconds since the epoch.
    """

    dialog_id: int
    kind: DialogKind
    visitor_id: int | None
    locale: Language | None
    status: Status
    activity: int
    handler: DialogHandler
    assignee_id: int | None
    turn: int
    paused_until: int | None
    waiting_since: int | None


_FOUND = select(
    Found,
    models.Dialog,
    f"LEFT JOIN {models.Visitor} ON {models.Visitor.id} = {models.Dialog.visitor_id}",
    dialog_id=models.Dialog.id,
    locale=models.Visitor.locale,
).where(f"{models.Dialog.id} = ?")


def load(rows: Rows, dialog_id: int) -> Dialog:
    """The dialog as clients see it; it must exist."""
    return _DIALOG.only(rows, dialog_id)


def access(rows: Rows, actor: Speaker, dialog_id: int) -> Found:
    """What the dialog is, if the actor may see it. Raises :class:`DialogNotFound`."""
    found = _FOUND.one(rows, dialog_id)
    if found is None or not _may_see(actor, found):
        raise DialogNotFound(f"There is no dialog {dialog_id} for this credential.")
    return found


def _may_see(actor: Speaker, found: Found) -> bool:
    if isinstance(actor, VisitorActor):
        return found.visitor_id == actor.visitor_id
    return not isinstance(actor, TicketActor) or found.dialog_id == actor.dialog_id


def dialogs_by_activity(
    rows: Rows, paging: Paging, status: Status | None = None, kind: DialogKind | None = None
) -> Iterator[Dialog]:
    """One dialog more than a page of the inbox, so that its end shows; the page begins at the activity of its anchor.

    Each is read when it is asked for.
    Raises :class:`DialogNotFound` for an anchor that does not exist.
    """
    anchor = paging.before if paging.before is not None else paging.after
    activity = LAST_ID if anchor is None else _ACTIVITY.one(rows, anchor)
    if activity is None:
        raise DialogNotFound(f"There is no dialog {anchor} to continue from.")
    order = f"ORDER BY {models.Dialog.activity} {'ASC' if paging.forward else 'DESC'} LIMIT ?"
    named = {f"{models.Dialog.status} = ?": status, f"{models.Dialog.kind} = ?": kind}
    asked = {condition: given for condition, given in named.items() if given}
    # One without an activity is in no list: see empty_dialogs.
    side = f"{models.Dialog.activity} > 0 AND {models.Dialog.activity} {'>' if paging.forward else '<'} ?"
    where = " AND ".join((side, *asked))
    params: list[object] = [activity, *asked.values(), paging.limit + 1]
    if kind is not None and status is None:
        # The index of a kind has its status first: the page is the first of what both would begin with.
        open_ones = _IDS.where(f"{where} AND {models.Dialog.status} = 'open'", order).sql
        closed_ones = _IDS.where(f"{where} AND {models.Dialog.status} = 'closed'", order).sql
        both = f"SELECT * FROM ({open_ones}) AS o UNION ALL SELECT * FROM ({closed_ones}) AS c"
        where, params = f"{models.Dialog.id} IN ({both})", [*params, *params, paging.limit + 1]
    return DIALOGS.where(where, order).each(rows, *params)
