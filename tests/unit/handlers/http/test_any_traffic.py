"""Whatever a client sends: it is told in one line, stops nobody and leaves nothing behind."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.http_parser import HttpLimits, RequestParser
from tests.unit.handlers.http.serving import GET, HANDSHAKE, HOST, UPLOAD, Client, Served, chunked, eventually, post

# The log


def test_a_refusal_is_one_line_without_the_query(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    bad = b"POST /echo?token=SECRET HTTP/1.1\r\n" + HOST + b"Content-Length: 300000\r\n\r\n"
    for data in (bad, bad.replace(b"/echo", b"http://u:SECRET@a/echo"), bad.replace(HOST, b"X: \0")):
        with Client(served.port) as client:
            assert client.send(data).answer().status in (400, 413)
    logged = [vars(record) for record in caplog.records if record.name == "replyx.http"]
    assert [(r["status"], r["code"], r["method"], r["path"], r["peer"]) for r in logged] == [
        (413, "body_too_large", "POST", "/echo", "127.0.0.1"),
        (413, "body_too_large", "POST", "/echo", "127.0.0.1"),
        (400, "malformed", "POST", "/echo", "127.0.0.1"),
    ]
    assert not any("SECRET" in repr(record) for record in logged)
    assert all(record["exc_info"] is None for record in logged)


# Whatever a client sends

PIECES_OF_HTTP = [
    GET, post(b"abc"), chunked(b"abc"), HANDSHAKE, HOST, b"GET ", b"POST ", b"/echo", b" HTTP/1.1\r\n", b"\r\n", b"\n",
    b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Expect: 100-continue\r\n",
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n", b"\0", b"http://a/", b": ",
]  # fmt: skip
TRAFFIC = st.lists(st.sampled_from(PIECES_OF_HTTP) | st.binary(max_size=40), max_size=12).map(b"".join)


def summary(parser: RequestParser) -> Any:
    requests = [(r.start_line, sorted(r.headers.get_all()), r.body, r.keep_alive, r.websocket) for r in parser.requests]
    return requests, parser.problem and parser.problem.code, parser.phase


@given(TRAFFIC, st.data())
def test_how_the_bytes_are_cut_makes_no_difference(traffic: bytes, data: st.DataObject) -> None:
    whole, cut = RequestParser(HttpLimits()), RequestParser(HttpLimits())
    whole.feed(traffic)
    at = 0
    while at < len(traffic):
        size = data.draw(st.integers(1, 30))
        cut.feed(traffic[at : at + size])
        at += size
    assert summary(cut) == summary(whole)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TRAFFIC)
def test_no_bytes_stop_the_server(ours: Served, loud: list[str], traffic: bytes) -> None:
    loud += ["404", "405"]
    with Client(ours.port) as client:
        client.send(traffic)
        client.socket.shutdown(socket.SHUT_WR)
        client.rest()
    with Client(ours.port) as client:
        assert client.send(GET).answer().status == 200


def test_no_traffic_leaves_anything_behind(served: Served) -> None:
    """Symptom of a leak: descriptors or connections that grow with the number of clients."""
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for data in (GET, GET[:20], post(b"abc", b"Transfer-Encoding: chunked"), UPLOAD[:300], HANDSHAKE):
        for _ in range(20):
            with Client(served.port) as client:
                client.send(data)
    eventually(lambda: served.connections() == 0)
    if before:
        assert len(os.listdir("/proc/self/fd")) <= before
