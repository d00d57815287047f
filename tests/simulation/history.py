"""What really happened, kept apart from the code that is tested, and what follows from it for one client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from peewee import Database

from replyx.delivery import eventlog
from replyx.delivery.eventlog import Cursor
from replyx.delivery.store import Snapshot
from tests.simulation.streams import Block


class Said(msgspec.Struct, tag_field="type", tag="said", frozen=True):
    """An event that knows its number among all that were ever made, and the id it was promised."""

    number: int
    own_id: int
    padding: str = ""


@dataclass(frozen=True, slots=True)
class Happened:
    """One committed event."""

    topics: frozenset[str]
    said: Said


@dataclass(slots=True)
class History:
    """Every event of the present log from its first, also those that retention has pruned since."""

    epoch: str
    events: list[Happened] = field(default_factory=list)
    floor: int = 0

    @property
    def top(self) -> int:
        """The id of the newest event."""
        return len(self.events)

    def look(self, database: Database) -> None:
        """Take in what the log holds now, and see that its ids are in order, each once and without a hole."""
        rows = Snapshot(database)
        self.floor = eventlog.floor(rows)
        found = rows.execute("SELECT id, topics, payload FROM event WHERE id > ? ORDER BY id", (self.top,)).fetchall()
        for event_id, topics, payload in found:
            said = msgspec.json.decode(payload, type=Said)
            assert event_id == self.top + 1, f"event {event_id} follows {self.top} in the log"
            assert said.own_id == event_id, f"event {event_id} was promised the id {said.own_id}"
            self.events.append(Happened(frozenset(topics.split(" ")), said))
        assert eventlog.top(rows) == self.top, "the counter and the newest event are one"
        lowest, highest, count = rows.execute("SELECT MIN(id), MAX(id), COUNT(*) FROM event").fetchone()
        assert count == 0 or (highest == self.top and count == highest - lowest + 1), "the log has a hole"

    def holds(self, number: int) -> bool:
        """Whether the event with this number is in the log's line."""
        return any(event.said.number == number for event in self.events)


class Story:
    """What one client has been told, against what it must be told.

    Raises AssertionError at the first thing that is wrong: an event out of order, lost, twice, not the client's, a
    ``resync`` that is not true. A story without an ``epoch`` began with a bare number.
    """

    def __init__(self, history: History, topics: frozenset[str], floors: Mapping[str, int]) -> None:
        self.history = history
        self.topics = topics
        self.floors = floors
        self.place: Cursor | None = None
        self.certain = 0  # what the client was certainly told up to, as the server knows it: it need not be told again
        self.resyncs = 0
        self._ahead_of = 0
        self._reloaded = False

    def begin(self, cursor: Cursor | None) -> None:
        """A connection opens with ``cursor``; without one the opening says where the story begins."""
        self.place = cursor
        self.resyncs = 0
        self._ahead_of = self.history.top

    @property
    def foreign(self) -> bool:
        """Whether the client's place is one of another database's log."""
        return self.place is not None and self.place.epoch not in (None, self.history.epoch)

    @property
    def ahead(self) -> bool:
        """Whether the client's place is one that the log has not reached."""
        return self.place is not None and self.place.id > self.history.top

    def owed(self) -> int | None:
        """The id of the next event that the client must be told; None when it has heard everything."""
        assert self.place is not None
        for event_id in range(self.place.id + 1, self.history.top + 1):
            if self._is_owed(event_id):
                return event_id
        return None

    def _is_owed(self, event_id: int) -> bool:
        topics = self.history.events[event_id - 1].topics
        return any(topic in self.topics and event_id > self.floors.get(topic, 0) for topic in topics)

    def _is_known_from_elsewhere(self, event_id: int, owed: int | None) -> bool:
        """Below a floor. A client that was told to reload may hear such events all the same, each in its turn."""
        assert self.place is not None
        ours = not self.topics.isdisjoint(self.history.events[event_id - 1].topics)
        return self._reloaded and ours and self.place.id < event_id and (owed is None or event_id < owed)

    def take(self, block: Block) -> None:
        """The next thing that the client is told."""
        if block.kind == "opening":
            self._opening(block.cursor)
        elif block.kind == "resync":
            self._resync(block)
        elif block.kind == "said":
            self._event(block)
        else:
            assert block.cursor is None, "an ephemeral event has no place in the log"

    def _opening(self, cursor: Cursor | None) -> None:
        if self.place is None:
            assert cursor is not None
            assert cursor.epoch == self.history.epoch
            assert cursor.id <= self.history.top
            self.place = cursor
        elif cursor is not None:
            assert cursor.id == self.place.id, "an opening leaves the client where it was"
            assert self.place.epoch in (None, cursor.epoch)
            self.place = cursor

    def _resync(self, block: Block) -> None:
        place, history = self.place, self.history
        assert place is not None
        self._is_ours(block.cursor)
        assert block.cursor is not None
        reason = block.event["reason"]
        if reason == "epoch":
            assert self.foreign, f"{place} is of this log"
        elif reason == "ahead":
            assert not self.foreign
            assert place.id > self._ahead_of, f"{place} was in the log, which stood at {self._ahead_of}"
        else:
            assert reason == "retention"
            assert not self.foreign
            told = max(place.id, self.certain)
            assert told < history.floor, f"told up to {told}, and the log begins behind {history.floor}"
        if reason != "retention":
            self.resyncs += 1
            assert self.resyncs == 1, "one resync is enough"
        self.place = block.cursor
        self._reloaded = True

    def _event(self, block: Block) -> None:
        self._is_ours(block.cursor)
        assert block.cursor is not None
        assert not self.foreign, "an event before the resync"
        event_id = block.cursor.id
        owed = self.owed()
        if not self._is_known_from_elsewhere(event_id, owed):
            assert event_id == owed, f"{event_id} was told where {owed} is next behind {self.place}"
        said = msgspec.convert(block.event, Said)
        assert said == self.history.events[event_id - 1].said, f"{event_id} is another event in the log"
        self.place = block.cursor

    def _is_ours(self, cursor: Cursor | None) -> None:
        assert cursor is not None, "it must say where the client stands"
        assert cursor.epoch == self.history.epoch, f"{cursor} is not of the log {self.history.epoch}"
        assert cursor.id <= self.history.top, f"{cursor} is ahead of the log, which stands at {self.history.top}"

    def complete(self) -> None:
        """The client is connected and nothing is on its way: it must have heard everything."""
        assert not self.foreign, "a client of another log was not told to reload"
        assert not self.ahead, f"{self.place} is ahead of the log, and the client was not told"
        assert self.owed() is None, f"{self.owed()} never came to the client at {self.place}"
