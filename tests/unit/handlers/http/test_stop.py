"""How many connections there may be, and how they end when the server stops."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from websockets.sync.client import connect

from handlers.http_parser import HttpLimits
from handlers.http_server import LINGERING_REFUSALS
from tests.unit.handlers.http.serving import (
    GET,
    HOST,
    PATIENCE_S,
    Client,
    Served,
    eventually,
    post,
    serving,
    until_read,
)

SLOW = b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n"


def test_a_connection_over_the_limit_gets_the_place_of_the_one_that_has_waited_longest() -> None:
    with serving(HttpLimits(connections=2)) as served, contextlib.ExitStack() as stack:
        first, second = (stack.enter_context(Client(served.port)) for _ in range(2))
        assert [c.send(GET).answer().status for c in (first, second)] == [200, 200]
        third = stack.enter_context(Client(served.port))
        assert third.send(GET).answer().status == 200
        assert first.rest() == b""
        assert second.send(GET).answer().status == 200
        fourth = stack.enter_context(Client(served.port))
        assert fourth.send(GET).answer().status == 200
        assert third.rest() == b"", "the second was served later"
        assert served.server.held.cut == {"silent": 2}


def test_a_request_that_never_ends_gives_its_place_up_too() -> None:
    with serving(HttpLimits(connections=1)) as served, Client(served.port) as first:
        first.send(post(b"a" * 1_000)[:-1])
        until_read(served, "received", 999)
        with Client(served.port) as second:
            assert second.send(GET).answer().status == 200
        assert first.rest() == b""


def test_where_all_are_at_work_a_newcomer_is_refused_and_the_next_after_one_has_closed_is_served() -> None:
    with serving(HttpLimits(connections=1)) as served:
        with Client(served.port) as first:
            first.send(SLOW)
            assert served.probe.entered.wait(PATIENCE_S)
            with Client(served.port) as second:
                answer = second.send(GET).refused(429, "too_many_requests")
                assert int(answer.headers["Retry-After"]) > 0
            served.probe.release.set()
            assert first.answer().body == b"done"
        eventually(lambda: served.connections() == 0)
        with Client(served.port) as third:
            assert third.send(GET).answer().status == 200


def test_refused_connections_that_stay_do_not_add_up() -> None:
    with serving(HttpLimits(connections=1)) as served, contextlib.ExitStack() as stack:
        stack.enter_context(Client(served.port)).send(SLOW)
        assert served.probe.entered.wait(PATIENCE_S)
        for _ in range(LINGERING_REFUSALS + 20):
            stack.enter_context(Client(served.port))
        eventually(lambda: served.connections() == 1 + LINGERING_REFUSALS)


def test_one_address_has_its_share_of_the_connections_and_proxies_have_any_number() -> None:
    for trusted, alive in (((), 3), (("127.0.0.0/8",), 5)):
        with serving(per_address=3, trusted=trusted) as served, contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Client(served.port)) for _ in range(5)]
            eventually(lambda: served.connections() == alive)  # noqa: B023
            with Client(served.port, source="127.0.0.9") as other:
                assert other.send(GET).answer().status == 200
            assert [c.send(GET).answer().status for c in clients[-3:]] == [200] * 3


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
