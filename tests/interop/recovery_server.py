"""A room over the real store, log and hub, as a process that can be killed: for connection state recovery.

A client names its ``room`` in ``auth`` and hears ``said {text, by}`` of that room; ``say`` stores a text and is
acknowledged when it is durable. ``POST /say?room=…`` with a list of texts does the same from outside.

    python -m tests.interop.recovery_server --port 3000 --database FILE
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from handlers.socketio import rules, socket_io
from handlers.socketio_sessions import EngineServer
from replyx.delivery import eventlog
from replyx.delivery.bus import LocalBus
from replyx.delivery.eventlog import Cursor
from replyx.delivery.hub import Hub
from replyx.delivery.store import Store
from replyx.socketio.application import Client
from replyx.socketio.engineio_ports import EngineSettings
from replyx.socketio.namespaces import Namespaces
from replyx.socketio.wire import Wires, new_pid, recovery_of


class Said(msgspec.Struct, tag_field="type", tag="said", frozen=True):
    """Somebody said something in a room."""

    text: str


def translate(payload: bytes) -> tuple[str, bytes] | None:
    """The hub's event as a Socket.IO event: the same object, under its type's name."""
    return "said", payload


WIRES = Wires.of(translate)


def room_application(hub: Hub, store: Store) -> Namespaces:
    """Rooms: whoever was here before goes on where it was."""
    application = Namespaces()
    main = application.of("/")

    async def admit(client: Client, auth: Mapping[str, Any]) -> Mapping[str, Any]:
        recovery = recovery_of(auth)
        # From the place that the pid names: the client may hear of it some time before ``greet`` is called.
        cursor = recovery.cursor if recovery else Cursor(hub.epoch, hub.last)
        client.state = (frozenset({f"room:{auth['room']}"}), cursor)
        return {"pid": recovery.pid if recovery else new_pid(hub.epoch, cursor.id)}

    def greet(client: Client) -> None:
        topics, cursor = client.state
        client.follow(hub, topics, WIRES, cursor)

    main.admit, main.greet = admit, greet

    @main.on("say")
    async def say(client: Client, text: str) -> Sequence[Any]:
        await store.commit(lambda unit: unit.append(tuple(client.state[0]), Said(text)))
        return ["durable"]

    return application


class Say(RequestHandler):
    """What others say."""

    def initialize(self, store: Store) -> None:
        self.store = store

    async def post(self) -> None:
        topics = (f"room:{self.get_query_argument('room')}",)
        texts = msgspec.json.decode(self.request.body, type=list[str])
        await self.store.commit(lambda unit: [unit.append(topics, Said(text)) for text in texts])


async def main() -> None:
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--database", type=Path, required=True)
    given = parser.parse_args()
    store = Store.open(given.database, time.time)
    epoch, top = store.query(lambda rows: (eventlog.epoch(rows), eventlog.top(rows)))
    hub = Hub(store, epoch, top)
    store.on_commit = LocalBus(hub).publish
    store.start(asyncio.get_running_loop())
    hub.start()
    engine = EngineServer(socket_io(room_application(hub, store)), EngineSettings())
    server = HTTPServer(Application([*rules(engine), (r"/say", Say, {"store": store})]))
    sockets = bind_sockets(given.port, "127.0.0.1")
    server.add_sockets(sockets)
    print(f"listening on http://127.0.0.1:{sockets[0].getsockname()[1]}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    engine.close()
    server.stop()
    await server.close_all_connections()
    await hub.close()
    await store.close()


if __name__ == "__main__":
    asyncio.run(main())
