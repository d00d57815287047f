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
WEBSOCKET = POLLING.replace("polling", "websocket")


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


def test_a_stopping_server_opens_no_session() -> None:
    async def test() -> None:
        engine = server(Clock())
        socket = Socket()
        engine.open_websocket(request(POLLING), socket)
        engine.close()
        assert socket.closed
        for upgrade in (False, True):
            with pytest.raises(Refused) as refused:
                engine.link_of(request(WEBSOCKET if upgrade else POLLING), upgrade=upgrade)
            assert refused.value.refusal is Refusal.FULL

    run(test())


class TestCrowds:
    """Polling holds no connection, so a client could hold any number of sessions."""

    @staticmethod
    def come(engine: EngineServer, address: str, *, settled: bool = False) -> Link:
        """A client that opens a session by polling; a settled one has entered a namespace."""
        asked = request(POLLING)
        asked.remote_ip = address
        assert engine.link_of(asked, upgrade=False) is None
        link = engine.open_polling(asked, Poll())
        link.session.settle(*(() if settled else (engine.now() + 45,)))
        link.settled()
        return link

    def test_the_oldest_that_never_became_a_client_makes_way_whoever_comes(self) -> None:
        async def test() -> None:
            engine = server(Clock(), max_polling=4)
            client = self.come(engine, "192.0.2.1", settled=True)
            flood = [self.come(engine, "198.51.100.1") for _ in range(50)]
            newcomer = self.come(engine, "192.0.2.2")
            assert [link for link in (client, *flood, newcomer) if link.session.alive] == [
                client,
                *flood[-2:],
                newcomer,
            ]
            assert program(flood[0]) == ["closed: forced close"]
            assert len(engine) == 4

        run(test())

    def test_an_address_makes_room_for_itself_first(self) -> None:
        async def test() -> None:
            engine = server(Clock(), max_polling=100, max_polling_of_address=2)
            others = [self.come(engine, "192.0.2.2") for _ in range(2)]
            flood = [self.come(engine, f"2001:db8::{number:x}") for number in range(1, 50)]
            assert all(link.session.alive for link in others)
            assert [link.session.alive for link in flood] == [False] * 47 + [True] * 2, "a /64 is one client"

        run(test())

    @pytest.mark.parametrize(("own", "status"), [(True, 429), (False, 503)])
    def test_where_everybody_is_a_client_the_newcomer_is_told_to_come_later(self, own: bool, status: int) -> None:
        async def test() -> None:
            engine = server(Clock(), **({"max_polling_of_address": 2} if own else {"max_polling": 2}))
            links = [self.come(engine, "192.0.2.1", settled=True) for _ in range(2)]
            asked = request(POLLING)
            with pytest.raises(Refused) as refused:
                engine.link_of(asked, upgrade=False)
            assert refused.value.refusal.status == status
            assert engine.link_of(request(f"{POLLING}&sid={links[0].session.sid}"), upgrade=False) is links[0]
            links[0].session.close()
            links[0].settled()
            assert engine.link_of(asked, upgrade=False) is None, "one that is on its way out makes room"

        run(test())

    def test_a_session_on_its_websocket_is_counted_by_its_connection_and_no_longer_here(self) -> None:
        async def test() -> None:
            engine = server(Clock(), max_polling=1)
            link = self.come(engine, "192.0.2.1", settled=True)
            socket = Socket()
            link.session.probe(socket, 1)
            link.session.frame(socket, "2probe", 1)
            link.session.frame(socket, "5", 1)
            link.settled()
            assert self.come(engine, "192.0.2.1").session.alive
            assert link.session.alive

        run(test())

    def test_what_a_session_costs_is_spent_before_it_exists(self) -> None:
        async def test() -> None:
            spent: list[str] = []

            def spend(asked: Any) -> None:
                spent.append(asked.remote_ip)
                if len(spent) > 2:
                    raise Refused(Refusal.TOO_MANY, 7)

            engine = EngineServer(Program, EngineSettings(), spend=spend)
            link = self.come(engine, "192.0.2.1")
            assert engine.link_of(request(WEBSOCKET), upgrade=True) is None
            for address in (POLLING, WEBSOCKET):
                with pytest.raises(Refused) as refused:
                    engine.link_of(request(address), upgrade=address == WEBSOCKET)
                assert refused.value.retry_after == 7
            assert engine.link_of(request(f"{POLLING}&sid={link.session.sid}"), upgrade=False) is link
            assert (len(engine), len(spent)) == (1, 4)

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
        assert asked[0].address == "192.0.2.1"
        assert "s3cret" not in repr(asked[0])

    run(test())
