"""The peer on stock Tornado: ``write_message`` for WebSockets, ``write`` and ``flush`` for event streams."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from datetime import UTC, datetime
from typing import Any

import uvloop
from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from tests.bench.peers.storage import Messages

messages = Messages()
streams: set[Events] = set()
sockets: set[Listen] = set()


def store(draft: dict[str, Any]) -> dict[str, Any]:
    """The message of ``draft``, durable."""
    created_at = datetime.now(UTC).isoformat()
    message_id = messages.add(1, draft["text"], draft.get("client_id"), created_at)
    return {
        "id": message_id,
        "sender": "manager",
        "text": draft["text"],
        "timestamp": created_at,
        "client_id": draft.get("client_id"),
    }


def publish(event: dict[str, Any]) -> None:
    """Send ``event`` to everybody who listens, encoded once."""
    text = json.dumps(event)
    data = f"data: {text}\n\n".encode()
    for stream in list(streams):
        stream.write(data)
        stream.flush()
    for socket in list(sockets):
        try:
            socket.write_message(text)
        except WebSocketClosedError:
            sockets.discard(socket)


class Send(RequestHandler):
    """A durable send over HTTP."""

    def post(self) -> None:
        message = store(json.loads(self.request.body))
        publish({"type": "message:new", "dialog_id": 1, "message": message})
        self.set_status(201)
        self.finish({"message": message, "dialog_id": 1})


class Broadcast(RequestHandler):
    """An event that is kept nowhere."""

    def post(self) -> None:
        publish(json.loads(self.request.body))
        self.set_status(201)
        self.finish({"ok": True})


class Events(RequestHandler):
    """The stream of everything."""

    def initialize(self) -> None:
        self.gone = asyncio.Event()

    async def get(self) -> None:
        self.request.connection.stream.set_nodelay(True)  # type: ignore[union-attr]
        self.set_header("Content-Type", "text/event-stream")
        self.write(": open\n\n")
        streams.add(self)
        with contextlib.suppress(StreamClosedError):
            await self.flush()
            await self.gone.wait()

    def on_connection_close(self) -> None:
        streams.discard(self)
        self.gone.set()


class Listen(WebSocketHandler):
    """A WebSocket that hears everything."""

    def open(self, *args: str, **kwargs: str) -> None:
        self.set_nodelay(True)
        sockets.add(self)

    def on_message(self, message: str | bytes) -> None:
        return

    def on_close(self) -> None:
        sockets.discard(self)


class Talk(WebSocketHandler):
    """A WebSocket that sends durably and gets an ack for each message."""

    def open(self, *args: str, **kwargs: str) -> None:
        self.set_nodelay(True)

    def on_message(self, message: str | bytes) -> None:
        stored = store(json.loads(message))
        publish({"type": "message:new", "dialog_id": 1, "message": stored})
        self.write_message(json.dumps({"type": "ack", "client_id": stored["client_id"], "message": stored}))


async def main(port: int) -> None:
    """Serve until killed."""
    server = HTTPServer(
        Application(
            [
                ("/messages", Send),
                ("/broadcast", Broadcast),
                ("/events", Events),
                ("/listen", Listen),
                ("/talk", Talk),
            ],
            log_function=lambda handler: None,
        )
    )
    server.add_sockets(bind_sockets(port, "127.0.0.1", backlog=4096))
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
