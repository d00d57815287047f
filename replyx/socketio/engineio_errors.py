"""The refusals that Engine.IO clients know, by number. (The numbers are those of the reference server.)"""

from __future__ import annotations

from enum import Enum

import msgspec


class Refusal(Enum):
    """Why a request is refused: number, sentence and HTTP status."""

    TRANSPORT_UNKNOWN = (0, "Transport unknown", 400)
    SESSION_UNKNOWN = (1, "Session ID unknown", 400)
    BAD_METHOD = (2, "Bad handshake method", 400)
    BAD_REQUEST = (3, "Bad request", 400)
    FORBIDDEN = (4, "Forbidden", 403)
    VERSION_UNSUPPORTED = (5, "Unsupported protocol version", 400)
    # No number of its own: to an Engine.IO client the request was bad, to HTTP it says more.
    TOO_LARGE = (3, "Bad request", 413)
    TOO_MANY = (4, "Too many connections from this address", 429)
    FULL = (4, "Forbidden", 503)

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return self.value[2]

    @property
    def body(self) -> bytes:
        """The JSON body of the answer."""
        return msgspec.json.encode({"code": self.value[0], "message": self.value[1]})


class Refused(Exception):
    """A request that is answered with ``refusal`` and changes nothing else; it may come again in ``retry_after`` s."""

    def __init__(self, refusal: Refusal, retry_after: int | None = None) -> None:
        super().__init__(refusal.value[1])
        self.refusal = refusal
        self.retry_after = retry_after
