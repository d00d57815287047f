"""Bytes on their way to a client: at once what the kernel takes, the rest piece by piece as the client takes it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from tornado.concurrent import Future
from tornado.iostream import IOStream, StreamClosedError

# After each piece it is looked at how fast the client is.
PIECE_BYTES = 16_384

# A client below this average rate is cut off although it takes a byte now and then, which would otherwise make the
# server hold its answer for days.
SLOWEST_TAKING_BYTES_PER_S = 1_024


class Outgoing:
    """What was written to ``stream``, in order.

    ``changed`` is called when more or less than before waits; ``unsent`` is how much, in bytes. ``deadline`` is when
    the client will have been too slow: ``pause_s`` after it took something, earlier at less than
    :data:`SLOWEST_TAKING_BYTES_PER_S`. ``clock`` gives seconds and never goes back.
    """

    def __init__(
        self, stream: IOStream, clock: Callable[[], float], pause_s: float, changed: Callable[[], None]
    ) -> None:
        self.unsent = 0
        self.deadline = math.inf
        self._stream = stream
        self._clock = clock
        self._pause_s = pause_s
        self._changed = changed
        self._pieces: deque[tuple[bytes, Future[None] | None]] = deque()
        self._last: Future[None] | None = None
        self._since = 0.0
        self._taken = 0

    @property
    def last(self) -> Future[None] | None:
        """Done when all that waits has left; None when nothing does."""
        return self._last if self.unsent else None

    def write(self, data: bytes) -> Future[None]:
        """Send ``data``, in one system call when nothing waits.

        The future is done when the kernel has everything; ``StreamClosedError`` if that never happens.
        """
        stream = self._stream
        sent = 0
        if not self.unsent and not stream.closed():
            try:
                sent = stream.socket.send(data)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                stream.close(exc_info=error)
        if stream.closed():
            return never_sent(stream.error)
        future: Future[None] = Future()
        if sent == len(data):
            future.set_result(None)
        else:
            self._wait(memoryview(data)[sent:], future)
        return future

    def abandon(self) -> None:
        """Forget what waits: the client is gone, or its socket has become somebody else's. Nothing is told any more."""
        self._changed = _nobody
        self._fail(None, self._stream.error)

    def _wait(self, rest: memoryview, future: Future[None]) -> None:
        first = not self.unsent
        for start in range(0, len(rest), PIECE_BYTES):
            piece = bytes(rest[start : start + PIECE_BYTES])  # a part of the whole would keep all of it
            self._pieces.append((piece, future if start + PIECE_BYTES >= len(rest) else None))
        self.unsent += len(rest)
        self._last = future
        if first:
            self._since, self._taken = self._clock(), 0
            self.deadline = self._since + self._pause_s
            self._send_next()
        self._changed()

    def _send_next(self) -> None:
        piece, future = self._pieces.popleft()
        try:
            written = self._stream.write(piece)
        except StreamClosedError as error:
            written = never_sent(error)
        written.add_done_callback(lambda done: self._sent(done, len(piece), future))

    def _sent(self, written: Future[None], size: int, future: Future[None] | None) -> None:
        if written.exception() is not None:
            self._fail(future, self._stream.error)
            return
        now = self._clock()
        self.unsent -= size
        self._taken += size
        self.deadline = min(now, self._since + self._taken / SLOWEST_TAKING_BYTES_PER_S) + self._pause_s
        if not self.unsent:
            self.deadline = math.inf
        self._changed()
        if future is not None and not future.done():
            future.set_result(None)
        if self._pieces:
            self._send_next()

    def _fail(self, future: Future[None] | None, error: BaseException | None) -> None:
        """The client is gone: nothing waits any more, and everybody who waited hears of it."""
        waiting = [future, *(each for _, each in self._pieces)]
        self._pieces.clear()
        self.unsent, self.deadline = 0, math.inf
        self._changed()
        for each in waiting:
            if each is not None and not each.done():
                each.set_exception(StreamClosedError(real_error=error))
                each.exception()  # looked at once, so that nobody has to await it


def _nobody() -> None:
    """Who is told when the connection is no more: it and what it writes would keep each other alive."""


def never_sent(error: BaseException | None = None) -> Future[None]:
    """The future of a write that came too late; looked at once, so that nobody has to await it."""
    future: Future[None] = Future()
    future.set_exception(StreamClosedError(real_error=error))
    future.exception()
    return future
