"""Bytes in, requests out: llhttp's syntax under ReplyX's limits, with no socket and no clock.

A :class:`RequestParser` belongs to one connection. What a client sends wrong never raises: it becomes
``problem``, to be answered after the ``requests`` that came before it, and ends the reading. A body is
collected before its request is handed on, unless the :class:`BodyRule` of its address says that it streams.
"""

from __future__ import annotations

import enum
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

import httptools
from tornado.httputil import HTTPHeaders, RequestStartLine

from replyx.errors import BodyTooLarge, HeadersTooLarge, Malformed, MethodNotAllowed, Problem, UriTooLong

# What one chunk of a chunked body may spend on its own framing (size in hex and two CRLFs, with room);
# extensions and trailers beyond that share ``header_bytes`` for the whole body.
CHUNK_FRAMING_BYTES = 16

# RFC 3986, 3.2.2 and 3.2.3: what a Host field may hold.
_HOST = re.compile(r"(?:\[[0-9A-Za-z:.%~_-]+\]|[A-Za-z0-9._~!$&'()*+;=%-]*)(?::[0-9]*)?")

# Scheme and authority of a target in absolute form (RFC 3986, appendix B).
_BEFORE_PATH = re.compile(r"^[^/?#]*//[^/?#]*")


class BodyRule(NamedTuple):
    """What an address takes of a body, without its chunked framing: at most ``most`` bytes.

    Where it ``streams`` the handler has the request as soon as its head has arrived, and takes the body in pieces
    with :meth:`handlers.http_exchange.Exchange.body`; no more than one read of it is ever held.
    """

    most: int
    streams: bool = False


# The rule of a path.
BodyRules = Callable[[str], BodyRule]


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What one client may cost. Sizes in bytes, times in seconds.

    ``header_bytes`` holds for the request target and all fields together, ``body_bytes`` for a body where its
    address has no :class:`BodyRule`. ``first_byte_timeout_s`` runs from the connection to its first byte,
    ``header_timeout_s`` from a request's first byte to its last header; ``body_timeout_s`` is the longest pause in
    a body, ``send_timeout_s`` in taking an answer; ``idle_timeout_s`` is how long a connection may wait for its next
    request. After the last answer of a connection up to ``drain_bytes`` are discarded for up to ``drain_seconds``,
    so that closing resets nothing. ``connections`` counts sockets, WebSockets included.
    """

    header_bytes: int = 16_384
    uri_bytes: int = 8_192
    body_bytes: int = 262_144
    header_timeout_s: float = 10.0
    body_timeout_s: float = 20.0
    idle_timeout_s: float = 75.0
    first_byte_timeout_s: float = 10.0
    send_timeout_s: float = 20.0
    drain_bytes: int = 8 * 1024 * 1024
    drain_seconds: float = 10.0
    connections: int = 20_000


class Phase(enum.Enum):
    """How far the request that is being read has come."""

    IDLE = enum.auto()
    HEAD = enum.auto()
    BODY = enum.auto()


@dataclass(slots=True)
class Request:
    """A request that arrived completely, or one that ``streams``: then ``complete`` says whether its body has ended.

    The target is in origin form (or ``*``); for an absolute-form target ``headers["Host"]`` is the
    target's own authority. ``websocket`` says that the client asks to go on as a WebSocket. ``body`` is a whole
    body; of one that streams ``pieces`` are what arrived and nobody took yet.
    """

    start_line: RequestStartLine
    headers: HTTPHeaders
    keep_alive: bool
    websocket: bool
    body: bytes = b""
    streams: bool = False
    pieces: deque[bytes] = field(default_factory=deque)
    complete: bool = False


class _Refused(Exception):
    """Leaves llhttp from inside one of its callbacks; the reason is in ``RequestParser.problem``."""


class RequestParser:
    """The requests of one connection, in order; ``rules`` says what each may bring.

    ``requests`` are complete ones that nobody took yet; ``problem`` is what made the next one unreadable.
    ``method`` and ``path`` describe the request being read, for logs: they hold no query string.
    ``begun`` counts requests whose first byte was seen; ``received`` is the body bytes of the latest.
    """

    def __init__(self, limits: HttpLimits, rules: BodyRules | None = None) -> None:
        self._limits = limits
        self._rules = rules
        self.requests: deque[Request] = deque()
        self.problem: Problem | None = None
        self.phase = Phase.IDLE
        self.method = "-"
        self.begun = 0
        self.received = 0
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._wire_bytes = 0
        self._chunks = 0
        self._request: Request | None = None
        self._rule = BodyRule(limits.body_bytes)
        self._body = bytearray()
        self._wants_continue = False
        self._skipped_framing = b""
        self._priming = False
        self._llhttp = httptools.HttpRequestParser(self)

    @property
    def path(self) -> str:
        """The path of the target being read, at most 200 characters: no query, no user information."""
        return self._whole_path()[:200] or "-"

    def _whole_path(self) -> str:
        path = _BEFORE_PATH.sub("", self._url.decode("latin-1"))
        return re.split("[?#]", path, maxsplit=1)[0]

    @property
    def held(self) -> int:
        """Bytes of a body of which more must come before anybody gets it."""
        return len(self._body)

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the connection; never raises for anything that a client can send."""
        if self.problem is not None:
            return
        reading = (self.begun, self.phase)
        try:
            self._execute(data)
        except httptools.HttpParserCallbackError:
            if self.problem is None:
                raise  # not a refusal but a fault in a callback
        except httptools.HttpParserInvalidURLError:
            self.problem = Malformed("The request target is not a valid URL of ASCII characters; percent-encode it")
        except httptools.HttpParserError as error:
            self.problem = Malformed(f"The request breaks the syntax of HTTP/1.1: {error}")
        else:
            if reading == (self.begun, self.phase):
                self._bound_what_is_held_back(len(data))

    def close(self) -> None:
        """Lets go of llhttp, which otherwise only the cycle collector could free; nothing may be fed after."""
        self.__dict__.pop("_llhttp", None)
        self._body = bytearray()

    def take_continue(self) -> bool:
        """Whether the client waits for ``100 Continue`` (RFC 9110, 10.1.1); true once per request."""
        wanted, self._wants_continue = self._wants_continue, False
        return wanted

    def _execute(self, data: bytes) -> None:
        while data:
            try:
                self._llhttp.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                self._go_on_after_upgrade()

    def _go_on_after_upgrade(self) -> None:
        """Makes the bytes after an Upgrade request HTTP again.

        llhttp stops at the head of such a request and skips its body. Whether HTTP ends there is the
        application's choice (RFC 9110, 7.8), and clients of HTTP/2 offer ``h2c`` with a body, so a fresh
        parser goes on; a head that holds nothing but the framing tells it about the body.
        """
        self._llhttp = httptools.HttpRequestParser(self)
        if self._skipped_framing:
            self._priming = True
            self._llhttp.feed_data(b"POST / HTTP/1.1\r\n" + self._skipped_framing + b"\r\n\r\n")
            self._priming = False
            self._skipped_framing = b""

    def _bound_what_is_held_back(self, fed: int) -> None:
        """Ends a header without end, endless chunk extensions and trailers, which no callback reports.

        Reads in which a request or its body begins are not counted, so up to one read more may pass. Twice
        the limit leaves room for white space: what a header holds is counted exactly when it is complete.
        """
        self._wire_bytes += fed
        if self.phase is Phase.HEAD and self._wire_bytes > 2 * self._limits.header_bytes:
            self.problem = self._headers_too_large()
        framing = self._wire_bytes - self.received
        if self.phase is Phase.BODY and framing > self._chunks * CHUNK_FRAMING_BYTES + self._limits.header_bytes:
            self.problem = Malformed("The framing of the chunked body is too long")

    def _refuse(self, problem: Problem) -> NoReturn:
        self.problem = problem
        raise _Refused

    def _headers_too_large(self) -> Problem:
        return HeadersTooLarge(f"Target and headers may take {self._limits.header_bytes} bytes")

    # Called by llhttp, in the order of the message.

    def on_message_begin(self) -> None:
        """Called by llhttp before the first byte of a request's method."""
        if self._priming:
            return
        self.phase = Phase.HEAD
        self.begun += 1
        self.method = "-"
        self.received = self._head_bytes = self._wire_bytes = self._chunks = 0
        self._url = b""
        self._fields = []
        self._request = None
        self._body = bytearray()

    def on_url(self, url: bytes) -> None:
        """Called by llhttp with a piece of the request's target."""
        if self._priming:
            return
        self.method = self._llhttp.get_method().decode("ascii")
        self._url += url
        self._head_bytes += len(url)
        if len(self._url) > self._limits.uri_bytes:
            self._refuse(UriTooLong(f"The request target may have {self._limits.uri_bytes} bytes"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by llhttp with one complete field."""
        if self.phase is not Phase.HEAD:
            return  # trailers: RFC 9110, 6.5.1 lets a recipient discard them, and merging them is unsafe
        self._head_bytes += len(name) + len(value) + len(": \r\n")
        if self._head_bytes > self._limits.header_bytes:
            self._refuse(self._headers_too_large())
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Called by llhttp behind the empty line; refuses what the limits forbid."""
        if self._priming:
            return
        llhttp = self._llhttp
        version = llhttp.get_http_version()
        if version not in ("1.1", "1.0"):
            self._refuse(Malformed("HTTP/1.1 and HTTP/1.0 are spoken here"))
        if self.method == "CONNECT":
            self._refuse(MethodNotAllowed("This server is not a proxy"))
        headers = _headers(self._fields)
        upgrade = llhttp.should_upgrade()
        self._check_host(version, headers)
        framing = self._check_framing(version, headers)
        self._skipped_framing = framing if upgrade else b""
        self._wants_continue = version == "1.1" and headers.get("Expect", "").lower() == "100-continue"
        self._request = Request(
            start_line=RequestStartLine(self.method, self._origin_form(headers), "HTTP/" + version),
            headers=headers,
            keep_alive=llhttp.should_keep_alive(),
            websocket=upgrade and "websocket" in headers.get("Upgrade", "").lower(),
        )
        self.phase = Phase.BODY
        self._wire_bytes = 0
        if framing and self._rule.streams:
            self._request.streams = True
            self.requests.append(self._request)
            self._check_length(headers)  # now, so that the handler refuses: it knows which pages may read why

    def on_chunk_header(self) -> None:
        """Called by llhttp behind the size line of a chunk."""
        self._chunks += 1

    def on_body(self, body: bytes) -> None:
        """Called by llhttp with a piece of the body, its chunked framing taken off."""
        self.received += len(body)
        if self.received > self._rule.most:
            self._refuse(self._body_too_large())
        self._wants_continue = False
        if self._request is not None and self._request.streams:
            self._request.pieces.append(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Called by llhttp behind the last byte of a request."""
        if self._skipped_framing:
            return  # an Upgrade request whose body is still to come
        request = self._request
        assert request is not None
        request.complete = True
        self._wants_continue = False
        self.phase = Phase.IDLE
        if request.streams:
            return  # it was handed on with its head
        request.body = bytes(self._body)
        self._body = bytearray()
        self.requests.append(request)

    def _check_length(self, headers: HTTPHeaders) -> None:
        if int(headers.get("Content-Length", 0)) > self._rule.most:
            self._refuse(self._body_too_large())

    def _body_too_large(self) -> Problem:
        return BodyTooLarge(f"A body may have {self._rule.most} bytes")

    def _check_host(self, version: str, headers: HTTPHeaders) -> None:
        """RFC 9112, 3.2: exactly one valid Host field; HTTP/1.0 may leave it out."""
        hosts = headers.get_list("Host")
        if len(hosts) > 1 or (version == "1.1" and not hosts):
            self._refuse(Malformed("A request has exactly one Host header"))
        if hosts and not _HOST.fullmatch(hosts[0]):
            self._refuse(Malformed("The Host header is not a host name or address with an optional port"))

    def _check_framing(self, version: str, headers: HTTPHeaders) -> bytes:
        """The field that frames the body, empty without one.

        RFC 9112, 6.1 to 6.3. llhttp has already refused both fields together, repeated or non-decimal
        lengths, and a transfer coding that does not end in chunked.
        """
        if "Transfer-Encoding" in headers:
            if version == "1.0" or headers["Transfer-Encoding"].lower() != "chunked":
                self._refuse(Malformed("The only transfer coding is chunked, and only in HTTP/1.1"))
            framing = b"Transfer-Encoding: chunked"
        else:
            length = int(headers.get("Content-Length", 0))
            framing = b"Content-Length: %d" % length if length else b""
        if framing:
            self._rule = self._rules(self._whole_path()) if self._rules else BodyRule(self._limits.body_bytes)
            if not self._rule.streams:
                self._check_length(headers)
        return framing

    def _origin_form(self, headers: HTTPHeaders) -> str:
        """The target as the application routes it; an absolute form also replaces Host (RFC 9112, 3.2.2)."""
        if self._url.startswith(b"/") or self._url == b"*":
            return self._url.decode("latin-1")
        try:
            url = httptools.parse_url(self._url)
        except httptools.HttpParserInvalidURLError:
            self._refuse(Malformed("The request target is not a valid URL"))
        if url.schema.lower() not in (b"http", b"https") or url.userinfo:
            self._refuse(Malformed("The request target is not an http URL without user information"))
        host = url.host.decode("latin-1")
        host = f"[{host}]" if ":" in host else host
        headers["Host"] = f"{host}:{url.port}" if url.port else host
        if not url.path and self.method == "OPTIONS":
            return "*"  # RFC 9112, 3.2.4
        return ((url.path or b"/") + (b"?" + url.query if url.query else b"")).decode("latin-1")


def _headers(fields: list[tuple[bytes, bytes]]) -> HTTPHeaders:
    """Tornado's headers of what llhttp has validated; ``add`` would validate everything again."""
    headers = HTTPHeaders()
    for name_bytes, value_bytes in fields:
        name = name_bytes.decode("latin-1")
        value = value_bytes.strip(b" \t").decode("latin-1")
        if name in headers:
            headers.add(name, value)
        else:
            headers[name] = value
    return headers
