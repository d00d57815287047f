"""Why a request to an address of somebody else's has no answer, as a code that pages have words for."""

from __future__ import annotations

from enum import Enum, unique

import msgspec


@unique
class Why(Enum):
    """Each member's name in lower case is its code; its value is the sentence, with ``{parameters}``."""

    TIMEOUT = "no answer within {seconds} s"
    NAME = "the name cannot be resolved"
    NETWORK = "{host} leads to {addresses}, which is not allowed"
    CERTIFICATE = "the certificate was refused: {reason}"
    TLS = "the TLS handshake failed"
    REFUSED = "the connection was refused"
    CLOSED = "the connection was closed before an answer came"
    UNREACHABLE = "{reason}"
    UNREADABLE = "the answer could not be read"
    REDIRECT = "redirects are not followed"
    LATE = "its turn did not come within a day"


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One failure. ``reason`` among ``params`` is what the system or OpenSSL said, in English."""

    code: str
    params: dict[str, str] = {}

    @classmethod
    def of(cls, why: Why, **params: str) -> Failure:
        """``params`` are those that the sentence names."""
        return cls(why.name.lower(), params)

    @property
    def sentence(self) -> str:
        """The English sentence."""
        return Why[self.code.upper()].value.format(**self.params)
