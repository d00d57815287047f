"""SQLite or PostgreSQL: all in which the two differ, so that everything else can be written once.

A database is peewee's, with the words of its :class:`Dialect`. SQL elsewhere is written with ``?`` for values and
``{auto}``, ``{boolean}`` and the like where a migration makes tables.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from peewee import Database, DatabaseError, InterfaceError, OperationalError, SqliteDatabase


class DatabaseUnusable(Exception):
    """The database cannot be opened; the text says why, and never holds a password."""


class Dialect(ABC):
    """What a database says in its own words. Mixed into peewee's class for it."""

    name: ClassVar[str]
    BEGIN_WRITING: ClassVar[str]  # a transaction that will write
    BEGIN_READING: ClassVar[str]  # one whose statements all see the same state
    LOCK_ROW: ClassVar[str]  # behind a SELECT: keeps other writers out until the commit
    words: ClassVar[Mapping[str, str]]  # for ``str.format`` of the statements that make tables
    # Connections are used as they are, so the driver's own errors arrive beside peewee's.
    unusable: ClassVar[tuple[type[Exception], ...]]  # the connection or the disk, not the statement
    failed: ClassVar[tuple[type[Exception], ...]]  # any failure of the database

    # Search: the index over ``message.words``, what stands behind FROM, the condition with a ``?``, and its key.
    SEARCH_INDEX: ClassVar[tuple[str, ...]]
    INDEX_NEW: ClassVar[str]  # run before a commit; empty where the index follows by itself
    SEARCHED: ClassVar[str]
    MATCHES: ClassVar[str]
    SEARCHED_ID: ClassVar[str]

    @abstractmethod
    def matching(self, words: Sequence[str]) -> str:
        """The value of :attr:`MATCHES` for all of ``words``, which are letters and digits, the last a beginning."""

    @abstractmethod
    def own(self, sql: str) -> str:
        """``sql`` with this database's placeholders for ``?``."""

    @abstractmethod
    def alone(self) -> AbstractContextManager[None]:
        """Keep other processes from changing the schema meanwhile; waits until they have done so."""

    @abstractmethod
    def lost(self) -> bool:
        """Whether this thread's connection has ended, so that a new one may succeed where it failed."""


class Sqlite(Dialect, SqliteDatabase):
    """A file, opened for durability: a commit that returned survives a power cut."""

    name = "sqlite"
    BEGIN_WRITING = "BEGIN IMMEDIATE"
    BEGIN_READING = "BEGIN"
    LOCK_ROW = ""  # there is one writer anyway
    words: ClassVar[Mapping[str, str]] = {
        # AUTOINCREMENT: the id of a deleted row must never come back as somebody else's.
        "auto": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT",
        "boolean": "INTEGER",
        "clustered": "WITHOUT ROWID",
    }
    unusable = (OperationalError, InterfaceError, sqlite3.OperationalError, sqlite3.InterfaceError)
    failed = (*unusable, DatabaseError, sqlite3.DatabaseError)
    # tokenize: the words come ready, so that all which is not ASCII is a letter here. detail: no query has phrases.
    SEARCH_INDEX = (
        "CREATE VIRTUAL TABLE message_search USING fts5(words, content='message', content_rowid='id',"
        " tokenize='ascii', detail='none')",
        "INSERT INTO message_search (message_search) VALUES ('rebuild')",
        "CREATE TRIGGER message_search_delete AFTER DELETE ON message BEGIN"
        " INSERT INTO message_search (message_search, rowid, words) VALUES ('delete', old.id, old.words); END",
    )
    # At the end of a commit, not by a trigger: FTS5 writes a segment at every savepoint, and each unit has one. That
    # cost 41 µs of CPU for a message, this costs 5 µs (17 words, 128 messages in a commit).
    INDEX_NEW = (
        "INSERT INTO message_search (rowid, words) SELECT id, words FROM message"
        " WHERE id > (SELECT COALESCE(MAX(id), 0) FROM message_search_docsize)"
    )
    SEARCHED = "message_search s JOIN message m ON m.id = s.rowid"
    MATCHES = "s.message_search MATCH ?"
    SEARCHED_ID = "s.rowid"

    def __init__(self, path: Path) -> None:
        super().__init__(
            str(path),
            pragmas={
                "journal_mode": "wal",
                "synchronous": "full",  # in WAL mode only FULL flushes each commit (SQLite, PRAGMA synchronous)
                "foreign_keys": 1,
                "cache_size": -8192,
                "mmap_size": 0,
            },
            timeout=10,
            check_same_thread=True,
        )

    def matching(self, words: Sequence[str]) -> str:
        """See :class:`Dialect`; a quoted string is never syntax (SQLite FTS5, 3.1)."""
        return " ".join(f'"{word}"' for word in words) + "*"

    def own(self, sql: str) -> str:
        """See :class:`Dialect`."""
        return sql

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See :class:`Dialect`; each migration locks the file by itself."""
        yield

    def lost(self) -> bool:
        """See :class:`Dialect`; a file stays."""
        return False


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
    from replyx.postgres import Postgres  # only here: psycopg need not be installed for SQLite

    return Postgres(url)


@lru_cache(maxsize=1024)  # statements are constants; there are a few hundred
def percent_placeholders(sql: str) -> str:
    """``sql`` with ``%s`` for each ``?``, as psycopg wants it; no statement has a ``?`` of another meaning."""
    return sql.replace("%", "%%").replace("?", "%s")


def dialect_of(database: Any) -> Dialect:
    """The words of a database that :func:`database_at` made."""
    assert isinstance(database, Dialect)
    return database
