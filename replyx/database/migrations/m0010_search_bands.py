"""Version 10: the index of search, cut into bands."""

from __future__ import annotations

from peewee import Database

from replyx.database.dialect import dialect_of


def search_bands(database: Database) -> None:
    """Index the words of all messages; from here on the index follows each change in the same transaction.

    A database that was at version 9 may have an index without bands.
    """
    dialect = dialect_of(database)
    for statement in (*dialect.NO_SEARCH_INDEX, *dialect.SEARCH_INDEX):
        database.execute_sql(statement)
