"""The event log: what happened, in commit order, with one number for every client's place in it.

Ids are contiguous: an id comes from the counter row, in the transaction that makes the change, so a hole between
two ids always means "not seen yet" and never "rolled back". A :class:`Cursor` pairs an id with the epoch of the
database: after a restore from a backup the same id may name another event, and only the epoch tells.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from replyx.database.rows import Rows
from replyx.errors import CursorMalformed

CURSOR = re.compile(r"(?:([0-9a-f]{1,16})-)?([0-9]{1,18})")

PAGE_EVENTS = 256
PAGE_BYTES = 128 * 1024  # with the largest event this bounds what one catch-up read holds in memory


@dataclass(frozen=True, slots=True)
class Cursor:
    """A client's place in the log. ``epoch`` is None where a client sent a bare number."""

    epoch: str | None
    id: int

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read ``<epoch>-<id>`` or a bare integer; raises :class:`CursorMalformed`."""
        match = CURSOR.fullmatch(text)
        if match is None:
            raise CursorMalformed(
                "A cursor is the id of an event as it was received, such as 5f3a-120, or a bare number."
            )
        return cls(match[1], int(match[2]))

    def __str__(self) -> str:
        return f"{self.epoch}-{self.id}" if self.epoch else str(self.id)


@dataclass(slots=True, eq=False)
class LoggedEvent:
    """A durable event: its payload is the JSON object that clients see, without the cursor.

    ``frames`` keeps the bytes of each wire format, so that an event is encoded once for all its subscribers.
    """

    id: int
    topics: tuple[str, ...]
    payload: bytes
    frames: dict[object, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as the log keeps it; ``created_at`` is in milliseconds since the epoch."""

    id: int
    topics: tuple[str, ...]
    payload: bytes
    created_at: int


@dataclass(frozen=True, slots=True)
class LogPage:
    """Events in id order; nothing of the asked topics is missing up to and including ``reached``."""

    events: Sequence[LoggedEvent]
    reached: int


def top(rows: Rows) -> int:
    """The id of the newest committed event; 0 for an empty log."""
    return int(rows.execute("SELECT top FROM counter WHERE id = 1").fetchone()[0])


def floor(rows: Rows) -> int:
    """The lowest cursor that misses nothing: one less than the oldest event that retention kept."""
    row = rows.execute("SELECT MIN(id) FROM event").fetchone()
    return int(row[0]) - 1 if row[0] is not None else top(rows)


def epoch(rows: Rows) -> str:
    """The random name of this database's line of events."""
    return str(rows.execute("SELECT value FROM installation WHERE key = 'epoch'").fetchone()[0])


def append(rows: Rows, events: Sequence[LoggedEvent], now_ms: int) -> None:
    """Write events with the ids they were given; part of the transaction whose changes they report."""
    rows.executemany(
        "INSERT INTO event (id, topics, payload, created_at) VALUES (?, ?, ?, ?)",
        [(event.id, " ".join(event.topics), event.payload.decode(), now_ms) for event in events],
    )
    rows.executemany(
        "INSERT INTO event_topic (topic, event_id) VALUES (?, ?)",
        [(topic, event.id) for event in events for topic in event.topics],
    )


def since(rows: Rows, after: int, topics: Iterable[str], limit: int = PAGE_EVENTS) -> LogPage:
    """The events of ``topics`` behind ``after``, oldest first, each once, at most ``limit`` of them.

    One index range per topic, merged: the cost follows what is returned, not the length of the log.
    """
    newest = top(rows)
    ids: list[list[int]] = []
    for topic in topics:
        found = rows.execute(
            "SELECT event_id FROM event_topic WHERE topic = ? AND event_id > ? AND event_id <= ?"
            " ORDER BY event_id LIMIT ?",
            (topic, after, newest, limit + 1),
        ).fetchall()
        ids.append([row[0] for row in found])
    merged: list[int] = []
    for event_id in heapq.merge(*ids):
        if not merged or merged[-1] != event_id:
            merged.append(event_id)
    return _page(rows, merged, limit, newest)


def between(rows: Rows, after: int, up_to: int) -> list[LoggedEvent]:
    """Every event with ``after < id <= up_to``, whatever its topics: how a hub fills a hole."""
    found = rows.execute("SELECT id, topics, payload FROM event WHERE id > ? AND id <= ? ORDER BY id", (after, up_to))
    return [_event(row) for row in found.fetchall()]


def after(rows: Rows, cursor: int) -> list[Entry]:
    """The events behind ``cursor``, whatever their topics, at most a page; empty at the end of the log."""
    found = rows.execute(
        "SELECT id, topics, payload, created_at FROM event WHERE id > ? ORDER BY id LIMIT ?", (cursor, PAGE_EVENTS)
    )
    page: list[Entry] = []
    size = 0
    for event_id, topics, payload, created_at in found:
        page.append(Entry(event_id, tuple(topics.split(" ")), payload.encode(), created_at))
        size += len(page[-1].payload)
        if size >= PAGE_BYTES:
            break
    return page


def prune(rows: Rows, older_than_ms: int, keep: int, limit: int = 2000) -> int:
    """Drop at most ``limit`` of the oldest events that are past the age or the count; returns how many went.

    Ends at the first event that must stay. The stamps need not rise with the ids: clocks differ and are set back, and
    an event that was stamped long ago by mistake must not take the younger ones before it along.
    """
    by_count = top(rows) - keep
    oldest = rows.execute("SELECT id, topics, created_at FROM event ORDER BY id LIMIT ?", (limit,))
    doomed = list(takewhile(lambda row: row[0] <= by_count or row[2] < older_than_ms, oldest.fetchall()))
    for event_id, topics, _ in doomed:
        for topic in topics.split(" "):
            rows.execute("DELETE FROM event_topic WHERE topic = ? AND event_id = ?", (topic, event_id))
    if doomed:
        rows.execute("DELETE FROM event WHERE id <= ?", (doomed[-1][0],))
    return len(doomed)


def _event(row: Sequence[Any]) -> LoggedEvent:
    return LoggedEvent(row[0], tuple(row[1].split(" ")), row[2].encode())


def _page(rows: Rows, ids: list[int], limit: int, newest: int) -> LogPage:
    """Load the events themselves until the page holds ``limit`` of them or :data:`PAGE_BYTES`."""
    events: list[LoggedEvent] = []
    size = 0
    for event_id in ids[:limit]:
        row = rows.execute("SELECT id, topics, payload FROM event WHERE id = ?", (event_id,)).fetchone()
        if row is None:  # pruned between the index and the row: the caller's floor check answers with a resync
            continue
        events.append(_event(row))
        size += len(events[-1].payload)
        if size >= PAGE_BYTES:
            break
    complete = len(ids) <= limit and (not ids or (events and events[-1].id == ids[-1]))
    return LogPage(events, newest if complete or not events else events[-1].id)
