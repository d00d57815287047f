"""Version 6: outgoing webhooks and their deliveries, leases, and the places of those who follow the log."""

from __future__ import annotations

from peewee import Database

from replyx.database.migrations.statements import run

STATEMENTS = """
CREATE TABLE lease (name TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, expires_at BIGINT NOT NULL);
CREATE TABLE log_position (name TEXT NOT NULL PRIMARY KEY, position BIGINT NOT NULL);
CREATE TABLE webhook (
    id {auto},
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    events TEXT NOT NULL,
    active {boolean} NOT NULL,
    off_reason TEXT,
    secret TEXT NOT NULL,
    old_secret TEXT,
    old_secret_until BIGINT,
    since BIGINT NOT NULL,
    deleted {boolean} NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE TABLE webhook_delivery (
    id {auto},
    webhook_id INTEGER NOT NULL REFERENCES webhook (id),
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at BIGINT,
    give_up_at BIGINT,
    response_status INTEGER,
    response_body TEXT,
    error TEXT,
    created_at BIGINT NOT NULL,
    attempted_at BIGINT,
    finished_at BIGINT
);
CREATE UNIQUE INDEX webhook_delivery_webhook_id_event_id ON webhook_delivery (webhook_id, event_id);
CREATE INDEX webhook_delivery_webhook_id_id ON webhook_delivery (webhook_id, id);
CREATE INDEX webhook_delivery_webhook_id_next_attempt_at ON webhook_delivery (webhook_id, next_attempt_at);
CREATE INDEX webhook_delivery_give_up_at ON webhook_delivery (give_up_at);
CREATE INDEX webhook_delivery_finished_at ON webhook_delivery (finished_at)
"""


def webhooks(database: Database) -> None:
    """Make the tables."""
    run(database, STATEMENTS)
