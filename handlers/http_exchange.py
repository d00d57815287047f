"""One request and its answer: what handlers know as ``request.connection``."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple, Protocol

from tornado import httputil
from tornado.concurrent import Future
from tornado.iostream import IOStream, StreamClosedError

from handlers.http_outgoing import never_sent
from handlers.http_parser import Request
from replyx.errors import InternalError, Problem


class Peer(NamedTuple):
    """Who sent a request; Tornado's ``HTTPServerRequest`` takes both fields from ``connection.context``.

    ``socket_ip`` and ``socket_port`` are the socket's own other end: the proxy's, where one stands before the server;
    ``trusted`` says that its ``X-Forwarded-*`` are believed.
    """

    remote_ip: str
    protocol: str
    socket_ip: str = ""
    socket_port: int = 0
    trusted: bool = False


class Line(Protocol):
    """What an exchange needs of the connection that it runs on."""

    stream: IOStream

    @property
    def ending(self) -> bool:
        """Whether no request may follow this one."""

    def write(self, data: bytes) -> Future[None]:
        """Sends bytes; the future is done when the kernel has them."""

    def answered(self, keep_alive: bool, *, upgraded: bool) -> None:
        """The answer is complete."""

    def fail(self, exchange: Exchange, problem: Problem) -> None:
        """The answer cannot be completed."""

    def more(self) -> Future[None]:
        """Reads on in the body; done when something came, and failed with what ended it."""

    def detach(self) -> IOStream:
        """The stream goes to the handler."""


class Exchange(httputil.HTTPConnection):
    """One request and its answer: what handlers know as ``request.connection``.

    Framing is that of Tornado's own ``HTTP1Connection`` (RFC 9112, 6): the handler's Content-Length, else
    chunks for HTTP/1.1, else the end of the connection; 1xx, 204, 304 and HEAD have no body.
    """

    def __init__(self, line: Line, request: Request, peer: Peer) -> None:
        self.context = peer
        self.open = True
        self.answering = False
        self._line = line
        self._request = request
        self._method = request.start_line.method
        self._http_1_0 = request.start_line.version == "HTTP/1.0"
        self._keep_alive = request.keep_alive
        self._close_callback: Callable[[], None] | None = None
        self._chunked = False
        self._remaining: int | None = None
        self._upgraded = False

    @property
    def stream(self) -> IOStream:
        """The connection's stream, e.g. to ask whether it is closed or still writing."""
        return self._line.stream

    async def body(self) -> AsyncIterator[bytes]:
        """The body of a request that streams, in pieces of one read at most; any other body is one piece.

        The client is read on when the next piece is asked for: a handler that takes its time slows its client down.
        Raises the :class:`Problem` of a body that is too large, broken or late, to be answered by the handler like
        any other, and ``StreamClosedError`` when the client is gone. A handler that answers before the end of the
        body needs to do nothing more: what still comes is discarded and the connection ends.
        """
        request = self._request
        if request.body:
            request.pieces, request.body = deque([request.body]), b""
        while request.pieces or not request.complete:
            if not self.open:
                raise StreamClosedError
            if request.pieces:
                yield request.pieces.popleft()
            else:
                await self._line.more()

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        """``callback`` is called once if the client goes away before its answer is finished."""
        self._close_callback = callback

    def write_headers(
        self,
        start_line: httputil.RequestStartLine | httputil.ResponseStartLine,
        headers: httputil.HTTPHeaders,
        chunk: bytes | None = None,
    ) -> Future[None]:
        """Sends the head and ``chunk`` together.

        Raises ``ValueError`` for a header that would break out of its line and ``HTTPOutputError`` for more
        bytes than its Content-Length; the client then gets a complete 500.
        """
        assert isinstance(start_line, httputil.ResponseStartLine)
        if not self.open:
            return never_sent()
        try:
            data = self._head(start_line, headers) + (self._frame(chunk) if chunk else b"")
        except (ValueError, httputil.HTTPOutputError):
            self._line.fail(self, InternalError("The answer could not be written"))
            raise
        self.answering = True
        return self._line.write(data)

    def write(self, chunk: bytes) -> Future[None]:
        """Sends a part of the body; ``HTTPOutputError`` and the end of the connection if it is too long."""
        if not self.open:
            return never_sent()
        try:
            data = self._frame(chunk)
        except httputil.HTTPOutputError:
            self._line.fail(self, InternalError("The answer could not be written"))
            raise
        return self._line.write(data)

    def finish(self) -> None:
        """Ends the answer; ``HTTPOutputError`` and the end of the connection if it is too short."""
        if not self.open:
            return
        if not self.answering or self._remaining:
            self._line.fail(self, InternalError("The answer could not be written"))
            raise httputil.HTTPOutputError("finished without headers or before Content-Length was reached")
        if self._chunked:
            self._line.write(b"0\r\n\r\n")
        self.open = False
        self._line.answered(self._keep_alive, upgraded=self._upgraded)

    def detach(self) -> IOStream:
        """The stream, for a handler that goes on without HTTP; its close callback is free.

        Bytes that came after the request and were already parsed are dropped, except that a WebSocket
        handshake with such bytes never gets as far as a handler.
        """
        self.open = False
        self._close_callback = None
        return self._line.detach()

    def lost(self) -> None:
        """The client is gone."""
        self.open = False
        callback, self._close_callback = self._close_callback, None
        if callback is not None:
            callback()

    def _head(self, start_line: httputil.ResponseStartLine, headers: httputil.HTTPHeaders) -> bytes:
        code = start_line.code
        empty = self._method == "HEAD" or code in (204, 304) or 100 <= code < 200
        declared = "Content-Length" in headers
        self._upgraded = code == 101
        self._chunked = not (empty or declared or self._http_1_0)
        self._remaining = 0 if empty else int(headers["Content-Length"]) if declared else None
        if not self._upgraded:
            self._set_persistence(headers, delimited=empty or declared or self._chunked)
        if self._chunked:
            headers["Transfer-Encoding"] = "chunked"
        lines = [f"HTTP/1.1 {code} {start_line.reason}", *[f"{name}: {value}" for name, value in headers.get_all()]]
        text = "\r\n".join(lines)
        if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or "\0" in text:
            raise ValueError("a header of the answer holds CR, LF or NUL")
        return (text + "\r\n\r\n").encode("latin-1")

    def _set_persistence(self, headers: httputil.HTTPHeaders, *, delimited: bool) -> None:
        """RFC 9112, 9.3: says in the answer whether another request may follow it."""
        asked_to_close = "Connection" in headers and headers["Connection"].lower() == "close"
        if asked_to_close or not delimited or self._line.ending or not self._request.complete:
            self._keep_alive = False
        if not self._keep_alive:
            if not self._http_1_0:
                headers["Connection"] = "close"
        elif self._http_1_0:
            headers["Connection"] = "Keep-Alive"

    def _frame(self, chunk: bytes) -> bytes:
        if self._remaining is not None:
            self._remaining -= len(chunk)
            if self._remaining < 0:
                raise httputil.HTTPOutputError("more bytes than Content-Length")
        if self._chunked and chunk:
            return b"%x\r\n%b\r\n" % (len(chunk), chunk)
        return chunk
