"""Version 9: the words of every message, for search; also of the messages that there are."""

from __future__ import annotations

from typing import Any

from peewee import Database

from replyx.conversations.search_words import words_of
from replyx.database.dialect import dialect_of

AT_ONCE = 1_000


def search(database: Database) -> None:
    """Fill the words."""
    database.execute_sql("ALTER TABLE message ADD COLUMN words TEXT NOT NULL DEFAULT ''")
    dialect = dialect_of(database)
    page = dialect.own("SELECT id, text FROM message WHERE id > ? ORDER BY id LIMIT ?")
    update = dialect.own("UPDATE message SET words = ? WHERE id = ?")
    last = 0
    while found := database.execute_sql(page, (last, AT_ONCE)).fetchall():
        filled: list[Any] = [(" ".join(words_of(text)), message_id) for message_id, text in found]
        database.cursor().executemany(update, filled)
        last = found[-1][0]
