"""Faults planted on purpose, one class or two each: the simulation must find every one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from replyx.database.rows import Rows
from replyx.delivery import eventlog, store
from replyx.delivery.eventlog import Cursor, LoggedEvent
from replyx.delivery.hub import Hub
from replyx.delivery.store import Transaction
from replyx.delivery.subscription import State, Subscription
from replyx.delivery.wire import Wire
from replyx.redis.bus_wire import Happened, logged
from replyx.socketio import selection
from tests.simulation.clients import StableSubscription
from tests.simulation.processes import LossyBus, Parts, SteppedStore
from tests.simulation.world import Plan


class HoleBlindHub(Hub):
    """Takes any later event for the next one."""

    def deliver(self, events: Sequence[LoggedEvent]) -> None:
        for event in events:
            if event.id > self.last:
                self.last = event.id
                self._apply([event])


class UnorderedHub(Hub):
    """Hands on whatever arrives, as it arrives."""

    def deliver(self, events: Sequence[LoggedEvent]) -> None:
        for event in events:
            self.last = max(self.last, event.id)
            self._apply([event])


class HoardingHub(Hub):
    """Keeps every event that is too early."""

    def deliver(self, events: Sequence[LoggedEvent]) -> None:
        self._early.update({event.id: event for event in events if event.id > self.last + 1})
        super().deliver(events)


class ForgetfulHub(Hub):
    """A subscription that is behind goes live without a replay."""

    def resume(self, subscription: Subscription) -> None:
        if not subscription.sink.full:
            subscription.go_live()


class TrustingHub(Hub):
    """Believes a cursor of another epoch."""

    def subscribe(self, subscription: Subscription, cursor: Cursor | None) -> None:
        super().subscribe(subscription, Cursor(None, cursor.id) if cursor is not None else None)


class HopefulHub(Hub):
    """Believes a cursor that is ahead of the log."""

    def _resync(self, subscription: Subscription, reason: str) -> None:
        if reason != "ahead":
            super()._resync(subscription, reason)
        else:
            subscription.go_live()


class SilentHub(Hub):
    """Goes on behind what was pruned without a word."""

    def _resync(self, subscription: Subscription, reason: str) -> None:
        if reason != "retention":
            super()._resync(subscription, reason)
        else:
            subscription.cursor = self.last
            subscription.go_live()


class ChattyHub(Hub):
    """Tells a client to reload twice."""

    def _resync(self, subscription: Subscription, reason: str) -> None:
        super()._resync(subscription, reason)
        if not subscription.sink.full:
            super()._resync(subscription, reason)


class SkippingHub(Hub):
    """Jumps over what was pruned before it arrived, and leaves its subscriptions live."""

    def _skip_to(self, lowest: int) -> None:
        self.last = lowest
        self._hole.set()
        self._recent.clear()


class DiscreetHub(Hub):
    """Tells nobody but its clients that something was pruned before it came."""

    def watch_skips(self, watcher: Callable[[], None]) -> None:
        pass


class LateHub(Hub):
    """Tells its listeners of an event when it comes and when it is applied."""

    def _keep_early(self, event: LoggedEvent) -> None:
        super()._keep_early(event)
        self._told_early.clear()


class SteppingBackHub(Hub):
    """Takes a place that was read ahead of what arrived here for the place of the hub."""

    def position(self, subscription: Subscription) -> Cursor:
        live = subscription.state is State.LIVE
        return Cursor(self.epoch, self.last if live else subscription.cursor)


class HastyHub(Hub):
    """Lets a subscription go live before the event that its filter waits for."""

    def resume(self, subscription: Subscription) -> None:
        ready_at, subscription.ready_at = subscription.ready_at, 0
        super().resume(subscription)
        subscription.ready_at = ready_at


class GreedySubscription(StableSubscription):
    """Goes on writing into a full sink."""

    def fall_behind(self) -> None:
        pass


class RepeatingSubscription(StableSubscription):
    """Does not compare ids: what was replayed comes again when it arrives."""

    def offer(self, event_id: int, frame: bytes) -> bool:
        if self.state is not State.LIVE:
            return False
        self.cursor = event_id
        self._waiting.append(frame)
        return len(self._waiting) == 1


class HoldingSubscription(StableSubscription):
    """Keeps a turn's frames for the next one."""

    def flush(self) -> bool:
        return len(self._waiting) < 2 or super().flush()


class EagerStore(SteppedStore):
    """Announces what a commit was about to write, also when the commit failed."""

    def _run_group(self, group: Any) -> list[LoggedEvent]:
        kept: list[LoggedEvent] = []
        for waiting in group:
            waiting.unit = _noting(waiting.unit, kept)
        super()._run_group(group)
        return kept


def _noting(unit: Any, kept: list[LoggedEvent]) -> Any:
    def noted(tx: Transaction) -> Any:
        before = len(tx.events)
        result = unit(tx)
        kept.extend(tx.events[before:])
        return result

    return noted


class GullibleBus(LossyBus):
    """Lets through what was announced before the database was replaced."""

    def arrive(self, messages: Sequence[bytes]) -> None:
        said = [body for message in messages for body in msgspec.json.decode(message, type=Message).said]
        self.hub.deliver([logged(body) for body in said])


class Message(msgspec.Struct):
    """A message of the bus, believed as it is."""

    said: list[Happened]


class LeakingTransaction(Transaction):
    """Does not give back the ids of a unit that was undone."""

    def rewind(self, mark: int) -> None:
        del self.events[mark:]


def all_of_it(rows: Rows, after: int, topics: Iterable[str], limit: int = 4) -> eventlog.LogPage:
    """A page that claims to reach the top, whatever it holds."""
    page = SINCE(rows, after, topics, limit)
    return eventlog.LogPage(page.events, eventlog.top(rows))


def prune_by_the_newest_stamp(rows: Rows, older_than_ms: int, keep: int, limit: int = 2000) -> int:
    """Takes the newest of the old events for the end of what is old: a clock that was wrong prunes the young ones."""
    aged = rows.execute("SELECT MAX(id) FROM event WHERE created_at < ?", (older_than_ms,)).fetchone()[0]
    return PRUNE(rows, older_than_ms, min(keep, eventlog.top(rows) - (aged or 0)), limit)


def as_live(selected: selection.Selection, event: LoggedEvent) -> Wire | None:
    """Hands on what the client has from elsewhere."""
    return selected.wire_of(event.topics[0])


SINCE, PRUNE = eventlog.since, eventlog.prune


@dataclass(frozen=True)
class Mutant:
    """A world with one fault: other parts, or another function in a module."""

    plan: Plan
    patches: tuple[tuple[object, str, object], ...] = ()


def hub(kind: type[Hub]) -> Mutant:
    """A world of these hubs."""
    return Mutant(Plan(Parts(hub=kind)))


def subscription(kind: type[Subscription]) -> Mutant:
    """A world whose clients subscribe so."""
    return Mutant(Plan(subscription=kind))


MUTANTS = {
    "a hub that does not see holes": hub(HoleBlindHub),
    "a hub that hands on what comes as it comes": hub(UnorderedHub),
    "a hub that keeps every early event": hub(HoardingHub),
    "going live without a replay": hub(ForgetfulHub),
    "trust in a foreign epoch": hub(TrustingHub),
    "trust in a cursor ahead of the log": hub(HopefulHub),
    "silence about what was pruned": hub(SilentHub),
    "two resyncs for one": hub(ChattyHub),
    "a jump over what was pruned": hub(SkippingHub),
    "caches that are not told of a jump": hub(DiscreetHub),
    "listeners that are told twice": hub(LateHub),
    "a place that is taken back": hub(SteppingBackHub),
    "no wait for a filter": hub(HastyHub),
    "a floor that is none": Mutant(Plan(), ((selection.Selection, "wire_for", as_live),)),
    "writing into a full sink": subscription(GreedySubscription),
    "no comparison of ids": subscription(RepeatingSubscription),
    "frames kept for the next turn": subscription(HoldingSubscription),
    "nobody follows the log": Mutant(Plan(Parts(follows=False))),
    "announcing before the commit": Mutant(Plan(Parts(store=EagerStore))),
    "announcements of a database that was replaced": Mutant(Plan(Parts(bus=GullibleBus))),
    "ids that are not given back": Mutant(Plan(), ((store, "Transaction", LeakingTransaction),)),
    "a page that claims too much": Mutant(Plan(), ((eventlog, "since", all_of_it),)),
    "pruning by the newest stamp": Mutant(Plan(), ((eventlog, "prune", prune_by_the_newest_stamp),)),
}
