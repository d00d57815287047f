"""Web apps of shops: ``/ws`` and ``/ws/webapp``, without a credential. They hear what bots broadcast.

One that has named no room hears every broadcast that is not private; one that has named rooms hears those alone.
"""

from __future__ import annotations

import logging

import msgspec
from msgspec import UNSET, UnsetType

from handlers.room_sockets import Moment, RoomSocket
from handlers.sockets import SocketHandler
from handlers.streams import position_of
from replyx.delivery.subscription import Subscription
from replyx.errors import FieldError, Problem
from replyx.schemas.events import BROADCASTS
from replyx.wire.webapp import WEBAPP

log = logging.getLogger("replyx.sockets")


class Connected(msgspec.Struct, tag_field="type", tag="connected", frozen=True):
    """The first frame; ``cursor`` is where the stream stands before anything else arrives."""

    cursor: str
    heartbeat_s: int
    rooms: list[str]


class Subscribed(msgspec.Struct, tag_field="type", tag="subscribed", frozen=True):
    """The rooms in which the client now is; none for every broadcast."""

    rooms: list[str]


class Pong(msgspec.Struct, tag_field="type", tag="pong", frozen=True):
    """The answer to ``ping``, with its time."""

    timestamp: Moment


class ErrorFrame(msgspec.Struct, tag_field="type", tag="error", frozen=True):
    """A refusal of one frame; the socket stays open."""

    code: str
    detail: str
    retry_after: int | None = None
    errors: tuple[FieldError, ...] | UnsetType = UNSET


class WebappSocket(RoomSocket):
    """One open web app."""

    kind = "webapp"
    wire = WEBAPP

    @property
    def grant(self) -> str | None:
        """Nothing that can end."""
        return None

    @property
    def expires_at(self) -> float | None:
        """Never."""
        return None

    def topics(self) -> frozenset[str]:
        """The rooms that were named, or else every broadcast."""
        return self.room_topics or frozenset({BROADCASTS})

    def join(self) -> Subscription:
        """Greet the client."""
        epoch, position = position_of(self.services.hub, self.cursor)
        self.send(Connected(f"{epoch}-{position}", self.heartbeat_s, list(self.rooms)))
        log.info("webapp connected rooms=%d", len(self.rooms))
        return self.followed()

    def subscribed(self) -> msgspec.Struct:
        """See :class:`RoomSocket`."""
        return Subscribed(list(self.rooms))

    def pong(self, timestamp: Moment) -> msgspec.Struct:
        """See :class:`RoomSocket`."""
        return Pong(timestamp)

    def error_frame(self, problem: Problem, data: bytes) -> msgspec.Struct:
        """See :class:`EventSocket`."""
        return ErrorFrame(problem.code, problem.detail, problem.retry_after, problem.errors or UNSET)


class WebappHandler(SocketHandler):
    """Lets in a web app."""

    client = WebappSocket
