"""The HTTP server over real sockets, beside Tornado's own where that is the reference.

Each server runs in a thread of its own with a clock that only the test moves: no test waits for a timeout.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body
from tornado.websocket import WebSocketHandler
from websockets.sync.client import connect

from handlers.http_connection import READ_BYTES
from handlers.http_exchange import Peer
from handlers.http_parser import HttpLimits, RequestParser
from handlers.http_server import LINGERING_REFUSALS, HttpServer, forwarded_peer
from tests import parts

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

    async def released(self) -> None:
        """Until the test sets ``release``."""
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
        ("/broken/([a-z]+)", Broken),
        ("/unmakable", Unmakable),
        ("/upload", Upload),
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
    limits: HttpLimits | None = None, *, trusted: tuple[str, ...] = (), stock: bool = False
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
                application(probe), limits=limits or HttpLimits(), trusted_proxies=networks, clock=clock
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


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def loud(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """A test fails on any warning or error in the log, but for the messages that it put into this list."""
    expected: list[str] = []
    caplog.set_level(logging.INFO)
    yield expected
    logged = [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.WARNING]
    assert [m for m in logged if not any(e in m for e in expected)] == []


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

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
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


def chunked(*chunks: bytes, trailers: bytes = b"") -> bytes:
    head = b"POST /echo HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks) + b"0\r\n" + trailers + b"\r\n"


# Good requests: Tornado's own server is the reference.

GOOD: dict[str, bytes] = {
    "a GET": GET,
    "a GET with a query and headers": b"GET /echo?a=1&a=%D1%8F HTTP/1.1\r\n"
    + HOST
    + b"X-Say:  b \t\r\nx-say: c\r\n\r\n",
    "a HEAD": b"HEAD /echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "a HEAD of a streamed answer": b"HEAD /pieces HTTP/1.1\r\n" + HOST + b"\r\n",
    "a POST with a length": post(b"hello"),
    "a POST with an empty body": post(b""),
    "a POST as large as the limit": post(b"y" * 262_144),
    "a POST without a body": b"POST /echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "a PUT": b"PUT /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\n\r\nz",
    "a chunked POST": chunked(b"hello ", b"world" * 5000),
    "an empty chunked POST": chunked(),
    "OPTIONS": b"OPTIONS /echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "a streamed answer": b"GET /pieces HTTP/1.1\r\n" + HOST + b"\r\n",
    "a streamed answer to HTTP/1.0": b"GET /pieces HTTP/1.0\r\n\r\n",
    "a request that closes": b"GET /echo HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    "HTTP/1.0": b"GET /echo HTTP/1.0\r\n\r\n",
    "HTTP/1.0 that stays": b"GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "204": b"GET /status/204 HTTP/1.1\r\n" + HOST + b"\r\n",
    "304": b"GET /status/304 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an unknown path": b"GET /nothing HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method that the path does not take": b"DELETE /pieces HTTP/1.1\r\n" + HOST + b"\r\n",
    "TRACE": b"TRACE /echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "an error of the handler": post(b"", path=b"/status/409"),
    "an empty line before the request": b"\r\n" + GET,
    "an upload in pieces": post(b"abc" * 1000, path=b"/upload"),
}


def talk(port: int, request: bytes, *, trickle: bool = False) -> list[Any]:
    """The answer to ``request``, and the one to a GET after it: None if the connection has ended by then."""
    with Client(port) as client:
        (client.trickle if trickle else client.send)(request)
        answers = [client.answer(head=request.startswith(b"HEAD")).comparable()]
        try:
            answers.append(client.send(GET).answer().comparable())
        except (ConnectionError, AssertionError):
            answers.append(None)
        return answers


@pytest.fixture(scope="module")
def reference() -> Iterator[Served]:
    with serving(stock=True) as server:
        yield server


@pytest.fixture(scope="module")
def ours() -> Iterator[Served]:
    with serving() as server:
        yield server


@pytest.mark.parametrize("name", GOOD)
def test_a_good_request_is_answered_as_by_tornado(name: str, ours: Served, reference: Served, loud: list[str]) -> None:
    loud += ["409"] if name.startswith("an error") else ["405"] if name in ("TRACE",) or "method" in name else []
    expected = talk(reference.port, GOOD[name])
    assert talk(ours.port, GOOD[name]) == expected
    if len(GOOD[name]) < 10_000:
        assert talk(ours.port, GOOD[name], trickle=True) == expected


def test_pipelined_requests_are_answered_in_order_as_by_tornado(
    ours: Served, reference: Served, loud: list[str]
) -> None:
    loud += ["409", "405"]
    names = [name for name, data in GOOD.items() if b"close" not in data and b"HTTP/1.0" not in data]

    def answers(port: int) -> list[Any]:
        with Client(port) as client:
            sending = threading.Thread(target=client.send, args=(b"".join(GOOD[name] for name in names),))
            sending.start()
            got = [client.answer(head=GOOD[name].startswith(b"HEAD")).comparable() for name in names]
            sending.join()
            return got

    assert answers(ours.port) == answers(reference.port)


def test_a_header_and_its_body_leave_in_one_packet(served: Served) -> None:
    with Client(served.port) as client:
        client.send(GET)
        assert client.socket.recv(65_536).endswith(b"}")


def test_small_answers_are_not_delayed(served: Served) -> None:
    """Without TCP_NODELAY the second of two small writes waits some 40 ms for the client's acknowledgement."""
    with Client(served.port) as client:
        assert client.send(GET).answer().status == 200
        [connection] = served.server._connections
        assert connection.stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_absolute_target_is_routed_by_its_path_and_replaces_the_host(served: Served) -> None:
    with Client(served.port) as client:
        client.send(b"GET http://hats.example:81/echo?args=1 HTTP/1.1\r\n" + HOST + b"\r\n")
        said = client.answer().json()
        assert (said["uri"], said["host"]) == ("/echo?args=1", "hats.example:81")
        client.send(b"GET http://[::1]/echo HTTP/1.1\r\n" + HOST + b"\r\n")
        assert client.answer().json()["host"] == "[::1]"


def test_a_chunked_body_may_have_extensions_and_its_trailers_are_dropped(served: Served) -> None:
    """A trailer must not become a header, above all not one of the next request."""
    extended = chunked(b"abc", trailers=b"X-Say: trailer\r\n").replace(b"3\r\n", b"3;ext=1\r\n", 1)
    with Client(served.port) as client:
        client.send(extended + GET)
        first, second = client.answer().json(), client.answer().json()
        assert (first["body"], first["x"], second["x"]) == ("abc", [], [])


def test_two_empty_lines_before_a_request_are_ignored_too(served: Served) -> None:
    """RFC 9112, 2.2; Tornado's own server takes the second one for the end of the headers."""
    with Client(served.port) as client:
        assert client.send(b"\r\n\r\n" + GET).answer().status == 200


def test_a_streamed_answer_to_http_1_0_ends_with_the_connection_although_the_client_would_stay(served: Served) -> None:
    """Nothing else could tell the client where the answer ends; Tornado's own server leaves it waiting."""
    with Client(served.port) as client:
        answer = client.send(b"GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").answer()
        assert answer.body == b"one two three"
        assert "Connection" not in answer.headers


def test_nothing_is_served_after_a_request_that_closes(served: Served) -> None:
    with Client(served.port) as client:
        client.send(GET.replace(HOST, HOST + b"Connection: close\r\n") + GET)
        assert client.answer().headers["Connection"] == "close"
        assert client.rest() == b""
        assert served.probe.heard == ["/echo"]


def test_a_handler_may_close_the_connection_by_its_own_header(served: Served) -> None:
    with Client(served.port) as client:
        assert client.send(GET.replace(b"/echo", b"/status/200?close=1")).answer().headers["Connection"] == "close"
        assert client.rest() == b""


# Refusals: complete, and never a reset.

BAD: dict[str, tuple[bytes, int, str]] = {
    "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "malformed"),
    "a request line of one word": (b"HELLO\r\n\r\n", 400, "malformed"),
    "an unknown method": (b"FETCH / HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed"),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400, "malformed"),
    "HTTP/2": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 400, "malformed"),
    "a connection preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "malformed"),
    "a target of two words": (b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed"),
    "a target without a slash": (b"GET echo HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed"),
    "a target that is no URL": (b"GET http:///echo HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed"),
    "a target of another scheme": (b"GET ftp://a/echo HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed"),
    "a target with a password": (b"GET http://u:p@a/echo HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed"),
    "a target that is not ASCII": ("GET /чат HTTP/1.1\r\n\r\n".encode(), 400, "malformed"),
    "NUL in the target": (b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed"),
    "NUL in a header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n", 400, "malformed"),
    "a control character in a header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\x1bb\r\n\r\n", 400, "malformed"),
    "a control character in a name": (b"GET / HTTP/1.1\r\n" + HOST + b"X\x01: a\r\n\r\n", 400, "malformed"),
    "a header without a colon": (b"GET / HTTP/1.1\r\n" + HOST + b"X\r\n\r\n", 400, "malformed"),
    "a header without a name": (b"GET / HTTP/1.1\r\n" + HOST + b": x\r\n\r\n", 400, "malformed"),
    "a space before the colon": (b"GET / HTTP/1.1\r\n" + HOST + b"X : a\r\n\r\n", 400, "malformed"),
    "a folded header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n", 400, "malformed"),
    "a bare CR": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\rb\r\n\r\n", 400, "malformed"),
    "a bare LF": (b"GET / HTTP/1.1\nHost: a\n\n", 400, "malformed"),
    "no Host": (b"GET /echo HTTP/1.1\r\n\r\n", 400, "malformed"),
    "two Hosts": (b"GET /echo HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400, "malformed"),
    "two Hosts in HTTP/1.0": (b"GET /echo HTTP/1.0\r\n" + HOST + HOST + b"\r\n", 400, "malformed"),
    "two Hosts in one line": (b"GET /echo HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, "malformed"),
    "a Host that is a URL": (b"GET /echo HTTP/1.1\r\nHost: http://a/\r\n\r\n", 400, "malformed"),
    "both framings": (post(b"abc", b"Transfer-Encoding: chunked"), 400, "malformed"),
    "both framings, turned round": (chunked(b"a").replace(b"ked\r", b"ked\r\nContent-Length: 3\r"), 400, "malformed"),
    "two lengths": (post(b"abc", b"Content-Length: 4"), 400, "malformed"),
    "the same length twice": (post(b"abc", b"Content-Length: 3"), 400, "malformed"),
    "a list of lengths": (post(b"abc").replace(b": 3\r", b": 3, 3\r"), 400, "malformed"),
    "a signed length": (post(b"abc").replace(b": 3\r", b": +3\r"), 400, "malformed"),
    "a negative length": (post(b"abc").replace(b": 3\r", b": -3\r"), 400, "malformed"),
    "a hexadecimal length": (post(b"abc").replace(b": 3\r", b": 0x3\r"), 400, "malformed"),
    "an empty length": (post(b"abc").replace(b": 3\r", b": \r"), 400, "malformed"),
    "a length past 64 bits": (post(b"abc").replace(b": 3\r", b": 99999999999999999999\r"), 400, "malformed"),
    "a coding before chunked": (chunked(b"a").replace(b": chunked", b": gzip, chunked"), 400, "malformed"),
    "a coding after chunked": (chunked(b"a").replace(b": chunked", b": chunked, identity"), 400, "malformed"),
    "an unknown coding": (chunked(b"a").replace(b": chunked", b": xchunked"), 400, "malformed"),
    "chunks in HTTP/1.0": (chunked(b"a").replace(b"HTTP/1.1", b"HTTP/1.0"), 400, "malformed"),
    "a chunk size that is no number": (chunked(b"abc").replace(b"3\r\nabc", b"x\r\nabc"), 400, "malformed"),
    "a chunk size with a prefix": (chunked(b"abc").replace(b"3\r\nabc", b"0x3\r\nabc"), 400, "malformed"),
    "a chunk longer than its size": (chunked(b"abc").replace(b"3\r\nabc", b"2\r\nabc"), 400, "malformed"),
    "a chunk size past 64 bits": (chunked(b"abc").replace(b"3\r\nabc", b"f" * 17 + b"\r\nabc"), 400, "malformed"),
    "chunks that end in LF": (chunked(b"abc").replace(b"3\r\nabc", b"3\nabc"), 400, "malformed"),
    "too long a target": (b"GET /" + b"a" * 8_192 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "uri_too_long"),
    "too long a header": (GET[:-2] + b"X: " + b"a" * 16_384 + b"\r\n\r\n", 431, "headers_too_large"),
    "too many headers": (b"GET / HTTP/1.1\r\n" + HOST + b"X: aaaaaaaa\r\n" * 1_400 + b"\r\n", 431, "headers_too_large"),
    "a header that never ends": (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 60_000, 431, "headers_too_large"),
    "a body over the limit": (post(b"a" * 262_145), 413, "body_too_large"),
    "chunks that grow past the limit": (chunked(*[b"a" * 32_768] * 9), 413, "body_too_large"),
    "an endless extension": (chunked(b"abc").replace(b"3\r\nabc", b"3;" + b"e" * 60_000), 400, "malformed"),
    "an endless trailer": (chunked(b"abc", trailers=b"X: " + b"t" * 60_000), 400, "malformed"),
    "CONNECT": (b"CONNECT shoes.example:443 HTTP/1.1\r\n" + HOST + b"\r\n", 405, "method_not_allowed"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_gets_a_complete_problem(name: str, ours: Served) -> None:
    data, status, code = BAD[name]
    with Client(ours.port) as client:
        client.send(data).refused(status, code)
    if len(data) < 1_000:
        with Client(ours.port) as client:
            client.trickle(data).refused(status, code)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_does_not_disturb_the_one_before_it_and_nothing_after_it_is_served(name: str) -> None:
    """What follows a request that was refused may be its body: serving it would be request smuggling."""
    data, status, code = BAD[name]
    with serving() as served, Client(served.port) as client:
        client.send(GET + data + b"GET /echo?smuggled HTTP/1.1\r\n" + HOST + b"\r\n")
        assert client.answer().status == 200
        client.refused(status, code)
        assert served.probe.heard == ["/echo"]


@pytest.mark.parametrize("name", ["chunks that grow past the limit", "an endless extension", "an endless trailer"])
def test_what_a_client_may_make_the_server_hold_is_bounded_however_it_is_cut(name: str) -> None:
    data, _, code = BAD[name]
    for size in (1, 7, 1_000, READ_BYTES):
        parser = RequestParser(HttpLimits())
        for at in range(0, len(data), size):
            parser.feed(data[at : at + size])
        assert parser.problem is not None
        assert parser.problem.code == code


@pytest.mark.parametrize(
    "data", [b"HEAD /echo HTTP/1.1\r\n\r\n", b"HEAD /echo HTTP/1.1\r\nX: \0", b"HEAD /" + b"a" * 9_000]
)
def test_a_refused_head_request_gets_no_body(data: bytes, served: Served) -> None:
    with Client(served.port) as client:
        answer = client.send(data).answer(head=True)
        assert client.rest() == b""
        assert answer.status in (400, 414)
        assert int(answer.headers["Content-Length"]) > 0


def test_an_answer_405_names_methods(served: Served) -> None:
    with Client(served.port) as client:
        client.send(BAD["CONNECT"][0])
        assert "POST" in client.answer().headers["Allow"]


UPLOAD = post(b"u" * 2_000_000)


def test_a_client_that_sends_a_refused_body_to_its_end_reads_the_whole_answer(served: Served) -> None:
    with Client(served.port) as client:
        client.send(UPLOAD).refused(413, "body_too_large")


def test_the_same_upload_is_reset_by_the_stock_server(reference: Served) -> None:
    """Shows that the test above could fail: with Tornado's server the client does not get its answer."""
    with Client(reference.port) as client, pytest.raises((ConnectionError, AssertionError, ValueError)):
        client.send(UPLOAD).refused(413, "body_too_large")


def test_a_refusal_does_not_wait_for_the_body(served: Served) -> None:
    with Client(served.port) as client:
        client.send(UPLOAD[:200])
        assert client.answer().status == 413
        client.send(UPLOAD[200:])
        assert client.rest() == b""


def test_a_body_is_discarded_only_up_to_a_bound() -> None:
    with serving(HttpLimits(drain_bytes=100_000)) as served, Client(served.port) as client:
        client.send(UPLOAD[:200])
        assert client.answer().status == 413
        with pytest.raises(ConnectionError):
            client.send(b"u" * 100_000_000)
        eventually(lambda: served.connections() == 0)


def test_a_client_that_does_not_close_after_a_refusal_is_closed(served: Served) -> None:
    with Client(served.port) as client:
        client.send(UPLOAD[:200]).refused(413, "body_too_large")
        served.pass_time(9)
        assert served.connections() == 1
        served.pass_time(2)
        eventually(lambda: served.connections() == 0)


@pytest.mark.parametrize("expect", [True, False])
def test_curl_shows_the_refusal_of_a_large_body(expect: bool, served: Served, tmp_path: Path) -> None:
    curl = parts.require("curl", parts.in_path("curl"), "install curl")
    (tmp_path / "body").write_bytes(b"u" * 2_000_000)
    header = "Expect: 100-continue" if expect else "Expect:"
    arguments = ["--silent", "--show-error", "--noproxy", "*", "--header", header, "--data-binary", f"@{tmp_path}/body"]
    url = f"http://127.0.0.1:{served.port}/echo"
    done = subprocess.run([curl, *arguments, "--write-out", "%{http_code}", url], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b'"body_too_large"' in done.stdout
    assert done.stdout.endswith(b"413")


# Expect: 100-continue


def test_a_client_that_expects_it_is_told_to_continue(served: Served) -> None:
    with Client(served.port) as client:
        head, body = post(b"hello", b"Expect: 100-Continue").split(b"\r\n\r\n")
        assert client.send(head + b"\r\n\r\n").answer().status == 100
        assert client.send(body).answer().json()["body"] == "hello"


@pytest.mark.parametrize(
    "refused",
    [
        post(b"", b"Expect: 100-continue").replace(b": 0", b": 300000"),
        post(b"abc", b"Expect: 100-continue").replace(HOST, b""),
        post(b"abc", b"Expect: 100-continue").replace(b": 3", b": 3, 3"),
    ],
)
def test_a_refused_body_is_not_asked_for(refused: bytes, served: Served) -> None:
    with Client(served.port) as client:
        client.send(refused.split(b"\r\n\r\n")[0] + b"\r\n\r\n")
        assert client.answer().status in (400, 413)


@pytest.mark.parametrize(
    "data",
    [
        post(b"hello", b"Expect: 100-continue"),
        post(b"", b"Expect: 100-continue"),
        post(b"hello", b"Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0"),
        post(b"hello", b"Expect: something"),
    ],
)
def test_nobody_is_told_to_continue_who_has_done_so_or_cannot_understand_it(data: bytes, served: Served) -> None:
    with Client(served.port) as client:
        assert client.send(data).answer().status == 200


def test_a_client_that_has_begun_its_body_needs_no_invitation() -> None:
    parser = RequestParser(HttpLimits())
    parser.feed(post(b"hello", b"Expect: 100-continue")[:-3])
    assert (parser.received, parser.take_continue()) == (2, False)


def test_the_invitation_waits_for_the_answers_before_it(served: Served) -> None:
    with Client(served.port) as client:
        head, body = post(b"hello", b"Expect: 100-continue").split(b"\r\n\r\n")
        client.send(b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n" + head + b"\r\n\r\n")
        served.probe.release.set()
        assert [client.answer().status for _ in range(2)] == [200, 100]
        assert client.send(body).answer().status == 200


# Timeouts


def until_read(served: Served, what: str, amount: int) -> None:
    """Waits until the parsers of all connections are that far: ``begun`` requests, ``received`` bytes of bodies."""

    def read() -> int:
        return sum(int(getattr(connection._parser, what)) for connection in served.server._connections)

    eventually(lambda: served.call(read) == amount)


def test_headers_that_do_not_arrive_in_time_are_answered(served: Served) -> None:
    with Client(served.port) as client:
        client.send(GET[:20])
        until_read(served, "begun", 1)
        served.pass_time(9)
        client.send(GET[20:30])
        served.pass_time(2)
        client.refused(408, "request_timeout")


def test_a_body_that_pauses_too_long_is_answered(served: Served) -> None:
    with Client(served.port) as client:
        client.send(post(b"a" * 200_000)[:-200_000])
        for received in (50_000, 100_000, 150_000):
            client.send(b"a" * 50_000)
            until_read(served, "received", received)
            served.pass_time(19)
        served.pass_time(2)
        client.refused(408, "request_timeout")


def test_a_body_that_never_pauses_but_comes_too_slowly_is_answered(served: Served) -> None:
    with Client(served.port) as client:
        client.send(post(b"a" * 1_000)[:-1_000])
        for received in range(1, 5):
            client.send(b"a")
            until_read(served, "received", received)
            served.pass_time(6)
        client.refused(408, "request_timeout")


def test_an_idle_connection_is_just_closed(served: Served) -> None:
    with Client(served.port) as client:
        assert client.send(GET).answer().status == 200
        served.pass_time(74)
        assert client.send(GET).answer().status == 200
        served.pass_time(74)
        assert served.connections() == 1
        served.pass_time(2)
        assert client.rest() == b""


def test_a_request_that_is_being_answered_has_no_deadline(served: Served) -> None:
    with Client(served.port) as client:
        client.send(b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n")
        assert served.probe.entered.wait(PATIENCE_S)
        served.pass_time(100_000)
        served.probe.release.set()
        assert client.answer().body == b"done"


def test_a_client_that_does_not_take_its_answer_is_closed(served: Served) -> None:
    with Client(served.port) as client:
        client.send(b"GET /large?bytes=50000000 HTTP/1.1\r\n" + HOST + b"\r\n" + GET)
        eventually(lambda: served.call(lambda: [c.stream.writing() for c in served.server._connections]) == [True])
        served.pass_time(74)
        assert served.connections() == 1
        served.pass_time(2)
        eventually(lambda: served.connections() == 0)
        assert served.probe.heard == []


def test_no_timer_and_no_task_stands_behind_an_idle_connection(served: Served) -> None:
    tasks, timers = (
        lambda: len(asyncio.all_tasks(served.loop)),
        lambda: len(getattr(served.loop, "_scheduled", ())),
    )
    before = served.call(tasks), served.call(timers)
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            assert stack.enter_context(Client(served.port)).send(GET).answer().status == 200
        assert served.connections() == 20
        assert (served.call(tasks), served.call(timers)) == before


# Streams, WebSockets and clients that leave


def test_a_streaming_handler_hears_at_once_that_its_client_has_left(served: Served) -> None:
    with Client(served.port) as client:
        client.send(b"GET /slow?begin=1 HTTP/1.1\r\n" + HOST + b"\r\n")
        assert served.probe.entered.wait(PATIENCE_S)
        assert not served.probe.client_left.is_set()
    assert served.probe.client_left.wait(PATIENCE_S)
    eventually(lambda: served.connections() == 0)


def test_a_handler_that_has_not_answered_yet_hears_it_too(served: Served) -> None:
    with Client(served.port) as client:
        client.send(b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n")
        assert served.probe.entered.wait(PATIENCE_S)
    assert served.probe.client_left.wait(PATIENCE_S)


def test_a_client_that_sends_during_a_stream_fills_its_own_buffers_only(served: Served) -> None:
    with Client(served.port) as client:
        client.send(b"GET /slow?begin=1 HTTP/1.1\r\n" + HOST + b"\r\n")
        assert served.probe.entered.wait(PATIENCE_S)
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.send(GET * 1_000_000)
        client.socket.settimeout(PATIENCE_S)
        assert served.probe.heard == []
        served.probe.release.set()
        assert client.answer().body == b"begun done"
        assert [client.answer().status for _ in range(1_000)] == [200] * 1_000


def test_a_client_that_pipelines_without_reading_is_not_read_any_further(served: Served) -> None:
    """Its answers would otherwise pile up in memory."""
    with Client(served.port) as client:
        client.send(b"GET /large?bytes=20000000 HTTP/1.1\r\n" + HOST + b"\r\n" + GET * 100)
        eventually(lambda: served.call(lambda: [c.stream.writing() for c in served.server._connections]) == [True])
        assert served.probe.heard == []
        assert len(client.answer().body) == 20_000_000
        assert [client.answer().status for _ in range(100)] == [200] * 100


def test_a_flush_is_done_when_the_kernel_has_the_bytes_and_fails_when_the_client_leaves(served: Served) -> None:
    outcomes: list[str] = []
    gone = threading.Event()

    class Flushing(Handler):
        async def get(self) -> None:
            self.write("small")
            await self.flush()
            outcomes.append("small")
            self.write(b"x" * 50_000_000)
            pending = self.flush()
            outcomes.append("pending" if not pending.done() else "done")
            try:
                await pending
            except OSError as error:
                outcomes.append(type(error).__name__)
            try:
                await self.flush()
            except OSError as error:
                outcomes.append(type(error).__name__)
            gone.set()

    served.call(lambda: served.server.application.add_handlers(".*", [("/flushing", Flushing)]))
    with Client(served.port) as client:
        client.send(b"GET /flushing HTTP/1.1\r\n" + HOST + b"\r\n")
        assert client.socket.recv(4_096).startswith(b"HTTP/1.1 200")
        eventually(lambda: len(outcomes) == 2)
    assert gone.wait(PATIENCE_S)
    assert outcomes == ["small", "pending", "StreamClosedError", "StreamClosedError"]


def test_a_websocket_echoes_through_tornados_handler(served: Served) -> None:
    with connect(f"ws://127.0.0.1:{served.port}/ws", compression=None, proxy=None) as websocket:
        for message in ("привет", b"\0\xff", "x" * 200_000):
            websocket.send(message)
            assert websocket.recv(PATIENCE_S) == message
        assert served.connections() == 1
        served.pass_time(100_000)
        websocket.send("still here")
        assert websocket.recv(PATIENCE_S) == "still here"
    assert served.probe.client_left.wait(PATIENCE_S)
    eventually(lambda: served.connections() == 0)


HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\n" + HOST + b"Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PING_FRAME = bytes([0x89, 0x80, 1, 2, 3, 4])  # RFC 6455, 5.2: masked, empty
PONG_FRAME = bytes([0x8A, 0x00])


def test_any_handler_may_take_the_stream(served: Served) -> None:
    class Detaching(Handler):
        def get(self) -> None:
            stream = self.detach()
            stream.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nraw").add_done_callback(lambda _: stream.close())

    served.call(lambda: served.server.application.add_handlers(".*", [("/detaching", Detaching)]))
    with Client(served.port) as client:
        assert client.send(GET.replace(b"/echo", b"/detaching")).answer().body == b"raw"
    assert served.connections() == 0


def test_a_frame_that_comes_while_the_handshake_is_answered_is_not_lost(served: Served) -> None:
    held = threading.Event()

    class Late(EchoSocket):
        async def prepare(self) -> None:  # type: ignore[override]
            held.set()
            await served.probe.released()

    served.call(lambda: served.server.application.add_handlers(".*", [("/late", Late)]))
    with Client(served.port) as client:
        client.send(HANDSHAKE.replace(b"/ws", b"/late"))
        assert held.wait(PATIENCE_S)
        client.send(PING_FRAME)
        served.probe.release.set()
        assert client.answer().status == 101
        assert client._file.read(2) == PONG_FRAME


def test_a_frame_together_with_the_handshake_is_refused(served: Served) -> None:
    """RFC 6455, 4.1: a client has to wait for the answer, so that nothing it sends can be taken for HTTP."""
    with Client(served.port) as client:
        client.send(HANDSHAKE + PING_FRAME).refused(400, "malformed")


def test_a_refused_handshake_leaves_an_ordinary_connection(served: Served, loud: list[str]) -> None:
    loud += ["403"]
    with Client(served.port) as client:
        assert client.send(HANDSHAKE.replace(b"/ws", b"/ws?refuse=1")).answer().status == 403
        assert client.send(GET).answer().status == 200
        assert client.send(HANDSHAKE).answer().status == 101


@pytest.mark.parametrize("framing", [post(b"abc"), chunked(b"abc"), post(b""), GET])
def test_an_offer_of_another_protocol_is_ignored_and_its_body_is_read(framing: bytes, served: Served) -> None:
    """Java's client, and curl --http2, offer h2c with every request over plain TCP, those with bodies included."""
    offer = framing.replace(
        HOST, HOST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
    )
    with Client(served.port) as client:
        for _ in range(2):
            client.send(offer + GET)
            first, second = client.answer().json(), client.answer().json()
            assert first["body"] == ("abc" if b"abc" in framing else "")
            assert (second["method"], second["body"]) == ("GET", "")
        client.trickle(offer)
        assert client.answer().status == 200


def test_a_body_behind_a_handshake_is_no_second_request(served: Served, loud: list[str]) -> None:
    """A parser that stops at the Upgrade and goes on with the body as HTTP would let requests be smuggled."""
    loud += ["403"]
    body = b"GET /echo?smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
    handshake = HANDSHAKE.replace(b"/ws", b"/ws?refuse=1").replace(HOST, HOST + b"Content-Length: %d\r\n" % len(body))
    with Client(served.port) as client:
        assert client.send(handshake + body).answer().status == 403
        assert client.send(GET).answer().json()["uri"] == "/echo"
        assert served.probe.heard == ["/echo"]


# Answers that go wrong


@pytest.mark.parametrize("how", ["header", "long"])
def test_an_answer_that_breaks_its_framing_becomes_a_complete_problem(how: str, loud: list[str]) -> None:
    loud += ["Uncaught exception", "Cannot send error response", "Failed to flush"]
    with serving() as served, Client(served.port) as client:
        client.send(b"GET /broken/%b HTTP/1.1\r\n" % how.encode() + HOST + b"\r\n")
        answer = client.refused(500, "internal_error")
        assert "Set-Cookie" not in answer.headers


def test_an_answer_shorter_than_announced_is_cut_off(served: Served, loud: list[str]) -> None:
    loud += ["Uncaught exception", "Cannot send error response", "Failed to flush"]
    with Client(served.port) as client:
        client.send(b"GET /broken/short HTTP/1.1\r\n" + HOST + b"\r\n")
        assert client.rest().endswith(b"\r\n\r\nfour")


def test_a_handler_that_cannot_be_made_is_answered_for_and_logged(served: Served, loud: list[str]) -> None:
    loud += ["a handler failed"]
    with Client(served.port) as client:
        client.send(b"GET /unmakable HTTP/1.1\r\n" + HOST + b"\r\n").refused(500, "internal_error")


def test_a_handler_that_refuses_before_the_body_is_heard(served: Served) -> None:
    with Client(served.port) as client:
        answer = client.send(post(b"abc", path=b"/upload?refuse=1")).answer()
        assert (answer.status, answer.body) == (403, b"refused")


# Who is asking


@pytest.mark.parametrize(
    ("direct", "forwarded", "proto", "expected"),
    [
        ("203.0.113.9", "198.51.100.1", "https", ("203.0.113.9", "http")),
        ("10.0.0.1", "", "", ("10.0.0.1", "http")),
        ("10.0.0.1", "198.51.100.1", "https", ("198.51.100.1", "https")),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "ftp", ("198.51.100.1", "http")),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "http, https", ("198.51.100.1", "https")),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "", ("10.0.0.3", "http")),
        ("10.0.0.1", "198.51.100.1, nonsense, 10.0.0.2", "", ("10.0.0.2", "http")),
        ("10.0.0.1", "198.51.100.1:5000", "", ("198.51.100.1", "http")),
        ("10.0.0.1", "[2001:db8::7]:5000", "", ("2001:db8::7", "http")),
        ("fd00::1", "2001:db8::7", "", ("2001:db8::7", "http")),
        ("::ffff:10.0.0.1", "198.51.100.1", "", ("198.51.100.1", "http")),
        ("10.0.0.1", "::ffff:198.51.100.1", "", ("198.51.100.1", "http")),
    ],
)
def test_only_a_trusted_proxy_says_who_its_client_is(
    direct: str, forwarded: str, proto: str, expected: tuple[str, str]
) -> None:
    headers = HTTPHeaders()
    if forwarded:
        headers.add("X-Forwarded-For", forwarded)
    if proto:
        headers.add("X-Forwarded-Proto", proto)
    trusted = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]
    assert forwarded_peer(Peer(direct, "http"), headers, trusted) == expected


@pytest.mark.parametrize(("trusted", "peer"), [((), "127.0.0.1"), (("127.0.0.0/8",), "198.51.100.1")])
def test_a_handler_sees_the_peer_that_can_be_believed(trusted: tuple[str, ...], peer: str) -> None:
    asked = GET.replace(HOST, HOST + b"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 198.51.100.1\r\n")
    with serving(trusted=trusted) as served, Client(served.port) as client:
        assert client.send(asked).answer().json()["peer"] == [peer, "http"]
        assert client.send(GET).answer().json()["peer"] == ["127.0.0.1", "http"]


# How many, and the end


def test_a_connection_over_the_limit_gets_an_answer_and_the_next_after_one_has_closed_is_served() -> None:
    with serving(HttpLimits(connections=2)) as served:
        with Client(served.port) as first, Client(served.port) as second:
            assert [c.send(GET).answer().status for c in (first, second)] == [200, 200]
            with Client(served.port) as third:
                answer = third.send(GET).refused(429, "too_many_requests")
                assert int(answer.headers["Retry-After"]) > 0
        eventually(lambda: served.connections() == 0)
        with Client(served.port) as fourth:
            assert fourth.send(GET).answer().status == 200


def test_refused_connections_that_stay_do_not_add_up() -> None:
    with serving(HttpLimits(connections=1)) as served, contextlib.ExitStack() as stack:
        for _ in range(LINGERING_REFUSALS + 20):
            stack.enter_context(Client(served.port))
        eventually(lambda: served.connections() == 1 + LINGERING_REFUSALS)


def test_a_websocket_counts_as_a_connection() -> None:
    with serving(HttpLimits(connections=1)) as served:
        with connect(f"ws://127.0.0.1:{served.port}/ws", compression=None, proxy=None) as websocket:
            websocket.send("hello")
            assert websocket.recv(PATIENCE_S) == "hello"
            with Client(served.port) as client:
                client.send(GET).refused(429, "too_many_requests")
        eventually(lambda: served.connections() == 0)
        served.pass_time(1)
        with Client(served.port) as client:
            assert client.send(GET).answer().status == 200


def test_stopping_closes_idle_connections_and_finishes_the_others(served: Served) -> None:
    with Client(served.port) as idle, Client(served.port) as busy, Client(served.port) as sending:
        assert idle.send(GET).answer().status == 200
        busy.send(b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n" + GET)
        assert served.probe.entered.wait(PATIENCE_S)
        sending.send(GET[:20])
        until_read(served, "begun", 4)
        served.call(served.server.stop)
        assert idle.rest() == b""
        with pytest.raises(ConnectionRefusedError):
            Client(served.port)
        closing = asyncio.run_coroutine_threadsafe(served.server.close_all_connections(PATIENCE_S), served.loop)
        served.probe.release.set()
        answer = busy.answer()
        assert (answer.body, answer.headers["Connection"], busy.rest()) == (b"done", "close", b"")
        answer = sending.send(GET[20:]).answer()
        assert (answer.status, answer.headers["Connection"], sending.rest()) == (200, "close", b"")
        assert not closing.done()
    assert closing.result(PATIENCE_S) is None
    assert served.probe.heard == ["/echo", "/echo"]


def test_a_stream_that_ends_during_the_stop_ends_its_connection(served: Served) -> None:
    with Client(served.port) as client:
        client.send(b"GET /slow?begin=1 HTTP/1.1\r\n" + HOST + b"\r\n")
        assert served.probe.entered.wait(PATIENCE_S)
        served.call(served.server.stop)
        served.probe.release.set()
        assert client.answer().body == b"begun done"
        assert client.rest() == b""


def test_a_request_that_the_server_has_not_read_yet_is_answered_when_it_stops(served: Served) -> None:
    with Client(served.port) as client:
        assert client.send(GET).answer().status == 200

        def send_and_stop() -> None:
            client.send(GET)
            served.server.stop()

        served.call(send_and_stop)
        answer = client.answer()
        assert (answer.status, answer.headers["Connection"]) == (200, "close")


def test_what_does_not_finish_in_the_time_of_grace_is_closed(served: Served) -> None:
    with Client(served.port) as client:
        client.send(b"GET /slow?begin=1 HTTP/1.1\r\n" + HOST + b"\r\n")
        assert served.probe.entered.wait(PATIENCE_S)
        served.run(served.server.close_all_connections(grace_s=0.0))
        assert served.connections() == 0
        assert served.probe.client_left.wait(PATIENCE_S)


# The log


def test_a_refusal_is_one_line_without_the_query(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    bad = b"POST /echo?token=SECRET HTTP/1.1\r\n" + HOST + b"Content-Length: 300000\r\n\r\n"
    for data in (bad, bad.replace(b"/echo", b"http://u:SECRET@a/echo"), bad.replace(HOST, b"X: \0")):
        with Client(served.port) as client:
            assert client.send(data).answer().status in (400, 413)
    logged = [vars(record) for record in caplog.records if record.name == "replyx.http"]
    assert [(r["status"], r["code"], r["method"], r["path"], r["peer"]) for r in logged] == [
        (413, "body_too_large", "POST", "/echo", "127.0.0.1"),
        (413, "body_too_large", "POST", "/echo", "127.0.0.1"),
        (400, "malformed", "POST", "/echo", "127.0.0.1"),
    ]
    assert not any("SECRET" in repr(record) for record in logged)
    assert all(record["exc_info"] is None for record in logged)


# Whatever a client sends

PIECES_OF_HTTP = [
    GET, post(b"abc"), chunked(b"abc"), HANDSHAKE, HOST, b"GET ", b"POST ", b"/echo", b" HTTP/1.1\r\n", b"\r\n", b"\n",
    b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Expect: 100-continue\r\n",
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n", b"\0", b"http://a/", b": ",
]  # fmt: skip
TRAFFIC = st.lists(st.sampled_from(PIECES_OF_HTTP) | st.binary(max_size=40), max_size=12).map(b"".join)


def summary(parser: RequestParser) -> Any:
    requests = [(r.start_line, sorted(r.headers.get_all()), r.body, r.keep_alive, r.websocket) for r in parser.requests]
    return requests, parser.problem and parser.problem.code, parser.phase


@given(TRAFFIC, st.data())
def test_how_the_bytes_are_cut_makes_no_difference(traffic: bytes, data: st.DataObject) -> None:
    whole, cut = RequestParser(HttpLimits()), RequestParser(HttpLimits())
    whole.feed(traffic)
    at = 0
    while at < len(traffic):
        size = data.draw(st.integers(1, 30))
        cut.feed(traffic[at : at + size])
        at += size
    assert summary(cut) == summary(whole)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TRAFFIC)
def test_no_bytes_stop_the_server(ours: Served, loud: list[str], traffic: bytes) -> None:
    loud += ["404", "405"]
    with Client(ours.port) as client:
        client.send(traffic)
        client.socket.shutdown(socket.SHUT_WR)
        client.rest()
    with Client(ours.port) as client:
        assert client.send(GET).answer().status == 200


def test_no_traffic_leaves_anything_behind(served: Served) -> None:
    """Symptom of a leak: descriptors or connections that grow with the number of clients."""
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for data in (GET, GET[:20], BAD["both framings"][0], UPLOAD[:300], HANDSHAKE):
        for _ in range(20):
            with Client(served.port) as client:
                client.send(data)
    eventually(lambda: served.connections() == 0)
    if before:
        assert len(os.listdir("/proc/self/fd")) <= before
