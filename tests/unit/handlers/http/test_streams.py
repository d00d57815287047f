"""Streams, WebSockets, clients that leave, and answers that go wrong."""

from __future__ import annotations

import threading

import pytest
from websockets.sync.client import connect

from tests.unit.handlers.http.serving import (
    GET,
    HANDSHAKE,
    HOST,
    PATIENCE_S,
    Client,
    EchoSocket,
    Handler,
    Served,
    chunked,
    eventually,
    post,
    serving,
)


def test_a_streaming_handler_hears_at_once_that_its_client_has_left(served: Served) -> None:
    with Client(served.port) as client:
        client.send(b"GET /slow?begin=1 HTTP/1.1\r\n" + HOST + b"\r\n")
        assert served.probe.entered.wait(PATIENCE_S)
        assert not served.probe.client_left.is_set()
    assert served.probe.client_left.wait(PATIENCE_S)
    eventually(lambda: served.connections() == 0)


def test_a_handler_that_has_not_answered_yet_hears_it_too(served: Served) -> None:
    with Client(served.port) as client:
        client.send(b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n")
        assert served.probe.entered.wait(PATIENCE_S)
    assert served.probe.client_left.wait(PATIENCE_S)


def test_a_client_that_sends_during_a_stream_fills_its_own_buffers_only(served: Served) -> None:
    with Client(served.port) as client:
        client.send(b"GET /slow?begin=1 HTTP/1.1\r\n" + HOST + b"\r\n")
        assert served.probe.entered.wait(PATIENCE_S)
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.send(GET * 1_000_000)
        client.socket.settimeout(PATIENCE_S)
        assert served.probe.heard == []
        served.probe.release.set()
        assert client.answer().body == b"begun done"
        assert [client.answer().status for _ in range(1_000)] == [200] * 1_000


def test_a_client_that_pipelines_without_reading_is_not_read_any_further(served: Served) -> None:
    """Its answers would otherwise pile up in memory."""
    with Client(served.port) as client:
        client.send(b"GET /large?bytes=20000000 HTTP/1.1\r\n" + HOST + b"\r\n" + GET * 100)
        eventually(lambda: served.call(lambda: [c.stream.writing() for c in served.server._connections]) == [True])
        assert served.probe.heard == []
        assert len(client.answer().body) == 20_000_000
        assert [client.answer().status for _ in range(100)] == [200] * 100


def test_a_flush_is_done_when_the_kernel_has_the_bytes_and_fails_when_the_client_leaves(served: Served) -> None:
    outcomes: list[str] = []
    gone = threading.Event()

    class Flushing(Handler):
        async def get(self) -> None:
            self.write("small")
            await self.flush()
            outcomes.append("small")
            self.write(b"x" * 50_000_000)
            pending = self.flush()
            outcomes.append("pending" if not pending.done() else "done")
            try:
                await pending
            except OSError as error:
                outcomes.append(type(error).__name__)
            try:
                await self.flush()
            except OSError as error:
                outcomes.append(type(error).__name__)
            gone.set()

    served.call(lambda: served.server.application.add_handlers(".*", [("/flushing", Flushing)]))
    with Client(served.port) as client:
        client.send(b"GET /flushing HTTP/1.1\r\n" + HOST + b"\r\n")
        assert client.socket.recv(4_096).startswith(b"HTTP/1.1 200")
        eventually(lambda: len(outcomes) == 2)
    assert gone.wait(PATIENCE_S)
    assert outcomes == ["small", "pending", "StreamClosedError", "StreamClosedError"]


def test_a_websocket_echoes_through_tornados_handler(served: Served) -> None:
    with connect(f"ws://127.0.0.1:{served.port}/ws", compression=None, proxy=None) as websocket:
        for message in ("привет", b"\0\xff", "x" * 200_000):
            websocket.send(message)
            assert websocket.recv(PATIENCE_S) == message
        assert served.connections() == 1
        served.pass_time(100_000)
        websocket.send("still here")
        assert websocket.recv(PATIENCE_S) == "still here"
    assert served.probe.client_left.wait(PATIENCE_S)
    eventually(lambda: served.connections() == 0)


PING_FRAME = bytes([0x89, 0x80, 1, 2, 3, 4])  # RFC 6455, 5.2: masked, empty
PONG_FRAME = bytes([0x8A, 0x00])


def test_any_handler_may_take_the_stream(served: Served) -> None:
    class Detaching(Handler):
        def get(self) -> None:
            stream = self.detach()
            stream.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nraw").add_done_callback(lambda _: stream.close())

    served.call(lambda: served.server.application.add_handlers(".*", [("/detaching", Detaching)]))
    with Client(served.port) as client:
        assert client.send(GET.replace(b"/echo", b"/detaching")).answer().body == b"raw"
    assert served.connections() == 0


def test_a_frame_that_comes_while_the_handshake_is_answered_is_not_lost(served: Served) -> None:
    held = threading.Event()

    class Late(EchoSocket):
        async def prepare(self) -> None:  # type: ignore[override]
            held.set()
            await served.probe.released()

    served.call(lambda: served.server.application.add_handlers(".*", [("/late", Late)]))
    with Client(served.port) as client:
        client.send(HANDSHAKE.replace(b"/ws", b"/late"))
        assert held.wait(PATIENCE_S)
        client.send(PING_FRAME)
        served.probe.release.set()
        assert client.answer().status == 101
        assert client._file.read(2) == PONG_FRAME


def test_a_frame_together_with_the_handshake_is_refused(served: Served) -> None:
    """RFC 6455, 4.1: a client has to wait for the answer, so that nothing it sends can be taken for HTTP."""
    with Client(served.port) as client:
        client.send(HANDSHAKE + PING_FRAME).refused(400, "malformed")


def test_a_refused_handshake_leaves_an_ordinary_connection(served: Served, loud: list[str]) -> None:
    loud += ["403"]
    with Client(served.port) as client:
        assert client.send(HANDSHAKE.replace(b"/ws", b"/ws?refuse=1")).answer().status == 403
        assert client.send(GET).answer().status == 200
        assert client.send(HANDSHAKE).answer().status == 101


@pytest.mark.parametrize("framing", [post(b"abc"), chunked(b"abc"), post(b""), GET])
def test_an_offer_of_another_protocol_is_ignored_and_its_body_is_read(framing: bytes, served: Served) -> None:
    """Java's client, and curl --http2, offer h2c with every request over plain TCP, those with bodies included."""
    offer = framing.replace(
        HOST, HOST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
    )
    with Client(served.port) as client:
        for _ in range(2):
            client.send(offer + GET)
            first, second = client.answer().json(), client.answer().json()
            assert first["body"] == ("abc" if b"abc" in framing else "")
            assert (second["method"], second["body"]) == ("GET", "")
        client.trickle(offer)
        assert client.answer().status == 200


def test_a_body_behind_a_handshake_is_no_second_request(served: Served, loud: list[str]) -> None:
    """A parser that stops at the Upgrade and goes on with the body as HTTP would let requests be smuggled."""
    loud += ["403"]
    body = b"GET /echo?smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
    handshake = HANDSHAKE.replace(b"/ws", b"/ws?refuse=1").replace(HOST, HOST + b"Content-Length: %d\r\n" % len(body))
    with Client(served.port) as client:
        assert client.send(handshake + body).answer().status == 403
        assert client.send(GET).answer().json()["uri"] == "/echo"
        assert served.probe.heard == ["/echo"]


# Answers that go wrong


@pytest.mark.parametrize("how", ["header", "long"])
def test_an_answer_that_breaks_its_framing_becomes_a_complete_problem(how: str, loud: list[str]) -> None:
    loud += ["Uncaught exception", "Cannot send error response", "Failed to flush"]
    with serving() as served, Client(served.port) as client:
        client.send(b"GET /broken/%b HTTP/1.1\r\n" % how.encode() + HOST + b"\r\n")
        answer = client.refused(500, "internal_error")
        assert "Set-Cookie" not in answer.headers


def test_an_answer_shorter_than_announced_is_cut_off(served: Served, loud: list[str]) -> None:
    loud += ["Uncaught exception", "Cannot send error response", "Failed to flush"]
    with Client(served.port) as client:
        client.send(b"GET /broken/short HTTP/1.1\r\n" + HOST + b"\r\n")
        assert client.rest().endswith(b"\r\n\r\nfour")


def test_a_handler_that_cannot_be_made_is_answered_for_and_logged(served: Served, loud: list[str]) -> None:
    loud += ["a handler failed"]
    with Client(served.port) as client:
        client.send(b"GET /unmakable HTTP/1.1\r\n" + HOST + b"\r\n").refused(500, "internal_error")


def test_a_handler_that_refuses_before_the_body_is_heard(served: Served) -> None:
    with Client(served.port) as client:
        answer = client.send(post(b"abc", path=b"/upload?refuse=1")).answer()
        assert (answer.status, answer.body) == (403, b"refused")
