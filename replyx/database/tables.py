"""The tables of a database as the database itself describes them: what a move needs, without a list kept by hand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from peewee import Database, OperationalError
from peewee import __exception_wrapper__ as wrapped_exceptions  # type: ignore[attr-defined]

from replyx.database.dialect import Dialect, dialect_of, scalar
from replyx.database.models import Counter

Row = list[Any]

FETCHED_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns in the same order for every database, and those of its primary key in the key's order."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]


class Catalog(ABC):
    """The tables of one database, and their rows."""

    def __init__(self, database: Database) -> None:
        self.database: Any = database
        self.dialect: Dialect = dialect_of(database)

    def in_order_of_references(self) -> list[Table]:
        """Every table that holds data of its own, each behind those that its foreign keys name."""
        names = self.names()
        references = {name: {key.dest_table for key in self.database.get_foreign_keys(name)} - {name} for name in names}
        return [self.table(name) for name in TopologicalSorter(references).static_order()]

    def table(self, name: str) -> Table:
        """The table of that name, which must have a primary key: without one its rows have no order."""
        key = self.key_of(name)
        assert key, f"{name} has no primary key"
        return Table(name, tuple(sorted(self.columns_of(name))), tuple(key))

    def rows_after(self, table: Table, last: Sequence[Any] | None = None) -> Iterator[Row]:
        """The rows behind the key ``last``, in the key's order, text by its bytes: alike for every database."""
        key = ", ".join(self.by_bytes(table.name, column) for column in table.key)
        where = "" if last is None else f" WHERE ({key}) > ({', '.join('?' * len(table.key))})"
        sql = f'SELECT {_quoted(table.columns)} FROM "{table.name}"{where} ORDER BY {key}'
        for found in self.streamed(self.dialect.own(sql), last or ()):
            yield [_plain(value) for value in found]

    def last_key(self, table: Table) -> Row | None:
        """The highest key that the table holds."""
        order = ", ".join(f"{self.by_bytes(table.name, column)} DESC" for column in table.key)
        sql = f'SELECT {_quoted(table.key)} FROM "{table.name}" ORDER BY {order} LIMIT 1'
        found = self.database.execute_sql(sql).fetchone()
        return None if found is None else list(found)

    def count(self, table: Table) -> int:
        """How many rows the table has."""
        return int(scalar(self.database, f'SELECT COUNT(*) FROM "{table.name}"'))

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows as they are, their ids included."""
        values = ", ".join("?" * len(table.columns))
        sql = f'INSERT INTO "{table.name}" ({_quoted(table.columns)}) VALUES ({values})'
        self.database.cursor().executemany(self.dialect.own(sql), rows)

    @abstractmethod
    def identity(self) -> object:
        """What is equal for two connections to the same database."""

    @abstractmethod
    def names(self) -> list[str]:
        """The tables, in the order of their names; none that only index another."""

    @abstractmethod
    def columns_of(self, name: str) -> list[str]:
        """The columns whose values are stored, not computed."""

    @abstractmethod
    def key_of(self, name: str) -> list[str]:
        """The columns of the primary key, in its order."""

    @abstractmethod
    def by_bytes(self, name: str, column: str) -> str:
        """The column of the table ``name`` for comparing and ordering, text byte by byte."""

    @abstractmethod
    def streamed(self, sql: str, params: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """The rows of a query, a part at a time in memory."""

    @abstractmethod
    def others(self) -> str:
        """Who else uses the database, in words; empty for nobody. From here on nobody else changes it."""

    @abstractmethod
    def sequences(self) -> Mapping[str, int]:
        """The highest number that each table with numbered rows has ever given."""

    @abstractmethod
    def set_sequence(self, name: str, highest: int) -> None:
        """Let the table number on behind ``highest``."""


class SqliteCatalog(Catalog):
    """An SQLite file."""

    def identity(self) -> object:
        """See :class:`Catalog`."""
        return Path(self.database.database).resolve()

    def names(self) -> list[str]:
        """See :class:`Catalog`: the index of a search is a virtual table with shadow tables."""
        found = self.database.execute_sql(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%'"
            " ORDER BY name"
        )
        return [name for (name,) in found]

    def columns_of(self, name: str) -> list[str]:
        """See :class:`Catalog`."""
        return [name for (name,) in self.database.execute_sql("SELECT name FROM pragma_table_info(?)", (name,))]

    def key_of(self, name: str) -> list[str]:
        """See :class:`Catalog`."""
        sql = "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk"
        return [name for (name,) in self.database.execute_sql(sql, (name,))]

    def by_bytes(self, name: str, column: str) -> str:
        """See :class:`Catalog`; SQLite's own order."""
        return f'"{column}"'

    def streamed(self, sql: str, params: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """See :class:`Catalog`."""
        yield from self.database.execute_sql(sql, params)

    def others(self) -> str:
        """See :class:`Catalog`: a connection of anyone else keeps the exclusive lock away."""
        try:
            self.database.execute_sql("PRAGMA busy_timeout = 0")
            self.database.execute_sql("PRAGMA locking_mode = EXCLUSIVE")
            self.database.execute_sql("BEGIN EXCLUSIVE")
        except OperationalError:
            return "another program has the file open"
        return ""

    def sequences(self) -> Mapping[str, int]:
        """See :class:`Catalog`; a table that never had a row is not among them."""
        numbered = "SELECT name, 0 FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'"
        given = dict(self.database.execute_sql(numbered))
        return given | dict(self.database.execute_sql("SELECT name, seq FROM sqlite_sequence"))

    def set_sequence(self, name: str, highest: int) -> None:
        """See :class:`Catalog`."""
        self.database.execute_sql("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
        self.database.execute_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, highest))


class PostgresCatalog(Catalog):
    """The schema of a PostgreSQL database that comes first in its search path."""

    def identity(self) -> object:
        """See :class:`Catalog`; one server has started at one moment."""
        return self.database.execute_sql("SELECT pg_postmaster_start_time(), current_database()").fetchone()

    def names(self) -> list[str]:
        """See :class:`Catalog`."""
        return sorted(self.database.get_tables())

    def columns_of(self, name: str) -> list[str]:
        """See :class:`Catalog`."""
        return [column for column, _ in self._columns(name)]

    def key_of(self, name: str) -> list[str]:
        """See :class:`Catalog`."""
        found = self.database.execute_sql(
            "SELECT a.attname FROM pg_index i"
            " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)"
            " WHERE i.indrelid = to_regclass(quote_ident(%s)) AND i.indisprimary"
            " ORDER BY array_position(i.indkey::int2[], a.attnum)",
            (name,),
        )
        return [column for (column,) in found]

    def by_bytes(self, name: str, column: str) -> str:
        """See :class:`Catalog`; the bytes of UTF-8 are in SQLite's order, a language's collation is not."""
        return f'"{column}" COLLATE "C"' if (column, "text") in self._columns(name) else f'"{column}"'

    def streamed(self, sql: str, params: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """See :class:`Catalog`: a cursor on the server, in the transaction that is open."""
        with self.database.connection().cursor(name="rows") as cursor:
            cursor.itersize = FETCHED_AT_ONCE
            yield from cursor.execute(sql, params)

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """See :class:`Catalog`; by COPY, which is several times faster than INSERT."""
        flags = [table.columns.index(column) for column, kind in self._columns(table.name) if kind == "boolean"]
        sql = f'COPY "{table.name}" ({_quoted(table.columns)}) FROM STDIN'
        with wrapped_exceptions, self.database.cursor().copy(sql) as copy:
            for row in rows:
                for index in flags:
                    row[index] = None if row[index] is None else bool(row[index])
                copy.write_row(row)

    def others(self) -> str:
        """See :class:`Catalog`: the sessions of a ReplyX; a row lock keeps the writers out that come later."""
        count = scalar(
            self.database,
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'replyx' AND pid <> pg_backend_pid()",
        )
        self.database.execute_sql("BEGIN ISOLATION LEVEL REPEATABLE READ")
        self.database.execute_sql(f"SELECT {Counter.top} FROM {Counter}{self.dialect.LOCK_ROW}")
        return f"{count} sessions of ReplyX are connected to it" if count else ""

    def sequences(self) -> Mapping[str, int]:
        """See :class:`Catalog`."""
        found = {}
        for name in self.names():
            if sequence := self._sequence(name):
                last, given = self.database.execute_sql(f"SELECT last_value, is_called FROM {sequence}").fetchone()
                found[name] = int(last) if given else 0
        return found

    def set_sequence(self, name: str, highest: int) -> None:
        """See :class:`Catalog`."""
        sequence = self._sequence(name)
        self.database.execute_sql("SELECT setval(%s, %s, %s)", (sequence, max(highest, 1), highest > 0))

    def _columns(self, name: str) -> list[tuple[str, str]]:
        found = self.database.execute_sql(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND table_name = %s AND is_generated = 'NEVER'",
            (name,),
        )
        return [(column, kind) for column, kind in found]

    def _sequence(self, name: str) -> str | None:
        if "id" not in self.columns_of(name):
            return None
        sql = "SELECT pg_get_serial_sequence(quote_ident(%s), 'id')"
        sequence: str | None = scalar(self.database, sql, (name,))
        return sequence


def catalog_of(database: Database) -> Catalog:
    """The catalog of a database that :func:`replyx.database.opening.database_at` made."""
    return PostgresCatalog(database) if dialect_of(database).name == "postgres" else SqliteCatalog(database)


def _quoted(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _plain(value: Any) -> Any:
    """A value alike for every database: SQLite has whole numbers for flags."""
    return int(value) if isinstance(value, bool) else value
