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


class EchoApplication:
    """The same behaviour in each of ``namespaces``."""

    def __init__(self, namespaces: Sequence[str]) -> None:
        self.namespaces = frozenset(namespaces)
        self._acknowledged: list[Any] = []

    async def on_connect(self, client: Client, auth: Mapping[str, Any]) -> None:
        """Let everybody in but those who ask to be refused."""
        client.state = auth
        if auth.get("refuse"):
            raise ConnectRefused("Not authorized", {"status": 401})

    def on_connected(self, client: Client) -> None:
        """Tell the client what it said when it connected."""
        client.send("auth", client.state)

    async def on_event(self, client: Client, name: str, args: list[Any]) -> Sequence[Any] | None:
        """What the suites, and the tests here, ask for; other events pass."""
        if name == "message":
            client.send("message-back", *args)
        elif name == "message-with-ack":
            return args
        elif name == "ask-me":
            client.send("question", args[0], ack=self._acknowledged.append)
        elif name == "what-did-i-say":
            said, self._acknowledged = self._acknowledged, []
            return said
        elif name == "show-me-out":
            client.disconnect(close=args[0])
        elif name == "flood":
            count, size = args
            for number in range(count):
                client.send("drop", number, "x" * size)
            return [count]
        return None

    def on_disconnect(self, client: Client, reason: str) -> None:
        pass


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
        socket_io(EchoApplication(given.namespaces.split(","))),
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
