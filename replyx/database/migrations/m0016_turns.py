"""Version 16: whose turn it is in a dialog, and until when an operator keeps its assistant quiet."""

from __future__ import annotations

from peewee import Database


def turns(database: Database) -> None:
    """Every dialog is in its first turn, and nobody is writing in it."""
    database.execute_sql("ALTER TABLE dialog ADD COLUMN turn INTEGER NOT NULL DEFAULT 0")
    database.execute_sql("ALTER TABLE dialog ADD COLUMN paused_until BIGINT")
    database.execute_sql("ALTER TABLE dialog ADD COLUMN paused_by TEXT")
