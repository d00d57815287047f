"""Version 14: logins with a wrong password, for whoever owns the account."""

from __future__ import annotations

from peewee import Database


def refused_logins(database: Database) -> None:
    """None so far."""
    database.execute_sql("ALTER TABLE account ADD COLUMN refused_logins INTEGER NOT NULL DEFAULT 0")
    database.execute_sql("ALTER TABLE account ADD COLUMN refused_at BIGINT NOT NULL DEFAULT 0")
    database.execute_sql("ALTER TABLE account ADD COLUMN refused_from TEXT NOT NULL DEFAULT ''")
