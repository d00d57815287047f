"""Move a whole installation from one database to another: every table, in batches, verified row by row.

The source is locked against writing for as long as the move takes, and the target carries a mark until the move is
whole: no server starts on it before. Each batch is a transaction of its own, so a move that was interrupted goes on
behind the last row that arrived. Epoch and counter come along, so clients resume on the target with their cursors.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice, zip_longest
from pathlib import Path

from peewee import Database, DatabaseError, InterfaceError

from replyx.database.dialect import dialect_of, scalar
from replyx.database.migrations import MIGRATIONS, MOVING, apply, fact, version_of
from replyx.database.models import Account, Counter, Installation
from replyx.database.rows import Insert
from replyx.database.sqlite import Sqlite
from replyx.database.tables import Catalog, Table, catalog_of

BATCH = 5_000  # rows in one transaction of the target
FACTS = str(Installation)
TOP = f"SELECT {Counter.top} FROM {Counter}"
EMPTY = "Give an empty database"

Say = Callable[[str], None]


class MoveRefused(Exception):
    """The move cannot begin or go on; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A table that is alike on both sides: how many rows it has, and the digest of them all in the order of the key."""

    table: str
    rows: int
    digest: str


def move(source: Database, target: Database, say: Say, batch: int = BATCH) -> list[Moved]:
    """Bring everything from ``source`` to ``target``, which is empty or holds the beginning of this same move.

    ``say`` is told of each batch. Raises :class:`MoveRefused`; what has arrived stays, and the next call goes on.
    """
    if isinstance(source, Sqlite) and not Path(str(source.database)).is_file():
        raise MoveRefused(f"there is no file {source.database}")
    try:
        return _moved(source, target, say, batch)
    except (DatabaseError, InterfaceError) as failure:
        raise MoveRefused(f"a database failed: {failure}. Begin again, and it goes on from where it was") from failure


def _moved(source: Database, target: Database, say: Say, batch: int) -> list[Moved]:
    with ExitStack() as both:
        for database in (source, target):
            both.enter_context(database.connection_context())
        one, other = catalog_of(source), catalog_of(target)
        if one.identity() == other.identity():
            raise MoveRefused("both URLs name the same database")
        for database in (source, target):
            both.enter_context(dialect_of(database).alone())
        return _Move(one, other, say, batch).run()


class _Move:
    """One move; source and target are open, and no other process changes their schema."""

    def __init__(self, source: Catalog, target: Catalog, say: Say, batch: int) -> None:
        self._source = source
        self._target = target
        self._say = say
        self._batch = batch

    def run(self) -> list[Moved]:
        source, target = self._source, self._target
        self._check_source()
        self._prepare_target()
        moved = []
        for table in source.in_order_of_references():
            if table.name != FACTS:
                self._copy(table)
                with target.database.atomic():
                    moved.append(self._verified(table))
        given = source.sequences()
        for name in target.sequences():
            target.set_sequence(name, given.get(name, 0))
        moved.append(self._finish())
        source.database.execute_sql("ROLLBACK")
        return moved

    def _check_source(self) -> None:
        version = version_of(self._source.database)
        if version != len(MIGRATIONS):
            raise MoveRefused(
                f"the source has schema version {version}, this program works with {len(MIGRATIONS)}:"
                " start the server on it once, which brings it up to date"
            )
        if fact(self._source.database, MOVING) is not None:
            raise MoveRefused("the source holds only the beginning of a move: finish that one first")
        if others := self._source.others():
            raise MoveRefused(f"the source is in use: {others}. Stop its server first")

    def _prepare_target(self) -> None:
        """Leave the target with every table, the mark of this move, and nothing that did not come from the source."""
        target, database = self._target, self._target.database
        mark, identity = fact(database, MOVING), self._identity()
        if mark is not None:
            if mark != identity or version_of(database) != len(MIGRATIONS):
                raise MoveRefused("the target holds the beginning of another move, or the source has changed. " + EMPTY)
            return
        if not version_of(database) and target.names():
            raise MoveRefused("the target holds tables that are not ReplyX's. " + EMPTY)
        if version_of(database) and self._is_used():
            raise MoveRefused("the target holds an installation already. " + EMPTY)
        apply(database)
        with database.atomic():
            for table in reversed(target.in_order_of_references()):
                if table.name != FACTS:  # what migrations have put there comes from the source
                    database.execute_sql(f'DELETE FROM "{table.name}"')
            insert = target.dialect.own(Insert(Installation).sql)
            database.execute_sql(insert, (MOVING, identity))

    def _identity(self) -> str:
        """What the target was begun from: this line of events, at this place of it."""
        return f"{fact(self._source.database, 'epoch')}-{scalar(self._source.database, TOP)}"

    def _is_used(self) -> bool:
        database = self._target.database
        return bool(scalar(database, TOP) or scalar(database, f"SELECT 1 FROM {Account} LIMIT 1"))

    def _copy(self, table: Table) -> None:
        """Add what the target does not have yet, in the order of the key."""
        last = self._target.last_key(table)
        there = self._target.count(table)
        if there:
            self._say(f"{table.name}: goes on behind row {there}")
        rows = self._source.rows_after(table, last)
        while batch := list(islice(rows, self._batch)):
            with self._target.database.atomic():
                self._target.insert(table, batch)
            there += len(batch)
            self._say(f"{table.name}: {there}")

    def _verified(self, table: Table) -> Moved:
        """Compare the table row by row. Raises :class:`MoveRefused` at the first difference."""
        digest = sha256()
        count = 0
        for here, there in zip_longest(self._source.rows_after(table), self._target.rows_after(table)):
            if here != there:
                raise MoveRefused(f"{table.name} differs at its row {count + 1}: the source has changed. " + EMPTY)
            digest.update(repr(here).encode())
            count += 1
        return Moved(table.name, count, digest.hexdigest()[:16])

    def _finish(self) -> Moved:
        """Put the source's facts in the place of the target's own: with the mark gone, it is an installation."""
        table = self._source.table(FACTS)
        with self._target.database.atomic():
            if self._target.dialect.INDEX_NEW:
                self._target.database.execute_sql(self._target.dialect.INDEX_NEW)
            self._target.database.execute_sql(f"DELETE FROM {Installation}")
            self._target.insert(table, list(self._source.rows_after(table)))
            return self._verified(table)
