"""What the tests of the HTTP server share: a server in a thread of its own, and a client that sends any bytes.

The server has a clock that only the test moves: no test waits for a timeout.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ipaddress
import json
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body
from tornado.websocket import WebSocketHandler

from handlers.http_exchange import Exchange
from handlers.http_parser import BodyRules, HttpLimits
from handlers.http_server import HttpServer
from replyx.errors import Problem
from replyx.process.held import Held

T = TypeVar("T")

# How long something that must happen may take on a busy machine. Nothing waits this long when all is well.
PATIENCE_S = 10.0

HOST = b"Host: shoes.example\r\n"
GET = b"GET /echo HTTP/1.1\r\n" + HOST + b"\r\n"


class Probe:
    """What handlers tell the test, and what the test tells them."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.client_left = threading.Event()
        self.release = threading.Event()
        self.heard: list[str] = []
        self.largest = 0
        self.taken = 0

    async def released(self) -> None:
        """Until the test sets ``release``; once it has, no turn of the loop comes between."""
        if not self.release.is_set():
            await asyncio.to_thread(self.release.wait, PATIENCE_S)


class Handler(RequestHandler):
    @property
    def probe(self) -> Probe:
        probe: Probe = self.settings["probe"]
        return probe


class Echo(Handler):
    """Says what it was asked."""

    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

    async def answer(self) -> None:
        request = self.request
        self.probe.heard.append(request.uri or "")
        await asyncio.sleep(0)
        said = {
            "method": request.method,
            "uri": request.uri,
            "host": request.host,
            "version": request.version,
            "args": {name: [v.decode() for v in values] for name, values in request.query_arguments.items()},
            "body": request.body.decode("latin-1"),
            "x": request.headers.get_list("X-Say"),
            "peer": [request.remote_ip, request.protocol],
        }
        self.finish(said)

    get = head = post = put = patch = delete = options = answer


class Pieces(Handler):
    """Streams, so that the server has to frame."""

    async def get(self) -> None:
        for piece in ("one ", "two ", "three"):
            self.write(piece)
            await self.flush()

    async def head(self) -> None:
        await self.get()


class Status(Handler):
    def get(self, code: str) -> None:
        self.set_status(int(code))
        if self.get_argument("close", ""):
            self.set_header("Connection", "close")

    def post(self, code: str) -> None:
        raise HTTPError(int(code))


class Slow(Handler):
    """Answers when the test lets it; ``/slow?begin=1`` has already begun."""

    async def get(self) -> None:
        if self.get_argument("begin", ""):
            self.write("begun ")
            await self.flush()
        self.probe.entered.set()
        await self.probe.released()
        self.finish("done")

    def on_connection_close(self) -> None:
        self.probe.client_left.set()
        self.probe.release.set()


class Large(Handler):
    """More than any socket buffer holds."""

    def get(self) -> None:
        self.write(b"x" * int(self.get_argument("bytes")))


class Flushing(Handler):
    """As much, waited for."""

    async def get(self) -> None:
        self.write(b"x" * int(self.get_argument("bytes")))
        try:
            await self.flush()
        except StreamClosedError:
            self.probe.heard.append("closed")


class Broken(Handler):
    def get(self, how: str) -> None:
        if how == "header":
            self._headers.add("X-Safe", "1")
            self._headers._as_list["X-Evil"] = ["1\r\nSet-Cookie: stolen=1"]
        elif how == "long":
            self.set_header("Content-Length", 3)
            self.write("four")
        elif how == "short":
            self.set_header("Content-Length", 5)
            self.write("four")


class Unmakable(RequestHandler):
    def initialize(self) -> None:
        raise RuntimeError("cannot be made")


@stream_request_body
class Upload(Handler):
    def prepare(self) -> None:
        self.got = b""
        if self.get_argument("refuse", ""):
            self.set_status(403)
            self.finish("refused")

    async def data_received(self, chunk: bytes) -> None:
        await asyncio.sleep(0)
        self.got += chunk

    def post(self) -> None:
        self.finish(self.got)


class Intake(Handler):
    """Takes its body as it comes: all of it, ``first`` the first piece only, or each when the test lets it."""

    def prepare(self) -> None:
        if self.get_argument("refuse", ""):
            self.set_status(403)
            self.finish("refused")

    async def post(self, how: str) -> None:
        digest, taken = hashlib.sha256(), 0
        connection = self.request.connection
        assert isinstance(connection, Exchange)
        if self.get_argument("wait", ""):
            self.probe.entered.set()
            await self.probe.released()
        try:
            async for piece in connection.body():
                digest.update(piece)
                taken += len(piece)
                self.probe.largest = max(self.probe.largest, len(piece))
                self.probe.taken = taken
                if how == "first":
                    break
                if how == "slow":
                    self.probe.entered.set()
                    await self.probe.released()
        except Problem as problem:
            self.probe.heard.append(problem.code)
            self.set_status(problem.status)
            self.finish(problem.document())
        except StreamClosedError:
            self.probe.client_left.set()
        else:
            self.finish({"bytes": taken, "sha256": digest.hexdigest()})


class EchoSocket(WebSocketHandler):
    def prepare(self) -> None:
        if self.get_argument("refuse", ""):
            raise HTTPError(403)

    async def on_message(self, message: str | bytes) -> None:
        await self.write_message(message, binary=isinstance(message, bytes))

    def on_close(self) -> None:
        self.settings["probe"].client_left.set()


def application(probe: Probe) -> Application:
    routes: list[Any] = [
        ("/echo", Echo),
        ("/pieces", Pieces),
        ("/status/([0-9]+)", Status),
        ("/slow", Slow),
        ("/large", Large),
        ("/flushing", Flushing),
        ("/broken/([a-z]+)", Broken),
        ("/unmakable", Unmakable),
        ("/upload", Upload),
        ("/intake/([a-z]+)", Intake),
        ("/streamed-upload", Upload),
        ("/ws", EchoSocket),
    ]
    return Application(routes, probe=probe, log_function=lambda handler: None)


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Served:
    """A running server, its clock and the loop that both live in."""

    server: Any
    port: int
    loop: asyncio.AbstractEventLoop
    probe: Probe
    clock: Clock

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What ``coroutine`` returns in the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE_S)

    def call(self, function: Callable[[], T]) -> T:
        """What ``function`` returns in the server's loop."""

        async def called() -> T:
            return function()

        return self.run(called())

    def pass_time(self, seconds: float) -> None:
        """Moves the clock and lets the server look at its deadlines.

        In the loop, so that what the server has begun, such as going on after an answer, is done by then.
        """

        def passed() -> None:
            self.clock.seconds += seconds
            self.server.sweep()

        self.call(passed)

    def connections(self) -> int:
        return self.call(lambda: int(self.server.connections))


@contextlib.contextmanager
def serving(
    limits: HttpLimits | None = None,
    *,
    rules: BodyRules | None = None,
    trusted: tuple[str, ...] = (),
    per_address: int = 0,
    held: Held | None = None,
    stock: bool = False,
) -> Iterator[Served]:
    """A server on a free port of 127.0.0.1; ``stock`` is Tornado's own."""
    probe, clock = Probe(), Clock()
    started: list[Served] = []
    ready = threading.Event()
    over = asyncio.Event()

    async def main() -> None:
        server: Any
        if stock:
            server = HTTPServer(application(probe), max_body_size=262_144)
        else:
            networks = [ipaddress.ip_network(network) for network in trusted]
            server = HttpServer(
                application(probe),
                limits=limits or HttpLimits(),
                body_rules=rules,
                trusted_proxies=networks,
                connections_per_address=per_address,
                held=held,
                clock=clock,
            )
        [listening] = bind_sockets(0, "127.0.0.1")
        server.add_sockets([listening])
        started.append(Served(server, listening.getsockname()[1], asyncio.get_running_loop(), probe, clock))
        ready.set()
        await over.wait()
        server.stop()
        await (server.close_all_connections() if stock else server.close_all_connections(grace_s=0.0))

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert ready.wait(PATIENCE_S)
    try:
        yield started[0]
    finally:
        probe.release.set()
        started[0].loop.call_soon_threadsafe(over.set)
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


@dataclass
class Answer:
    status: int
    headers: HTTPHeaders
    body: bytes
    reason: str = field(default="", compare=False)

    def json(self) -> Any:
        return json.loads(self.body)

    def comparable(self) -> Any:
        headers = sorted(pair for pair in self.headers.get_all() if pair[0] != "Date")
        return self.status, headers, self.body


class Client:
    """A socket and the answers on it; a reset raises ``ConnectionError``."""

    def __init__(self, port: int, source: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S, (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, data: bytes) -> Client:
        self.socket.sendall(data)
        return self

    def trickle(self, data: bytes) -> Client:
        for at in range(len(data)):
            self.socket.sendall(data[at : at + 1])
        return self

    def answer(self, *, head: bool = False) -> Answer:
        """The next answer, without the ones before 200; the whole of it, or the test fails."""
        line = self._file.readline()
        assert line.endswith(b"\r\n"), f"no complete status line: {line!r}"
        version, code, reason = line.decode("latin-1").rstrip("\r\n").split(" ", 2)
        assert version == "HTTP/1.1"
        headers = HTTPHeaders()
        while (line := self._file.readline()) != b"\r\n":
            assert line.endswith(b"\r\n"), f"no complete header: {line!r}"
            headers.parse_line(line.decode("latin-1"))
        status = int(code)
        empty = head or status in (204, 304) or status < 200
        return Answer(status, headers, b"" if empty else self._body(headers), reason)

    def _body(self, headers: HTTPHeaders) -> bytes:
        if "Content-Length" in headers:
            length = int(headers["Content-Length"])
            body = self._file.read(length)
            assert len(body) == length, "the answer is cut off"
            return body
        if "Transfer-Encoding" not in headers:
            return self._file.read()
        body = b""
        while size := int(self._file.readline(), 16):
            body += self._file.read(size)
            assert self._file.read(2) == b"\r\n"
        assert self._file.read(2) == b"\r\n"
        return body

    def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        return self._file.read()

    def refused(self, status: int, code: str) -> Answer:
        """The next answer, which has to be a complete problem and the last thing on the connection."""
        answer = self.answer()
        assert (answer.status, answer.json()["code"], answer.json()["status"]) == (status, code, status)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Connection"] == "close"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert self.rest() == b""
        return answer


def eventually(condition: Callable[[], bool]) -> None:
    """Waits until ``condition`` holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.005)


def post(body: bytes, *more: bytes, path: bytes = b"/echo") -> bytes:
    fields = b"".join(field + b"\r\n" for field in (b"Content-Length: %d" % len(body), *more))
    return b"POST " + path + b" HTTP/1.1\r\n" + HOST + fields + b"\r\n" + body


def chunked(*chunks: bytes, trailers: bytes = b"", path: bytes = b"/echo") -> bytes:
    head = b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks) + b"0\r\n" + trailers + b"\r\n"


UPLOAD = post(b"u" * 2_000_000)
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\n" + HOST + b"Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def until_read(served: Served, what: str, amount: int) -> None:
    """Waits until the parsers of all connections are that far: ``begun`` requests, ``received`` bytes of bodies."""

    def read() -> int:
        return sum(int(getattr(connection._parser, what)) for connection in served.server._connections)

    eventually(lambda: served.call(read) == amount)
