"""The tables, as peewee models, from which :mod:`replyx.database.rows` makes SQL.

In a text a model is its table's name and a field its column's, as in ``f"SELECT {Lease.holder} FROM {Lease}"``.
Times are whole milliseconds since the epoch (UTC). The schema itself is made by ``replyx/database/migrations``; a test
holds the two together. ``database`` is bound to SQLite or PostgreSQL by :class:`replyx.delivery.store.Store`.
"""

from __future__ import annotations

from replyx.database.models.conversations import (
    Assistant,
    Ban,
    Dialog,
    DialogWords,
    Message,
    Ticket,
    TicketChange,
    TicketJoin,
    Visitor,
    Widget,
)
from replyx.database.models.log import Counter, Event, EventTopic, Installation, Lease, LogPosition
from replyx.database.models.outside import PushDevice, Webhook, WebhookDelivery
from replyx.database.models.people import Account, Session
from replyx.database.models.shop import BroadcastKey, ModerationDecision, PlatformSetting, Product
from replyx.database.models.table import Table, database

__all__ = [
    "Account",
    "Assistant",
    "Ban",
    "BroadcastKey",
    "Counter",
    "Dialog",
    "DialogWords",
    "Event",
    "EventTopic",
    "Installation",
    "Lease",
    "LogPosition",
    "Message",
    "ModerationDecision",
    "PlatformSetting",
    "Product",
    "PushDevice",
    "Session",
    "TicketJoin",
    "TABLES",
    "Table",
    "Ticket",
    "TicketChange",
    "Visitor",
    "Webhook",
    "WebhookDelivery",
    "Widget",
    "database",
]

TABLES: tuple[type[Table], ...] = tuple(Table.__subclasses__())
