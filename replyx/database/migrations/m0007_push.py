"""Version 7: the devices that get push messages."""

from __future__ import annotations

from peewee import Database

from replyx.database.migrations.statements import run

STATEMENTS = """
CREATE TABLE push_device (
    id {auto},
    account_id INTEGER NOT NULL REFERENCES account (id),
    session_id TEXT NOT NULL REFERENCES session (id),
    endpoint TEXT NOT NULL,
    p256dh TEXT NOT NULL,
    auth TEXT NOT NULL,
    locale TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX push_device_endpoint ON push_device (endpoint);
CREATE INDEX push_device_account_id ON push_device (account_id);
CREATE INDEX push_device_session_id ON push_device (session_id)
"""


def push(database: Database) -> None:
    """Make the table."""
    run(database, STATEMENTS)
