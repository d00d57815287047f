"""Bytes to a socket without waiting: the sink that a subscription writes into."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from tornado.iostream import IOStream, StreamClosedError

FULL_BYTES = 64 * 1024  # past this the client is behind, and is caught up from the log when this much has left
KERNEL_BYTES = 64 * 1024  # the kernel doubles it (socket(7)); with FULL_BYTES a stalled reader costs under 256 KiB


class StreamSink:
    """Writes to an ``IOStream``; ``drained`` is called when everything that waited has left.

    While nothing waits, a frame goes straight to the socket: no future, no copy. That is the fast path of a
    broadcast; the stream's own buffer takes what the kernel does not.
    """

    __slots__ = ("_drained", "_last", "_stream", "_unsent")

    def __init__(self, stream: IOStream, drained: Callable[[], None]) -> None:
        self._stream = stream
        self._drained = drained
        self._unsent = 0
        self._last: asyncio.Future[None] | None = None
        prepare(stream)

    @property
    def full(self) -> bool:
        """Whether more than the bound waits to leave."""
        return self._unsent > FULL_BYTES

    @property
    def unsent(self) -> int:
        """Bytes that wait in this process."""
        return self._unsent

    def write(self, data: bytes) -> bool:
        """Take ``data`` whole. False: the client reads too slowly, wait for ``drained``."""
        stream = self._stream
        if stream.closed():
            return False
        rest: bytes | memoryview = data
        if self._last is None and not stream.writing():
            try:
                sent = stream.socket.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                stream.close()
                return False
            if sent == len(data):
                return True
            rest = memoryview(data)[sent:]
        self._unsent += len(rest)
        try:
            self._last = stream.write(rest)
        except StreamClosedError:
            return False
        self._last.add_done_callback(self._written)
        return self._unsent <= FULL_BYTES

    async def room(self) -> None:
        """Wait until the client has read enough, or is gone: for answers to a client that asks and does not read."""
        while self.full and self._last is not None and not self._stream.closed():
            await asyncio.wait((self._last,))

    def _written(self, future: asyncio.Future[None]) -> None:
        if future.cancelled() or future.exception() is not None:
            return  # the stream closed; its owner hears of that from the stream
        if future is self._last:
            self._last = None
            self._unsent = 0
            self._drained()


def prepare(stream: IOStream) -> None:
    """Set a socket up for small frames: no Nagle (40 ms of delay otherwise) and a bounded kernel buffer.

    Nothing happens to one that is closed already.
    """
    if stream.closed():
        return
    stream.set_nodelay(True)
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
