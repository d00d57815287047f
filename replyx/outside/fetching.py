"""Documents from addresses that other people chose, under the guard of :mod:`replyx.outside.calls`.

Redirects are followed, each checked like the first address. What is larger than asked for is left unread.
"""

from __future__ import annotations

import logging
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin

from tornado.httpclient import HTTPRequest
from tornado.httputil import HTTPHeaders
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from replyx.errors import Invalid
from replyx.outside.calls import EXPECTED, HEADER_BYTES, USER_AGENT, Outside, failure_of
from replyx.outside.failures import Failure, Why

log = logging.getLogger("replyx.outside")

TIMEOUT_S = 30.0
MOST_BYTES = 20_000_000  # of any document
AT_ONCE = 8
HOPS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came back from ``url``, where redirects ended. ``status`` is None where no answer began.

    ``too_large`` says that the body was more than asked for, and was left unread; ``body`` is then empty.
    """

    url: str
    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    failure: Failure | None = None
    too_large: bool = False

    @property
    def content_type(self) -> str:
        """The media type, in lower case and without parameters (RFC 9110, 8.3)."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str:
        """The charset that the server named, or nothing."""
        found = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", self.headers.get("Content-Type", ""), re.IGNORECASE)
        return found[1] if found else ""


class Fetcher:
    """Gets documents. ``outside`` decides which addresses may be called."""

    def __init__(self, outside: Outside, timeout_s: float = TIMEOUT_S) -> None:
        self._outside = outside
        self._timeout_s = timeout_s
        self._client: SimpleAsyncHTTPClient | None = None

    async def get(self, url: str, headers: Mapping[str, str], most: int = MOST_BYTES) -> Fetched:
        """One document of at most ``most`` bytes. Never raises for what the other side does."""
        for _ in range(HOPS + 1):
            found = await self._get(url, headers, most)
            where = found.headers.get("Location")
            if found.status not in REDIRECTS or not where:
                return found
            try:
                url = self._outside.check_url(urljoin(url, where).partition("#")[0], "url")
            except (Invalid, ValueError):
                break
        return Fetched(url, None, failure=Failure.of(Why.REDIRECT))

    def close(self) -> None:
        """Let go of what requests have left open."""
        if self._client is not None:
            self._client.close()

    async def _get(self, url: str, headers: Mapping[str, str], most: int) -> Fetched:
        coming = _Coming(most)
        request = HTTPRequest(
            url,
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip", **headers},
            follow_redirects=False,
            decompress_response=False,
            connect_timeout=self._timeout_s,
            request_timeout=self._timeout_s,
            header_callback=coming.take_line,
            streaming_callback=coming.take_body,
        )
        try:
            answer = await self._started().fetch(request, raise_error=False)
        except Exception as error:  # whatever a stranger's answer does to the client must not stop the server
            if coming.too_large:
                return Fetched(url, coming.status, coming.headers, too_large=True)
            if not isinstance(error, EXPECTED):
                log.warning("an answer from outside could not be read", exc_info=error)
            return Fetched(url, None, failure=failure_of(error, self._timeout_s))
        if coming.too_large:
            return Fetched(url, answer.code, answer.headers, too_large=True)
        body = bytes(coming.body)
        if answer.headers.get("Content-Encoding", "").strip().lower() in ("gzip", "x-gzip"):
            unpacked = _unpacked(body, most)
            if unpacked is None:
                return Fetched(url, answer.code, answer.headers, too_large=True)
            body = unpacked
        return Fetched(url, answer.code, answer.headers, body)

    def _started(self) -> SimpleAsyncHTTPClient:
        if self._client is None:  # made here, since it belongs to the running loop
            self._client = SimpleAsyncHTTPClient(
                force_instance=True,
                max_clients=AT_ONCE,
                resolver=self._outside.resolver(),
                max_buffer_size=MOST_BYTES + 65_536,
                max_header_size=HEADER_BYTES,
                max_body_size=MOST_BYTES + 65_536,  # so that what is one byte too large is known to be so
            )
        return self._client


class _Coming:
    """An answer while it comes; beyond ``most`` bytes nothing of its body is kept."""

    def __init__(self, most: int) -> None:
        self.status: int | None = None
        self.headers = HTTPHeaders()
        self.body = bytearray()
        self.too_large = False
        self._most = most

    def take_line(self, line: str) -> None:
        """A line of the head."""
        found = re.match(r"HTTP/\S+ ([2-9]\d\d)\b", line)
        if found:
            self.status = int(found[1])
        name, _, value = line.partition(":")
        if name.lower() == "content-length" and value.strip().isdigit() and int(value) > self._most:
            self.too_large = True

    def take_body(self, chunk: bytes) -> None:
        """A piece of the body."""
        self.too_large = self.too_large or len(self.body) + len(chunk) > self._most
        if self.too_large:
            self.body.clear()
        else:
            self.body += chunk


def _unpacked(body: bytes, most: int) -> bytes | None:
    """What gzip holds, None for more than ``most`` bytes; what is broken is taken as far as it goes."""
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        found = unpacking.decompress(body, most)
    except zlib.error:
        return body
    return None if unpacking.unconsumed_tail else found
