"""What a connection promises its application, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from replyx.socketio.application import Client, Connection, RequestInfo
from replyx.socketio.engineio_ports import EngineSettings
from replyx.socketio.engineio_session import EngineSession


class Wire:
    """A WebSocket and its sink: what was sent, and in which turn of the loop."""

    unsent = 0
    full = False

    def __init__(self, turns: Turns) -> None:
        self.sent: list[tuple[int, bytes]] = []
        self.answered = asyncio.Event()
        self._turns = turns
        self.sink = self

    def write(self, data: bytes) -> bool:
        self.sent.append((self._turns.passed, data))
        if len(self.sent) == 2:
            self.answered.set()
        return True

    def close(self) -> None:
        pass


class Turns:
    """Counts the turns of the loop."""

    def __init__(self) -> None:
        self.passed = 0
        self._next()

    def _next(self) -> None:
        self.passed += 1
        asyncio.get_running_loop().call_soon(self._next)


class Ears:
    """Passes the end of the session on."""

    connection: Connection

    def flush_due(self) -> None:
        pass

    def drained(self) -> None:
        pass

    def upgraded(self) -> None:
        pass

    def closed(self, reason: str) -> None:
        self.connection.closed(reason)


class Greeter:
    """Greets everybody who connects, and remembers who left."""

    namespaces = frozenset({"/"})

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def on_connect(self, client: Client, auth: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return None

    def on_connected(self, client: Client) -> None:
        self.calls.append("connected")
        client.send("hello")

    async def on_event(self, client: Client, name: str, args: list[Any]) -> Sequence[Any] | None:
        return None

    def on_disconnect(self, client: Client, reason: str) -> None:
        self.calls.append("disconnected")


def connected(application: Greeter, turns: Turns) -> tuple[Connection, Wire]:
    """A session on a WebSocket."""
    ears, wire = Ears(), Wire(turns)
    engine = EngineSession("sid", EngineSettings(), ears)
    engine.open_websocket(wire, 0.0)
    ears.connection = Connection(application, engine, RequestInfo("127.0.0.1", {}, {}), 0.0)
    return ears.connection, wire


def test_the_first_event_leaves_in_a_later_turn_than_the_answer_to_connect() -> None:
    """A program that awaits the answer and listens only then would miss what it reads in one piece with it."""

    async def test() -> None:
        connection, wire = connected(Greeter(), Turns())
        await connection.message("0")
        _, (answered, answer), (greeted, greeting) = wire.sent
        assert b'40{"sid"' in answer
        assert b'42["hello"]' in greeting
        assert answered < greeted

    asyncio.run(test())


@pytest.mark.parametrize("lost", [True, False])
def test_whoever_goes_before_the_first_event_was_never_there(lost: bool) -> None:
    async def test() -> None:
        application = Greeter()
        connection, wire = connected(application, Turns())
        connecting = asyncio.create_task(connection.message("0"))
        await wire.answered.wait()
        if lost:
            connection.engine.lost(wire)
        await connecting
        connection.engine.lost(wire)
        assert application.calls == ([] if lost else ["connected", "disconnected"])

    asyncio.run(test())
