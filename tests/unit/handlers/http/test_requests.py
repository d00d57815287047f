"""Good requests are answered as by Tornado's own server, which is the reference."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from tests.unit.handlers.http.serving import GET, HOST, Client, Served, chunked, post

GOOD: dict[str, bytes] = {
    "a GET": GET,
    "a GET with a query and headers": b"GET /echo?a=1&a=%D1%8F HTTP/1.1\r\n"
    + HOST
    + b"X-Say:  b \t\r\nx-say: c\r\n\r\n",
    "a HEAD": b"HEAD /echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "a HEAD of a streamed answer": b"HEAD /pieces HTTP/1.1\r\n" + HOST + b"\r\n",
    "a POST with a length": post(b"hello"),
    "a POST with an empty body": post(b""),
    "a POST as large as the limit": post(b"y" * 262_144),
    "a POST without a body": b"POST /echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "a PUT": b"PUT /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\n\r\nz",
    "a chunked POST": chunked(b"hello ", b"world" * 5000),
    "an empty chunked POST": chunked(),
    "OPTIONS": b"OPTIONS /echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "a streamed answer": b"GET /pieces HTTP/1.1\r\n" + HOST + b"\r\n",
    "a streamed answer to HTTP/1.0": b"GET /pieces HTTP/1.0\r\n\r\n",
    "a request that closes": b"GET /echo HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    "HTTP/1.0": b"GET /echo HTTP/1.0\r\n\r\n",
    "HTTP/1.0 that stays": b"GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "204": b"GET /status/204 HTTP/1.1\r\n" + HOST + b"\r\n",
    "304": b"GET /status/304 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an unknown path": b"GET /nothing HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method that the path does not take": b"DELETE /pieces HTTP/1.1\r\n" + HOST + b"\r\n",
    "TRACE": b"TRACE /echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "an error of the handler": post(b"", path=b"/status/409"),
    "an empty line before the request": b"\r\n" + GET,
    "an upload in pieces": post(b"abc" * 1000, path=b"/upload"),
}


def talk(port: int, request: bytes, *, trickle: bool = False) -> list[Any]:
    """The answer to ``request``, and the one to a GET after it: None if the connection has ended by then."""
    with Client(port) as client:
        (client.trickle if trickle else client.send)(request)
        answers = [client.answer(head=request.startswith(b"HEAD")).comparable()]
        try:
            answers.append(client.send(GET).answer().comparable())
        except (ConnectionError, AssertionError):
            answers.append(None)
        return answers


@pytest.mark.parametrize("name", GOOD)
def test_a_good_request_is_answered_as_by_tornado(name: str, ours: Served, reference: Served, loud: list[str]) -> None:
    loud += ["409"] if name.startswith("an error") else ["405"] if name in ("TRACE",) or "method" in name else []
    expected = talk(reference.port, GOOD[name])
    assert talk(ours.port, GOOD[name]) == expected
    if len(GOOD[name]) < 10_000:
        assert talk(ours.port, GOOD[name], trickle=True) == expected


def test_pipelined_requests_are_answered_in_order_as_by_tornado(
    ours: Served, reference: Served, loud: list[str]
) -> None:
    loud += ["409", "405"]
    names = [name for name, data in GOOD.items() if b"close" not in data and b"HTTP/1.0" not in data]

    def answers(port: int) -> list[Any]:
        with Client(port) as client:
            sending = threading.Thread(target=client.send, args=(b"".join(GOOD[name] for name in names),))
            sending.start()
            got = [client.answer(head=GOOD[name].startswith(b"HEAD")).comparable() for name in names]
            sending.join()
            return got

    assert answers(ours.port) == answers(reference.port)


def test_a_header_and_its_body_leave_in_one_packet(served: Served) -> None:
    with Client(served.port) as client:
        client.send(GET)
        assert client.socket.recv(65_536).endswith(b"}")


def test_small_answers_are_not_delayed(served: Served) -> None:
    """Without TCP_NODELAY the second of two small writes waits some 40 ms for the client's acknowledgement."""
    with Client(served.port) as client:
        assert client.send(GET).answer().status == 200
        [connection] = served.server._connections
        assert connection.stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_absolute_target_is_routed_by_its_path_and_replaces_the_host(served: Served) -> None:
    with Client(served.port) as client:
        client.send(b"GET http://hats.example:81/echo?args=1 HTTP/1.1\r\n" + HOST + b"\r\n")
        said = client.answer().json()
        assert (said["uri"], said["host"]) == ("/echo?args=1", "hats.example:81")
        client.send(b"GET http://[::1]/echo HTTP/1.1\r\n" + HOST + b"\r\n")
        assert client.answer().json()["host"] == "[::1]"


def test_a_chunked_body_may_have_extensions_and_its_trailers_are_dropped(served: Served) -> None:
    """A trailer must not become a header, above all not one of the next request."""
    extended = chunked(b"abc", trailers=b"X-Say: trailer\r\n").replace(b"3\r\n", b"3;ext=1\r\n", 1)
    with Client(served.port) as client:
        client.send(extended + GET)
        first, second = client.answer().json(), client.answer().json()
        assert (first["body"], first["x"], second["x"]) == ("abc", [], [])


def test_two_empty_lines_before_a_request_are_ignored_too(served: Served) -> None:
    """RFC 9112, 2.2; Tornado's own server takes the second one for the end of the headers."""
    with Client(served.port) as client:
        assert client.send(b"\r\n\r\n" + GET).answer().status == 200


def test_a_streamed_answer_to_http_1_0_ends_with_the_connection_although_the_client_would_stay(served: Served) -> None:
    """Nothing else could tell the client where the answer ends; Tornado's own server leaves it waiting."""
    with Client(served.port) as client:
        answer = client.send(b"GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").answer()
        assert answer.body == b"one two three"
        assert "Connection" not in answer.headers


def test_nothing_is_served_after_a_request_that_closes(served: Served) -> None:
    with Client(served.port) as client:
        client.send(GET.replace(HOST, HOST + b"Connection: close\r\n") + GET)
        assert client.answer().headers["Connection"] == "close"
        assert client.rest() == b""
        assert served.probe.heard == ["/echo"]


def test_a_handler_may_close_the_connection_by_its_own_header(served: Served) -> None:
    with Client(served.port) as client:
        assert client.send(GET.replace(b"/echo", b"/status/200?close=1")).answer().headers["Connection"] == "close"
        assert client.rest() == b""
