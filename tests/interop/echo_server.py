"""The application that the protocol authors' suites expect, as a process of its own on a plain Tornado application.

``/engine.io/`` sends every message back. ``/socket.io/`` has the namespaces ``/`` and ``/custom``: whoever connects
gets an event ``auth`` with the auth payload, ``message`` comes back as ``message-back``, and ``message-with-ack`` is
acknowledged with its arguments. Prints one line when it accepts connections, and stops at the end of its input.

    python -m tests.interop.echo_server --port 3000
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from handlers.http_server import HttpLimits, HttpServer
from handlers.socketio import rules, socket_io
from handlers.socketio_sessions import EngineServer
from replyx.socketio.application import Client, ConnectRefused, RequestInfo
from replyx.socketio.engineio_codec import message
from replyx.socketio.engineio_ports import EngineSettings
from replyx.socketio.engineio_session import EngineSession
from replyx.socketio.namespaces import Namespaces


class Echo:
    """Engine.IO without anything above it."""

    def __init__(self, session: EngineSession, request: RequestInfo, now: float) -> None:
        self._session = session

    async def message(self, data: str | bytes) -> None:
        self._session.send(message(data))

    def drained(self) -> None:
        pass

    def upgraded(self) -> None:
        pass

    def closed(self, reason: str) -> None:
        pass


async def admit(client: Client, auth: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Let everybody in but those who ask to be refused."""
    client.state = auth
    if auth.get("refuse"):
        raise ConnectRefused("Not authorized", {"status": 401})
    return None


def greet(client: Client) -> None:
    """Tell the client what it said when it connected."""
    client.send("auth", client.state)


def namespaces(names: Sequence[str]) -> Namespaces:
    """The same behaviour in each of ``names``."""
    application = Namespaces()
    acknowledged: list[Any] = []
    for name in names:
        namespace = application.of(name)
        namespace.admit = admit
        namespace.greet = greet

        @namespace.on("message")
        async def echo(client: Client, *args: Any) -> None:
            client.send("message-back", *args)

        @namespace.on("message-with-ack")
        async def acknowledge(client: Client, *args: Any) -> Sequence[Any]:
            return args

        @namespace.on("ask-me")
        async def ask(client: Client, question: Any) -> None:
            client.send("question", question, ack=acknowledged.append)

        @namespace.on("what-did-i-say")
        async def tell(client: Client) -> Sequence[Any]:
            said, acknowledged[:] = list(acknowledged), []
            return said

        @namespace.on("show-me-out")
        async def show_out(client: Client, close: bool) -> None:
            client.disconnect(close=close)

        @namespace.on("flood")
        async def flood(client: Client, count: int, size: int) -> Sequence[Any]:
            for number in range(count):
                client.send("drop", number, "x" * size)
            return [count]

    return application


async def main() -> None:
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ping-interval", type=float, default=0.3)
    parser.add_argument("--ping-timeout", type=float, default=0.2)
    parser.add_argument("--max-payload", type=int, default=1_000_000)
    parser.add_argument("--connect-timeout", type=float, default=45.0)
    parser.add_argument("--namespaces", default="/,/custom")
    parser.add_argument("--refuse-origin", default="")
    parser.add_argument("--stock", action="store_true", help="on Tornado's own HTTP server")
    given = parser.parse_args()
    settings = EngineSettings(
        ping_interval_s=given.ping_interval,
        ping_timeout_s=given.ping_timeout,
        max_payload=given.max_payload,
        connect_timeout_s=given.connect_timeout,
    )
    echo = EngineServer(Echo, settings)
    socketio = EngineServer(
        socket_io(namespaces(given.namespaces.split(","))),
        settings,
        admits=lambda request: request.headers.get("Origin", "-") != given.refuse_origin,
    )
    application = Application([*rules(echo, "/engine.io/"), *rules(socketio, "/socket.io/")])
    largest = 16 * 1024 * 1024
    server: HTTPServer | HttpServer = (
        HTTPServer(application, max_body_size=largest)
        if given.stock
        else HttpServer(application, limits=HttpLimits(body_bytes=largest))
    )
    sockets = bind_sockets(given.port, "127.0.0.1")
    server.add_sockets(sockets)
    print(f"listening on http://127.0.0.1:{sockets[0].getsockname()[1]}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    echo.close()
    socketio.close()
    server.stop()
    await server.close_all_connections()


if __name__ == "__main__":
    asyncio.run(main())
