"""The WebSocket protocol on the wire, byte by byte: what browsers hide and other clients may get wrong (RFC 6455)."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from replyx.wire.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from tests.scenario import PATIENCE_S, Json, RawAnswer, Visitor, eventually, raw, raw_problem, read_answer
from tests.server import Server
from tests.unit.wire.test_frames import sent

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, 1.3
PING_JSON = b'{"type":"ping"}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Nearly every test opens a dialog of its own, which the limit on one address would stop."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=["--rate-limits", "off"]) as running:
        yield running


def handshake(path: str, **changed: str | None) -> bytes:
    """A handshake; None leaves a header out."""
    headers: dict[str, str | None] = {
        "Host": "localhost",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": KEY,
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    lines = [f"{name}: {value}\r\n" for name, value in headers.items() if value is not None]
    return f"GET {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode()


class Wire:
    """A client that does only what it is told: no pong, no close, no mercy."""

    def __init__(self, connection: socket.socket, answer: RawAnswer) -> None:
        self.connection = connection
        self.answer = answer
        self._received = answer.body

    def send(self, *frames: bytes) -> None:
        """Send bytes in one go."""
        self.connection.sendall(b"".join(frames))

    def frame(self) -> tuple[int, bytes] | None:
        """Opcode and payload of the next frame; None at the end of the connection."""
        if not self._fill(2):
            return None
        first, size = self._received[0], self._received[1]
        assert first & 0xF0 == 0x80, "a server's frames are final and have no reserved bits"
        assert size < 128, "a server does not mask (5.1)"
        head = 2 if size < 126 else 4 if size == 126 else 10
        assert self._fill(head)
        length = size if head == 2 else int.from_bytes(self._received[2:head], "big")
        assert self._fill(head + length)
        payload, self._received = self._received[head : head + length], self._received[head + length :]
        return first & 0xF, payload

    def event(self) -> Json:
        """The next frame, which must be text."""
        found = self.frame()
        assert found is not None
        assert found[0] == TEXT, found
        event = json.loads(found[1])
        assert isinstance(event, dict)
        return event

    def ended_with(self) -> int | None:
        """The code of the close frame, and the end of the connection behind it; before it are signs of life at most."""
        found = self.frame()
        while found is not None and found[0] == PING:
            found = self.frame()
        assert found is not None, "the connection was cut"
        assert found[0] == CLOSE, found
        assert self.frame() is None, "nothing follows a close frame"
        return int.from_bytes(found[1][:2], "big") if found[1] else None

    def _fill(self, size: int) -> bool:
        while len(self._received) < size:
            data = self.connection.recv(65536)
            if not data:
                return False
            self._received += data
        return True


@contextmanager
def wire(server: Server, anna: Visitor) -> Iterator[Wire]:
    """A socket on Anna's dialog, greeted."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
        connection.sendall(handshake(anna.ws()))
        client = Wire(connection, read_answer(connection))
        assert client.answer.status == 101
        assert client.event()["type"] == "connected"
        yield client


def sockets(http: httpx.Client) -> int:
    """How many streams the server counts."""
    count: int = http.get("/api/sse/health").json()["connections"]
    return count


class TestHandshake:
    def test_the_answer_proves_that_the_key_was_read(self, server: Server, anna: Visitor) -> None:
        with wire(server, anna) as client:
            headers = client.answer.headers
            assert headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # 1.3
            assert (headers["upgrade"], headers["connection"]) == ("websocket", "Upgrade")
            assert "sec-websocket-extensions" not in headers
            assert "content-length" not in headers

    @pytest.mark.parametrize("key", [None, "", "short", "x" * 24, "dGhlIHNhbXBsZSBub25jZQ", "ключ"])
    def test_a_handshake_without_a_proper_key_is_malformed(
        self, server: Server, anna: Visitor, key: str | None
    ) -> None:
        raw_problem(raw(server, handshake(anna.ws(), Sec_WebSocket_Key=key)), 400, "malformed")

    @pytest.mark.parametrize(
        "changed",
        [
            {"Connection": "keep-alive"},
            {"Connection": None},
            {"Connection": "upgraded"},
            {"Upgrade": None},
            {"Upgrade": "h2c"},
            {"Upgrade": "websockets"},
        ],
    )
    def test_what_does_not_ask_to_go_on_as_a_websocket_is_told_to(
        self, server: Server, anna: Visitor, changed: dict[str, str | None]
    ) -> None:
        """RFC 9110, 7.8: without Connection: upgrade a proxy's own Upgrade would count."""
        answer = raw(server, handshake(anna.ws(), **changed))
        document = raw_problem(answer, 426, "upgrade_required")
        assert (answer.headers["upgrade"], answer.headers["connection"].lower()) == ("websocket", "upgrade")
        [advice] = document["errors"]
        assert (advice["field"], advice["code"]) == ("Upgrade", "upgrade_dropped"), "its key shows that it was one"
        assert "proxy_http_version 1.1" in advice["detail"]

    def test_http_1_0_does_not_become_a_websocket(self, server: Server, anna: Visitor) -> None:
        """What nginx makes of a handshake unless it is told otherwise."""
        asked = handshake(anna.ws()).replace(b"HTTP/1.1", b"HTTP/1.0")
        assert "errors" in raw_problem(raw(server, asked), 426, "upgrade_required")

    def test_who_only_looks_is_not_told_of_proxies(self, server: Server, anna: Visitor) -> None:
        asked = handshake(anna.ws(), Upgrade=None, Connection=None, Sec_WebSocket_Key=None, Sec_WebSocket_Version=None)
        assert "errors" not in raw_problem(raw(server, asked), 426, "upgrade_required")

    @pytest.mark.parametrize("offered", ["h2c, websocket", "websocket,h2c", "h2c,WebSocket ,x/2"])
    def test_a_websocket_may_be_one_of_several_offers(self, server: Server, anna: Visitor, offered: str) -> None:
        answer = raw(server, handshake(anna.ws(), Upgrade=offered))
        assert (answer.status, answer.headers["upgrade"]) == (101, "websocket")

    @pytest.mark.parametrize("version", ["8", "14", "", None])
    def test_another_version_is_told_the_right_one(self, server: Server, anna: Visitor, version: str | None) -> None:
        answer = raw(server, handshake(anna.ws(), Sec_WebSocket_Version=version))
        raw_problem(answer, 426, "upgrade_required")
        assert answer.headers["sec-websocket-version"] == "13"  # 4.4

    def test_connection_may_name_more_than_the_upgrade(self, server: Server, anna: Visitor) -> None:
        answer = raw(server, handshake(anna.ws(), Connection="keep-alive, UPGRADE", Upgrade="WebSocket"))
        assert answer.status == 101

    def test_frames_behind_the_handshake_in_one_packet_are_refused_with_an_answer(
        self, server: Server, anna: Visitor
    ) -> None:
        raw_problem(raw(server, handshake(anna.ws()) + sent(TEXT, PING_JSON)), 400, "malformed")


class TestFrames:
    def test_broken_text_ends_the_connection_before_its_frame_does(self, server: Server, anna: Visitor) -> None:
        """Autobahn 6.4.3: chops of one frame; the client waits after the byte that breaks it."""
        text = "κόσμε".encode() + b"\xf4\x90\x80\x80edited"
        with wire(server, anna) as client:
            client.send(sent(TEXT, text)[: -len(b"\x80\x80edited")])
            assert client.ended_with() == 1007

    def test_a_ping_comes_back_as_a_pong_with_its_payload(self, server: Server, anna: Visitor) -> None:
        with wire(server, anna) as client:
            client.send(sent(PING, b"\x00\xff" * 62), sent(PING), sent(PONG, b"unasked"), sent(TEXT, PING_JSON))
            assert client.frame() == (PONG, b"\x00\xff" * 62)
            assert client.frame() == (PONG, b"")
            assert client.event()["type"] == "pong", "a pong that nobody asked for is no fault (5.5.3)"

    def test_answers_come_in_the_order_of_the_frames(self, server: Server, anna: Visitor) -> None:
        messages = [json.dumps({"type": "message", "text": f"n{n}", "client_id": f"c{n}"}).encode() for n in range(5)]
        with wire(server, anna) as client:
            client.send(*(sent(TEXT, message) + sent(PING, message[-4:]) for message in messages), sent(TEXT, b"{"))
            answers = []
            while len(answers) < 11:
                found = client.frame()
                assert found is not None
                event = json.loads(found[1]) if found[0] == TEXT else {"type": "pong frame"}
                if event["type"] in ("ack", "error", "pong frame"):
                    answers.append(event.get("client_id") or event["type"])
            assert answers == [name for n in range(5) for name in (f"c{n}", "pong frame")] + ["error"]

    def test_a_message_may_come_in_fragments_with_pings_between(self, server: Server, anna: Visitor) -> None:
        with wire(server, anna) as client:
            client.send(sent(TEXT, PING_JSON[:4], final=False), sent(PING, b"?"))
            assert client.frame() == (PONG, b"?")
            client.send(sent(CONTINUATION, final=False), sent(CONTINUATION, PING_JSON[4:]))
            assert client.event()["type"] == "pong"

    def test_a_frame_may_come_byte_by_byte(self, server: Server, anna: Visitor) -> None:
        with wire(server, anna) as client:
            for byte in sent(TEXT, PING_JSON):
                client.send(bytes([byte]))
            assert client.event()["type"] == "pong"

    def test_a_thousand_frames_in_one_go_are_all_answered(self, server: Server, anna: Visitor) -> None:
        with wire(server, anna) as client:
            client.send(*[sent(TEXT, PING_JSON)] * 1000)
            assert [client.event()["type"] for _ in range(1000)] == ["pong"] * 1000


class TestEnd:
    @pytest.mark.parametrize("payload", [b"", b"\x03\xe8", b"\x0f\xa0bye", b"\x03\xe9" + "до встречи".encode()])
    def test_a_close_is_answered_with_its_code_and_the_end(
        self, server: Server, http: httpx.Client, anna: Visitor, payload: bytes
    ) -> None:
        with wire(server, anna) as client:
            eventually(lambda: sockets(http) == 1, "the stream is counted, and no other is")
            client.send(sent(CLOSE, payload), sent(TEXT, PING_JSON))
            assert client.ended_with() == (int.from_bytes(payload[:2], "big") if payload else None)  # 5.5.1
            eventually(lambda: sockets(http) == 0, "the stream is forgotten")

    def test_what_was_sent_before_a_close_is_still_answered(self, server: Server, anna: Visitor) -> None:
        message = json.dumps({"type": "message", "text": "last words", "client_id": "c"}).encode()
        with wire(server, anna) as client:
            client.send(sent(TEXT, message), sent(CLOSE, b"\x03\xe8"))
            kinds = [client.event()["type"] for _ in range(3)]
            assert sorted(kinds) == ["ack", "message:new", "message_received"]
            assert client.ended_with() == 1000

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"\x81\x01a", 1002),
            (sent(BINARY, b"a", reserved=0x40), 1002),
            (sent(CONTINUATION, b"a"), 1002),
            (sent(CLOSE, b"\x03\xed"), 1002),
            (sent(TEXT, b"\xff"), 1007),
            (sent(TEXT, b"x" * 262_145), 1009),
        ],
    )
    def test_a_broken_rule_closes_with_its_code_after_what_came_before(
        self, server: Server, http: httpx.Client, anna: Visitor, data: bytes, code: int
    ) -> None:
        with wire(server, anna) as client:
            eventually(lambda: sockets(http) == 1, "the stream is counted, and no other is")
            client.send(sent(TEXT, PING_JSON), data)
            assert client.event()["type"] == "pong"
            assert client.ended_with() == code
            eventually(lambda: sockets(http) == 0, "the stream is forgotten")

    def test_a_client_that_goes_on_sending_after_a_fault_still_reads_why(self, server: Server, anna: Visitor) -> None:
        # Closing over unread bytes would make the kernel reset the connection, and take the close frame with it.
        with wire(server, anna) as client:
            client.send(sent(TEXT, b"x" * 300_000), *[sent(BINARY, b"y" * 60_000)] * 20)
            assert client.ended_with() == 1009

    def test_a_client_that_ends_its_side_without_a_word_is_let_go(
        self, server: Server, http: httpx.Client, anna: Visitor
    ) -> None:
        with wire(server, anna) as client:
            eventually(lambda: sockets(http) == 1, "the stream is counted, and no other is")
            client.connection.shutdown(socket.SHUT_WR)
            assert client.frame() is None
            eventually(lambda: sockets(http) == 0, "the stream is forgotten")

    def test_a_client_that_does_not_answer_our_close_is_cut(self, server: Server, anna: Visitor) -> None:
        with wire(server, anna) as client:
            client.send(*[sent(TEXT, b"{")] * 20)
            assert [client.event()["type"] for _ in range(20)] == ["error"] * 20
            client.send(sent(TEXT, PING_JSON))
            assert client.ended_with() == 4400, "and what it still says is not answered (5.5.1)"
