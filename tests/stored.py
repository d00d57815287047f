"""What a server has stored, read beside it: its SQLite file, or its database on PostgreSQL."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from replyx.delivery.store import Store, Transaction
from tests.server import Server

T = TypeVar("T")


class Stored:
    """One connection; SQL with ``?`` for values."""

    def __init__(self, connection: Any, placeholder: str) -> None:
        self._connection = connection
        self._placeholder = placeholder

    def execute(self, sql: str, params: Sequence[object] = ()) -> Any:
        """Run one statement and return its cursor."""
        return self._connection.execute(sql.replace("?", self._placeholder), params)


def place_of(data_dir: Path) -> Path | str:
    """What :meth:`replyx.delivery.store.Store.open` takes for the database of the server with this data directory."""
    return Server.database_of(data_dir) if Server.database_of else data_dir / "replyx.db"


@contextmanager
def stored(data_dir: Path) -> Iterator[Stored]:
    """The database of the server with this data directory; what is written is committed at the end."""
    url = Server.database_of(data_dir) if Server.database_of else None
    if url is not None:
        with psycopg.connect(url) as connection:
            yield Stored(connection, "%s")
        return
    database = sqlite3.connect(data_dir / "replyx.db", timeout=30)
    try:
        with database:
            yield Stored(database, "?")
    finally:
        database.close()


def change(server: Server, unit: Callable[[Transaction], T]) -> T:
    """Run ``unit`` beside the running server, as a command in the terminal does; the server finds its events."""
    store = Store.open(place_of(server.data_dir), time.time)
    try:
        return store.change(unit)
    finally:
        store.disconnect()
