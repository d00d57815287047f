"""A client that connects, reads slowly, is cut off anywhere and comes back with the cursor it has."""

from __future__ import annotations

from collections.abc import Mapping

from replyx.delivery import hub as hubs
from replyx.delivery.eventlog import Cursor
from replyx.delivery.subscription import State, Subscription
from replyx.socketio.selection import Selection
from tests.simulation.history import History, Story
from tests.simulation.processes import Process
from tests.simulation.streams import FORMATS

LARGEST_EVENT = 700


class StableSubscription(Subscription):
    """The real one, with a hash that is the same in every run: sets are then walked in the same order."""

    __slots__ = ("number",)
    number: int

    def __hash__(self) -> int:
        return self.number


class Connection:
    """One connection and its sink: what the server wrote, and how much of it has not arrived yet."""

    def __init__(
        self, client: Client, process: Process, cursor: Cursor | None, subscription: type[Subscription]
    ) -> None:
        self.process = process
        self.client = client
        self.bound = client.bound
        self.unsent = b""
        self.alive = True
        self.told = Story(client.history, client.topics, client.floors)
        self.told.begin(cursor)
        self._written = client.format.reader()
        self._arrived = client.format.reader()
        self._kind = subscription
        self.subscription = self._subscription()
        client.story.begin(cursor)
        hub = process.hub
        epoch, position = (hub.epoch, hub.last) if cursor is None else (cursor.epoch or hub.epoch, cursor.id)
        self.write(client.format.opening(epoch, position))
        hub.subscribe(self.subscription, cursor)

    @property
    def full(self) -> bool:
        """See :class:`replyx.delivery.subscription.Sink`."""
        return len(self.unsent) > self.bound

    def write(self, data: bytes) -> bool:
        """See :class:`replyx.delivery.subscription.Sink`.

        What is written is checked at once, before any of it arrives.
        """
        assert not self.full, "a full sink is left alone"
        self.unsent += data
        assert len(self.unsent) <= self.bound + 2 * (hubs.SEND_BYTES + LARGEST_EVENT), "a slow reader costs too much"
        for block in self._written.feed(data):
            self.told.take(block)
        return not self.full

    def arrive(self, size: int) -> None:
        """The client reads ``size`` more bytes; the sink that is empty says so."""
        data, self.unsent = self.unsent[:size], self.unsent[size:]
        for block in self._arrived.feed(data):
            self.client.story.take(block)
            self.client.cursor = block.cursor or self.client.cursor
        if data and not self.unsent and self.alive:
            self.process.hub.resume(self.subscription)

    def close(self) -> None:
        """The server notices that the client is gone."""
        self.alive = False
        self.process.hub.unsubscribe(self.subscription)

    def change_topics(self, topics: frozenset[str]) -> None:
        """Go on with other topics; what the new ones held up to here is known from elsewhere."""
        client, hub, old = self.client, self.process.hub, self.subscription
        position = hub.position(old)
        hub.unsubscribe(old)
        kept = {topic: floor for topic, floor in client.floors.items() if topic in topics}
        client.floors = {**dict.fromkeys(topics - client.topics, position.id), **kept}
        client.topics = topics
        for story in (self.told, client.story):
            story.topics, story.floors = client.topics, client.floors
        self.subscription = self._subscription()
        hub.subscribe(self.subscription, position)

    def _subscription(self) -> Subscription:
        client = self.client
        wire = client.format.wire
        selection = Selection(client.topics, wire, {}, client.floors) if client.floors else None
        subscription = self._kind(client.topics, wire, self, 0, selection)
        if isinstance(subscription, StableSubscription):
            subscription.number = client.number
        return subscription

    def check(self) -> None:
        """Between two steps nothing waits in the subscription, and live means told."""
        if self.subscription.state is State.LIVE:
            self.told.certain = max(self.told.certain, self.process.hub.last)
        assert not self.subscription._waiting, "frames wait in a subscription"


class Client:
    """Topics, a wire format, and the place that it would come back with."""

    def __init__(
        self,
        number: int,
        history: History,
        kind: str,
        topics: frozenset[str],
        bound: int,
        floors: Mapping[str, int],
    ) -> None:
        self.number = number
        self.history = history
        self.format = FORMATS[kind]
        self.topics = topics
        self.bound = bound
        self.floors = floors
        self.cursor: Cursor | None = None
        self.story = Story(history, topics, floors)
        self.connection: Connection | None = None

    def connect(self, process: Process, cursor: Cursor | None, subscription: type[Subscription]) -> None:
        """Open a connection to ``process``."""
        self.connection = Connection(self, process, cursor, subscription)

    def resume(self, process: Process, subscription: type[Subscription]) -> None:
        """Come back with what was received last."""
        if self.cursor is not None:
            assert self.story.place is not None
            assert self.cursor.id == self.story.place.id, "the cursor that was received is the place of what was heard"
        self.connect(process, self.cursor, subscription)

    def cut(self, arrived: int, *, noticed: bool) -> Connection:
        """The connection ends when ``arrived`` more bytes have come; the server may notice that later."""
        connection = self.connection
        assert connection is not None
        connection.alive = False
        connection.arrive(arrived)
        if noticed:
            connection.close()
        self.connection = None
        return connection

    def settled(self) -> bool:
        """Whether nothing is on its way to the client."""
        connection = self.connection
        return connection is None or (not connection.unsent and connection.subscription.state is State.LIVE)
