"""What nobody should send: each is refused completely, names what is wrong, and leaves the server working."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.scenario import (
    RawAnswer,
    Visitor,
    as_json,
    bad_field,
    problem,
    raw,
    raw_problem,
    read_answer,
)
from tests.server import Server

HOST = b"Host: localhost\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Nearly every test opens a dialog of its own, which the limit on one address would stop."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=["--rate-limits", "off"]) as running:
        yield running


@pytest.fixture(autouse=True)
def _the_server_still_works(server: Server, http: httpx.Client) -> Iterator[None]:
    """After whatever a test did, the server answers, and nothing failed inside."""
    before = len(server.lines)
    yield
    assert as_json(http.get("/health"))["status"] == "ok"
    assert [line for line in server.lines[before:] if " ERROR " in line or "Traceback" in line] == []


def post(http: httpx.Client, anna: Visitor, body: bytes, content_type: str = "application/json") -> httpx.Response:
    """Send bytes as a message."""
    return http.post(anna.url(), params=dict(anna.query), content=body, headers={"Content-Type": content_type})


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b"text=hello",
            b'{"text": "a"} {"text": "b"}',
            b'{"text": NaN}',
            b"\x00",
            b'{"text": "\xff\xfe"}',
            b'{"text": "a",}',
            b'{"text": "\\ud83d"}',
            '{"text": "a"}'.encode("utf-16"),
        ],
    )
    def test_what_is_not_json_is_malformed(self, http: httpx.Client, anna: Visitor, body: bytes) -> None:
        problem(post(http, anna, body), 400, "malformed")

    @pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"1", b"true"])
    def test_what_is_no_object_is_a_wrong_value(self, http: httpx.Client, anna: Visitor, body: bytes) -> None:
        problem(post(http, anna, body), 422, "invalid")

    @pytest.mark.parametrize("body", [b"", b"{}", b'{"Text": "a"}'])
    def test_a_missing_field_is_named(self, http: httpx.Client, anna: Visitor, body: bytes) -> None:
        bad_field(post(http, anna, body), "text")

    @pytest.mark.parametrize("value", [None, 7, True, ["a"], {"a": 1}, 1.5])
    @pytest.mark.parametrize("field", ["text", "client_id", "sender"])
    def test_a_wrong_type_is_named(self, http: httpx.Client, anna: Visitor, field: str, value: object) -> None:
        body = json.dumps({"text": "a", field: value}).encode()
        if value is None and field != "text":
            assert post(http, anna, body).status_code == 201
        else:
            bad_field(post(http, anna, body), field)

    def test_a_field_deep_inside_is_named_by_its_path(self, boris: httpx.Client) -> None:
        body = {"assistant_id": 3, "allowed_domains": ["shop.example", 7]}
        document = problem(boris.post("/api/widgets", json=body), 422, "invalid")
        assert document["errors"][0]["field"].startswith("allowed_domains")

    def test_unknown_fields_are_ignored(self, http: httpx.Client, anna: Visitor) -> None:
        body = {"text": "a", "client_id": None, "colour": {"deep": [1, 2]}, "": 0, "__proto__": {}}
        assert post(http, anna, json.dumps(body).encode()).status_code == 201

    def test_of_a_field_given_twice_one_counts(self, http: httpx.Client, anna: Visitor) -> None:
        answer = post(http, anna, b'{"text": "a", "text": "b"}')
        assert as_json(answer)["message"]["text"] in ("a", "b")

    @pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"text":[', b'{"client_id":{"x":'])
    def test_a_hundred_thousand_levels_are_refused(self, http: httpx.Client, anna: Visitor, opening: bytes) -> None:
        answer = post(http, anna, (opening * 100_000)[:250_000])
        assert answer.status_code in (400, 422)
        problem(answer, answer.status_code)

    def test_an_unknown_field_may_not_be_endlessly_deep_either(self, http: httpx.Client, anna: Visitor) -> None:
        body = b'{"text": "a", "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        answer = post(http, anna, body)
        assert answer.status_code in (201, 400)

    @pytest.mark.parametrize("number", ["1e400", "9" * 5000, "-0", "1E5", "0x10"])
    def test_a_strange_number_is_refused(self, boris: httpx.Client, anna: Visitor, number: str) -> None:
        answer = boris.post(
            f"/api/dialogs/{anna.dialog_id}/read",
            content=b'{"up_to": %s}' % number.encode(),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code in (200, 400, 422), answer.text
        if answer.status_code != 200:
            problem(answer, answer.status_code)

    @pytest.mark.parametrize(
        "content_type", ["text/plain", "application/x-www-form-urlencoded", "text/json", "x", "image/svg+xml"]
    )
    def test_another_media_type_is_refused(self, http: httpx.Client, anna: Visitor, content_type: str) -> None:
        problem(post(http, anna, b'{"text": "a"}', content_type), 415, "unsupported_media_type")

    @pytest.mark.parametrize(
        "content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"]
    )
    def test_json_by_any_name_is_taken(self, http: httpx.Client, anna: Visitor, content_type: str) -> None:
        assert post(http, anna, b'{"text": "a"}', content_type).status_code == 201

    def test_a_form_that_cannot_be_read_is_refused(self, http: httpx.Client, anna: Visitor) -> None:
        for content_type in (
            "multipart/form-data; boundary=x",
            "multipart/form-data",
            "application/x-www-form-urlencoded",
        ):
            answer = post(http, anna, b"--x\r\n\xff\r\n%zz&=&&", content_type)
            assert answer.status_code in (400, 415)
            problem(answer, answer.status_code)

    def test_a_compressed_body_is_not_taken_for_json(self, http: httpx.Client, anna: Visitor) -> None:
        answer = http.post(
            anna.url(), params=dict(anna.query), content=b"\x1f\x8b\x08\x00", headers={"Content-Encoding": "gzip"}
        )
        assert answer.status_code in (400, 415)
        problem(answer, answer.status_code)


class TestAddresses:
    @pytest.mark.parametrize(
        "path",
        [
            "/nothing",
            "/api",
            "/api/dialogs/",
            "/api/dialogs/x",
            "/api/dialogs/-1",
            "/api/dialogs/1/nothing",
            "/api/dialogs/1.5",
            "/api//dialogs",
            "/API/dialogs",
            "/api/dialogs/9999999999999999999999",
            "/ws/dialogs/x",
            "/.git/config",
            "/static/",
            "/static/none.js",
            "/static/../run.py",
            "/static/%2e%2e/run.py",
            "/static/..%2frun.py",
            "/%00",
            "/%ff",
        ],
    )
    def test_an_unknown_address_is_not_found(self, server: Server, path: str) -> None:
        answer = raw(server, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        raw_problem(answer, 404, "not_found")

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("DELETE", "/api/v1/auth/login", {"POST"}),
            ("GET", "/api/v1/auth/login", {"POST"}),
            ("PUT", "/health", {"GET"}),
            ("PATCH", "/api/sse/health", {"GET"}),
            ("POST", "/docs", {"GET"}),
            ("POST", "/widget.js", {"GET", "HEAD"}),
            ("DELETE", "/static/widget.js", {"GET", "HEAD"}),
        ],
    )
    def test_a_wrong_method_is_told_the_right_ones(
        self, http: httpx.Client, method: str, path: str, allowed: set[str]
    ) -> None:
        answer = http.request(method, path)
        problem(answer, 405, "method_not_allowed")
        assert allowed <= set(answer.headers["allow"].split(", "))
        assert method not in answer.headers["allow"].split(", ")

    def test_a_wrong_method_of_an_entitled_caller_is_told_the_right_ones(
        self, boris: httpx.Client, anna: Visitor
    ) -> None:
        for method, tail in (("DELETE", "messages"), ("GET", "typing"), ("PUT", "read"), ("PATCH", "close")):
            answer = boris.request(method, f"/api/dialogs/{anna.dialog_id}/{tail}")
            problem(answer, 405, "method_not_allowed")
            assert "POST" in answer.headers["allow"]

    @pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "CONNECT"])
    def test_a_method_from_elsewhere_is_refused(self, server: Server, method: str) -> None:
        answer = raw(server, f"{method} /health HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert answer.status in (400, 405, 501), answer
        raw_problem(answer, answer.status)

    def test_head_is_answered_without_a_body(self, server: Server) -> None:
        data = b"HEAD /nothing HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", server.port), timeout=15) as connection:
            connection.sendall(data)
            received = b"".join(iter(lambda: connection.recv(65536), b""))
        assert received.endswith(b"\r\n\r\n")
        assert received.startswith(b"HTTP/1.1 404")

    @pytest.mark.parametrize(
        ("path", "most"),
        [
            ("/api/v1/auth/refresh", 16_384),
            ("/api/v1/auth/refresh?next=/api/dialogs/1/messages", 16_384),
            ("/api/v1/auth/login", 262_144),
            ("/api/dialogs/1/typing", 16_384),
            ("/api/internal/broadcast", 65_536),
            ("/api/dialogs/1/messages", 262_144),
            ("/api/support/tickets/AAAAAAAAAAAAAAAAAAAAAA/messages", 262_144),
            ("/nowhere", 262_144),
        ],
    )
    def test_each_address_has_its_own_largest_body(self, server: Server, path: str, most: int) -> None:
        def answer(size: int) -> RawAnswer:
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\nExpect: 100-continue\r\n\r\n"
            return raw(server, head.encode())

        raw_problem(answer(most + 1), 413, "body_too_large")
        assert answer(most).status == 100

    def test_too_long_an_address_is_refused(self, server: Server) -> None:
        answer = raw(server, b"GET /api/dialogs?x=" + b"a" * 10_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        raw_problem(answer, 414, "uri_too_long")

    def test_too_large_headers_are_refused(self, server: Server) -> None:
        many = b"".join(b"X-Field-%d: %s\r\n" % (number, b"a" * 100) for number in range(1000))
        for fields in (b"X-Field: " + b"a" * 100_000 + b"\r\n", many):
            answer = raw(server, b"GET /health HTTP/1.1\r\n" + HOST + fields + b"\r\n")
            raw_problem(answer, 431, "headers_too_large")

    @pytest.mark.parametrize(
        "data",
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"hello\r\n\r\n",
            b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
            b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        ],
    )
    def test_what_is_not_http_is_malformed(self, server: Server, data: bytes) -> None:
        raw_problem(raw(server, data, finish=True), 400, "malformed")


class TestSilence:
    def test_half_a_request_and_silence_time_out(self, server: Server) -> None:
        """Both waits run at once: 10 s for the headers, 20 s for a pause of the body."""
        halves = (
            b"GET /health HTTP/1.1\r\nHost: sho",
            b"POST /api/v1/auth/login HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\n{",
        )
        connections = [socket.create_connection(("127.0.0.1", server.port), timeout=40) for _ in halves]
        for connection, half in zip(connections, halves, strict=True):
            connection.sendall(half)
        for connection in connections:
            with connection:
                raw_problem(read_answer(connection), 408, "request_timeout")
                assert connection.recv(1) == b"", "the answer is the last one"

    def test_a_client_that_leaves_in_the_middle_harms_nobody(self, server: Server) -> None:
        for half in (b"", b"G", b"POST /api/v1/auth/login HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\n{"):
            with socket.create_connection(("127.0.0.1", server.port), timeout=15) as connection:
                connection.sendall(half)
