"""One TCP connection of the server.

A connection is always in one of three states. It *listens*: one read is armed on its stream and a
deadline runs. It *serves*: an :class:`Exchange` is open, no read is armed and no deadline runs, except while
a handler waits for more of a body that streams; the stream itself still notices a client that leaves, and
holds back what a client sends early after one read of it. Or it *closes*: the last answer is out, and what
the client still sends is discarded until it closes too, because closing over unread bytes would reset the
connection and could destroy that answer (RFC 9112, 9.6).
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
from collections.abc import Awaitable
from typing import cast

from tornado import httputil
from tornado.concurrent import Future
from tornado.iostream import IOStream, StreamClosedError

from handlers.http_exchange import Exchange, Peer
from handlers.http_outgoing import Outgoing, never_sent
from handlers.http_owner import Owner
from handlers.http_parser import HttpLimits, Phase, Request, RequestParser
from handlers.http_refusal import problem_response
from replyx.errors import InternalError, Malformed, Problem, RequestTimeout, TooManyRequests

log = logging.getLogger("replyx.http")

# One read: also the most that a client can make the server hold by sending ahead of its answers.
READ_BYTES = 16_384

# A body below this average rate is cut off although it never pauses for ``body_timeout_s``: a byte now and
# then would otherwise hold a connection for days.
SLOWEST_BODY_BYTES_PER_S = 1_024

# What a client is told to wait when too much is held for others.
BUSY_RETRY_S = 5

NEVER = math.inf

# Takes the place of a detached connection's parser.
RELEASED = RequestParser(HttpLimits())


class HttpConnection:
    """One TCP connection, from its first byte to its complete last answer. ``address`` is what it counts by."""

    def __init__(self, owner: Owner[HttpConnection], stream: IOStream, peer: Peer, address: str = "") -> None:
        self.stream = stream
        self.owner = owner
        self.deadline = NEVER
        self.address = address or peer.remote_ip
        self._peer = peer
        self._parser = RequestParser(owner.limits, owner.body_rules)
        self._exchange: Exchange | None = None
        self._delivery: asyncio.Task[None] | None = None
        self._read: Future[bytes] | None = None
        self._more: Future[None] | None = None
        self._handed_on = 0.0
        self._outgoing = Outgoing(stream, owner.now, owner.limits.send_timeout_s, self._count_held)
        self._holds: str | None = None
        self._stage: tuple[int, Phase] | None = None
        self._stage_since = 0.0
        self._closing = False
        self._drained = 0
        stream.set_close_callback(self._on_closed)

    @property
    def ending(self) -> bool:
        """Whether the server is stopping, so that no request may follow the present one."""
        return self.owner.stopping

    def start(self) -> None:
        """Waits for the first request."""
        self.owner.waits(self)
        self._listen()

    def stop(self) -> None:
        """Closes the connection unless a request is on its way in or out."""
        idle = self._exchange is None and not self._closing and self._parser.phase is Phase.IDLE
        if idle and not self._parser.requests and not self._has_unread_bytes():
            self.stream.close()

    def is_late(self, now: float) -> bool:
        """Whether a deadline has passed."""
        return self.deadline <= now or self._outgoing.deadline <= now

    def expire(self) -> None:
        """Ends what took too long; to be called once it :meth:`is_late`."""
        limits = self.owner.limits
        if self._outgoing.deadline <= self.owner.now():
            self.owner.held.cut["slow"] += 1
            self.stream.close()
            return
        late = RequestTimeout(f"The body paused for {limits.body_timeout_s:g} s or came too slowly")
        if self._more is not None:
            self._hand_on(late)
        elif self._closing or self._exchange is not None or self._parser.phase is Phase.IDLE:
            self.stream.close()
        elif self._parser.phase is Phase.HEAD:
            self.refuse(RequestTimeout(f"The headers did not arrive within {limits.header_timeout_s:g} s"))
        else:
            self.refuse(late)

    def refuse(self, problem: Problem) -> None:
        """Answers with ``problem`` and closes, whatever the client was still going to send."""
        parser = self._parser
        fields = {"status": problem.status, "code": problem.code, "peer": self._peer.remote_ip}
        log.info("request refused", extra=fields | {"method": parser.method, "path": parser.path})
        self.write(problem_response(problem, head=parser.method == "HEAD"))
        self._close_after_answer()

    def write(self, data: bytes) -> Future[None]:
        """Sends ``data``, at once and in one system call when nothing is waiting to be sent.

        The future is done when the kernel has everything; ``StreamClosedError`` if that never happens.
        """
        return self._outgoing.write(data)

    def let_go(self) -> None:
        """Drops what is held for the client: half a body, which is refused, or an answer that it does not take."""
        if self._exchange is None and not self._closing and not self._outgoing.unsent:
            self.refuse(TooManyRequests("The server holds all unfinished requests it may", retry_after=BUSY_RETRY_S))
        else:
            self.stream.close()

    def _count_held(self) -> None:
        """Tells the server how much is held for this client now."""
        size = self._outgoing.unsent + self._parser.held
        if size or self._holds is not None:
            if self._holds is None:
                exchange = self._exchange
                self._holds = self.address if exchange is None else exchange.context.remote_ip
            address = self._holds
            if not size:
                self._holds = None
            self.owner.held.change(self, address, size)

    def answered(self, keep_alive: bool, *, upgraded: bool) -> None:
        """The open exchange has its whole answer; goes on when the kernel has taken it.

        After a 101 the handler has to ``detach()`` instead.
        """
        limits, now = self.owner.limits, self.owner.now()
        if self._more is not None:
            self._hand_on(StreamClosedError())
        if upgraded:
            self.deadline = now + limits.header_timeout_s
        elif (last := self._outgoing.last) is not None:
            last.add_done_callback(lambda _: self._go_on(keep_alive))
        else:
            self._go_on(keep_alive)

    def more(self) -> Future[None]:
        """Reads on in the body of the open exchange; done when something came of it.

        Fails with the problem that ended the body, and with ``StreamClosedError`` if there is nobody to read from.
        """
        if self._closing or self.stream.closed() or self._exchange is None:
            return never_sent()
        more: Future[None] = Future()
        self._more = more
        if self._parser.problem is not None:
            self._hand_on(self._parser.problem)
            return more
        if not self._exchange.answering and self._parser.take_continue():
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._read is None:
            self._listen()
        return more

    def detach(self) -> IOStream:
        """Hands the stream over: the server forgets the connection and reads nothing from it any more."""
        self._exchange = None
        self._closing = True
        self._outgoing.abandon()
        self._count_held()
        self._parser.close()
        self._parser = RELEASED  # the handler may keep its request, and so this object, for days
        self.stream.set_close_callback(None)
        self.owner.detached(self, self.stream)
        return self.stream

    def _listen(self) -> None:
        self._set_deadline()
        try:
            self._read = cast("Future[bytes]", self.stream.read_bytes(READ_BYTES, partial=True))
        except OSError:
            return  # closed, and the close callback is on its way
        self._read.add_done_callback(self._on_read)

    def _set_deadline(self) -> None:
        if self._closing:
            return
        limits, parser, now = self.owner.limits, self._parser, self.owner.now()
        stage = (parser.begun, parser.phase)
        if stage != self._stage:
            self._stage, self._stage_since = stage, now
        elif self._exchange is not None:
            self._stage_since += now - self._handed_on  # the handler's time is not the client's
        if parser.phase is Phase.IDLE:
            patience = limits.idle_timeout_s if parser.begun else limits.first_byte_timeout_s
            self.deadline = self._stage_since + patience
        elif parser.phase is Phase.HEAD:
            self.deadline = self._stage_since + limits.header_timeout_s
        else:
            earned = parser.received / SLOWEST_BODY_BYTES_PER_S
            self.deadline = min(now, self._stage_since + earned) + limits.body_timeout_s

    def _on_read(self, read: Future[bytes]) -> None:
        self._read = None
        if read.exception() is not None:
            return  # closed, and the close callback is on its way
        if self._closing:
            self._drain(len(read.result()))
            return
        try:
            self._parser.feed(read.result())
        except Exception:
            log.exception("the request parser failed")
            failure = InternalError("The request could not be handled")
            if self._more is not None:
                self._hand_on(failure)
            else:
                self.refuse(failure)
            return
        if self._more is not None:
            self._hand_on(None)
        else:
            self._advance()

    def _hand_on(self, failure: Exception | None) -> None:
        """Lets the handler that waits for more of a body go on."""
        more, self._more = self._more, None
        self._handed_on = self.owner.now()
        if self._exchange is not None:
            self.deadline = NEVER
        if more is None or more.done():
            return
        if failure is None:
            more.set_result(None)
        else:
            more.set_exception(failure)
            more.exception()  # looked at once: a handler that gave up waiting is told nothing

    def _advance(self) -> None:
        """Serves the next request, or answers what ended the reading, or waits for more bytes."""
        parser = self._parser
        if self._closing or self._exchange is not None or self.stream.closed():
            return
        if parser.requests:
            self._serve(parser.requests.popleft())
        elif parser.problem is not None:
            self.refuse(parser.problem)
        else:
            if parser.take_continue():
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if parser.held or self._holds is not None:
                self._count_held()
            if not self._is_over():
                self._listen()

    def _is_over(self) -> bool:
        """Whether the client was let go of."""
        return self._closing or self.stream.closed()

    def _serve(self, request: Request) -> None:
        parser = self._parser
        if request.websocket and (parser.requests or parser.problem or parser.phase is not Phase.IDLE):
            # The bytes would have to reach the WebSocket through a stream that has already given them out.
            self.refuse(Malformed("A WebSocket client waits for the answer to its handshake (RFC 6455, 4.1)"))
            return
        self.deadline = NEVER
        self._handed_on = self.owner.now()
        self.owner.serves(self)
        if self._holds is not None:
            self._count_held()
        exchange = self._exchange = Exchange(self, request, self.owner.peer(self._peer, request.headers))
        try:
            delegate = self.owner.application.start_request(self, exchange)
            waiting = delegate.headers_received(request.start_line, request.headers)
            if waiting is None and request.body and exchange.open:
                waiting, request.body = delegate.data_received(request.body), b""
            if waiting is not None:
                self._delivery = asyncio.ensure_future(self._deliver(exchange, delegate, waiting))
            elif exchange.open:
                delegate.finish()
            else:
                delegate.on_connection_close()
        except Exception as error:
            self._application_failed(exchange, error)

    async def _deliver(
        self, exchange: Exchange, delegate: httputil.HTTPMessageDelegate, waiting: Awaitable[None]
    ) -> None:
        """Gives a delegate that wants to be awaited its body; only ``stream_request_body`` handlers are such."""
        try:
            await waiting
            async for piece in exchange.body():
                waiting_more = delegate.data_received(piece)
                if waiting_more is not None:
                    await waiting_more
            if exchange.open:
                delegate.finish()
            else:
                delegate.on_connection_close()
        except StreamClosedError:
            delegate.on_connection_close()
        except Exception as error:
            self._application_failed(exchange, error)

    def _application_failed(self, exchange: Exchange, error: Exception) -> None:
        if isinstance(error, httputil.HTTPInputError) and not exchange.answering:
            self.fail(exchange, Malformed("The target, the query or the body could not be read"))
        elif isinstance(error, Problem):
            self.fail(exchange, error)
        else:
            log.error("a handler failed before it could answer", exc_info=error)
            self.fail(exchange, InternalError("The request could not be handled"))

    def fail(self, exchange: Exchange, problem: Problem) -> None:
        """Ends an exchange that cannot have a proper answer: with ``problem``, or by closing if one has begun."""
        if self._exchange is not exchange:
            return
        exchange.open = False
        if exchange.answering:
            self.stream.close()
        else:
            self._exchange = None
            self.refuse(problem)

    def _go_on(self, keep_alive: bool) -> None:
        if self.stream.closed():
            return
        self._exchange = None
        if not keep_alive or self.owner.stopping:
            self._close_after_answer()
        elif self._parser.requests:
            # Not here: a client that pipelines has no right to more than one request per turn of the loop.
            self.stream.io_loop.add_callback(self._advance)
        else:
            self.owner.waits(self)
            self._advance()

    def _close_after_answer(self) -> None:
        self._closing = True
        self._parser.close()
        self._count_held()
        if (last := self._outgoing.last) is not None:
            self.deadline = NEVER
            last.add_done_callback(lambda _: self._half_close())
        else:
            self._half_close()

    def _half_close(self) -> None:
        if self.stream.closed():
            return
        self.deadline = self.owner.now() + self.owner.limits.drain_seconds
        try:
            self.stream.socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            self.stream.close(exc_info=error)
            return
        if self._read is None:
            self._listen()

    def _drain(self, count: int) -> None:
        self._drained += count
        if self._drained > self.owner.limits.drain_bytes:
            self.stream.close()
        else:
            self._listen()

    def _has_unread_bytes(self) -> bool:
        if self._read is not None and self._read.done():
            return True
        try:
            return bool(self.stream.socket.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def _on_closed(self) -> None:
        exchange, self._exchange = self._exchange, None
        self._hand_on(StreamClosedError(real_error=self.stream.error))
        if not self._closing:
            self._parser.close()
        self._closing = True
        self._outgoing.abandon()
        self._count_held()
        self.owner.closed(self)
        if exchange is not None:
            exchange.lost()
