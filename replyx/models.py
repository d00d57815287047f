"""The tables, as peewee models.

Times are whole milliseconds since the epoch (UTC). The schema itself is made by ``replyx/migrations``; a test
holds the two together. ``database`` is bound to SQLite or PostgreSQL by :class:`replyx.store.Store`.
"""

from __future__ import annotations

from peewee import (
    AutoField,
    BigIntegerField,
    BooleanField,
    CompositeKey,
    DatabaseProxy,
    IntegerField,
    Model,
    TextField,
)

database = DatabaseProxy()


class Table(Model):
    class Meta:
        database = database
        legacy_table_names = False


class Installation(Table):
    """Facts of this database: ``schema_version``, ``epoch``, ``demo``."""

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
    created_at = BigIntegerField(index=True)


class EventTopic(Table):
    """The index by which a subscriber finds its events: one row per topic of an event."""

    topic = TextField()
    event_id = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("topic", "event_id")


class Account(Table):
    id = AutoField()
    email = TextField(unique=True)
    name = TextField()
    role = TextField()
    password_hash = TextField()
    active = BooleanField()
    created_at = BigIntegerField()


class Session(Table):
    """A login. ``refresh_id`` names the one refresh token that is still good."""

    id = TextField(primary_key=True)
    account_id = IntegerField(index=True)
    refresh_id = TextField()
    expires_at = BigIntegerField()
    ended = BooleanField()
    created_at = BigIntegerField()


class Assistant(Table):
    id = AutoField()
    name = TextField()
    greeting = TextField()
    created_at = BigIntegerField()


class Widget(Table):
    """An assistant embedded on named domains; ``domains`` is a JSON list. Deleted ones stay, to say "revoked"."""

    id = AutoField()
    assistant_id = IntegerField(index=True)
    name = TextField()
    domains = TextField()
    theme = TextField()
    type = TextField()
    position = TextField()
    locale = TextField(null=True)
    deleted = BooleanField()
    created_at = BigIntegerField()


class Visitor(Table):
    """A person on a customer's site. ``guest_id`` is the visitor's own secret."""

    id = AutoField()
    assistant_id = IntegerField()
    guest_id = TextField()
    name = TextField(null=True)
    page = TextField(null=True)
    created_at = BigIntegerField()

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
    unread = IntegerField()
    user_read = BigIntegerField()
    manager_read = BigIntegerField()
    created_at = BigIntegerField()
    updated_at = BigIntegerField()

    class Meta:
        indexes = ((("activity",), False), (("status", "activity"), False))


class Message(Table):
    id = AutoField()
    dialog_id = IntegerField()
    sender = TextField()
    author_id = IntegerField(null=True)
    author = TextField(null=True)
    text = TextField()
    client_id = TextField(null=True)
    created_at = BigIntegerField()

    class Meta:
        indexes = ((("dialog_id", "id"), False), (("dialog_id", "client_id"), True))


TABLES: tuple[type[Table], ...] = (
    Installation,
    Counter,
    Event,
    EventTopic,
    Account,
    Session,
    Assistant,
    Widget,
    Visitor,
    Dialog,
    Message,
)
