"""Version 19: the words of dialogs' names and subjects, and words of messages that can be written anew."""

from __future__ import annotations

from peewee import Database

from replyx.database.dialect import dialect_of


def search_dialogs(database: Database) -> None:
    """Make room for them; :mod:`replyx.conversations.search_index` fills it beside the running server."""
    database.execute_sql("CREATE TABLE dialog_words (dialog_id BIGINT NOT NULL PRIMARY KEY, words TEXT NOT NULL)")
    for statement in dialect_of(database).DIALOG_INDEX:
        database.execute_sql(statement)
