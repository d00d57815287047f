"""Events from the hub to one Socket.IO client: a subscription that follows the client to its next transport."""

from __future__ import annotations

from replyx.eventlog import Cursor
from replyx.hub import Hub
from replyx.socketio.engineio_session import EngineSession
from replyx.socketio.wire import Wires
from replyx.subscription import State, Subscription


class Feed:
    """One client's subscription. It begins with :meth:`start` and ends for good with :meth:`close`."""

    __slots__ = ("_closed", "_engine", "_hub", "_subscription", "_wires", "topics")

    def __init__(self, hub: Hub, engine: EngineSession, topics: frozenset[str], wires: Wires) -> None:
        self.topics = topics
        self._hub = hub
        self._engine = engine
        self._wires = wires
        self._subscription: Subscription | None = None
        self._closed = False

    def start(self, cursor: Cursor | None) -> None:
        """Bring everything from ``cursor`` on; None means from now on."""
        if self._closed:
            return
        wire = self._wires.polling if self._engine.transport == "polling" else self._wires.websocket
        self._subscription = Subscription(self.topics, wire, self._engine.sink, 0)
        self._hub.subscribe(self._subscription, cursor)

    @property
    def position(self) -> Cursor | None:
        """The place up to which everything went into the client's sink; None before the start."""
        subscription = self._subscription
        if subscription is None:
            return None
        live = subscription.state is State.LIVE
        return Cursor(self._hub.epoch, self._hub.last if live else subscription.cursor)

    def change(self, topics: frozenset[str]) -> None:
        """From now on bring the events of ``topics``; of those that stay, none is missed and none comes twice."""
        self.topics = topics
        self.move()

    def move(self) -> None:
        """Go on through the client's present sink."""
        position = self.position
        if self._subscription is not None:
            self._hub.unsubscribe(self._subscription)
            self.start(position)

    def drained(self) -> None:
        """The sink has room again."""
        if self._subscription is not None:
            self._hub.resume(self._subscription)

    def close(self) -> None:
        """Bring nothing more; harmless when repeated."""
        self._closed = True
        if self._subscription is not None:
            self._hub.unsubscribe(self._subscription)
