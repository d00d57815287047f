"""A socket of its own for a client that stays: bytes in as they come, bytes out without waiting.

A handler answers the request, takes the socket from under HTTP and is gone; what is left is one small object. No
future, task or timer belongs to a connection on which nothing happens.
"""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from tornado.iostream import IOStream
from tornado.web import RequestHandler

FULL_BYTES = 64 * 1024  # past this the client is behind, and is caught up from the log when this much has left
KERNEL_BYTES = 64 * 1024  # the kernel doubles it (socket(7)); with FULL_BYTES a stalled reader costs under 256 KiB
READ_BYTES = 16 * 1024  # one read; the frames in it are worked off before the next
EARLY_BYTES = 64 * 1024  # what a client may send ahead of the answer to its handshake


class Connection:
    """A client's socket. Subclasses say what happens with what arrives.

    While nothing waits, ``write`` is one ``send``: no copy and no queue. That is the fast path of a broadcast.
    """

    __slots__ = ("_loop", "_socket", "_waiting")

    def __init__(self, taken: socket.socket) -> None:
        self._socket = taken
        self._loop = asyncio.get_running_loop()
        self._waiting: bytearray | None = None
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # Nagle holds a second frame back for 40 ms
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.read_on()

    # What a subclass fills in; each is called from the loop, never from inside a call of ours

    def received(self, data: bytes) -> None:
        """The client sent ``data``."""
        raise NotImplementedError

    def drained(self) -> None:
        """Everything that waited has left."""
        raise NotImplementedError

    def lost(self) -> None:
        """The socket is closed, by whomever; called once."""
        raise NotImplementedError

    # Writing

    @property
    def closed(self) -> bool:
        """Whether the socket is closed."""
        return self._socket.fileno() < 0

    @property
    def unsent(self) -> int:
        """Bytes that wait in this process."""
        return 0 if self._waiting is None else len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether more than the bound waits to leave."""
        return self._waiting is not None and len(self._waiting) > FULL_BYTES

    def write(self, data: bytes) -> bool:
        """Take ``data`` whole. False: the client reads too slowly, wait for ``drained``; or it is gone."""
        if self._waiting is None:
            sent = self._send(data)
            if sent == len(data):
                return True
            if sent < 0:
                return False
            self._waiting = bytearray(data[sent:])
            self._loop.add_writer(self._socket.fileno(), self._writable)
        else:
            self._waiting += data
        return len(self._waiting) <= FULL_BYTES

    def _send(self, data: bytes | bytearray) -> int:
        """How much the kernel took; -1 when the client is gone."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self.abort()
            return -1

    def _writable(self) -> None:
        if self._waiting is None:
            return
        sent = self._send(self._waiting)
        if sent < 0:
            return
        del self._waiting[:sent]
        if not self._waiting:
            self._waiting = None
            self._loop.remove_writer(self._socket.fileno())
            self.drained()

    # Reading

    def read_on(self) -> None:
        """Hand on what the client sends."""
        if not self.closed:
            self._loop.add_reader(self._socket.fileno(), self._readable)

    def pause(self) -> None:
        """Leave what the client sends in the kernel, and the client waiting in the end."""
        if not self.closed:
            self._loop.remove_reader(self._socket.fileno())

    def _readable(self) -> None:
        if self.closed:
            return
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.received(data)
        else:
            self.abort()

    # The end

    def shut(self) -> None:
        """Send no more; the client sees the end once it has read everything. What it sends still arrives."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.abort()

    def abort(self) -> None:
        """Close at once; what waits is gone. Harmless when repeated."""
        if self.closed:
            return
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._socket.close()
        self._waiting = None
        self._loop.call_soon(self.lost)


def take_socket(handler: RequestHandler) -> tuple[socket.socket, bytes] | None:
    """The socket below a request, and what the client has sent behind it; None if the client is gone.

    HTTP forgets the connection. A client that has not taken the head of its answer, if that was sent, or that sends and
    sends before it, is not waited for.
    """
    stream = handler.detach()
    assert isinstance(stream, IOStream)
    try:
        reading = cast("asyncio.Future[bytes]", stream.read_bytes(EARLY_BYTES, partial=True))
    except OSError:
        return None
    early = reading.result() if reading.done() and not stream.closed() else b""
    if stream.closed() or stream.writing() or len(early) == EARLY_BYTES:
        stream.close()
        return None
    stream.io_loop.remove_handler(stream.fileno())
    return stream.socket, early
