"""What the sockets of apps share: rooms that a client names and leaves, in frames or in the address, and JSON pings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from handlers.base import Handler
from handlers.decoding import decode
from handlers.sockets import EventSocket
from replyx.delivery.subscription import Subscription
from replyx.delivery.wire import Wire
from replyx.errors import invalid
from replyx.faults import Fault
from replyx.schemas.events import room_topic
from replyx.shop import rooms
from replyx.shop.rooms import Room

Rooms = Annotated[list[Room], msgspec.Meta(min_length=1, max_length=rooms.MAX_ROOMS)]
Moment = Annotated[str, msgspec.Meta(max_length=64)] | int | float | None


class SubscribeFrame(msgspec.Struct, tag_field="type", tag="subscribe"):
    """Hear of these rooms too."""

    rooms: Rooms


class UnsubscribeFrame(msgspec.Struct, tag_field="type", tag="unsubscribe"):
    """Hear of these rooms no more."""

    rooms: Rooms


class PingFrame(msgspec.Struct, tag_field="type", tag="ping"):
    """Answered by ``pong``, with the same ``timestamp``."""

    timestamp: Moment = None


Frame = SubscribeFrame | UnsubscribeFrame | PingFrame
FRAMES: msgspec.json.Decoder[Frame] = msgspec.json.Decoder(Frame)


class RoomSocket(EventSocket):
    """A socket with rooms; subclasses say what it hears, and what the answers look like."""

    wire: Wire
    rooms: Mapping[str, None] = {}

    def topics(self) -> frozenset[str]:
        """What the client hears, given its ``rooms``."""
        raise NotImplementedError

    def subscribed(self) -> msgspec.Struct:
        """The answer that names the rooms in which the client now is."""
        raise NotImplementedError

    def pong(self, timestamp: Moment) -> msgspec.Struct:
        """The answer to a ping."""
        raise NotImplementedError

    @property
    def room_topics(self) -> frozenset[str]:
        """The topics of the rooms that were named."""
        return frozenset(map(room_topic, self.rooms))

    async def check(self, handler: Handler, *path: str) -> None:
        """Read the rooms in the address."""
        self.rooms = dict.fromkeys(rooms.listed(handler.get_query_argument("rooms", "")))

    def followed(self) -> Subscription:
        """The subscription to the client's topics, from the beginning on."""
        return Subscription(self.topics(), self.wire, self.sink, 0)

    async def act(self, data: bytes) -> None:
        """Name rooms, leave them, or ping."""
        frame = decode(data, FRAMES)
        if isinstance(frame, SubscribeFrame):
            self.move({**self.rooms, **dict.fromkeys(frame.rooms)})
        elif isinstance(frame, UnsubscribeFrame):
            left = set(frame.rooms)
            self.move({room: None for room in self.rooms if room not in left})
        else:
            self.send(self.pong(frame.timestamp))

    def move(self, named: Mapping[str, None]) -> None:
        """Be in these rooms from now on. What comes behind the answer is of these alone."""
        if len(named) > rooms.MAX_ROOMS:
            raise invalid("rooms", Fault.NOT_ROOMS, max=rooms.MAX_ROOMS)
        self.rooms = named
        self.send(self.subscribed())
        if self.subscription is not None:
            self.subscription = self.services.hub.retopic(self.subscription, self.topics())
