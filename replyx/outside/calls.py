"""Requests to addresses that other people chose: a webhook's receiver, a browser's push service.

The name is resolved here, what may not be called is dropped (:mod:`replyx.outside.networks`), and the connection goes
to exactly the addresses that were checked, so that a name cannot lead elsewhere a moment later (DNS rebinding).
TLS is verified against the name. Redirects are not followed, proxies of the environment are not used, and an answer
costs a bounded time and memory.
"""

from __future__ import annotations

import asyncio
import codecs
import logging
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tornado.httpclient import HTTPError, HTTPRequest
from tornado.iostream import StreamClosedError, UnsatisfiableReadError
from tornado.netutil import Resolver
from tornado.simple_httpclient import HTTPTimeoutError, SimpleAsyncHTTPClient

from replyx import __version__
from replyx.errors import invalid
from replyx.faults import Fault
from replyx.origins import Origin
from replyx.outside.failures import Failure, Why
from replyx.outside.networks import may_call
from replyx.schemas import sizes
from replyx.settings_values import IpNetwork

log = logging.getLogger("replyx.outside")

TIMEOUT_S = 10.0
KEPT_BYTES = 1024  # of an answer's body
BODY_BYTES = 64 * 1024  # what is read of it before the connection is closed
HEADER_BYTES = 16 * 1024
AT_ONCE = 256  # requests of the whole process; callers bound their own share far below

USER_AGENT = f"ReplyX/{__version__}"

_URL = re.compile(r"(?P<origin>https?://[^/?#\\\s]+)(?P<rest>(?:[/?][\x21\x22\x24-\x7e]*)?)", re.IGNORECASE)
_ORDINARY_PORTS = frozenset({80, 443})
_FIRST_FREE_PORT = 1024  # below it stand mail, SSH and other services that a request could be smuggled into


EXPECTED = (OSError, HTTPError, UnsatisfiableReadError)


class Refused(OSError):
    """The name leads to an address that the server does not call."""

    def __init__(self, host: str, addresses: str) -> None:
        super().__init__(host, addresses)
        self.failure = Failure.of(Why.NETWORK, host=host, addresses=addresses)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. ``status`` is None where no answer began; ``failure`` then says why.

    ``body`` is the beginning of the answer's body, at most :data:`KEPT_BYTES`. ``retry_after`` is the value of its
    Retry-After (RFC 9110, 10.2.3), as it came.
    """

    status: int | None
    body: str
    failure: Failure | None
    retry_after: str | None = None


class GuardedResolver(Resolver):
    """Resolves a name and gives only those of its addresses that may be called; none is :class:`Refused`."""

    def initialize(self, allowed: Sequence[IpNetwork]) -> None:
        """``allowed``: networks that may be called although they are private."""
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[tuple[int, Any]]:
        """See :class:`tornado.netutil.Resolver`; asks the system once, and what it said is what is connected to."""
        found = await self.lookup(host, port, family)
        callable_ones = [(kind, address) for kind, address in found if may_call(address[0], self._allowed)]
        if not callable_ones:
            raise Refused(host, _listed(address[0] for _, address in found))
        return callable_ones

    async def lookup(self, host: str, port: int, family: socket.AddressFamily) -> list[tuple[int, Any]]:
        """What the system says of a name. Raises :class:`OSError`."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        return [(kind, address) for kind, _, _, _, address in found]


class Outside:
    """Sends requests; ``allowed`` are networks that may be called although they are private.

    ``timeout_s`` bounds the whole of a request, from the name to the end of the answer.
    """

    def __init__(
        self, allowed: Sequence[IpNetwork], resolver: Resolver | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._allowed = allowed
        self._timeout_s = timeout_s
        self._resolver = resolver
        self._client: SimpleAsyncHTTPClient | None = None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send one POST and return its answer, or why there was none. Never raises for what the other side does."""
        answer = _Answer()
        request = HTTPRequest(
            url,
            method="POST",
            headers={"User-Agent": USER_AGENT, **headers},
            body=body,
            follow_redirects=False,
            decompress_response=False,
            connect_timeout=self._timeout_s,
            request_timeout=self._timeout_s,
            header_callback=answer.take_line,
            streaming_callback=answer.take_body,
        )
        failure: Failure | None
        try:
            answer.status = (await self._started().fetch(request, raise_error=False)).code
            failure = None
        except Exception as error:  # whatever a stranger's answer does to the client must not stop the server
            if not isinstance(error, EXPECTED):
                log.warning("an answer from outside could not be read", exc_info=error)
            failure = _failure(error, self._timeout_s)
        if answer.status is not None:  # the head had come; what became of the body changes nothing
            failure = None
        return Reply(answer.status, answer.text(), failure, answer.retry_after)

    def close(self) -> None:
        """Let go of what requests have left open."""
        if self._client is not None:
            self._client.close()

    def check_url(self, url: str, field: str, schemes: Sequence[str] = ("http", "https")) -> str:
        """``url`` with a normalised host, if it may be called as far as its text tells; names are resolved later.

        Raises :class:`Invalid` that names ``field``.
        """
        match = _URL.fullmatch(url) if len(url) <= sizes.URL else None
        origin = Origin.parse(match["origin"]) if match is not None else None
        if match is None or origin is None or origin.port is None or origin.scheme not in schemes:
            raise invalid(field, Fault.NOT_A_URL, schemes=" or ".join(schemes))
        if origin.port not in _ORDINARY_PORTS and origin.port < _FIRST_FREE_PORT:
            raise invalid(field, Fault.PORT_NOT_ALLOWED, port=origin.port, first=_FIRST_FREE_PORT)
        host = origin.host.strip("[]")
        if _is_address(host) and not may_call(host, self._allowed):
            raise invalid(field, Fault.NETWORK_NOT_ALLOWED, host=host)
        return f"{origin}{match['rest'] or '/'}"

    def _started(self) -> SimpleAsyncHTTPClient:
        if self._client is None:  # made here, since it belongs to the running loop
            self._client = SimpleAsyncHTTPClient(
                force_instance=True,
                max_clients=AT_ONCE,
                resolver=self._resolver or GuardedResolver(allowed=self._allowed),
                max_buffer_size=2 * BODY_BYTES,
                max_header_size=HEADER_BYTES,
                max_body_size=BODY_BYTES,
            )
        return self._client


class _Answer:
    """Collects what counts of the head, and the beginning of the body, while an answer comes."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.retry_after: str | None = None
        self._body = bytearray()

    def take_line(self, line: str) -> None:
        """A line of the head; an interim answer's (RFC 9110, 15.2) does not count."""
        found = re.match(r"HTTP/\S+ ([2-9]\d\d)\b", line)
        if found:
            self.status = int(found[1])
            self.retry_after = None
        name, _, value = line.partition(":")
        if name.lower() == "retry-after":
            self.retry_after = value.strip()

    def take_body(self, chunk: bytes) -> None:
        """A piece of the body, however long."""
        self._body += chunk[: KEPT_BYTES - len(self._body)]

    def text(self) -> str:
        """The kept bytes as text that can be stored."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        whole = len(self._body) < KEPT_BYTES  # otherwise the last character may have been cut
        return decoder.decode(bytes(self._body), final=whole).replace("\0", "\ufffd")


def _failure(error: Exception, timeout_s: float) -> Failure:
    """What to tell the person who looks after the other side."""
    if isinstance(error, Refused):
        return error.failure
    if isinstance(error, HTTPTimeoutError | TimeoutError):
        return Failure.of(Why.TIMEOUT, seconds=f"{timeout_s:g}")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Failure.of(Why.CERTIFICATE, reason=error.verify_message)
    if isinstance(error, HTTPError | StreamClosedError):
        return Failure.of(Why.CLOSED)
    for kind, why in _WHY.items():
        if isinstance(error, kind):
            return Failure.of(why)
    if isinstance(error, OSError) and error.strerror:
        return Failure.of(Why.UNREACHABLE, reason=error.strerror.lower())
    return Failure.of(Why.UNREADABLE)


_WHY = {
    socket.gaierror: Why.NAME,
    ssl.SSLError: Why.TLS,
    ConnectionRefusedError: Why.REFUSED,
    ConnectionError: Why.CLOSED,
}


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _listed(addresses: Any) -> str:
    return ", ".join(sorted(set(addresses))) or "no address"
