"""The tables, as peewee models, from which :mod:`replyx.database.rows` makes SQL.

In a text a model is its table's name and a field its column's, as in ``f"SELECT {Lease.holder} FROM {Lease}"``.
Times are whole milliseconds since the epoch (UTC). The schema itself is made by ``replyx/database/migrations``; a test
holds the two together. ``database`` is bound to SQLite or PostgreSQL by :class:`replyx.delivery.store.Store`.
"""

from __future__ import annotations

from peewee import CompositeKey, DatabaseProxy, Model, ModelBase

from replyx.database.fields import (
    AutoField,
    BigIntegerField,
    BooleanField,
    IntegerField,
    JsonField,
    MomentField,
    TextField,
)

database = DatabaseProxy()


class Named(ModelBase):
    """The class of models, each of which stands in SQL as its table's name."""

    def __str__(cls) -> str:
        return str(cls._meta.table_name)  # type: ignore[attr-defined]  # not in peewee's stubs


class Table(Model, metaclass=Named):
    """What all tables share: the database that the store binds."""

    class Meta:
        database = database
        legacy_table_names = False


class Installation(Table):
    """Facts of this database: ``schema_version``, ``epoch``, ``demo``, and ``base_url``, where it ran last."""

    key = TextField(primary_key=True)
    value = TextField()


class Counter(Table):
    """The single row whose lock orders all writers; ``top`` is the id of the newest event."""

    id = IntegerField(primary_key=True)
    top = BigIntegerField()


class Event(Table):
    """One entry of the event log. ``topics`` are separated by spaces, the most specific first."""

    id = BigIntegerField(primary_key=True)
    topics = TextField()
    payload = TextField()
    created_at = MomentField(index=True)


class EventTopic(Table):
    """The index by which a subscriber finds its events: one row per topic of an event."""

    topic = TextField()
    event_id = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("topic", "event_id")


class Account(Table):
    """Somebody who logs in; ``email`` is in lower case, ``password_hash`` in PHC format."""

    id = AutoField()
    email = TextField(unique=True)
    name = TextField()
    role = TextField()
    password_hash = TextField()
    active = BooleanField()
    created_at = MomentField()


class Session(Table):
    """A login. ``refresh_id`` names the one refresh token that is still good."""

    id = TextField(primary_key=True)
    account_id = IntegerField(index=True)
    refresh_id = TextField()
    expires_at = MomentField()
    ended = BooleanField()
    created_at = MomentField()


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
    """A person on a customer's site. ``guest_id`` is the visitor's own secret."""

    id = AutoField()
    assistant_id = IntegerField()
    guest_id = TextField()
    name = TextField(null=True)
    page = TextField(null=True)
    created_at = MomentField()
    locale = TextField(null=True)

    class Meta:
        indexes = ((("assistant_id", "guest_id"), True),)


class Dialog(Table):
    """One conversation. ``activity`` is the id of the last event that moved it in the inbox."""

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

    class Meta:
        indexes = (
            (("activity",), False),
            (("status", "activity"), False),
            (("kind", "status", "activity"), False),
            (("assignee_id", "id"), False),
        )


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


class SocketRoom(Table):
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
        primary_key = CompositeKey("pid", "dialog_id")


class Product(Table):
    """What a shop offers. ``price`` and ``approval_fee`` are in hundredths of the platform's currency.

    Notes and fee belong to the decision in force; a product that waits for one has neither.
    """

    id = AutoField()
    shop_id = IntegerField()
    name = TextField()
    description = TextField()
    price = BigIntegerField()
    status = TextField()
    moderation_notes = TextField(null=True)
    approval_fee = BigIntegerField(null=True)
    created_at = MomentField()

    class Meta:
        indexes = ((("status", "id"), False), (("shop_id", "id"), False), (("shop_id", "status", "id"), False))


class ModerationDecision(Table):
    """One decision about a product; ``account_id`` is null where the platform approved without asking anybody."""

    id = AutoField()
    product_id = IntegerField()
    status = TextField()
    moderation_notes = TextField(null=True)
    approval_fee = BigIntegerField(null=True)
    account_id = IntegerField(null=True)
    created_at = MomentField()

    class Meta:
        indexes = ((("product_id", "id"), False),)


class PlatformSetting(Table):
    """A platform setting that an admin has set; ``value`` is JSON."""

    name = TextField(primary_key=True)
    value = TextField()


class BroadcastKey(Table):
    """An ``Idempotency-Key`` that came with a broadcast, and the digest of its body.

    See :mod:`replyx.shop.broadcasts`.
    """

    key = TextField(primary_key=True)
    digest = TextField()
    created_at = MomentField(index=True)


class Lease(Table):
    """A duty that one process at a time does for all that share the store. See :mod:`replyx.delivery.leases`."""

    name = TextField(primary_key=True)
    holder = TextField()
    expires_at = MomentField()


class LogPosition(Table):
    """How far somebody who follows the log has come: everything up to ``position`` is dealt with."""

    name = TextField(primary_key=True)
    position = BigIntegerField()


class Webhook(Table):
    """An address that is told of events behind ``since``; ``events`` is a JSON list of types and groups.

    Until ``old_secret_until`` the secret before the last rotation signs too. A deleted one stays until its
    deliveries are gone.
    """

    id = AutoField()
    url = TextField()
    description = TextField()
    events = JsonField()
    active = BooleanField()
    off_reason = TextField(null=True)
    secret = TextField()
    old_secret = TextField(null=True)
    old_secret_until = MomentField(null=True)
    since = BigIntegerField()
    deleted = BooleanField()
    created_at = MomentField()
    updated_at = MomentField()


class WebhookDelivery(Table):
    """One event on its way to one webhook. ``next_attempt_at`` and ``give_up_at`` are null once it is finished."""

    id = AutoField()
    webhook_id = IntegerField()
    event_id = TextField()
    event_type = TextField()
    body = TextField()
    status = TextField()
    attempts = IntegerField()
    next_attempt_at = MomentField(null=True)
    give_up_at = MomentField(null=True, index=True)
    response_status = IntegerField(null=True)
    response_body = TextField(null=True)
    error = TextField(null=True)
    created_at = MomentField()
    attempted_at = MomentField(null=True)
    finished_at = MomentField(null=True, index=True)
    failure = TextField(null=True)

    class Meta:
        indexes = (
            (("webhook_id", "event_id"), True),
            (("webhook_id", "id"), False),
            (("webhook_id", "next_attempt_at"), False),
        )


class PushDevice(Table):
    """A browser that gets push messages while its login lasts; keys are in hex."""

    id = AutoField()
    account_id = IntegerField(index=True)
    session_id = TextField(index=True)
    endpoint = TextField(unique=True)
    p256dh = TextField()
    auth = TextField()
    locale = TextField()
    created_at = MomentField()


TABLES: tuple[type[Table], ...] = tuple(Table.__subclasses__())
