"""Version 5: the keys of broadcasts, so that a bot's retry publishes nothing."""

from __future__ import annotations

from peewee import Database

from replyx.database.migrations.statements import run

STATEMENTS = """
CREATE TABLE broadcast_key (
    key TEXT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX broadcast_key_created_at ON broadcast_key (created_at)
"""


def broadcast_keys(database: Database) -> None:
    """Make the table."""
    run(database, STATEMENTS)
