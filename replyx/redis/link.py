"""Connections to Redis, one at a time and each for one purpose: whoever holds one sees it break and opens the next."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError

from replyx.redis.address import RedisAddress

CONNECT_S = 3.0  # to be connected and admitted; on a network where that takes longer the bus would be no use

UNREACHABLE = (RedisError, OSError, TimeoutError, EOFError)
"""What a connection raises when it, or the server behind it, is gone or refuses."""


class _Mortal(AbstractConnection):
    """Says that it has ended when it is written to, as one of :data:`UNREACHABLE`.

    A reset may close uvloop's transport before anybody has read from it; to write to it then is a RuntimeError. That
    matters while redis-py logs in: afterwards :class:`replyx.redis.stream.RedisStream` writes.
    """

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        if self._writer is not None and self._writer.is_closing():
            raise Disconnected("The connection was reset.")
        await super().send_packed_command(command, check_health)


class _Tcp(_Mortal, Connection):
    pass


class _Tls(_Mortal, SSLConnection):
    pass


class _Unix(_Mortal, UnixDomainSocketConnection):
    pass


class RedisLink:
    """Opens connections to the server that ``address`` names.

    redis-py's pools and its ``PubSub`` reconnect in silence and so hide that messages were lost. These connections do
    not: a broken one raises one of :data:`UNREACHABLE`, and the next is asked for with :meth:`open`.
    """

    def __init__(self, address: RedisAddress, name: str) -> None:
        self._address = address
        self._name = name
        self._turns: Iterator[tuple[str, int]] = itertools.cycle(address.nodes)

    async def open(self) -> AbstractConnection:
        """A connection that is admitted and ready. Raises one of :data:`UNREACHABLE`, at the latest after 3 s.

        Of several nodes of a Cluster each call takes the next.
        """
        async with asyncio.timeout(CONNECT_S):
            connection = await self._made()
            try:
                await connection.connect()
            except BaseException:
                await connection.disconnect(nowait=True)
                raise
        return connection

    async def _made(self) -> AbstractConnection:
        address = self._address
        if address.path:
            return _Unix(path=address.path, **self._login())
        host, port = await self._master() if address.kind == "sentinel" else next(self._turns)
        if address.tls:
            return _Tls(host=host, port=port, **self._login(), **self._tls())
        return _Tcp(host=host, port=port, **self._login())

    async def _master(self) -> tuple[str, int]:
        """The server that writes at present, as the sentinels say."""
        options = self._address.options
        more: dict[str, Any] = {
            "username": options.get("sentinel_username"),
            "password": options.get("sentinel_password"),
            "socket_timeout": CONNECT_S / 2,
        }
        if self._address.tls:
            more |= {"ssl": True, **self._tls()}
        sentinel = Sentinel(self._address.nodes, sentinel_kwargs=more)
        try:
            host, port = await sentinel.discover_master(self._address.service)
        finally:
            for client in sentinel.sentinels:
                await client.aclose()
        return str(host), int(port)

    def _login(self) -> dict[str, Any]:
        return {
            "username": self._address.username,
            "password": self._address.password,
            "client_name": self._name,
            # RESP2: its answers to a subscriber are the same in Redis 6.2 and 7.
            "protocol": 2,
            "socket_timeout": None,
            "socket_connect_timeout": CONNECT_S,
            "retry": Retry(NoBackoff(), 0),
            "health_check_interval": 0,
        }

    def _tls(self) -> dict[str, Any]:
        options = {name: value for name, value in self._address.options.items() if name.startswith("ssl_")}
        if "ssl_check_hostname" in options:
            options["ssl_check_hostname"] = options["ssl_check_hostname"].lower() in ("1", "true", "yes", "on")  # type: ignore[assignment]
        return dict(options)
