"""A connection to Redis that callbacks read and nobody waits for.

redis-py connects, encrypts and logs in. Then the bus takes the transport over, with the parser that redis-py uses
(hiredis): an answer that redis-py's own reading brought cost a wake-up of a task and some 100 µs, this way a few.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError, ResponseError

Command = tuple[Any, ...]  # words, as str or bytes

_NOTHING = object()


class RedisStream(asyncio.Protocol):
    """Calls ``answered`` with each answer, in order.

    ``heard_at`` is when something last arrived, by the loop's clock.
    """

    def __init__(self, connection: AbstractConnection, answered: Callable[[Any], None]) -> None:
        self._loop = asyncio.get_running_loop()
        assert connection._writer is not None, "the connection is open"
        self._kept = connection._writer  # it would close its transport when nobody held it any more
        self._transport: asyncio.WriteTransport = connection._writer.transport
        connection._reader = connection._writer = None  # no longer redis-py's to read or to close
        self._answered = answered
        self._answers = hiredis.Reader(notEnoughData=_NOTHING)
        self._over: asyncio.Future[None] = self._loop.create_future()
        self.heard_at = self._loop.time()
        self._transport.set_protocol(self)

    def write(self, commands: Iterable[Command]) -> None:
        """Send commands in one piece; their answers come to ``answered``. What is lost is told by :meth:`over`."""
        if not self._transport.is_closing():
            self._transport.write(b"".join([hiredis.pack_command(command) for command in commands]))

    async def over(self) -> None:
        """Wait for the end of the connection; raises why, one of :data:`replyx.redis.link.UNREACHABLE`."""
        try:
            await self._over
        finally:
            self._transport.abort()

    def end(self, reason: BaseException) -> None:
        """Give the connection up: :meth:`over` raises ``reason``."""
        if not self._over.done():
            self._over.set_exception(reason)
        self._transport.abort()

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        """Hand on every whole answer."""
        self.heard_at = self._loop.time()
        try:
            self._answers.feed(data)
            while (answer := self._answers.gets()) is not _NOTHING:
                if isinstance(answer, hiredis.ReplyError):
                    raise ResponseError(str(answer))
                self._answered(answer)
        except hiredis.ProtocolError as failure:
            self.end(ConnectionError(f"what answers is no Redis: {failure}"))
        except Exception as failure:  # whoever waits in over() raises it
            self.end(failure)

    def connection_lost(self, failure: Exception | None) -> None:
        """The other side closed, or the network failed."""
        if not self._over.done():
            self._over.set_exception(failure or ConnectionError("Redis closed the connection"))
