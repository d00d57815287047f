"""What a connection needs of the server that accepted it."""

from __future__ import annotations

from typing import Protocol, TypeVar

from tornado import httputil
from tornado.iostream import IOStream

from handlers.http_exchange import Peer
from handlers.http_parser import BodyRules, HttpLimits
from replyx.process.held import Held

C = TypeVar("C", contravariant=True)


class Owner(Protocol[C]):
    """The server of connections of the kind ``C``."""

    application: httputil.HTTPServerConnectionDelegate
    limits: HttpLimits
    body_rules: BodyRules | None
    held: Held
    stopping: bool

    def now(self) -> float:
        """Seconds on a clock that never goes back."""

    def peer(self, direct: Peer, headers: httputil.HTTPHeaders) -> Peer:
        """Who sent a request that came from the socket's peer ``direct`` with ``headers``."""

    def waits(self, connection: C) -> None:
        """The connection waits for its client's next request."""

    def serves(self, connection: C) -> None:
        """The connection has a request to answer."""

    def closed(self, connection: C) -> None:
        """The connection is gone."""

    def detached(self, connection: C, stream: IOStream) -> None:
        """The connection handed its stream to a handler and is done."""
