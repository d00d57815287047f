"""The log, and what keeps its order and its followers."""

from __future__ import annotations

from peewee import CompositeKey

from replyx.database.fields import BigIntegerField, IntegerField, MomentField, TextField
from replyx.database.models.table import Table


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


class Lease(Table):
    """A duty that one process at a time does for all that share the store. See :mod:`replyx.delivery.leases`."""

    name = TextField(primary_key=True)
    holder = TextField()
    expires_at = MomentField()


class LogPosition(Table):
    """How far somebody who follows the log has come: everything up to ``position`` is dealt with."""

    name = TextField(primary_key=True)
    position = BigIntegerField()
