"""The registry of sessions and its wheel, with a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPServerRequest, RequestStartLine

from handlers.socketio_sessions import EngineServer, Link
from replyx.socketio.application import RequestInfo
from replyx.socketio.engineio_errors import Refusal, Refused
from replyx.socketio.engineio_ports import EngineSettings
from replyx.socketio.engineio_session import EngineSession, State
from tests.unit.socketio.test_engineio_session import Poll, Socket

POLLING = "/engine.io/?EIO=4&transport=polling"


class Program:
    """Writes down what it hears, and fails when asked to."""

    def __init__(self, session: EngineSession, request: RequestInfo, now: float) -> None:
        self.heard: list[str | bytes] = []

    async def message(self, data: str | bytes) -> None:
        if data == "fail":
            raise LookupError("as asked")
        self.heard.append(data)

    def drained(self) -> None:
        self.heard.append("drained")

    def upgraded(self) -> None:
        self.heard.append("upgraded")

    def closed(self, reason: str) -> None:
        self.heard.append(f"closed: {reason}")


class Clock:
    """Stands still until it is set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Wire(HTTPConnection):
    """Enough of a connection for a request that nobody answers."""


def request(uri: str, method: str = "GET", **headers: str) -> HTTPServerRequest:
    """A request as handlers get it."""

    line = RequestStartLine(method, uri, "HTTP/1.1")
    asked = HTTPServerRequest(start_line=line, headers=HTTPHeaders({"Host": "h", **headers}), connection=Wire())
    asked.remote_ip = "192.0.2.1"
    return asked


def server(clock: Clock, **settings: Any) -> EngineServer:
    """A registry on ``clock``."""
    return EngineServer(Program, EngineSettings(**settings), clock=clock)


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run one test's coroutine."""
    asyncio.run(test)


async def emptied(engine: EngineServer) -> None:
    """Wait until no session is left."""
    for _ in range(1000):
        if not len(engine):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("a session stays for ever")


def program(link: Link) -> list[str | bytes]:
    """What the link's program heard."""
    assert isinstance(link.program, Program)
    return link.program.heard


def test_a_session_that_is_due_is_gone_for_its_client_before_the_wheel_came_by() -> None:
    async def test() -> None:
        clock = Clock()
        engine = server(clock)
        link = engine.open_polling(request(POLLING), Poll())
        again = request(f"{POLLING}&sid={link.session.sid}")
        assert engine.link_of(again, upgrade=False) is link
        clock.now += 25
        assert engine.link_of(again, upgrade=False) is link
        clock.now += 20
        with pytest.raises(Refused) as refused:
            engine.link_of(again, upgrade=False)
        assert refused.value.refusal is Refusal.SESSION_UNKNOWN
        assert (len(engine), program(link)) == (0, ["closed: ping timeout"])

    run(test())


def test_the_wheel_comes_by_without_any_request() -> None:
    async def test() -> None:
        engine = EngineServer(Program, EngineSettings(ping_interval_s=0.05, ping_timeout_s=0.05))
        links = [engine.open_websocket(request(POLLING), Socket()) for _ in range(50)]
        await emptied(engine)
        assert all(program(link) == ["closed: ping timeout"] for link in links)

    run(test())


def test_a_closed_polling_session_is_kept_for_its_last_poll_and_then_forgotten() -> None:
    async def test() -> None:
        engine = EngineServer(Program, EngineSettings(ping_timeout_s=0.1))
        link = engine.open_polling(request(POLLING), Poll())
        link.session.close()
        assert (len(engine), link.session.state) == (1, State.CLOSING)
        await emptied(engine)
        assert program(link) == ["closed: forced close"]

    run(test())


def test_a_full_server_and_a_stopping_one_open_no_session() -> None:
    async def test() -> None:
        engine = server(Clock(), max_sessions=1)
        link = engine.open_polling(request(POLLING), Poll())
        with pytest.raises(Refused) as refused:
            engine.link_of(request(POLLING), upgrade=False)
        assert refused.value.refusal.status == 503
        assert engine.link_of(request(f"{POLLING}&sid={link.session.sid}"), upgrade=False) is link
        other = server(Clock())
        socket = Socket()
        other.open_websocket(request(POLLING), socket)
        other.close()
        assert socket.closed
        with pytest.raises(Refused):
            other.link_of(request(POLLING), upgrade=False)

    run(test())


def test_a_program_that_fails_ends_its_session_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        engine = server(Clock())
        failing, other = (engine.open_websocket(request(POLLING), Socket()) for _ in range(2))
        await failing.deliver("fail")
        await failing.deliver("after the end")
        await other.deliver("fine")
        assert program(failing) == ["closed: server error"]
        assert program(other) == ["fine"]
        assert len(engine) == 1

    run(test())
    assert "a program failed" in caplog.text


def test_what_programs_get_to_know_of_a_request_prints_no_credential() -> None:
    async def test() -> None:
        asked: list[RequestInfo] = []

        def connect(session: EngineSession, info: RequestInfo, now: float) -> Program:
            asked.append(info)
            return Program(session, info, now)

        engine = EngineServer(connect, EngineSettings())
        engine.open_polling(request(POLLING + "&token=s3cret", Authorization="Bearer s3cret"), Poll())
        assert asked[0].query["token"] == "s3cret"
        assert asked[0].headers["Authorization"] == "Bearer s3cret"
        assert asked[0].remote_ip == "192.0.2.1"
        assert "s3cret" not in repr(asked[0])

    run(test())
