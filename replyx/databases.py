"""SQLite or PostgreSQL: all in which the two differ, so that everything else can be written once.

A database is peewee's, with the words of its :class:`Dialect`. SQL elsewhere is written with ``?`` for values and
``{auto}``, ``{boolean}`` and the like where a migration makes tables.
"""

from __future__ import annotations

import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from peewee import Database, DatabaseError, InterfaceError, OperationalError, SqliteDatabase

from replyx.turns import LOOK_S, Turns


class DatabaseUnusable(Exception):
    """The database cannot be opened; the text says why, and never holds a password."""


class Dialect(ABC):
    """What a database says in its own words. Mixed into peewee's class for it."""

    name: ClassVar[str]
    BEGIN_READING: ClassVar[str]  # one whose statements all see the same state
    LOCK_ROW: ClassVar[str]  # behind a SELECT: keeps other writers out until the commit
    words: ClassVar[Mapping[str, str]]  # for ``str.format`` of the statements that make tables
    # Connections are used as they are, so the driver's own errors arrive beside peewee's.
    unusable: ClassVar[tuple[type[Exception], ...]]  # the connection or the disk, not the statement
    failed: ClassVar[tuple[type[Exception], ...]]  # any failure of the database

    # Search. The index is cut into bands of ``BAND`` ids, a power of two, and each word in it begins with its band's
    # name: so a query reads one band, whatever stands in the others.
    BAND: ClassVar[int]
    SEARCH_INDEX: ClassVar[tuple[str, ...]]  # makes the index over ``message.words``
    NO_SEARCH_INDEX: ClassVar[tuple[str, ...]]  # takes away whatever of it there is
    INDEX_NEW: ClassVar[str]  # run before a commit; empty where the index follows by itself
    BEFORE_SEARCH: ClassVar[str]  # run in the snapshot before the first search; may be empty
    SEARCH: ClassVar[str]  # ids, the newest first: of what matches, from an id, below an id, at most so many

    @abstractmethod
    def matching(self, words: Sequence[str], band: int) -> str:
        """What :attr:`SEARCH` takes for all of ``words`` in a band: letters and digits, the last a beginning."""

    @abstractmethod
    def begin_writing(self, connection: Any) -> None:
        """Begin a transaction that will write."""

    @abstractmethod
    def next_unit(self, connection: Any) -> None:
        """Keep what was done since ``SAVEPOINT unit``, and set that savepoint anew."""

    @abstractmethod
    def own(self, sql: str) -> str:
        """``sql`` with this database's placeholders for ``?``."""

    @abstractmethod
    def alone(self) -> AbstractContextManager[None]:
        """Keep other processes from changing the schema meanwhile; waits until they have done so."""

    @abstractmethod
    def lost(self) -> bool:
        """Whether this thread's connection has ended, so that a new one may succeed where it failed."""


LOCK_S = 10.0  # that a writer waits for the others
PATIENCE_S = 0.03  # after which it asks to be the next
SQLITE_BAND_BITS = 14


def _banded(number: str, words: str) -> str:
    """SQL for ``words`` with the band's name, six hexadecimal digits, before each."""
    band = f"printf('%06x', {number} >> {SQLITE_BAND_BITS})"
    return f"{band} || replace({words}, ' ', ' ' || {band})"


class Sqlite(Dialect, SqliteDatabase):
    """A file, opened for durability: a commit that returned survives a power cut."""

    name = "sqlite"
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
    # The beginning of a word that every message has is merged in 4 ms; of 1,000,000 messages it took 300 ms.
    BAND = 1 << SQLITE_BAND_BITS
    # tokenize: the words come ready, so that all which is not ASCII is a letter here. detail: no query has phrases.
    SEARCH_INDEX = (
        f"CREATE VIEW message_banded AS SELECT id, {_banded('id', 'words')} AS words FROM message",
        "CREATE VIRTUAL TABLE message_search USING fts5(words, content='message_banded', content_rowid='id',"
        " tokenize='ascii', detail='none')",
        "INSERT INTO message_search (message_search) VALUES ('rebuild')",
        "CREATE TRIGGER message_search_delete AFTER DELETE ON message BEGIN"
        " INSERT INTO message_search (message_search, rowid, words)"
        f" VALUES ('delete', old.id, {_banded('old.id', 'old.words')}); END",
    )
    NO_SEARCH_INDEX = (
        "DROP TRIGGER IF EXISTS message_search_delete",
        "DROP TABLE IF EXISTS message_search",
        "DROP VIEW IF EXISTS message_banded",
    )
    # At the end of a commit, not by a trigger: FTS5 writes a segment at every savepoint, and each unit has one. That
    # cost 41 µs of CPU for a message, this costs 5 µs (17 words, 128 messages in a commit).
    INDEX_NEW = (
        "INSERT INTO message_search (rowid, words) SELECT id, words FROM message_banded"
        " WHERE id > (SELECT COALESCE(MAX(id), 0) FROM message_search_docsize)"
    )
    BEFORE_SEARCH = ""
    SEARCH = (
        "SELECT rowid FROM message_search WHERE message_search MATCH ? AND rowid >= ? AND rowid < ?"
        " ORDER BY rowid DESC LIMIT ?"
    )

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
            timeout=LOCK_S,
            check_same_thread=True,
        )
        self._turns = Turns(Path(path))

    def matching(self, words: Sequence[str], band: int) -> str:
        """See :class:`Dialect`; a quoted string is never syntax (SQLite FTS5, 3.1)."""
        return " ".join(f'"{band:06x}{word}"' for word in words) + "*"

    def begin_writing(self, connection: Any) -> None:
        """See :class:`Dialect`; several processes take turns, and none waits for longer than 10 s."""
        until = time.monotonic() + LOCK_S
        self._turns.heed(until)
        if _began(connection, PATIENCE_S):
            return
        with self._turns.next(until):
            while not _began(connection, LOOK_S):
                if time.monotonic() > until:
                    raise sqlite3.OperationalError("database is locked")

    def next_unit(self, connection: Any) -> None:
        """See :class:`Dialect`."""
        connection.execute("RELEASE SAVEPOINT unit")
        connection.execute("SAVEPOINT unit")

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


def _began(connection: Any, patience_s: float) -> bool:
    """Whether the file could be locked for writing within so long."""
    connection.execute(f"PRAGMA busy_timeout = {round(patience_s * 1000)}")
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as failure:
        if failure.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout = {round(LOCK_S * 1000)}")
    return True


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
