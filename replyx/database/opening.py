"""Which database a URL names: an SQLite file or PostgreSQL."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from peewee import Database

from replyx.database.dialect import DatabaseUnusable
from replyx.database.sqlite import Sqlite


def database_at(url: str) -> Database:
    """The database of a URL: ``sqlite:///path`` or ``postgresql://…``; connects to nothing yet.

    Raises :class:`DatabaseUnusable` when the driver is missing.
    """
    scheme, _, path = url.partition(":///")
    if scheme == "sqlite":
        return Sqlite(Path(path))
    if find_spec("psycopg") is None:
        raise DatabaseUnusable(
            "DATABASE_URL names PostgreSQL, and its driver is not installed: pip install 'replyx[postgres]'"
        )
    from replyx.database.postgres import Postgres  # only here: psycopg need not be installed for SQLite

    return Postgres(url)
