"""The hub: fan-out inside one process.

Events are applied strictly one id after the other. The next id goes out to its topics' subscribers, an older one is
a repeat and is dropped, and a higher one shows a hole that is read from the log first: whatever lies between the
writers and this hub may lose, repeat or swap, and no client notices.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import msgspec

from replyx import tasks
from replyx.database.rows import Rows
from replyx.delivery import eventlog
from replyx.delivery.eventlog import Cursor, LoggedEvent
from replyx.delivery.recent import Recent
from replyx.delivery.store import Store
from replyx.delivery.subscription import State, Subscription
from replyx.delivery.wire import Wire
from replyx.errors import StoreUnavailable

log = logging.getLogger("replyx.hub")

CATCHING_UP = 3  # log reads at once: as many as the store has readers
EARLY_EVENTS = 4096  # kept while a hole before them is read; what comes beyond is read from the log as well
SEND_BYTES = 16 * 1024  # what goes out in one send; also what a client that just stopped reading still gets
RETRY_S = 0.5

Listener = Callable[[LoggedEvent], None]


class Hub:
    """Knows this process's subscriptions by topic and brings each of them every event once, in id order.

    ``patience_s`` is how long a hole may wait for its event before the log is read: several writers answer each other
    within milliseconds, and what is missing is then on its way here. 0 where nothing brings it.
    """

    def __init__(self, store: Store, epoch: str, top: int) -> None:
        self.epoch = epoch
        self.last = top
        self._store = store
        self._topics: dict[str, dict[Wire, dict[Subscription, None]]] = {}
        self._listeners: dict[str, list[Listener]] = {}
        self._watchers: list[Callable[[], None]] = []
        self._skip_watchers: list[Callable[[], None]] = []
        self.holes = 0  # how often missing events were read from the log
        self._recent = Recent()
        self._early: dict[int, LoggedEvent] = {}
        self._told_early: set[int] = set()
        self._noticed = top
        self.patience_s = 0.0
        self._behind: deque[Subscription] = deque()
        self._reading: set[Subscription] = set()  # waiting in _behind, or being read for
        self._early_birds: set[Subscription] = set()  # not to go live before an event that has not arrived here
        self._wake = asyncio.Event()
        self._hole = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to catch up the subscriptions that are behind, and to fill holes."""
        self._tasks = [tasks.start(self._catch_up_forever()) for _ in range(CATCHING_UP)]
        self._tasks.append(tasks.start(self._fill_forever()))

    async def close(self) -> None:
        """Stop the hub's own tasks."""
        await tasks.stop(self._tasks)

    # Publishing

    def deliver(self, events: Sequence[LoggedEvent]) -> None:
        """Apply events in any order, with repeats and holes; what is in order goes out at once."""
        ready: list[LoggedEvent] = []
        for event in events:
            if event.id == self.last + 1:
                self.last = event.id
                ready.append(event)
            elif event.id > self.last:
                self._keep_early(event)
        while self._early and self.last + 1 in self._early:
            self.last += 1
            ready.append(self._early.pop(self.last))
        if ready:
            self._apply(ready)
        if self._early:
            self._hole.set()

    def notice(self, top: int) -> None:
        """The counter stands at ``top``: if that is past what was applied, read what is missing."""
        if top > self.last:
            self._noticed = max(self._noticed, top)
            self._hole.set()

    def deliver_ephemeral(
        self, topics: Iterable[str], event: msgspec.Struct | msgspec.Raw, source: object = None
    ) -> None:
        """Send an event without an id to whoever is live, except to the sink ``source`` that caused it."""
        payload = msgspec.json.encode(event)
        seen: set[Subscription] = set()
        for topic in topics:
            for wire, subscriptions in self._topics.get(topic, {}).items():
                frame = wire.ephemeral(payload)
                for subscription in list(subscriptions):
                    if subscription in seen or subscription.sink is source:
                        continue
                    seen.add(subscription)
                    if subscription.state is State.LIVE and not subscription.sink.write(frame):
                        subscription.fall_behind()

    def listen(self, topic: str, listener: Listener) -> None:
        """Call ``listener`` with each event of ``topic`` once, before any subscriber gets it: for caches.

        Not in id order: an event that waits for an earlier one is told at once, because an answer to the change
        that it reports may be on its way already. What was pruned before it came is not told: :meth:`watch_skips`.
        """
        self._listeners.setdefault(topic, []).append(listener)

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call ``watcher`` whenever events were applied, once for all that came together; it must not raise."""
        self._watchers.append(watcher)

    def watch_skips(self, watcher: Callable[[], None]) -> None:
        """Call ``watcher`` when events were pruned before they came here: what listeners keep may be out of date."""
        self._skip_watchers.append(watcher)

    # Subscribing

    def subscribe(self, subscription: Subscription, cursor: Cursor | None) -> None:
        """Register, then bring the subscription from ``cursor`` to the present; None means from now on.

        A cursor that this log cannot continue from gets ``resync`` and then live events.
        """
        for topic in subscription.topics:
            self._topics.setdefault(topic, {}).setdefault(subscription.wire_of(topic), {})[subscription] = None
        if cursor is None:
            subscription.cursor = self.last
            self.resume(subscription)
        elif cursor.epoch is not None and cursor.epoch != self.epoch:
            self._resync(subscription, "epoch")
        else:
            subscription.cursor = cursor.id
            if cursor.id > self.last:  # from the future, or read in a commit that is on its way here: the log knows
                self._read_for(subscription)
            else:
                self.resume(subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget the subscription; harmless when repeated."""
        subscription.close()
        self._early_birds.discard(subscription)
        for topic in subscription.topics:
            if (wires := self._topics.get(topic)) is None:
                continue
            wires.get(subscription.wire_of(topic), {}).pop(subscription, None)
            if not any(wires.values()):
                del self._topics[topic]

    def position(self, subscription: Subscription) -> Cursor:
        """The place up to which everything of the subscription's topics went into its sink."""
        told = subscription.cursor
        if subscription.state is State.LIVE:
            told = max(told, self.last)  # what was read from the log may be ahead of what has arrived here
        return Cursor(self.epoch, told)

    def retopic(self, subscription: Subscription, topics: frozenset[str]) -> Subscription:
        """What goes on in the place of ``subscription`` with other topics: nothing is missed, nothing comes twice."""
        position = self.position(subscription)
        self.unsubscribe(subscription)
        successor = Subscription(topics, subscription.wire, subscription.sink, 0)
        self.subscribe(successor, position)
        return successor

    def resume(self, subscription: Subscription) -> None:
        """Go on with a subscription that is behind and whose sink has room: when it joins, when it drained."""
        if subscription.state is not State.BEHIND or subscription.sink.full or subscription in self._reading:
            return
        if subscription.ready_at > self.last:
            self._early_birds.add(subscription)
            self.notice(subscription.ready_at)
        elif subscription.cursor < self.last and not self._recent.reaches(subscription.cursor):
            self._read_for(subscription)
        elif self._replay(subscription, self._recent.after(subscription.cursor)):
            subscription.go_live()

    @property
    def behind(self) -> int:
        """How many subscriptions wait to be told the past, or are being told it."""
        return len(self._reading)

    @property
    def topics(self) -> int:
        """How many topics have a subscriber here."""
        return len(self._topics)

    def topics_within(self, prefix: str) -> list[str]:
        """The topics that begin with ``prefix`` and have a subscriber here."""
        return [topic for topic in self._topics if topic.startswith(prefix)]

    # Within

    def _apply(self, events: Sequence[LoggedEvent]) -> None:
        due: list[Subscription] = []
        size = 0
        for event in events:
            self._recent.add(event)
            if event.id not in self._told_early:
                self._tell_listeners(event)
            for topic in event.topics:
                for wire, subscriptions in self._topics.get(topic, {}).items():
                    frame = self._frame(event, wire)
                    event_id = event.id
                    due += [each for each in subscriptions if each.offer(event_id, frame)]
            size += len(event.payload)
            if size >= SEND_BYTES:  # not later: a client that does not read must get no more than this
                _flush(due)
                size = 0
        _flush(due)
        for watcher in self._watchers:
            watcher()
        if self._told_early:
            self._told_early = {event_id for event_id in self._told_early if event_id > self.last}
        if self._early_birds:
            waited, self._early_birds = self._early_birds, set()
            for subscription in waited:
                self.resume(subscription)

    def _replay(self, subscription: Subscription, events: Iterable[LoggedEvent]) -> bool:
        """Write what is the subscription's of ``events``, several in one send. False: its sink is full."""
        frames: list[bytes] = []
        size = last = 0
        for event in events:
            wire = subscription.wire_for(event) if event.id > subscription.cursor else None
            if wire is None:
                continue
            last = event.id
            frames.append(self._frame(event, wire))
            size += len(frames[-1])
            if size >= SEND_BYTES:
                if not subscription.replay(last, b"".join(frames)):
                    return False
                frames.clear()
                size = 0
        return not frames or subscription.replay(last, b"".join(frames))

    def _keep_early(self, event: LoggedEvent) -> None:
        """Keep an event that others come before; past the bound it is read from the log with them."""
        if event.id in self._early:
            return
        if len(self._early) >= EARLY_EVENTS:
            self.notice(event.id)
            return
        self._early[event.id] = event
        if event.id not in self._told_early:
            self._told_early.add(event.id)
            self._tell_listeners(event)

    def _tell_listeners(self, event: LoggedEvent) -> None:
        for listener in (each for topic in event.topics for each in self._listeners.get(topic, ())):
            try:
                listener(event)
            except Exception:  # whose fault it is must not cost the subscribers this event
                log.exception("a listener of %s failed at event %d", event.topics, event.id)

    def _frame(self, event: LoggedEvent, wire: Wire) -> bytes:
        frame = event.frames.get(wire)
        if frame is None:
            frame = event.frames[wire] = wire.durable(event, self.epoch)
        return frame

    def _resync(self, subscription: Subscription, reason: str) -> None:
        subscription.cursor = self.last
        subscription.go_live()
        if not subscription.sink.write(subscription.wire.resync(reason, self.epoch, subscription.cursor)):
            subscription.fall_behind()

    def _read_for(self, subscription: Subscription) -> None:
        if subscription not in self._reading:
            self._reading.add(subscription)
            self._behind.append(subscription)
            self._wake.set()

    async def _catch_up_forever(self) -> None:
        while True:
            while not self._behind:
                self._wake.clear()
                await self._wake.wait()
            subscription = self._behind.popleft()
            if subscription.state is not State.BEHIND:
                self._reading.discard(subscription)
                continue
            try:
                await self._catch_up(subscription)
            except StoreUnavailable:
                await asyncio.sleep(RETRY_S)
                self._behind.append(subscription)

    async def _catch_up(self, subscription: Subscription) -> None:
        """Read one page of the log into a subscription that is behind, then go on with it."""
        after, topics = subscription.cursor, subscription.topics
        lowest, newest, page = await self._store.read(
            lambda rows: (eventlog.floor(rows), eventlog.top(rows), eventlog.since(rows, after, topics))
        )
        self._reading.discard(subscription)
        if subscription.state is not State.BEHIND:
            return
        if after < lowest or after > newest:
            self._resync(subscription, "retention" if after < lowest else "ahead")
        elif self._replay(subscription, page.events):
            subscription.cursor = max(subscription.cursor, min(page.reached, self.last))
            self.resume(subscription)

    async def _fill_forever(self) -> None:
        while True:
            await self._hole.wait()
            try:
                if await self._is_stuck():
                    await self._fill()
            except StoreUnavailable:
                await asyncio.sleep(RETRY_S)
                self._hole.set()

    async def _is_stuck(self) -> bool:
        """Whether something is missing, and nothing has come of itself while there was patience."""
        last = self.last
        if self.patience_s:
            await asyncio.sleep(self.patience_s)
        self._hole.clear()
        missing = bool(self._early) or self._noticed > self.last
        if missing and self.last != last:
            self._hole.set()
        return missing and self.last == last

    async def _fill(self) -> None:
        """Read what is missing behind ``last`` from the log and apply it, to the end if it is a long piece."""
        while True:
            after = self.last
            lowest, newest, missing = await self._store.read(partial(_behind, after=after))
            if self.last < lowest:
                self._skip_to(lowest)
            if missing:
                self.holes += 1
                log.info("filled a hole behind event %d with %d events of the log", after, len(missing))
                self.deliver(missing)
            self._early = {event_id: event for event_id, event in self._early.items() if event_id > self.last}
            if not missing or missing[-1].id >= newest:
                break
        if self._early:
            self._hole.set()
            if self.last == after:  # announced, and not in the log yet
                await asyncio.sleep(RETRY_S)

    def _skip_to(self, lowest: int) -> None:
        """What lies between is pruned: nobody can have it any more, and every subscription gets ``resync``."""
        log.warning("events %d to %d were pruned before they arrived here", self.last + 1, lowest)
        self.last = lowest
        self._hole.set()
        self._recent.clear()
        self._early_birds.clear()  # they are among everyone
        for watcher in self._skip_watchers:
            watcher()
        everyone = {each for wires in self._topics.values() for held in wires.values() for each in held}
        for subscription in everyone:
            subscription.fall_behind()
            self.resume(subscription)


def _behind(rows: Rows, after: int) -> tuple[int, int, list[LoggedEvent]]:
    """The log's floor and top, and its next page behind ``after``."""
    newest = eventlog.top(rows)
    return eventlog.floor(rows), newest, eventlog.between(rows, after, newest)


def _flush(due: list[Subscription]) -> None:
    for subscription in due:
        subscription.flush()
    due.clear()
