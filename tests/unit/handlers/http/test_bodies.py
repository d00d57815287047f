"""Bodies: what an address takes of them, and those that a handler takes as they come."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator

import pytest

from handlers.http_connection import READ_BYTES, SLOWEST_BODY_BYTES_PER_S
from handlers.http_parser import BodyRule, HttpLimits, RequestParser
from tests.unit.handlers.http.serving import (
    GET,
    HOST,
    PATIENCE_S,
    Client,
    Served,
    chunked,
    eventually,
    post,
    serving,
    until_read,
)

MOST = 40_000_000
BODY = bytes(range(256)) * 40  # longer than one chunk of the ones below, shorter than one read


def rules(path: str) -> BodyRule:
    if path.startswith(("/intake/", "/streamed")):
        return BodyRule(MOST, streams=True)
    return BodyRule(100 if path == "/status/409" else 262_144)


def sized(body: bytes, how: str = "all", *more: bytes) -> bytes:
    return post(body, *more, path=b"/intake/" + how.encode())


def in_chunks(body: bytes, how: str = "all", size: int = 3_000) -> bytes:
    return chunked(*(body[at : at + size] for at in range(0, len(body), size)), path=b"/intake/" + how.encode())


def said(body: bytes) -> dict[str, object]:
    return {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}


@pytest.fixture
def taking() -> Iterator[Served]:
    with serving(rules=rules) as server:
        yield server


# What an address takes


def test_an_address_may_take_less_than_the_others(taking: Served) -> None:
    with Client(taking.port) as client:
        client.send(post(b"a" * 101, path=b"/status/409?x=/echo")).refused(413, "body_too_large")
    with Client(taking.port) as client:
        client.send(chunked(b"a" * 60, b"b" * 60, path=b"http://any.example/status/409"))
        client.refused(413, "body_too_large")
    with Client(taking.port) as client:
        assert client.send(post(b"a" * 101)).answer().status == 200


def test_the_rule_of_one_request_is_not_the_next_ones(taking: Served) -> None:
    with Client(taking.port) as client:
        client.send(sized(BODY) + post(b"a" * 101) + GET + sized(b"") + post(b"a" * 101, path=b"/status/409"))
        assert client.answer().json() == said(BODY)
        assert client.answer().json()["body"] == "a" * 101
        assert [client.answer().status for _ in range(2)] == [200, 200]
        client.refused(413, "body_too_large")


# Pieces


@pytest.mark.parametrize(
    ("data", "body"),
    [(sized(b"hello"), b"hello"), (in_chunks(b"hello", size=2), b"hello"), (sized(b""), b"")],
    ids=["sized", "chunks", "none"],
)
def test_wherever_it_is_cut_the_body_is_the_same(data: bytes, body: bytes) -> None:
    for at in range(1, len(data)):
        parser = RequestParser(HttpLimits(), rules)
        parser.feed(data[:at])
        early = [request.complete for request in parser.requests]
        parser.feed(data[at:])
        [request] = parser.requests
        assert (b"".join(request.pieces), request.complete, parser.problem) == (body, True, None)
        assert early in ([], [False]), "handed on before its end, or with it, and never twice"


@pytest.mark.parametrize("data", [sized(BODY), in_chunks(BODY)], ids=["sized", "chunks"])
def test_a_body_that_comes_byte_by_byte_arrives_whole_and_the_connection_goes_on(data: bytes, taking: Served) -> None:
    with Client(taking.port) as client:
        client.trickle(data + GET)
        assert client.answer().json() == said(BODY)
        assert client.answer().status == 200
        assert client.send(data + data + GET).answer().json() == said(BODY)
        assert client.answer().json() == said(BODY)
        assert client.answer().status == 200


def test_a_large_body_is_never_held_and_a_slow_handler_holds_the_client_back(taking: Served) -> None:
    body = b"x" * MOST

    def held() -> int:
        [connection] = taking.server._connections
        return sum(map(len, connection._exchange._request.pieces)) + connection.stream._read_buffer_size

    with Client(taking.port) as client:
        sending = threading.Thread(target=client.send, args=(sized(body, "slow"),))
        sending.start()
        assert taking.probe.entered.wait(PATIENCE_S)
        sending.join(0.5)
        assert sending.is_alive(), "somebody took what the handler did not"
        assert taking.call(held) <= 2 * READ_BYTES
        taking.probe.release.set()
        assert client.answer().json() == said(body)
        sending.join(PATIENCE_S)
    assert taking.probe.largest <= READ_BYTES


def test_a_body_inside_a_body_is_no_request(taking: Served) -> None:
    smuggled = GET.replace(b"/echo", b"/echo?smuggled")
    with Client(taking.port) as client:
        client.send(sized(smuggled * 2_000, "first"))
        assert client.answer().headers["Connection"] == "close"
        assert client.rest() == b""
    assert taking.probe.heard == []


# Refusals


@pytest.mark.parametrize("more", [(), (b"Expect: 100-continue",)])
def test_a_body_announced_as_too_large_is_refused_by_the_handler_before_its_first_byte(
    more: tuple[bytes, ...], taking: Served
) -> None:
    head = sized(b"", "all", *more).replace(b"Length: 0", b"Length: %d" % (MOST + 1))
    with Client(taking.port) as client:
        answer = client.send(head).answer()
        assert (answer.status, answer.json()["code"], answer.headers["Connection"]) == (413, "body_too_large", "close")
        client.send(b"x" * 2_000_000)
        assert client.rest() == b""
    assert (taking.probe.taken, taking.probe.heard) == (0, ["body_too_large"])


def test_a_sender_that_never_ends_is_stopped_at_the_limit(taking: Served) -> None:
    head = b"POST /intake/all HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    with Client(taking.port) as client:
        client.send(head + chunk * (MOST // 65_536 + 20))
        answer = client.answer()
        assert (answer.status, answer.json()["code"]) == (413, "body_too_large")
        assert client.rest() == b""
    assert MOST - READ_BYTES <= taking.probe.taken <= MOST


@pytest.mark.parametrize("broken", [b"x\r\n", b"3\r\nabcd", b"3;" + b"e" * 60_000])
def test_a_body_that_breaks_off_into_nonsense_is_answered_by_the_handler(broken: bytes, taking: Served) -> None:
    head = in_chunks(b"abc")[: -len(b"0\r\n\r\n")]
    with Client(taking.port) as client:
        client.send(head)
        eventually(lambda: taking.probe.taken == 3)
        answer = client.send(broken).answer()
        assert (answer.status, answer.json()["code"]) == (400, "malformed")
        assert client.rest() == b""


@pytest.mark.parametrize("path", ["/intake/all", "/streamed-upload"])
def test_a_handler_that_refuses_needs_no_body_and_nothing_is_reset(path: str, taking: Served) -> None:
    with Client(taking.port) as client:
        client.send(post(b"x" * 2_000_000, path=path.encode() + b"?refuse=1"))
        answer = client.answer()
        assert (answer.status, answer.body, answer.headers["Connection"]) == (403, b"refused", "close")
        assert client.rest() == b""


def test_a_client_that_waits_to_be_asked_is_asked_when_the_handler_wants_the_body(taking: Served) -> None:
    head, _, body = sized(b"hello", "all?wait=1", b"Expect: 100-continue").partition(b"\r\n\r\n")
    with Client(taking.port) as client:
        client.send(head + b"\r\n\r\n")
        assert taking.probe.entered.wait(PATIENCE_S)
        client.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)
        client.socket.settimeout(PATIENCE_S)
        taking.probe.release.set()
        assert client.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(body)
        assert b'"bytes": 5' in client.socket.recv(1_000)


def test_who_is_refused_is_not_asked_for_the_body(taking: Served) -> None:
    head = sized(b"hello", "all?refuse=1", b"Expect: 100-continue")[:-5]
    with Client(taking.port) as client:
        assert client.send(head).answer().status == 403


# Time


def test_a_body_that_pauses_is_answered_and_the_handlers_own_time_does_not_count(taking: Served) -> None:
    with Client(taking.port) as client:
        client.send(sized(b"x" * 10_000, "slow")[:-9_000])
        assert taking.probe.entered.wait(PATIENCE_S)
        taking.pass_time(10_000)
        assert taking.connections() == 1
        taking.probe.release.set()
        client.send(b"x" * 1_000)
        eventually(lambda: taking.probe.taken == 2_000)
        taking.pass_time(19)
        client.send(b"x" * 1_000)
        eventually(lambda: taking.probe.taken == 3_000)
        taking.pass_time(21)
        answer = client.answer()
        assert (answer.status, answer.json()["code"]) == (408, "request_timeout")
        assert client.rest() == b""


def test_a_body_that_never_pauses_but_comes_too_slowly_is_answered(taking: Served) -> None:
    with Client(taking.port) as client:
        client.send(sized(b"x" * SLOWEST_BODY_BYTES_PER_S)[:-SLOWEST_BODY_BYTES_PER_S])
        for received in range(1, 5):
            client.send(b"x")
            until_read(taking, "received", received)
            taking.pass_time(6)
        assert client.answer().status == 408


# The client goes


@pytest.mark.parametrize("data", [sized(BODY)[:-1], in_chunks(BODY)[:-1], sized(BODY)[: -len(BODY)]])
def test_a_handler_hears_that_its_client_went_in_the_middle(data: bytes, taking: Served) -> None:
    with Client(taking.port) as client:
        client.send(data)
        until_read(taking, "begun", 1)
    assert taking.probe.client_left.wait(PATIENCE_S)
    eventually(lambda: taking.connections() == 0)


def test_it_hears_it_too_when_the_server_stops(taking: Served) -> None:
    with Client(taking.port) as client:
        client.send(sized(BODY)[:-1])
        until_read(taking, "begun", 1)
        taking.run(taking.server.close_all_connections(grace_s=0.0))
        assert taking.probe.client_left.wait(PATIENCE_S)


def test_a_stop_lets_a_body_end_in_its_time(taking: Served) -> None:
    with Client(taking.port) as client:
        client.send(sized(BODY)[:-1])
        eventually(lambda: taking.probe.taken == len(BODY) - 1)
        taking.call(taking.server.stop)
        answer = client.send(BODY[-1:]).answer()
        assert (answer.json(), answer.headers["Connection"]) == (said(BODY), "close")


# Tornado's own way


@pytest.mark.parametrize("body", [b"", b"hello", b"x" * 1_000_000])
def test_a_tornado_handler_gets_its_pieces_as_it_awaits_them(body: bytes, taking: Served) -> None:
    with Client(taking.port) as client:
        assert client.send(post(body, path=b"/streamed-upload") + GET).answer().body == body
        assert client.answer().status == 200


def test_a_tornado_handlers_body_that_grows_too_large_is_refused(taking: Served) -> None:
    with Client(taking.port) as client:
        client.send(chunked(b"x", path=b"/streamed-upload")[:-5] + b"z\r\n").refused(400, "malformed")
