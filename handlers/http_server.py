"""The HTTP/1.1 server under Tornado's application.

It speaks to ``tornado.web.Application`` through Tornado's public interface (``HTTPServerConnectionDelegate``,
``HTTPMessageDelegate``, ``HTTPConnection``), so handlers, streaming answers and WebSockets are Tornado's own.
In place of ``tornado.httpserver.HTTPServer`` it gives two things: every refusal is a complete
``application/problem+json`` answer on a connection that is never reset, and llhttp (httptools) does the parsing.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import math
import resource
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from socket import SO_SNDBUF, SOL_SOCKET, AddressFamily, socket
from typing import Any

from tornado import httputil
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.iostream import IOStream

from handlers.http_connection import READ_BYTES, HttpConnection
from handlers.http_exchange import Peer
from handlers.http_parser import BodyRules, HttpLimits
from handlers.http_places import Places
from handlers.proxies import say_distrusted
from replyx.errors import TooManyRequests
from replyx.limits import address_key
from replyx.process.held import Held

__all__ = ["HttpLimits", "HttpServer", "forwarded_peer"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# How often deadlines are looked at, in milliseconds; a timeout may come this much late.
SWEEP_MS = 1_000

# Connections that are taken in one turn of the loop; each costs 0.16 ms.
ACCEPTED_AT_ONCE = 16

# Descriptors that stay free for the database, Redis, logs and the sockets on which refusals go out.
SPARE_FILES = 64

# Connections over the limit that may linger with their refusal; beyond it the oldest is closed at once.
LINGERING_REFUSALS = 16

# What the kernel keeps of an answer for each client, or twice that (socket(7)): more would hide a client that takes
# nothing, and less would slow down one that is far away.
KERNEL_BYTES = 256 * 1024

EVERYBODYS = "proxy"
NO_ADDRESS = "0.0.0.0"  # of a Unix socket, as Tornado has it

# What a client over the connection limit is told to wait.
FULL_RETRY_S = 5


class HttpServer:
    """Serves ``application`` on the sockets given to ``add_sockets``.

    ``body_rules`` says what each address takes of a body; without it ``limits.body_bytes`` holds for all.
    ``trusted_proxies`` are the networks whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed.
    ``clock`` gives seconds and never goes back. ``held`` bounds what slow clients cost. From an address that is no
    trusted proxy's come at most ``connections_per_address`` connections, 0 for any number, at most half of all for
    None. ``limits.connections`` is lowered to what the process may open (``RLIMIT_NOFILE``): without a free descriptor
    a server cannot even refuse. TLS is a proxy's work.
    """

    def __init__(
        self,
        application: httputil.HTTPServerConnectionDelegate,
        *,
        limits: HttpLimits,
        body_rules: BodyRules | None = None,
        trusted_proxies: Collection[Network] = (),
        held: Held | None = None,
        connections_per_address: int | None = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.application = application
        self.limits = limits
        self.body_rules = body_rules
        self.stopping = False
        self.now = clock
        self._trusted = tuple(trusted_proxies)
        self.held = held or Held()
        most = int(min(limits.connections, max(1, _open_files() - SPARE_FILES)))
        self._per_address = max(1, most // 2) if connections_per_address is None else connections_per_address
        self._places: Places[HttpConnection] = Places(most, self._most_from)
        self._listening: list[socket] = []
        self._connections: set[HttpConnection] = set()
        self._refused: deque[HttpConnection] = deque()
        self._detached: dict[socket, str] = {}
        self._empty = asyncio.Event()
        self._empty.set()
        self._sweeper = PeriodicCallback(self.sweep, SWEEP_MS)

    @property
    def connections(self) -> int:
        """Open sockets: those that speak HTTP and those that handlers have detached."""
        return len(self._connections) + sum(taken.fileno() >= 0 for taken in self._detached)

    def add_sockets(self, sockets: Iterable[socket]) -> None:
        """Accepts connections on ``sockets``, which do not block; needs the running event loop."""
        for listening in sockets:
            self._listening.append(listening)
            IOLoop.current().add_handler(listening, self._accept, IOLoop.READ)
        if not self._sweeper.is_running():
            self._sweeper.start()

    def _accept(self, listening: socket, events: int) -> None:
        """A few at a time: to take a whole crowd in one turn of the loop would keep everybody else waiting."""
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                accepted, address = listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            accepted.setblocking(False)
            self._take(IOStream(accepted, read_chunk_size=READ_BYTES), address)

    def _take(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """One over the limit gets the place of one that waits, or is refused."""
        stream.set_nodelay(True)
        stream.socket.setsockopt(SOL_SOCKET, SO_SNDBUF, KERNEL_BYTES)
        peer = _direct_peer(stream, address)
        connection = HttpConnection(self, stream, peer, _counts_by(peer.remote_ip, self._trusted))
        room = not self._places.crowded(connection.address) or self._make_room(connection.address)
        self._connections.add(connection)
        self._places.take(connection.address)
        self._empty.clear()
        if room:
            connection.start()
        else:
            self._refuse(connection)

    def sweep(self) -> None:
        """Ends what has passed its deadline; one pass each second instead of a timer per connection."""
        now = self.now()
        for connection in [c for c in self._connections if c.is_late(now)]:
            connection.expire()
        self._forget_detached()

    def stop_accepting(self) -> None:
        """Accepts nothing more; what was accepted goes on, so that a client that has just connected can still ask."""
        for listening in self._listening:
            IOLoop.current().remove_handler(listening)
            listening.close()
        self._listening.clear()

    def stop(self) -> None:
        """Accepts nothing more, closes idle connections and lets each request in progress be the last one."""
        self.stop_accepting()
        self.stopping = True
        for connection in tuple(self._connections):
            connection.stop()

    async def close_all_connections(self, grace_s: float = 5.0) -> None:
        """Stops, waits up to ``grace_s`` seconds for requests in progress and then closes what is left.

        Detached streams (WebSockets) belong to their handlers and stay open.
        """
        self.stop()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), grace_s)
        for connection in tuple(self._connections):
            connection.stream.close()
        await self._empty.wait()
        self._sweeper.stop()

    def peer(self, direct: Peer, headers: httputil.HTTPHeaders) -> Peer:
        """Who sent a request with ``headers`` that came from ``direct``."""
        peer = forwarded_peer(direct, headers, self._trusted) if self._trusted else direct
        if not peer.trusted:
            say_distrusted(direct.remote_ip, headers)
        return peer

    def waits(self, connection: HttpConnection) -> None:
        """Called by a connection when it waits for a request."""
        self._places.waits(connection)

    def serves(self, connection: HttpConnection) -> None:
        """Called by a connection when a request has come."""
        self._places.serves(connection)

    def closed(self, connection: HttpConnection) -> None:
        """Called by a connection when its socket is closed."""
        self._forget(connection)

    def detached(self, connection: HttpConnection, stream: IOStream) -> None:
        """Called by a connection when a handler takes its stream."""
        if not stream.closed():
            # The handler may let go of the stream and keep the socket.
            self._detached[stream.socket] = connection.address
            self._places.take(connection.address)
        self._forget(connection)

    def _forget(self, connection: HttpConnection) -> None:
        if connection not in self._connections:
            return
        self._connections.remove(connection)
        self._places.serves(connection)
        self._places.leave(connection.address)
        self.application.on_close(connection)
        if not self._connections:
            self._empty.set()

    def _forget_detached(self) -> None:
        for taken in [taken for taken in self._detached if taken.fileno() < 0]:
            self._places.leave(self._detached.pop(taken))

    def _make_room(self, address: str) -> bool:
        """Close the connection that has waited longest for its client; whether there was one."""
        spare = self._places.spare(address)
        if spare is None:
            return False
        self.held.cut["silent"] += 1
        spare.stream.close()
        self._forget(spare)
        return True

    def _most_from(self, address: str) -> float:
        return self._per_address if self._per_address and address != EVERYBODYS else math.inf

    def _refuse(self, connection: HttpConnection) -> None:
        if len(self._refused) == LINGERING_REFUSALS:
            self._refused.popleft().stream.close()
        self._refused.append(connection)
        connection.refuse(TooManyRequests("The server holds all the connections it may", retry_after=FULL_RETRY_S))


def forwarded_peer(direct: Peer, headers: httputil.HTTPHeaders, trusted: Collection[Network]) -> Peer:
    """The client behind trusted proxies: the rightmost ``X-Forwarded-For`` entry that no trusted proxy has.

    Each proxy appends the address it was called from, so everything left of the first untrusted entry is
    the client's own claim. An entry that is no address ends the search at the hop that reported it.
    """
    address = _address(direct.remote_ip)
    if address is None or not _is_in(address, trusted):
        return direct
    for entry in reversed(headers.get("X-Forwarded-For", "").split(",")):
        hop = _address(entry.strip())
        if hop is None:
            break
        address = hop
        if not _is_in(address, trusted):
            break
    protocol = headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip().lower()
    protocol = protocol if protocol in ("http", "https") else direct.protocol
    return direct._replace(remote_ip=str(address), protocol=protocol, trusted=True)


def _address(entry: str) -> Address | None:
    """The IP address of an ``X-Forwarded-For`` entry, which may carry a port; IPv4 inside IPv6 is IPv4."""
    host = entry
    if entry.startswith("["):
        host = entry[1:].partition("]")[0]
    elif entry.count(":") == 1:
        host = entry.partition(":")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_in(address: Address, networks: Collection[Network]) -> bool:
    return any(address in network for network in networks)


@functools.lru_cache(maxsize=4096)  # 20 us of the 160 that a connection costs, and a crowd comes from one address
def _counts_by(remote_ip: str, trusted: tuple[Network, ...]) -> str:
    """What a connection counts by: those of trusted proxies and Unix sockets, which bring everybody's, as one."""
    direct = _address(remote_ip)
    everybodys = direct is None or remote_ip == NO_ADDRESS or _is_in(direct, trusted)
    return EVERYBODYS if everybodys else address_key(remote_ip)


def _direct_peer(stream: IOStream, address: tuple[Any, ...]) -> Peer:
    """The socket's own peer; a Unix socket has no address, and Tornado calls that 0.0.0.0."""
    is_ip = stream.socket.family in (AddressFamily.AF_INET, AddressFamily.AF_INET6)
    ip, port = (address[0], address[1]) if is_ip else (NO_ADDRESS, 0)
    return Peer(ip, "http", ip, port)


def _open_files() -> float:
    """How many descriptors this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if soft == resource.RLIM_INFINITY else soft
