"""Bytes that slow clients make the process hold: all of them together have a bound, and nobody else pays for it."""

from __future__ import annotations

import contextlib
import gc
import socket
import weakref

import pytest

from replyx.process.held import Held
from tests.unit.handlers.http.serving import GET, HOST, Client, Served, eventually, post, serving, until_read

MOST = 1_000_000


def half(client: Client, served: Served, size: int = 200_000) -> Client:
    """Send a part of a body, and wait until the server has it."""
    before = served.server.held.total
    client.send(post(b"a" * 250_000)[: size - 250_000])
    eventually(lambda: served.server.held.total >= before + size)
    return client


def test_half_sent_bodies_have_a_bound_together_and_the_largest_of_the_greediest_goes() -> None:
    with serving(held=Held(MOST)) as served, contextlib.ExitStack() as stack:
        neighbour = half(stack.enter_context(Client(served.port, source="127.0.0.9")), served, 220_000)
        first = half(stack.enter_context(Client(served.port)), served, 210_000)
        others = [half(stack.enter_context(Client(served.port)), served) for _ in range(2)]
        last = stack.enter_context(Client(served.port))
        last.send(post(b"a" * 250_000)[:-50_000])
        first.refused(429, "too_many_requests")
        eventually(lambda: served.server.held.total <= MOST)
        for client in (neighbour, *others, last):
            missing = 30_000 if client is neighbour else 50_000
            assert client.send(b"a" * missing).answer().status == 200
        assert served.server.held.cut == {"memory": 1}
        assert served.server.held.total == 0


def test_answers_that_are_not_taken_have_a_bound_together() -> None:
    asked = b"GET /large?bytes=2000000 HTTP/1.1\r\n" + HOST + b"\r\n"
    with serving(held=Held(4 * MOST)) as served, contextlib.ExitStack() as stack:
        deaf = [stack.enter_context(Client(served.port)) for _ in range(10)]
        for client in deaf:
            client.send(asked)
        eventually(lambda: served.server.held.cut["memory"] > 0)
        with Client(served.port, source="127.0.0.9") as other:
            assert other.send(GET).answer().status == 200
            other.send(asked)
            assert len(other.answer().body) == 2_000_000
        assert served.server.held.total <= 4 * MOST
        for client in deaf:
            client.socket.shutdown(socket.SHUT_RDWR)
        eventually(lambda: served.server.held.total == 0)


@pytest.mark.parametrize("end", ["complete", "close", "too large"])
def test_nothing_is_held_for_a_body_that_has_ended(end: str) -> None:
    with serving() as served, Client(served.port) as client:
        half(client, served)
        if end == "complete":
            assert client.send(b"a" * 50_000).answer().status == 200
        elif end == "close":
            client.socket.shutdown(socket.SHUT_RDWR)
        else:
            served.pass_time(30)
            client.refused(408, "request_timeout")
        eventually(lambda: served.server.held.total == 0)
        assert served.server.held.cut == {}


def test_what_arrives_at_once_is_never_counted() -> None:
    with serving(held=Held(1)) as served, Client(served.port) as client:
        assert client.send(post(b"a" * 10_000)).answer().status == 200
        until_read(served, "begun", 1)


@pytest.mark.parametrize("how", ["answered", "unread", "half"])
def test_a_connection_that_has_ended_is_gone_without_the_collector(how: str) -> None:
    with serving() as served:
        gc.collect()
        gc.disable()
        try:
            with Client(served.port) as client:
                if how == "answered":
                    assert client.send(GET).answer().status == 200
                elif how == "unread":
                    client.send(b"GET /large?bytes=9000000 HTTP/1.1\r\n" + HOST + b"\r\n")
                    eventually(lambda: served.server.held.total > 0)
                else:
                    half(client, served)
                [connection] = served.call(lambda: [weakref.ref(each) for each in served.server._connections])
                assert connection() is not None
            eventually(lambda: served.connections() == 0)
            eventually(lambda: connection() is None)
        finally:
            gc.enable()
