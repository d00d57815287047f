"""SQLite in the words of a :class:`Dialect`: one file, one writer at a time, flushed at each commit."""

from __future__ import annotations

import errno
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from peewee import DatabaseError, InterfaceError, OperationalError, SqliteDatabase

from replyx.database.dialect import DatabaseUnusable, Dialect, causes
from replyx.database.turns import LOOK_S, Turns

LOCK_S = 10.0  # that a writer waits for the others
PATIENCE_S = 0.03  # after which it asks to be the next
SQLITE_BAND_BITS = 14
LEAST = (3, 35, 0)  # has RETURNING
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def _banded(number: str, words: str) -> str:
    """SQL for ``words`` with the band's name, six hexadecimal digits, before each."""
    band = f"printf('%06x', {number} >> {SQLITE_BAND_BITS})"
    return f"{band} || replace({words}, ' ', ' ' || {band})"


def _add(table: str, key: str) -> str:
    """SQL of a trigger that indexes the new row of a table."""
    return f"INSERT INTO {table}_search (rowid, words) VALUES (new.{key}, {_banded(f'new.{key}', 'new.words')});"


def _drop(table: str, key: str) -> str:
    """SQL of a trigger that takes the old row of a table out of the index (SQLite FTS5, 6.3)."""
    old = f"old.{key}, {_banded(f'old.{key}', 'old.words')}"
    return f"INSERT INTO {table}_search ({table}_search, rowid, words) VALUES ('delete', {old});"


class Sqlite(Dialect, SqliteDatabase):
    """A file, opened for durability: a commit that returned survives a power cut."""

    name = "sqlite"
    BEGIN_READING = "BEGIN"
    LOCK_ROW = ""  # there is one writer anyway
    SIZE = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
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
        f"CREATE TRIGGER message_search_delete AFTER DELETE ON message BEGIN {_drop('message', 'id')} END",
    )
    # Words of a message change only where it was indexed in an earlier commit (replyx/conversations/search_index.py).
    DIALOG_INDEX = (
        "CREATE TRIGGER message_search_update AFTER UPDATE OF words ON message BEGIN"
        f" {_drop('message', 'id')} {_add('message', 'id')} END",
        "CREATE VIEW dialog_banded AS"
        f" SELECT dialog_id AS id, {_banded('dialog_id', 'words')} AS words FROM dialog_words",
        "CREATE VIRTUAL TABLE dialog_search USING fts5(words, content='dialog_banded', content_rowid='id',"
        " tokenize='ascii', detail='none')",
        f"CREATE TRIGGER dialog_search_insert AFTER INSERT ON dialog_words BEGIN {_add('dialog', 'dialog_id')} END",
        f"CREATE TRIGGER dialog_search_delete AFTER DELETE ON dialog_words BEGIN {_drop('dialog', 'dialog_id')} END",
        "CREATE TRIGGER dialog_search_update AFTER UPDATE ON dialog_words BEGIN"
        f" {_drop('dialog', 'dialog_id')} {_add('dialog', 'dialog_id')} END",
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
    SEARCH_DIALOGS = SEARCH.replace("message_search", "dialog_search")
    AND, OR = " AND ", " OR "

    def __init__(self, path: Path) -> None:
        if sqlite3.sqlite_version_info < LEAST:
            least = ".".join(map(str, LEAST[:2]))
            raise DatabaseUnusable(f"SQLite {least} or newer is needed, this Python has {sqlite3.sqlite_version}")
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

    def sought(self, word: str, begins: bool) -> str:
        """See :class:`Dialect`; a quoted string is never syntax (SQLite FTS5, 3.1)."""
        return f'"{word}"{" *" if begins else ""}'

    def streaming(self, connection: Any) -> Callable[..., Iterable[Any]]:
        """See :class:`Dialect`; SQLite's own cursors are such."""
        execute: Callable[..., Iterable[Any]] = connection.execute
        return execute

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

    def is_read_only(self, failure: BaseException) -> bool:
        """See :class:`Dialect`; of the file, or of the one beside it that keeps the turns."""
        forbidden = any(isinstance(each, OSError) and each.errno in _FORBIDDEN for each in causes(failure))
        return forbidden or _code(failure) & 0xFF == sqlite3.SQLITE_READONLY

    def is_full(self, failure: BaseException) -> bool:
        """See :class:`Dialect`; a quota or a limit of the process ends a write in another way than a full disk."""
        return _code(failure) & 0xFF == sqlite3.SQLITE_FULL or _code(failure) == sqlite3.SQLITE_IOERR_WRITE

    def lost(self) -> bool:
        """See :class:`Dialect`; a file stays."""
        return False


def _code(failure: BaseException) -> int:
    """SQLite's extended result code of a failure; 0 for none of SQLite's."""
    return next((each.sqlite_errorcode for each in causes(failure) if hasattr(each, "sqlite_errorcode")), 0)


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
