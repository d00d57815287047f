"""Clients that never finish what they say, or hold more connections than theirs, pay for it themselves."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect

from tests.scenario import PATIENCE_S, eventually, guest, problem_document
from tests.server import Server

HALF = 200_000
TOKEN = "metrics-" + "t" * 32


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that may hold a megabyte, and forty connections of one address."""
    flags = ["--held-mb", "1", "--connections-per-address", "40"]
    with Server(tmp_path_factory.mktemp("server") / "data", flags=flags, env={"METRICS_TOKEN": TOKEN}) as running:
        yield running


def metric(http: httpx.Client, name: str) -> float:
    """The value of a metric."""
    found = re.search(
        rf"^{re.escape(name)} (\S+)$",
        http.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text,
        re.MULTILINE,
    )
    assert found, name
    return float(found[1])


def half_a_message(server: Server, path: str) -> ClientConnection:
    """A WebSocket on which two fragments came, and no last one."""
    opened = connect(f"ws://127.0.0.1:{server.port}{path}", compression=None, proxy=None, ping_interval=None)
    for opcode in (Opcode.TEXT, Opcode.CONT):
        data = Frame(opcode, b" " * (HALF // 2), fin=False).serialize(mask=True)
        opened.socket.sendall(data)
    return opened


@pytest.mark.parametrize(("path", "count"), [("/ws", 7), ("/socket.io/?EIO=4&transport=websocket", 7)])
def test_half_sent_frames_have_a_bound_together(server: Server, http: httpx.Client, path: str, count: int) -> None:
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(half_a_message(server, path)) for _ in range(count)]
        ended = []

        def one_ended() -> bool:
            for each in crowd:
                with contextlib.suppress(TimeoutError):
                    try:
                        while True:
                            each.recv(0.01)
                    except ConnectionClosedError as closed:
                        ended.append(closed.rcvd.code if closed.rcvd else None)
            return bool(ended)

        eventually(one_ended, "an end")
        assert set(ended) == {1013}
        assert len(ended) <= 3
        anna = guest(http)
        anna.say(http, "Никому это не мешает")
        assert 0 < metric(http, "replyx_held_bytes") <= 1024 * 1024
        assert metric(http, 'replyx_connections_cut_total{why="memory"}') >= 1
    eventually(lambda: metric(http, "replyx_held_bytes") == 0, "nothing is held")


def test_half_sent_bodies_have_a_bound_together(server: Server, http: httpx.Client) -> None:
    head = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 262144\r\n\r\n"
    with contextlib.ExitStack() as stack:
        crowd = []
        for _ in range(7):
            each = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE_S))
            each.sendall(head + b" " * HALF)
            crowd.append(each)
        answered: list[bytes] = []

        def one_answered() -> bool:
            for each in crowd:
                each.settimeout(0.01)
                with contextlib.suppress(TimeoutError):
                    if data := each.recv(65_536):
                        answered.append(data)
            return bool(answered)

        eventually(one_answered, "an answer")
        answer, _, body = answered[0].partition(b"\r\n\r\n")
        assert b" 429 " in answer
        assert b"Retry-After" in answer
        problem_document(body, 429, "too_many_requests")
        assert guest(http).say(http, "Никому это не мешает")


def test_an_address_has_its_share_of_the_connections(server: Server, http: httpx.Client) -> None:
    with contextlib.ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE_S, ("127.0.0.2", 0)))
            for _ in range(50)
        ]

        def closed() -> int:
            count = 0
            for each in silent:
                each.settimeout(0.01)
                with contextlib.suppress(TimeoutError):
                    count += each.recv(1) == b""
            return count

        eventually(lambda: closed() >= 10, "room for the newest")
        assert closed() == 10, "the oldest made room for the newest"
        assert http.get("/health").status_code == 200
