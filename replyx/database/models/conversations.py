"""What visitors, operators and assistants write, and where."""

from __future__ import annotations

from peewee import CompositeKey

from replyx.database.fields import (
    AutoField,
    BigIntegerField,
    BooleanField,
    IntegerField,
    JsonField,
    MomentField,
    TextField,
)
from replyx.database.models.table import Table


class Assistant(Table):
    """Who answers first in a widget's dialogs."""

    id = AutoField()
    name = TextField()
    greeting = TextField()
    created_at = MomentField()
    greetings = JsonField(default="{}")


class Widget(Table):
    """An assistant embedded on named domains; ``domains`` is a JSON list. Deleted ones stay, to say "revoked"."""

    id = AutoField()
    assistant_id = IntegerField(index=True)
    name = TextField()
    domains = JsonField()
    theme = TextField()
    type = TextField()
    position = TextField()
    locale = TextField(null=True)
    deleted = BooleanField()
    created_at = MomentField()
    titles = JsonField(default="{}")


class Visitor(Table):
    """A person on a customer's site. ``guest_digest`` is that of the visitor's own secret."""

    id = AutoField()
    assistant_id = IntegerField()
    guest_digest = TextField()
    name = TextField(null=True)
    page = TextField(null=True)
    created_at = MomentField()
    locale = TextField(null=True)

    class Meta:
        indexes = ((("assistant_id", "guest_digest"), True),)


class Dialog(Table):
    """One conversation. ``activity`` is the id of the event that brought its newest message, or the dialog.

    What ``turn``, ``paused_until`` and ``paused_by`` mean is in :mod:`replyx.conversations.handling`, what
    ``assigned_by``, ``changed_by`` and ``changed_at`` are for in :mod:`replyx.conversations.claims`.
    """

    id = AutoField()
    kind = TextField()
    assistant_id = IntegerField(null=True)
    widget_id = IntegerField(null=True)
    visitor_id = IntegerField(null=True, index=True)
    status = TextField()
    handler = TextField()
    assignee_id = IntegerField(null=True)
    last_message_id = BigIntegerField(null=True)
    activity = BigIntegerField()
    unread = IntegerField(default=0)
    user_read = BigIntegerField(default=0)
    manager_read = BigIntegerField(default=0)
    created_at = MomentField()
    updated_at = MomentField()
    turn = IntegerField(default=0)
    paused_until = MomentField(null=True)
    paused_by = TextField(null=True)
    waiting_since = MomentField(null=True)
    assigned_by = IntegerField(null=True)
    changed_by = IntegerField(null=True)
    changed_at = MomentField(null=True)
    address = TextField(null=True)

    class Meta:
        indexes = (
            (("activity",), False),
            (("status", "activity"), False),
            (("kind", "status", "activity"), False),
            (("assignee_id", "id"), False),
        )


class Ban(Table):
    """Who may not write: an ``address``, or the visitor of ``dialog_id``, who is ``visitor_id`` where it is no ticket.

    ``expires_at`` null: until it is lifted.
    """

    id = AutoField()
    target = TextField()
    dialog_id = IntegerField()
    visitor_id = IntegerField(null=True, index=True)
    address = TextField(null=True, index=True)
    reason = TextField()
    created_by = TextField()
    created_at = MomentField()
    expires_at = MomentField(null=True, index=True)

    class Meta:
        indexes = ((("target", "dialog_id"), False),)


class Message(Table):
    """One message; ``client_id`` is unique in its dialog, so a repeated send finds the first.

    ``words`` is what search knows of the text; an index of the database over it is no table of its own.
    """

    id = AutoField()
    dialog_id = IntegerField()
    sender = TextField()
    author_id = IntegerField(null=True)
    author = TextField(null=True)
    text = TextField()
    client_id = TextField(null=True)
    created_at = MomentField()
    sender_ref = TextField(null=True)
    message_type = TextField(default="TEXT")
    words = TextField(default="")

    class Meta:
        indexes = ((("dialog_id", "id"), False), (("dialog_id", "client_id"), True))


class Ticket(Table):
    """What a dialog of kind ``ticket`` has beyond a dialog.

    The clock of its resolution runs since ``running_since`` (null: it stands) and had used up ``used_ms`` of working
    time before. The due times and marks follow from that; they change next at ``look_at``.
    """

    dialog_id = IntegerField(primary_key=True)
    ticket_id = TextField(unique=True)
    subject = TextField()
    description = TextField()
    priority = TextField()
    status = TextField()
    user_id = TextField(null=True)
    first_response_at = MomentField(null=True)
    resolved_at = MomentField(null=True)
    running_since = BigIntegerField(null=True)
    used_ms = BigIntegerField()
    response_due_at = MomentField(null=True)
    resolution_due_at = MomentField(null=True)
    response_mark = TextField(null=True)
    resolution_mark = TextField(null=True)
    look_at = MomentField(null=True, index=True)

    class Meta:
        indexes = ((("status", "dialog_id"), False), (("priority", "dialog_id"), False))


class TicketChange(Table):
    """One line of a ticket's history: who changed what, when, from what to what."""

    id = AutoField()
    dialog_id = IntegerField()
    field = TextField()
    before = TextField(null=True)
    after = TextField(null=True)
    actor = TextField()
    account_id = IntegerField(null=True)
    created_at = MomentField()

    class Meta:
        indexes = ((("dialog_id", "id"), False),)


class DialogWords(Table):
    """The words of a dialog's subject, or of its visitor's name, for search; a row only where there are any."""

    dialog_id = IntegerField(primary_key=True)
    words = TextField()


class TicketJoin(Table):
    """One ticket that a Socket.IO client has joined; ``pid`` is its private id.

    See :mod:`replyx.conversations.ticket_joins`.
    """

    pid = TextField()
    dialog_id = IntegerField()
    number = IntegerField()
    position = BigIntegerField()
    floor = BigIntegerField()
    after = BigIntegerField(null=True)
    joined_at = MomentField(index=True)

    class Meta:
        table_name = "socket_room"  # the name that its migration gave it
        primary_key = CompositeKey("pid", "dialog_id")
