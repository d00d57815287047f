"""A webhook's receiver: a real HTTP server on loopback that answers as a test tells it to."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from tests.scenario import PATIENCE_S, eventually


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def event_id(self) -> str:
        """The id that stays the same when an event is sent again."""
        return self.headers["replyx-event-id"]

    @property
    def notice(self) -> dict[str, Any]:
        """The body's object."""
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


@dataclass(frozen=True)
class Answer:
    """What to answer. ``cut`` closes the connection without an answer, ``raw`` goes out as it is."""

    status: int = 200
    body: bytes = b"ok"
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False
    raw: bytes = b""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has left, or will not speak our TLS, is part of the test."""


class Receiver:
    """Keeps what it receives. ``behave`` gives the answer for each request; it may wait. ``tls`` makes it HTTPS."""

    def __init__(self, behave: Callable[[Received], Answer] | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.behave = behave or (lambda _: Answer())
        self.received: list[Received] = []
        self._server = _Server(("127.0.0.1", 0), self._handler())
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where to send."""
        return f"http://127.0.0.1:{self.port}/hook"

    def tls_url(self, host: str = "localhost") -> str:
        """Where to send over TLS, to a name that leads here."""
        return f"https://{host}:{self.port}/hook"

    def notices(self) -> list[dict[str, Any]]:
        """The bodies received."""
        return [each.notice for each in list(self.received)]

    def ids(self) -> list[str]:
        """The event ids received, in order, repetitions too."""
        return [each.event_id for each in list(self.received)]

    def wait_for(self, count: int) -> list[Received]:
        """The requests, as soon as there are ``count``."""
        eventually(lambda: len(self.received) >= count, f"{count} requests", 2 * PATIENCE_S)
        return list(self.received)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                received = Received(self.path, {n.lower(): v for n, v in self.headers.items()}, body)
                receiver.received.append(received)
                answer = receiver.behave(received)
                if answer.cut or answer.raw:
                    self.wfile.write(answer.raw)
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in (*answer.headers, ("Content-Length", str(len(answer.body)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST

            def log_message(self, format: str, *args: object) -> None:
                """Quiet: the test says what went wrong."""

        return Handler

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
