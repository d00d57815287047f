"""Mobile, shop and admin clients: ``/ws/user``, ``/ws/shop`` and ``/ws/admin``, one class for each.

Each hears what is meant for its account and for its client type, and the rooms that it names.
"""

from __future__ import annotations

import logging
from typing import Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from handlers.room_sockets import Moment, RoomSocket
from handlers.sockets import SocketHandler
from handlers.streams import position_of
from replyx.delivery.subscription import Subscription
from replyx.errors import FieldError, Problem
from replyx.schemas.dialogs import timestamp
from replyx.schemas.events import ClientType, account_topic, clients_topic
from replyx.wire.mobile import MOBILE

log = logging.getLogger("replyx.sockets")

D = TypeVar("D")


class Envelope(msgspec.Struct, Generic[D], frozen=True):
    """A frame of the server's own."""

    event: str
    timestamp: str
    data: D
    cursor: str | UnsetType = UNSET


class Connected(msgspec.Struct, frozen=True):
    """The data of the first frame, ``connected``. ``heartbeat_s`` is the pause between two pings of the server."""

    client_type: ClientType
    account_id: int
    heartbeat_s: int
    rooms: list[str]


class Subscribed(msgspec.Struct, frozen=True):
    """The data of ``subscribed``: the rooms in which the client now is."""

    rooms: list[str]


class Pong(msgspec.Struct, frozen=True):
    """The data of ``pong``: the ping's own time, by which the client knows how long the way is."""

    timestamp: Moment


class Refused(msgspec.Struct, frozen=True, omit_defaults=True):
    """The data of ``error``."""

    code: str
    detail: str
    retry_after: int | None = None
    errors: tuple[FieldError, ...] = ()


class ClientSocket(RoomSocket):
    """One device of one account."""

    client_type: ClientType
    wire = MOBILE

    def topics(self) -> frozenset[str]:
        """The account's own, the client type's, and those of the rooms."""
        own = {account_topic(self.account.account_id), clients_topic(self.client_type)}
        return self.room_topics | own

    def join(self) -> Subscription:
        """Greet the client."""
        epoch, position = position_of(self.services.hub, self.cursor)
        account_id = self.account.account_id
        data = Connected(self.client_type, account_id, self.heartbeat_s, list(self.rooms))
        self.send(self.envelope("connected", data, f"{epoch}-{position}"))
        log.info("%s client connected account=%d rooms=%d", self.client_type, account_id, len(self.rooms))
        return self.followed()

    def envelope(self, event: str, data: D, cursor: str | UnsetType = UNSET) -> Envelope[D]:
        """A frame of our own, as of now."""
        return Envelope(event, timestamp(int(self.now * 1000)), data, cursor)

    def subscribed(self) -> msgspec.Struct:
        """See :class:`RoomSocket`."""
        return self.envelope("subscribed", Subscribed(list(self.rooms)))

    def pong(self, timestamp: Moment) -> msgspec.Struct:
        """See :class:`RoomSocket`."""
        return self.envelope("pong", Pong(timestamp))

    def error_frame(self, problem: Problem, data: bytes) -> msgspec.Struct:
        """See :class:`EventSocket`."""
        return self.envelope("error", Refused(problem.code, problem.detail, problem.retry_after, problem.errors))


class UserSocket(ClientSocket):
    """The app of a customer: the role ``user``."""

    kind = client_type = "user"


class ShopSocket(ClientSocket):
    """The app of a shop: the role ``shop``."""

    kind = client_type = "shop"


class AdminSocket(ClientSocket):
    """The app of an admin: the role ``admin``."""

    kind = client_type = "admin"


class UserHandler(SocketHandler):
    """Lets in the app of a customer."""

    client = UserSocket


class ShopHandler(SocketHandler):
    """Lets in the app of a shop."""

    client = ShopSocket


class AdminHandler(SocketHandler):
    """Lets in the app of an admin."""

    client = AdminSocket
