"""How long the HTTP server waits, and that waiting costs nothing."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from tests.unit.handlers.http.serving import GET, HOST, PATIENCE_S, Client, Served, eventually, post, until_read

LARGE = b"GET /large?bytes=50000000 HTTP/1.1\r\n" + HOST + b"\r\n"


def test_headers_that_do_not_arrive_in_time_are_answered(served: Served) -> None:
    with Client(served.port) as client:
        client.send(GET[:20])
        until_read(served, "begun", 1)
        served.pass_time(9)
        client.send(GET[20:30])
        served.pass_time(2)
        client.refused(408, "request_timeout")


def test_a_body_that_pauses_too_long_is_answered(served: Served) -> None:
    with Client(served.port) as client:
        client.send(post(b"a" * 200_000)[:-200_000])
        for received in (50_000, 100_000, 150_000):
            client.send(b"a" * 50_000)
            until_read(served, "received", received)
            served.pass_time(19)
        served.pass_time(2)
        client.refused(408, "request_timeout")


def test_a_body_that_never_pauses_but_comes_too_slowly_is_answered(served: Served) -> None:
    with Client(served.port) as client:
        client.send(post(b"a" * 1_000)[:-1_000])
        for received in range(1, 5):
            client.send(b"a")
            until_read(served, "received", received)
            served.pass_time(6)
        client.refused(408, "request_timeout")


def test_an_idle_connection_is_just_closed(served: Served) -> None:
    with Client(served.port) as client:
        assert client.send(GET).answer().status == 200
        served.pass_time(74)
        assert client.send(GET).answer().status == 200
        served.pass_time(74)
        assert served.connections() == 1
        served.pass_time(2)
        assert client.rest() == b""


def test_a_request_that_is_being_answered_has_no_deadline(served: Served) -> None:
    with Client(served.port) as client:
        client.send(b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n")
        assert served.probe.entered.wait(PATIENCE_S)
        served.pass_time(100_000)
        served.probe.release.set()
        assert client.answer().body == b"done"


def test_a_connection_that_says_nothing_at_all_is_closed_sooner(served: Served) -> None:
    with Client(served.port) as client:
        eventually(lambda: served.connections() == 1)
        served.pass_time(9)
        assert served.connections() == 1
        served.pass_time(2)
        assert client.rest() == b""


def until_full(served: Served) -> None:
    """Waits until the kernel takes no more of an answer."""
    seen: list[int] = []

    def full() -> bool:
        seen.append(served.server.held.total)
        time.sleep(0.05)
        return seen[-1] > 0 and seen[-3:] == seen[-1:] * 3

    eventually(full)


@pytest.mark.parametrize("path", ["/large", "/flushing"])
def test_a_client_that_does_not_take_its_answer_is_closed(served: Served, path: str) -> None:
    """Also while the handler waits for it, when no other deadline runs."""
    with Client(served.port) as client:
        client.send(f"GET {path}?bytes=50000000 HTTP/1.1\r\n".encode() + HOST + b"\r\n" + GET)
        until_full(served)
        served.pass_time(19)
        assert served.connections() == 1
        served.pass_time(2)
        eventually(lambda: served.connections() == 0)
        assert served.probe.heard == ([] if path == "/large" else ["closed"])
        assert served.server.held.cut == {"slow": 1}
        assert served.server.held.total == 0


def test_a_client_that_takes_its_answer_too_slowly_is_closed_although_it_never_pauses(served: Served) -> None:
    with Client(served.port) as client:
        client.send(LARGE)
        eventually(lambda: served.server.held.total > 0)
        for _ in range(30):
            before = served.server.held.total
            while served.server.held.total == before:
                client.socket.recv(65_536)
            served.pass_time(15)
            assert served.connections() == 1, "each pause is short, and what it took was more than the rate asks"
        while served.server.held.total:
            before = served.server.held.total
            client.socket.recv(1_024)
            if served.server.held.total == before:
                served.pass_time(5)
        assert served.server.held.cut == {"slow": 1}


def test_a_client_that_takes_a_large_answer_bit_by_bit_gets_all_of_it(served: Served) -> None:
    with Client(served.port) as client:
        client.send(LARGE)
        eventually(lambda: served.server.held.total > 0)
        answer = client.answer()
        assert answer.body == b"x" * 50_000_000
        eventually(lambda: served.server.held.total == 0)
        assert client.send(GET).answer().status == 200


def test_no_timer_and_no_task_stands_behind_an_idle_connection(served: Served) -> None:
    tasks, timers = (
        lambda: len(asyncio.all_tasks(served.loop)),
        lambda: len(getattr(served.loop, "_scheduled", ())),
    )
    before = served.call(tasks), served.call(timers)
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            assert stack.enter_context(Client(served.port)).send(GET).answer().status == 200
        assert served.connections() == 20
        assert (served.call(tasks), served.call(timers)) == before
