"""SQL that reads the same for both databases, but for a few words."""

from __future__ import annotations

from peewee import Database

from replyx.database.dialect import dialect_of


def run(database: Database, statements: str) -> None:
    """Run statements separated by ``;``, with ``{auto}`` as the type of a key that the database gives out.

    ``{boolean}`` is a flag; ``{clustered}`` behind a table keeps its rows in the order of the key where that can be.
    """
    for statement in statements.format(**dialect_of(database).words).split(";"):
        database.execute_sql(statement)
