"""Version 9: the words of every message, for search."""

from __future__ import annotations

from peewee import Database


def search(database: Database) -> None:
    """Make room for the words. Those of the messages that there are come later, beside the running server.

    See :mod:`replyx.conversations.search_index`.
    """
    database.execute_sql("ALTER TABLE message ADD COLUMN words TEXT NOT NULL DEFAULT ''")
