"""The event log: what happened, in commit order, with one number for every client's place in it.

Ids are contiguous: an id comes from the counter row, in the transaction that makes the change, so a hole between
two ids always means "not seen yet" and never "rolled back". A :class:`Cursor` pairs an id with the epoch of the
database: after a restore from a backup the same id may name another event, and only the epoch tells.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import takewhile
from typing import TypeVar

from replyx.database.models import Counter, Event, EventTopic, Installation
from replyx.database.rows import DEFAULT, Delete, Insert, Made, Rows, Select, Update, computed, select, value
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


E = TypeVar("E", LoggedEvent, Entry)


@dataclass(frozen=True, slots=True)
class LogPage:
    """Events in id order; nothing of the asked topics is missing up to and including ``reached``."""

    events: Sequence[LoggedEvent]
    reached: int


@dataclass(frozen=True, slots=True)
class _Stamped:
    """When an event was logged, and for whom."""

    id: int
    topics: tuple[str, ...]
    created_at: int


def _split(topics: str) -> tuple[str, ...]:
    return tuple(topics.split(" "))


_topics, _payload = Made(_split, Event.topics), Made(str.encode, Event.payload)
_EVENTS = select(LoggedEvent, Event, topics=_topics, payload=_payload, frames=DEFAULT)
_EVENT = _EVENTS.where(f"{Event.id} = ?")
_BETWEEN = _EVENTS.where(f"{Event.id} > ? AND {Event.id} <= ?", f"ORDER BY {Event.id}")
_ENTRIES = select(Entry, Event, topics=_topics, payload=_payload).where(
    f"{Event.id} > ?", f"ORDER BY {Event.id} LIMIT ?"
)
_OLDEST_FIRST = select(_Stamped, Event, topics=_topics).where("TRUE", f"ORDER BY {Event.id} LIMIT ?")
_LOWEST: Select[int | None] = computed(int, f"MIN({Event.id})", Event)
_IDS = value(EventTopic.event_id).where(
    f"{EventTopic.topic} = ? AND {EventTopic.event_id} > ? AND {EventTopic.event_id} <= ?",
    f"ORDER BY {EventTopic.event_id} LIMIT ?",
)
_NEWEST_AT = value(Event.created_at).where(f"{Event.id} = (SELECT MAX({Event.id}) FROM {Event})")
_EPOCH = value(Installation.value).where(f"{Installation.key} = 'epoch'")
_ADD_EVENT = Insert(Event)
_ADD_TOPIC = Insert(EventTopic)
_DROP_EVENTS = Delete(Event, f"{Event.id} <= ?")
_DROP_TOPIC = Delete(EventTopic, f"{EventTopic.topic} = ? AND {EventTopic.event_id} = ?")
_MOVE_TOP = Update(Counter, f"{Counter.id} = 1")


@cache
def _top(lock: str) -> Select[int]:
    return value(Counter.top).where(f"{Counter.id} = 1", lock)


def top(rows: Rows, lock: str = "") -> int:
    """The id of the newest committed event; 0 for an empty log. ``lock`` is a dialect's ``LOCK_ROW``, for a writer."""
    return _top(lock).only(rows)


def floor(rows: Rows) -> int:
    """The lowest cursor that misses nothing: one less than the oldest event that retention kept."""
    lowest = _LOWEST.only(rows)
    return top(rows) if lowest is None else lowest - 1


def newest_at(rows: Rows) -> int | None:
    """When the newest event was written, in milliseconds since the epoch (UTC); None of an empty log."""
    return _NEWEST_AT.one(rows)


def epoch(rows: Rows) -> str:
    """The random name of this database's line of events."""
    return _EPOCH.only(rows)


def append(rows: Rows, events: Sequence[LoggedEvent], now_ms: int) -> None:
    """Write events with the ids they were given, the counter with them; part of the transaction they report."""
    _ADD_EVENT.many(
        rows,
        [
            {"id": each.id, "topics": " ".join(each.topics), "payload": each.payload.decode(), "created_at": now_ms}
            for each in events
        ],
    )
    _ADD_TOPIC.many(rows, [{"topic": topic, "event_id": each.id} for each in events for topic in each.topics])
    _MOVE_TOP.change(rows, top=events[-1].id)


def since(rows: Rows, after: int, topics: Iterable[str], limit: int = PAGE_EVENTS) -> LogPage:
    """The events of ``topics`` behind ``after``, oldest first, each once, at most ``limit`` of them.

    One index range per topic, merged: the cost follows what is returned, not the length of the log.
    """
    newest = top(rows)
    ids = [_IDS.all(rows, topic, after, newest, limit + 1) for topic in topics]
    merged: list[int] = []
    for event_id in heapq.merge(*ids):
        if not merged or merged[-1] != event_id:
            merged.append(event_id)
    return _page(rows, merged, limit, newest)


def between(rows: Rows, after: int, up_to: int) -> list[LoggedEvent]:
    """The events with ``after < id <= up_to``, whatever their topics, at most a page: how a hub fills a hole."""
    return _within_page(_BETWEEN.each(rows, after, min(up_to, after + PAGE_EVENTS)))


def after(rows: Rows, cursor: int) -> list[Entry]:
    """The events behind ``cursor``, whatever their topics, at most a page; empty at the end of the log."""
    return _within_page(_ENTRIES.each(rows, cursor, PAGE_EVENTS))


def prune(rows: Rows, older_than_ms: int, keep: int, limit: int = 2000) -> int:
    """Drop at most ``limit`` of the oldest events that are past the age or the count; returns how many went.

    Ends at the first event that must stay. The stamps need not rise with the ids: clocks differ and are set back, and
    an event that was stamped long ago by mistake must not take the younger ones before it along.
    """
    by_count = top(rows) - keep
    oldest = _OLDEST_FIRST.all(rows, limit)
    doomed = list(takewhile(lambda event: event.id <= by_count or event.created_at < older_than_ms, oldest))
    for event in doomed:
        for topic in event.topics:
            _DROP_TOPIC.drop(rows, topic, event.id)
    if doomed:
        _DROP_EVENTS.drop(rows, doomed[-1].id)
    return len(doomed)


def _within_page(found: Iterator[E]) -> list[E]:
    """``found`` up to the event with which it comes to :data:`PAGE_BYTES`; no more of it is read."""
    page: list[E] = []
    size = 0
    for event in found:
        page.append(event)
        size += len(event.payload)
        if size >= PAGE_BYTES:
            break
    return page


def _page(rows: Rows, ids: list[int], limit: int, newest: int) -> LogPage:
    """Load the events themselves until the page holds ``limit`` of them or :data:`PAGE_BYTES`."""
    events: list[LoggedEvent] = []
    size = 0
    for event_id in ids[:limit]:
        event = _EVENT.one(rows, event_id)
        if event is None:  # pruned between the index and the row: the caller's floor check answers with a resync
            continue
        events.append(event)
        size += len(event.payload)
        if size >= PAGE_BYTES:
            break
    complete = len(ids) <= limit and (not ids or (events and events[-1].id == ids[-1]))
    return LogPage(events, newest if complete or not events else events[-1].id)
