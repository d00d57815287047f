"""The driver: hypothesis decides what happens next, and shortens the story when something went wrong."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from replyx import tasks
from replyx.delivery import eventlog, hub, recent
from replyx.delivery.eventlog import Cursor
from tests.simulation.clients import Client
from tests.simulation.processes import CACHED
from tests.simulation.streams import FORMATS
from tests.simulation.world import Plan, World, make_template

TOPICS = ("hats", "inbox", "shoes")

picks = st.integers(0, 11)
few = st.lists(st.integers(0, 30), min_size=1, max_size=5)
topic_sets = st.sets(st.sampled_from(TOPICS), min_size=1).map(lambda chosen: tuple(sorted(chosen)))
written = st.sets(st.sampled_from([*TOPICS, CACHED]), min_size=1).map(lambda chosen: tuple(sorted(chosen)))
events = st.lists(st.tuples(written, st.sampled_from([0, 0, 40, 400])), min_size=1, max_size=4)
kinds = st.sampled_from(sorted(FORMATS))
bounds = st.sampled_from([250, 600, 100_000])
byte_counts = st.integers(0, 600)


failures: list[BaseException] = []  # of the background tasks of all processes


def note_failure(task: asyncio.Task[None]) -> None:
    """A background task must not fail: a real process would end itself."""
    if not task.cancelled() and (failure := task.exception()) is not None:
        failures.append(failure)


@contextmanager
def small_bounds() -> Iterator[None]:
    """Every bound of the hub and the log within reach of a short story."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recent, "RECENT_EVENTS", 6)
        patch.setattr(recent, "RECENT_BYTES", 1500)
        patch.setattr(hub, "EARLY_EVENTS", 2)
        patch.setattr(hub, "SEND_BYTES", 300)
        patch.setattr(eventlog, "PAGE_BYTES", 500)
        patch.setattr(eventlog, "PAGE_EVENTS", 4)
        patch.setattr(tasks, "_ended", note_failure)
        yield


class Simulation(RuleBasedStateMachine):
    """Each rule is one thing that happens; after each, everything that must hold is looked at."""

    plan: ClassVar[Plan] = Plan()
    steps: ClassVar[int] = 0
    template: ClassVar[Path | None] = None

    def __init__(self) -> None:
        super().__init__()
        failures.clear()
        self.folder = tempfile.TemporaryDirectory(prefix="replyx-simulation-")
        self.world: World | None = None
        self.joined = 0

    @property
    def w(self) -> World:
        assert self.world is not None
        return self.world

    @initialize(processes=st.sampled_from([1, 2, 2, 3]), kinds=st.lists(kinds, min_size=3, max_size=3), bound=bounds)
    def begin(self, processes: int, kinds: list[str], bound: int) -> None:
        assert self.template is not None
        self.world = World(Path(self.folder.name), self.template, self.plan, processes)
        for number, kind in enumerate(kinds):  # somebody is there from the first event on
            self.join_as(number, kind, frozenset(TOPICS[: number + 1]), bound, None, {})

    # Writing

    @rule(pick=picks, events=events, quick=st.integers(0, 3))
    def send(self, pick: int, events: Any, quick: int) -> None:
        self.w.send(pick, events, fails=False)
        if quick >= 1:
            self.w.write(pick)
        if quick >= 2:
            self.w.hand_over(pick)

    @rule(pick=picks, events=events)
    def send_and_announce(self, pick: int, events: Any) -> None:
        self.send(pick, events, quick=2)

    @rule(pick=picks, events=events)
    def send_what_is_undone(self, pick: int, events: Any) -> None:
        self.w.send(pick, events, fails=True)

    @rule(pick=picks)
    def write(self, pick: int) -> None:
        self.w.write(pick)

    @rule(pick=picks)
    def hand_over(self, pick: int) -> None:
        self.w.hand_over(pick)

    @rule(pick=picks, keep=st.sampled_from([0, 3, 1000, 1000]))
    def prune(self, pick: int, keep: int) -> None:
        self.w.prune(pick, keep)

    @rule(pick=picks, events=events, by=picks)
    def send_by_a_wrong_clock(self, pick: int, events: Any, by: int) -> None:
        self.w.skew(pick, -3650 * 86400.0)
        self.send(pick, events, quick=2)
        self.w.skew(pick, 0)
        self.w.prune(by, 1000)

    @rule(pick=picks, events=events)
    def what_is_lost_is_pruned(self, pick: int, events: Any) -> None:
        self.send(pick, events, quick=1)
        self.w.crash(pick, 0)
        self.w.prune(pick, 0)

    # Between processes

    @rule(pick=picks, chosen=few, again=st.booleans())
    def announce(self, pick: int, chosen: list[int], again: bool) -> None:
        self.w.announce(pick, chosen, again=again)

    @rule(pick=picks)
    def announce_all(self, pick: int) -> None:
        self.w.announce_all(pick)

    @rule(pick=picks, chosen=few)
    def lose(self, pick: int, chosen: list[int]) -> None:
        self.w.lose(pick, chosen)

    @rule(pick=picks, topics=topic_sets)
    def typing(self, pick: int, topics: tuple[str, ...]) -> None:
        self.w.typing(pick, topics)

    @rule(pick=picks, seconds=st.sampled_from([0.0, 0.05]))
    def patience(self, pick: int, seconds: float) -> None:
        self.w.patience(pick, seconds)

    # The database

    @rule(pick=picks, holding=st.booleans())
    def hold_reads(self, pick: int, holding: bool) -> None:
        self.w.hold(pick, holding=holding)

    @rule(pick=picks, read=picks)
    def look(self, pick: int, read: int) -> None:
        self.w.look(pick, read)

    @rule(pick=picks, read=picks)
    def answer(self, pick: int, read: int) -> None:
        self.w.answer(pick, read)

    @rule(pick=picks, kind=st.sampled_from(["away", "lose_commit", "lose_answer"]))
    def database_fails(self, pick: int, kind: str) -> None:
        self.w.fail(pick, kind)

    @rule(pick=picks, kind=st.sampled_from(["away", "lose_commit", "lose_answer"]), events=events)
    def send_while_the_database_fails(self, pick: int, kind: str, events: Any) -> None:
        self.w.fail(pick, kind)
        self.send(pick, events, quick=2)
        self.w.heal(pick)

    @rule(pick=picks)
    def database_returns(self, pick: int) -> None:
        self.w.heal(pick)

    @rule()
    def back_up(self) -> None:
        self.w.back_up()

    @rule(arrived=byte_counts)
    def restore(self, arrived: int) -> None:
        self.w.restore(arrived)

    # Time and processes

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 3.0]))
    def time_passes(self, seconds: float) -> None:
        self.w.pass_time(seconds)

    @rule(pick=picks, days=st.sampled_from([-3650, -2, 2]))
    def clock_jumps(self, pick: int, days: int) -> None:
        self.w.skew(pick, days * 86400.0)

    @rule(pick=picks, arrived=byte_counts)
    def crash(self, pick: int, arrived: int) -> None:
        self.w.crash(pick, arrived)

    # Clients

    @rule(
        pick=picks,
        kind=kinds,
        topics=topic_sets.map(frozenset),
        bound=bounds,
        place=st.sampled_from(["none", "none", "ours", "ours", "bare", "theirs"]),
        back=st.integers(-3, 12),
        known=st.none() | st.integers(0, 3),
    )
    def join(
        self, pick: int, kind: str, topics: frozenset[str], bound: int, place: str, back: int, known: int | None
    ) -> None:
        top = self.w.history.top
        cursor = None if place == "none" else Cursor(self.epoch_named(place), max(0, top - back))
        # A client that has read a topic's history knows it up to where the log stood then.
        floors = {} if known is None else dict.fromkeys(topics, max(0, top - known))
        self.join_as(pick, kind, topics, bound, cursor, floors)

    @rule(pick=picks, by=picks, events=events, kind=kinds, bound=bounds)
    def join_behind_a_history(self, pick: int, by: int, events: Any, kind: str, bound: int) -> None:
        """The history holds what another process has written, and this one has not heard of."""
        self.send(by, events, quick=1)
        self.join(pick, kind, frozenset(TOPICS), bound, "none", 0, 0)

    def join_as(
        self, pick: int, kind: str, topics: frozenset[str], bound: int, cursor: Cursor | None, floors: dict[str, int]
    ) -> None:
        self.joined += 1
        self.w.join(pick, Client(self.joined, self.w.history, kind, topics, bound, floors), cursor)

    def epoch_named(self, place: str) -> str | None:
        return {"ours": self.w.history.epoch, "bare": None, "theirs": "f" * 8}[place]

    def client(self, pick: int) -> Client | None:
        return self.w.clients[pick % len(self.w.clients)] if self.w.clients else None

    @rule(pick=picks, size=byte_counts)
    def read_a_little(self, pick: int, size: int) -> None:
        if client := self.client(pick):
            self.w.read(client, size)

    @rule(pick=picks)
    def read_all(self, pick: int) -> None:
        if (client := self.client(pick)) and client.connection is not None:
            self.w.read(client, len(client.connection.unsent))

    @rule(pick=picks, arrived=byte_counts, noticed=st.booleans())
    def cut(self, pick: int, arrived: int, noticed: bool) -> None:
        if client := self.client(pick):
            self.w.cut(client, arrived, noticed=noticed)

    @rule(pick=picks, process=picks)
    def resume(self, pick: int, process: int) -> None:
        if client := self.client(pick):
            self.w.resume(client, process)

    @rule(pick=picks, topics=topic_sets.map(frozenset))
    def change_topics(self, pick: int, topics: frozenset[str]) -> None:
        if client := self.client(pick):
            self.w.change_topics(client, topics)

    @rule(pick=picks, process=picks, topics=topic_sets.map(frozenset), events=events)
    def move(self, pick: int, process: int, topics: frozenset[str], events: Any) -> None:
        """A client that has heard of what its next process has not."""
        client = self.client(pick)
        if client is not None and client.connection is not None:
            self.send(self.w.processes.index(client.connection.process), events, quick=2)
            self.read_all(pick)
            self.w.cut(client, 0, noticed=True)
            self.w.resume(client, process)
            self.read_all(pick)
            self.w.change_topics(client, topics)

    @rule(pick=picks, process=picks, events=st.lists(events, min_size=4, max_size=8))
    def miss_much(self, pick: int, process: int, events: list[Any]) -> None:
        if client := self.client(pick):
            self.read_all(pick)
            self.w.cut(client, 0, noticed=True)
            for group in events:
                self.send(process, group, quick=2)
            self.w.resume(client, process)

    @rule(pick=picks)
    def leave(self, pick: int) -> None:
        if client := self.client(pick):
            self.w.leave(client)

    @rule()
    def dead_connections_are_noticed(self) -> None:
        self.w.bury()

    @rule()
    def all_is_quiet(self) -> None:
        self.w.quiet()

    # What holds

    @invariant()
    def everything_holds(self) -> None:
        Simulation.steps += 1
        self.no_task_failed()
        if self.world is not None:
            self.world.check()

    def no_task_failed(self) -> None:
        if failures:
            raise failures[0]

    def teardown(self) -> None:
        try:
            if self.world is not None and sys.exc_info()[0] is None:
                self.world.quiet()
                self.no_task_failed()
        finally:
            if self.world is not None:
                self.world.close()
            self.folder.cleanup()


@contextmanager
def prepared() -> Iterator[None]:
    """What all machines need: small bounds, a database to copy, and no line for each of thousands of faults."""
    with small_bounds(), tempfile.TemporaryDirectory(prefix="replyx-template-") as folder:
        Simulation.template = make_template(Path(folder) / "template.db")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
