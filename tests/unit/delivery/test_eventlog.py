"""The event log: cursors, pages, holes and retention, on the real tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyx.database.migrations import migrate
from replyx.database.sqlite import Sqlite
from replyx.delivery import eventlog
from replyx.delivery.eventlog import Cursor, LoggedEvent
from replyx.delivery.store import Snapshot, Transaction
from replyx.errors import CursorMalformed

TOPICS = ("hats", "inbox", "shoes")
History = list[tuple[tuple[str, ...], int]]


class Happened(msgspec.Struct, tag_field="type", tag="happened"):
    """An event of some size."""

    padding: str


class Log(Snapshot):
    """A view of a database that can be written too."""

    def __init__(self, database: Sqlite) -> None:
        super().__init__(database)
        self.database = database


@contextmanager
def log() -> Iterator[Log]:
    """An empty log."""
    database = Sqlite(Path(":memory:"))
    migrate(database)
    yield Log(database)
    database.close()


def write(rows: Log, topics: tuple[str, ...], size: int = 0, now_ms: int = 0) -> LoggedEvent:
    """Append one event the way a unit does."""
    tx = Transaction(rows.database, now_ms)
    tx.append(topics, Happened("x" * size))
    tx.seal()
    return tx.events[0]


@pytest.mark.parametrize(
    ("text", "cursor"),
    [
        ("0", Cursor(None, 0)),
        ("120", Cursor(None, 120)),
        ("5f3a-120", Cursor("5f3a", 120)),
        ("0123456789abcdef-999999999999999999", Cursor("0123456789abcdef", 999999999999999999)),
    ],
)
def test_a_cursor_reads_back_as_it_was_written(text: str, cursor: Cursor) -> None:
    assert Cursor.parse(text) == cursor
    assert str(cursor) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "-1", "5f3a-", "5f3a", "5F3A-1", "5f3a-1-2", " 1", "1 ", "1\n", "+1", "1.0", "xyz-1", "٣", "1" * 19),
        *("0123456789abcdef0-1", "5f3a--1", "null", "undefined", "5f3a-1\r\nX: y"),
    ],
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(CursorMalformed):
        Cursor.parse(text)


events = st.tuples(
    st.sets(st.sampled_from(TOPICS), min_size=1).map(lambda topics: tuple(sorted(topics))),
    st.sampled_from([0, 50, 5000]),
)


@given(
    st.lists(events, max_size=40), st.sets(st.sampled_from([*TOPICS, "nobody"])), st.integers(0, 45), st.integers(1, 9)
)
def test_pages_together_hold_each_event_of_the_topics_once_in_order(
    history: History, topics: set[str], after: int, limit: int
) -> None:
    with log() as rows, pytest.MonkeyPatch.context() as patch:
        patch.setattr(eventlog, "PAGE_BYTES", 6000)
        for of, size in history:
            write(rows, of, size)
        told: list[int] = []
        reached = min(after, len(history))
        while True:
            page = eventlog.since(rows, reached, topics, limit)
            assert len(page.events) <= limit
            assert sum(len(event.payload) for event in page.events[:-1]) < 6000, "only the last may pass the bound"
            assert page.reached > reached or not page.events
            told += [event.id for event in page.events]
            reached = page.reached
            if reached == len(history):
                break
        wanted = [id for id, (of, _) in enumerate(history, start=1) if topics & set(of)]
        assert told == [id for id in wanted if id > after]


def test_a_page_ends_at_its_bytes_and_says_so() -> None:
    with log() as rows, pytest.MonkeyPatch.context() as patch:
        patch.setattr(eventlog, "PAGE_BYTES", 1000)
        for _ in range(5):
            write(rows, ("shoes",), 600)
        page = eventlog.since(rows, 0, ["shoes"])
        assert [event.id for event in page.events] == [1, 2]
        assert page.reached == 2


def test_an_event_comes_back_as_it_was_written() -> None:
    with log() as rows:
        written = write(rows, ("shoes", "inbox"), 10)
        (read,) = eventlog.since(rows, 0, ["inbox"]).events
        assert (read.id, read.topics, read.payload) == (written.id, written.topics, written.payload)
        assert read.payload == b'{"type":"happened","padding":"xxxxxxxxxx"}'


def test_between_gives_every_event_whatever_its_topics() -> None:
    with log() as rows:
        for topic in ("shoes", "hats", "directory", "shoes"):
            write(rows, (topic,))
        found = eventlog.between(rows, 1, 3)
        assert [(event.id, event.topics) for event in found] == [(2, ("hats",)), (3, ("directory",))]
        assert eventlog.between(rows, 4, 10) == []


def test_pruning_by_count_keeps_the_newest_and_moves_the_floor() -> None:
    with log() as rows:
        for _ in range(10):
            write(rows, ("shoes", "inbox"))
        assert eventlog.floor(rows) == 0
        assert eventlog.prune(rows, 0, keep=4) == 6
        assert eventlog.prune(rows, 0, keep=4) == 0
        assert eventlog.floor(rows) == 6
        assert [event.id for event in eventlog.since(rows, 6, ["inbox"]).events] == [7, 8, 9, 10]
        assert rows.execute("SELECT COUNT(*) FROM event_topic").fetchone()[0] == 8, "the index is pruned with its rows"


def test_pruning_by_age_goes_on_where_the_clock_was_set_back() -> None:
    """What is pruned is always the beginning of the log: a hole in it would look like a loss."""
    with log() as rows:
        for now_ms in (10, 20, 15, 30, 40):
            write(rows, ("shoes",), now_ms=now_ms)
        assert eventlog.prune(rows, 25, keep=100) in (2, 3)
        while eventlog.prune(rows, 25, keep=100):
            pass
        ids = [event.id for event in eventlog.between(rows, 0, 5)]
        assert ids == list(range(ids[0], 6))
        assert {4, 5} <= set(ids)


def test_an_event_that_a_wrong_clock_stamped_long_ago_takes_no_younger_one_along() -> None:
    """A machine whose clock starts in 1970 wrote one event, and all before it were pruned days before their time."""
    with log() as rows:
        for now_ms in (30, 40, 0, 50):
            write(rows, ("shoes",), now_ms=now_ms)
        assert eventlog.prune(rows, 25, keep=100) == 0
        assert eventlog.floor(rows) == 0


def test_pruning_goes_a_piece_at_a_time_and_may_empty_the_log() -> None:
    with log() as rows:
        for _ in range(10):
            write(rows, ("shoes",))
        assert [eventlog.prune(rows, 0, 0, limit=4) for _ in range(4)] == [4, 4, 2, 0]
        assert eventlog.floor(rows) == eventlog.top(rows) == 10
        assert write(rows, ("shoes",)).id == 11, "ids go on"
        assert eventlog.floor(rows) == 10


def test_an_empty_log_has_an_epoch_and_nothing_else() -> None:
    with log() as rows, log() as others:
        assert eventlog.top(rows) == eventlog.floor(rows) == 0
        assert eventlog.since(rows, 0, TOPICS) == eventlog.LogPage([], 0)
        assert eventlog.epoch(rows) != eventlog.epoch(others)
        assert Cursor.parse(f"{eventlog.epoch(rows)}-0").epoch == eventlog.epoch(rows)
