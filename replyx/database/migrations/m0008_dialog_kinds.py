"""Version 8: the inbox's list of one kind costs what it returns."""

from __future__ import annotations

from peewee import Database


def dialog_kinds(database: Database) -> None:
    """Make the index. Every message moves a dialog in it, so there is one, and not a second without the status."""
    database.execute_sql("CREATE INDEX dialog_kind_status_activity ON dialog (kind, status, activity)")
