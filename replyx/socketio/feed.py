"""Events from the hub to one Socket.IO client: a subscription that follows the client to its next transport."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from replyx.delivery.eventlog import Cursor
from replyx.delivery.hub import Hub
from replyx.delivery.subscription import Subscription
from replyx.socketio.engineio_session import EngineSession
from replyx.socketio.selection import Selection
from replyx.socketio.wire import Wires

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Feed:
    """One client's subscription. It begins with :meth:`start` and ends for good with :meth:`close`.

    ``topic_wires`` are the topics whose events look different from those of ``wires``.
    """

    __slots__ = ("_closed", "_engine", "_floors", "_held", "_hub", "_subscription", "_wires", "topic_wires", "topics")

    def __init__(self, hub: Hub, engine: EngineSession, topics: frozenset[str], wires: Wires) -> None:
        self.topics = topics
        self._hub = hub
        self._engine = engine
        self._wires = wires
        self.topic_wires: Mapping[str, Wires] = NOTHING
        self._floors: dict[str, int] = {}
        self._held: Cursor | None = None
        self._subscription: Subscription | None = None
        self._closed = False

    def start(self, cursor: Cursor | None) -> None:
        """Bring everything from ``cursor`` on; None means from now on."""
        if self._closed:
            return
        polling = self._engine.transport == "polling"
        special = {topic: wires.of_transport(polling) for topic, wires in self.topic_wires.items()}
        wire = self._wires.of_transport(polling)
        selection = Selection(self.topics, wire, special, dict(self._floors)) if special or self._floors else None
        self._subscription = Subscription(self.topics, wire, self._engine.sink, 0, selection)
        self._hub.subscribe(self._subscription, cursor)

    def begin(
        self, cursor: Cursor, topics: frozenset[str], topic_wires: Mapping[str, Wires], floors: Mapping[str, int]
    ) -> None:
        """Bring everything of ``topics`` from ``cursor`` on, as :meth:`change` does from the present."""
        self.hold()
        self._held = cursor
        self.change(topics, topic_wires, floors)

    @property
    def position(self) -> Cursor | None:
        """The place up to which everything went into the client's sink; None before the start."""
        if self._held is not None:
            return self._held
        return None if self._subscription is None else self._hub.position(self._subscription)

    def change(
        self, topics: frozenset[str], topic_wires: Mapping[str, Wires] = NOTHING, floors: Mapping[str, int] = NOTHING
    ) -> None:
        """From now on bring the events of ``topics``; of those that stay, none is missed and none comes twice.

        Of a topic in ``floors`` only what comes after that id: the client has what came before. Ends a :meth:`hold`.
        """
        position = self.position
        passed = 0 if position is None else position.id
        kept = {**self._floors, **floors}
        self._floors = {topic: floor for topic, floor in kept.items() if topic in topics and floor > passed}
        self.topics, self.topic_wires = topics, topic_wires
        self._held = None
        self._restart(position)

    def hold(self) -> None:
        """Bring nothing until the next :meth:`change`, which goes on from here.

        Whatever is read from the store meanwhile is newer than all that the client has got.
        """
        self._held = self.position
        if self._subscription is not None:
            self._hub.unsubscribe(self._subscription)

    def move(self) -> None:
        """Go on through the client's present sink."""
        if self._held is None:
            self._restart(self.position)

    def _restart(self, position: Cursor | None) -> None:
        if self._subscription is not None:
            self._hub.unsubscribe(self._subscription)
            self.start(position)

    def drained(self) -> None:
        """The sink has room again."""
        if self._subscription is not None and self._held is None:
            self._hub.resume(self._subscription)

    def close(self) -> None:
        """Bring nothing more; harmless when repeated."""
        self._closed = True
        if self._subscription is not None:
            self._hub.unsubscribe(self._subscription)
