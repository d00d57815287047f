"""All in which SQLite and PostgreSQL differ, as words and a few methods, so that everything else can be written once.

A database is peewee's, with the words of its :class:`Dialect`. SQL elsewhere is written with ``?`` for values and
``{auto}``, ``{boolean}`` and the like where a migration makes tables.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple


class DatabaseUnusable(Exception):
    """The database cannot be opened; the text says why, and never holds a password."""


class Sought(NamedTuple):
    """A word to look for; ``begins`` where any word with this beginning will do."""

    word: str
    begins: bool = False


class Dialect(ABC):
    """What a database says in its own words. Mixed into peewee's class for it."""

    name: ClassVar[str]
    BEGIN_READING: ClassVar[str]  # one whose statements all see the same state
    LOCK_ROW: ClassVar[str]  # behind a SELECT: keeps other writers out until the commit
    SIZE: ClassVar[str]  # a query for the bytes that the database takes
    words: ClassVar[Mapping[str, str]]  # for ``str.format`` of the statements that make tables
    # Connections are used as they are, so the driver's own errors arrive beside peewee's.
    unusable: ClassVar[tuple[type[Exception], ...]]  # the connection or the disk, not the statement
    failed: ClassVar[tuple[type[Exception], ...]]  # any failure of the database

    # Search. The index is cut into bands of ``BAND`` ids, a power of two, and each word in it begins with its band's
    # name: so a query reads one band, whatever stands in the others.
    BAND: ClassVar[int]
    SEARCH_INDEX: ClassVar[tuple[str, ...]]  # makes the index over ``message.words``
    NO_SEARCH_INDEX: ClassVar[tuple[str, ...]]  # takes away whatever of it there is
    DIALOG_INDEX: ClassVar[tuple[str, ...]]  # the same over ``dialog_words``, and lets words of messages change
    INDEX_NEW: ClassVar[str]  # run before a commit; empty where the index follows by itself
    BEFORE_SEARCH: ClassVar[str]  # run in the snapshot before the first search; may be empty
    SEARCH: ClassVar[str]  # ids, the newest first: of what matches, from an id, below an id, at most so many
    SEARCH_DIALOGS: ClassVar[str]  # as SEARCH, of dialogs
    AND: ClassVar[str]
    OR: ClassVar[str]

    def matching(self, terms: Sequence[Sequence[Sequence[Sought]]], band: int) -> str:
        """What :attr:`SEARCH` takes for each of ``terms`` in a band, that is all words of one of its ways."""
        either = (self.OR.join(f"({self._all(way, band)})" for way in ways) for ways in terms)
        return self.AND.join(f"({term})" for term in either)

    def _all(self, way: Sequence[Sought], band: int) -> str:
        return self.AND.join(self.sought(f"{band:06x}{each.word}", each.begins) for each in way)

    @abstractmethod
    def sought(self, word: str, begins: bool) -> str:
        """A word, letters and digits, in a query; ``begins`` where any with this beginning will do."""

    @abstractmethod
    def streaming(self, connection: Any) -> Callable[..., Iterable[Any]]:
        """How rows are read as they are asked for, in one transaction: a function of a statement and its values."""

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
    def is_read_only(self, failure: BaseException) -> bool:
        """Whether a write failed because the database may only be read."""

    @abstractmethod
    def is_full(self, failure: BaseException) -> bool:
        """Whether a write failed for want of room."""

    def why(self, failure: BaseException) -> str:
        """Why a write failed, as the end of a sentence for people. Holds no value of a statement."""
        if self.is_full(failure):
            return "the disk is full"
        if self.is_read_only(failure):
            return "this server may only read it; look at the owner and the mode of its files"
        return "the log has the reason"

    @abstractmethod
    def lost(self) -> bool:
        """Whether this thread's connection has ended, so that a new one may succeed where it failed."""


def causes(failure: BaseException | None) -> Iterator[BaseException]:
    """A failure and what it comes from: peewee wraps the driver's errors in its own."""
    while failure is not None:
        yield failure
        failure = failure.__cause__ or failure.__context__


@lru_cache(maxsize=1024)  # statements are constants; there are a few hundred
def percent_placeholders(sql: str) -> str:
    """``sql`` with ``%s`` for each ``?``, as psycopg wants it; no statement has a ``?`` of another meaning."""
    return sql.replace("%", "%%").replace("?", "%s")


def scalar(database: Any, sql: str, params: Sequence[object] = ()) -> Any:
    """The one value that a statement in the database's own words brings; None where there is no row."""
    row = database.execute_sql(sql, params).fetchone()
    return None if row is None else row[0]


def dialect_of(database: Any) -> Dialect:
    """The words of a database that :func:`database_at` made."""
    assert isinstance(database, Dialect)
    return database
