"""The store: one writer that commits many requests at once, and a few readers beside it.

Every change is a *unit*: a function of a :class:`Transaction` that runs on the writer's thread. Units that wait
together share one transaction and one flush to the disk (group commit), each in a savepoint of its own, so a bad
one fails alone. ``commit`` returns when the unit is durable (SQLite: WAL with ``synchronous=FULL``; PostgreSQL:
``synchronous_commit``). On PostgreSQL several processes may write: the lock of the counter row lets one in at a time.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from peewee import Database

from replyx.database import models
from replyx.database.dialect import DatabaseUnusable, Dialect, dialect_of
from replyx.database.migrations import migrate
from replyx.database.models import database as bound_database
from replyx.database.opening import database_at
from replyx.database.rows import Delete, Insert, replacing
from replyx.database.sqlite import Sqlite
from replyx.delivery import eventlog
from replyx.delivery.eventlog import LoggedEvent
from replyx.delivery.outage import Outage
from replyx.delivery.trouble import Trouble
from replyx.errors import StoreUnavailable

log = logging.getLogger("replyx.store")

T = TypeVar("T")
Unit = Callable[["Transaction"], T]
Query = Callable[["Snapshot"], T]

GROUP = 256  # units in one commit: past this the flush is already a small share of the work
WAITING = 10_000  # units in the queue before callers are told to come back
READERS = 3

PROBE = "probe"  # the fact that is written to see whether one can write; gone a moment later
PROBE_BYTES = 40_000  # 10,000 characters, the most that a message has, of four bytes each
_PROBE = Insert(models.Installation, replacing(models.Installation.key, models.Installation.value))
_NO_PROBE = Delete(models.Installation, f"{models.Installation.key} = ?")
_TOUCH = f"UPDATE {models.Counter} SET top = top WHERE {models.Counter.id} = 1"

_encode = msgspec.json.Encoder().encode


class Snapshot:
    """A consistent view for reading: every statement of one query sees the same state.

    ``execute`` runs one statement with ``?`` placeholders and returns its cursor, ``executemany`` one for each of
    several rows, ``stream`` gives the rows of one as they are asked for. They are the connection's own: with peewee's
    ``execute_sql`` between, and a statement per event, the writer needed 66 µs of CPU for a message, without 42 µs.
    """

    def __init__(self, database: Database) -> None:
        connection = database.connection()
        self.execute: Callable[..., Any] = connection.execute
        self.executemany: Callable[..., Any] = connection.executemany
        self.stream: Callable[..., Iterable[Any]] = dialect_of(database).streaming(connection)


class Transaction(Snapshot):
    """What a unit may do: read, write, and append the events that report its change."""

    def __init__(self, database: Database, now_ms: int) -> None:
        super().__init__(database)
        self.now_ms = now_ms
        self.events: list[LoggedEvent] = []
        dialect = dialect_of(database)
        self._index_new = dialect.INDEX_NEW
        self._last = eventlog.top(self, dialect.LOCK_ROW)

    def append(self, topics: tuple[str, ...], event: msgspec.Struct) -> int:
        """Log ``event`` for the subscribers of ``topics`` and return its id.

        Ids are contiguous and become visible in this order when the transaction commits.
        """
        return self.append_made(topics, lambda _: event)

    def append_made(self, topics: tuple[str, ...], make: Callable[[int], msgspec.Struct]) -> int:
        """As :meth:`append`, for an event that must know its own id."""
        event_id = self._last + 1
        self.events.append(LoggedEvent(event_id, topics, _encode(make(event_id))))
        self._last = event_id
        return event_id

    def next_event_id(self) -> int:
        """The id that the next :meth:`append` of this unit will give."""
        return self._last + 1

    def mark(self) -> int:
        """A point in the unit's work that :meth:`rewind` can return to."""
        return len(self.events)

    def rewind(self, mark: int) -> None:
        """Forget the events appended since ``mark``."""
        self._last -= len(self.events) - mark
        del self.events[mark:]

    def seal(self) -> None:
        """Write the events and the counter; the last statements before the commit."""
        if self.events:
            eventlog.append(self, self.events, self.now_ms)
            if self._index_new:
                self.execute(self._index_new)


@dataclass(slots=True, eq=False)
class _Waiting(Generic[T]):
    """A unit in the queue, and what became of it."""

    unit: Unit[T]
    future: asyncio.Future[T]
    result: Any = None
    error: BaseException | None = None


class Store:
    """Opens the database, owns the writer's thread and the readers.

    ``on_commit`` is called on the loop with the events of each commit, in id order, before the callers of those
    units continue: an answer never overtakes its own effect on this process's caches.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._dialect = dialect_of(database)
        self._outage = Outage(self._look, self._dialect.failed)
        self._clock = clock
        self._queue: queue.SimpleQueue[_Waiting[Any] | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._thread = threading.Thread(target=self._write_until_closed, name="writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.on_commit: Callable[[Sequence[LoggedEvent]], None] = lambda events: None
        self.trouble = Trouble(self._probe)
        self.commits = 0
        self.changes = 0  # units that these commits kept
        self._closing = False

    @property
    def dialect(self) -> Dialect:
        """What this store's database says in its own words."""
        return self._dialect

    @classmethod
    def open(cls, place: Path | str, clock: Callable[[], float]) -> Store:
        """Open the database of a URL, or an SQLite file that need not exist yet, and bring its schema up to date.

        Raises :class:`DatabaseUnusable`, and :class:`replyx.database.migrations.SchemaTooNew`.
        """
        database = Sqlite(place) if isinstance(place, Path) else database_at(place)
        bound_database.initialize(database)
        try:
            with database.connection_context():
                migrate(database)
        except dialect_of(database).failed as failure:
            raise DatabaseUnusable(f"the database cannot be opened: {failure}") from failure
        return cls(database, clock)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to take units; results are handed to ``loop``."""
        self._loop = loop
        self._outage.start(loop, self._readers)
        self.trouble.start(loop)
        self._thread.start()

    async def commit(self, unit: Unit[T]) -> T:
        """Run ``unit`` in the next transaction; returns its result when that is on the disk.

        Raises what the unit raised (its changes undone, others' kept), or :class:`StoreUnavailable` when the
        database failed or too many units wait: then nothing of the unit was kept.
        """
        assert self._loop is not None, "the store was not started"
        self._check_open()
        if self._queue.qsize() >= WAITING:
            raise StoreUnavailable("Too much is waiting to be written. Try again shortly.", retry_after=1)
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Waiting(unit, future))
        return await future

    async def read(self, query: Query[T]) -> T:
        """Run ``query`` on a reader's thread in one snapshot. Raises :class:`StoreUnavailable`."""
        assert self._loop is not None, "the store was not started"
        self._check_open()
        return await self._loop.run_in_executor(self._readers, self.query, query)

    def query(self, query: Query[T]) -> T:
        """As :meth:`read`, on the calling thread: for start-up and the command line."""
        self._outage.check()
        try:
            return self._connected(lambda: self._in_snapshot(query))
        except self._dialect.failed as failure:
            log.error("a read failed: %s", failure)
            self._drop_connection()
            raise StoreUnavailable("The store cannot be read now.", retry_after=1) from failure

    def change(self, unit: Unit[T]) -> T:
        """As :meth:`commit`, on the calling thread, before :meth:`start`: for set-up and the command line."""
        waiting: _Waiting[T] = _Waiting(unit, None)  # type: ignore[arg-type]
        self._run_group([waiting])
        if waiting.error is not None:
            raise waiting.error
        result: T = waiting.result
        return result

    def disconnect(self) -> None:
        """Close the calling thread's connection, behind the last :meth:`query` or :meth:`change`."""
        self._database.close()

    async def close(self) -> None:
        """Finish what waits, then close every connection; what comes later is :class:`StoreUnavailable`."""
        self._closing = True
        await self.trouble.close()
        await self._outage.close()
        self._queue.put(None)
        if self._loop is not None:
            await self._loop.run_in_executor(None, self._thread.join)
        self._readers.shutdown(wait=True)

    def check_writable(self) -> None:
        """Write nothing of consequence, before :meth:`start`. Raises :class:`DatabaseUnusable` where that is forbidden.

        A full disk raises nothing: what is stored can be read, and there may be room again.
        """
        try:
            self.change(_touch)
        except StoreUnavailable as refusal:
            if refusal.__cause__ is not None and self._dialect.is_read_only(refusal.__cause__):
                raise DatabaseUnusable(f"the database cannot be written: {self.trouble.cause}") from refusal

    @property
    def failing(self) -> bool:
        """Whether the database is away or cannot be written."""
        return self._outage.away or bool(self.trouble.cause)

    @property
    def waiting(self) -> int:
        """Units in the queue."""
        return self._queue.qsize()

    def _check_open(self) -> None:
        if self._closing:
            raise StoreUnavailable("The server is stopping. Try again.", retry_after=2)
        self._outage.check()

    def _connected(self, work: Callable[[], T]) -> T:
        """``work`` on this thread's connection; on a new one where that had ended while nobody used it."""
        fresh = self._database.connect(reuse_if_open=True)
        try:
            return work()
        except self._dialect.failed:
            if fresh or not self._dialect.lost():
                raise
        self._database.close()
        self._database.connect()
        return work()

    def _in_snapshot(self, query: Query[T]) -> T:
        self._database.execute_sql(self._dialect.BEGIN_READING)
        try:
            return query(Snapshot(self._database))
        finally:
            if not self._dialect.lost():
                self._database.execute_sql("ROLLBACK")

    def _look(self) -> None:
        """Read anything at all; raises while the database is away."""
        self._connected(lambda: self._database.execute_sql("SELECT 1"))

    async def _probe(self) -> None:
        """Write as much as the largest message is, and take it away again. Raises :class:`StoreUnavailable`."""
        text = secrets.token_hex(PROBE_BYTES // 2)  # not to be compressed
        await self.commit(lambda tx: _PROBE.add(tx, key=PROBE, value=text))
        await self.commit(lambda tx: _NO_PROBE.drop(tx, PROBE))

    def _drop_connection(self) -> None:
        if self._dialect.lost():
            self._outage.begin()
        self._database.close()  # rolls back whatever is open

    def _write_until_closed(self) -> None:
        while True:
            group = self._next_group()
            if group is None:
                self._database.close()
                return
            events = self._run_group(group)
            assert self._loop is not None
            self._loop.call_soon_threadsafe(self._hand_over, group, events)

    def _next_group(self) -> list[_Waiting[Any]] | None:
        first = self._queue.get()
        if first is None:
            return None
        group = [first]
        while len(group) < GROUP:
            try:
                another = self._queue.get_nowait()
            except queue.Empty:
                break
            if another is None:
                self._queue.put(None)
                break
            group.append(another)
        return group

    def _run_group(self, group: Sequence[_Waiting[Any]]) -> list[LoggedEvent]:
        """One transaction for the whole group; every unit ends with a result or an error."""
        refusals: tuple[type[Exception], ...] = (*self._dialect.failed, StoreUnavailable)
        committing = False
        try:
            self._outage.check()
            transaction = self._connected(self._begin)
            for waiting in group:
                self._run_unit(transaction, waiting)
            transaction.execute("RELEASE SAVEPOINT unit")  # SQLite copies each page that is written below a savepoint
            transaction.seal()
            committing = True
            self._database.execute_sql("COMMIT")
        except refusals as failure:
            cause = self._dialect.why(failure)
            level = logging.DEBUG if self.trouble.cause == cause else logging.ERROR  # one line for what lasts
            log.log(level, "a commit failed, %d changes were refused: %s", len(group), failure)
            if not self._dialect.lost():  # else there is an outage, which is over when there is a connection
                self.trouble.begin(cause)
            self._give_up(group, failure, kept_perhaps=committing and self._dialect.lost())
            return []
        self.commits += 1
        self.changes += sum(waiting.error is None for waiting in group)
        return transaction.events

    def _begin(self) -> Transaction:
        self._dialect.begin_writing(self._database.connection())
        transaction = Transaction(self._database, int(self._clock() * 1000))
        transaction.execute("SAVEPOINT unit")
        return transaction

    def _run_unit(self, transaction: Transaction, waiting: _Waiting[Any]) -> None:
        mark = transaction.mark()
        try:
            waiting.result = waiting.unit(transaction)
        except self._dialect.unusable:
            raise  # the connection or the disk, not the unit: the whole group answers 503
        except Exception as error:
            transaction.execute("ROLLBACK TO SAVEPOINT unit")
            transaction.rewind(mark)
            waiting.error = error
        self._dialect.next_unit(self._database.connection())

    def _give_up(self, group: Sequence[_Waiting[Any]], failure: Exception, kept_perhaps: bool) -> None:
        self._drop_connection()
        detail = "The store cannot be written now. Nothing was kept."
        if kept_perhaps:  # the connection ended between COMMIT and its answer
            detail = "The store was lost while it wrote. Repeat with the same client_id to learn what was kept."
        for waiting in group:
            waiting.error = StoreUnavailable(detail, retry_after=1)
            waiting.error.__cause__ = failure

    def _hand_over(self, group: Sequence[_Waiting[Any]], events: Sequence[LoggedEvent]) -> None:
        try:
            if events:
                self.on_commit(events)
        finally:
            for waiting in group:
                if waiting.future.done():  # the caller went away; the change stands
                    continue
                if waiting.error is not None:
                    waiting.future.set_exception(waiting.error)
                else:
                    waiting.future.set_result(waiting.result)


def _touch(transaction: Transaction) -> None:
    transaction.execute(_TOUCH)
