"""Rows of dialogs and messages, and how they become what clients see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from replyx.conversations import ticket_rows
from replyx.schemas.dialogs import Assignee, Dialog, Message, ReadUpTo, VisitorCard, timestamp

MESSAGE_COLUMNS = "id, sender, text, created_at, client_id, author"
DIALOG_SQL = f"""
SELECT d.id, d.kind, d.assistant_id, d.widget_id, d.status, d.handler, d.assignee_id, a.name, v.name, v.page,
    d.unread, d.user_read, d.manager_read, d.created_at, d.updated_at,
    m.id, m.sender, m.text, m.created_at, m.client_id, m.author, {ticket_rows.CARD_COLUMNS}
FROM dialog d
LEFT JOIN account a ON a.id = d.assignee_id
LEFT JOIN visitor v ON v.id = d.visitor_id
LEFT JOIN message m ON m.id = d.last_message_id
LEFT JOIN ticket t ON t.dialog_id = d.id
"""


def message_of(row: Sequence[Any]) -> Message:
    """The values of :data:`MESSAGE_COLUMNS`."""
    return Message(row[0], row[1], row[2], timestamp(row[3]), row[4], row[5])


def dialog_of(row: Sequence[Any]) -> Dialog:
    """A row of :data:`DIALOG_SQL`."""
    return Dialog(
        id=row[0],
        kind=row[1],
        assistant_id=row[2],
        widget_id=row[3],
        status=row[4],
        handler=row[5],
        assignee=Assignee(row[6], row[7]) if row[6] is not None else None,
        visitor=VisitorCard(row[8], row[9]),
        last_message=message_of(row[15:21]) if row[15] is not None else None,
        unread=row[10],
        read_up_to=ReadUpTo(row[11], row[12]),
        created_at=timestamp(row[13]),
        updated_at=timestamp(row[14]),
        ticket=ticket_rows.card_of(row[21:]),
    )
