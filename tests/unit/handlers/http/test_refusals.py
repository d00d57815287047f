"""What is no good request is refused with a complete answer, never with a reset."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from handlers.http_connection import READ_BYTES
from handlers.http_parser import HttpLimits, RequestParser
from tests import parts
from tests.unit.handlers.http.serving import GET, HOST, UPLOAD, Client, Served, chunked, eventually, post, serving

BAD: dict[str, tuple[bytes, int, str]] = {
    "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "malformed"),
    "a request line of one word": (b"HELLO\r\n\r\n", 400, "malformed"),
    "an unknown method": (b"FETCH / HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed"),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400, "malformed"),
    "HTTP/2": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 400, "malformed"),
    "a connection preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "malformed"),
    "a target of two words": (b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed"),
    "a target without a slash": (b"GET echo HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed"),
    "a target that is no URL": (b"GET http:///echo HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed"),
    "a target of another scheme": (b"GET ftp://a/echo HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed"),
    "a target with a password": (b"GET http://u:p@a/echo HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed"),
    "a target that is not ASCII": ("GET /чат HTTP/1.1\r\n\r\n".encode(), 400, "malformed"),
    "NUL in the target": (b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed"),
    "NUL in a header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n", 400, "malformed"),
    "a control character in a header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\x1bb\r\n\r\n", 400, "malformed"),
    "a control character in a name": (b"GET / HTTP/1.1\r\n" + HOST + b"X\x01: a\r\n\r\n", 400, "malformed"),
    "a header without a colon": (b"GET / HTTP/1.1\r\n" + HOST + b"X\r\n\r\n", 400, "malformed"),
    "a header without a name": (b"GET / HTTP/1.1\r\n" + HOST + b": x\r\n\r\n", 400, "malformed"),
    "a space before the colon": (b"GET / HTTP/1.1\r\n" + HOST + b"X : a\r\n\r\n", 400, "malformed"),
    "a folded header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n", 400, "malformed"),
    "a bare CR": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\rb\r\n\r\n", 400, "malformed"),
    "a bare LF": (b"GET / HTTP/1.1\nHost: a\n\n", 400, "malformed"),
    "no Host": (b"GET /echo HTTP/1.1\r\n\r\n", 400, "malformed"),
    "two Hosts": (b"GET /echo HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400, "malformed"),
    "two Hosts in HTTP/1.0": (b"GET /echo HTTP/1.0\r\n" + HOST + HOST + b"\r\n", 400, "malformed"),
    "two Hosts in one line": (b"GET /echo HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, "malformed"),
    "a Host that is a URL": (b"GET /echo HTTP/1.1\r\nHost: http://a/\r\n\r\n", 400, "malformed"),
    "both framings": (post(b"abc", b"Transfer-Encoding: chunked"), 400, "malformed"),
    "both framings, turned round": (chunked(b"a").replace(b"ked\r", b"ked\r\nContent-Length: 3\r"), 400, "malformed"),
    "two lengths": (post(b"abc", b"Content-Length: 4"), 400, "malformed"),
    "the same length twice": (post(b"abc", b"Content-Length: 3"), 400, "malformed"),
    "a list of lengths": (post(b"abc").replace(b": 3\r", b": 3, 3\r"), 400, "malformed"),
    "a signed length": (post(b"abc").replace(b": 3\r", b": +3\r"), 400, "malformed"),
    "a negative length": (post(b"abc").replace(b": 3\r", b": -3\r"), 400, "malformed"),
    "a hexadecimal length": (post(b"abc").replace(b": 3\r", b": 0x3\r"), 400, "malformed"),
    "an empty length": (post(b"abc").replace(b": 3\r", b": \r"), 400, "malformed"),
    "a length past 64 bits": (post(b"abc").replace(b": 3\r", b": 99999999999999999999\r"), 400, "malformed"),
    "a coding before chunked": (chunked(b"a").replace(b": chunked", b": gzip, chunked"), 400, "malformed"),
    "a coding after chunked": (chunked(b"a").replace(b": chunked", b": chunked, identity"), 400, "malformed"),
    "an unknown coding": (chunked(b"a").replace(b": chunked", b": xchunked"), 400, "malformed"),
    "chunks in HTTP/1.0": (chunked(b"a").replace(b"HTTP/1.1", b"HTTP/1.0"), 400, "malformed"),
    "a chunk size that is no number": (chunked(b"abc").replace(b"3\r\nabc", b"x\r\nabc"), 400, "malformed"),
    "a chunk size with a prefix": (chunked(b"abc").replace(b"3\r\nabc", b"0x3\r\nabc"), 400, "malformed"),
    "a chunk longer than its size": (chunked(b"abc").replace(b"3\r\nabc", b"2\r\nabc"), 400, "malformed"),
    "a chunk size past 64 bits": (chunked(b"abc").replace(b"3\r\nabc", b"f" * 17 + b"\r\nabc"), 400, "malformed"),
    "chunks that end in LF": (chunked(b"abc").replace(b"3\r\nabc", b"3\nabc"), 400, "malformed"),
    "too long a target": (b"GET /" + b"a" * 8_192 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "uri_too_long"),
    "too long a header": (GET[:-2] + b"X: " + b"a" * 16_384 + b"\r\n\r\n", 431, "headers_too_large"),
    "too many headers": (b"GET / HTTP/1.1\r\n" + HOST + b"X: aaaaaaaa\r\n" * 1_400 + b"\r\n", 431, "headers_too_large"),
    "a header that never ends": (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 60_000, 431, "headers_too_large"),
    "a body over the limit": (post(b"a" * 262_145), 413, "body_too_large"),
    "chunks that grow past the limit": (chunked(*[b"a" * 32_768] * 9), 413, "body_too_large"),
    "an endless extension": (chunked(b"abc").replace(b"3\r\nabc", b"3;" + b"e" * 60_000), 400, "malformed"),
    "an endless trailer": (chunked(b"abc", trailers=b"X: " + b"t" * 60_000), 400, "malformed"),
    "CONNECT": (b"CONNECT shoes.example:443 HTTP/1.1\r\n" + HOST + b"\r\n", 405, "method_not_allowed"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_gets_a_complete_problem(name: str, ours: Served) -> None:
    data, status, code = BAD[name]
    with Client(ours.port) as client:
        client.send(data).refused(status, code)
    if len(data) < 1_000:
        with Client(ours.port) as client:
            client.trickle(data).refused(status, code)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_does_not_disturb_the_one_before_it_and_nothing_after_it_is_served(name: str) -> None:
    """What follows a request that was refused may be its body: serving it would be request smuggling."""
    data, status, code = BAD[name]
    with serving() as served, Client(served.port) as client:
        client.send(GET + data + b"GET /echo?smuggled HTTP/1.1\r\n" + HOST + b"\r\n")
        assert client.answer().status == 200
        client.refused(status, code)
        assert served.probe.heard == ["/echo"]


@pytest.mark.parametrize("name", ["chunks that grow past the limit", "an endless extension", "an endless trailer"])
def test_what_a_client_may_make_the_server_hold_is_bounded_however_it_is_cut(name: str) -> None:
    data, _, code = BAD[name]
    for size in (1, 7, 1_000, READ_BYTES):
        parser = RequestParser(HttpLimits())
        for at in range(0, len(data), size):
            parser.feed(data[at : at + size])
        assert parser.problem is not None
        assert parser.problem.code == code


@pytest.mark.parametrize(
    "data", [b"HEAD /echo HTTP/1.1\r\n\r\n", b"HEAD /echo HTTP/1.1\r\nX: \0", b"HEAD /" + b"a" * 9_000]
)
def test_a_refused_head_request_gets_no_body(data: bytes, served: Served) -> None:
    with Client(served.port) as client:
        answer = client.send(data).answer(head=True)
        assert client.rest() == b""
        assert answer.status in (400, 414)
        assert int(answer.headers["Content-Length"]) > 0


def test_an_answer_405_names_methods(served: Served) -> None:
    with Client(served.port) as client:
        client.send(BAD["CONNECT"][0])
        assert "POST" in client.answer().headers["Allow"]


def test_a_client_that_sends_a_refused_body_to_its_end_reads_the_whole_answer(served: Served) -> None:
    with Client(served.port) as client:
        client.send(UPLOAD).refused(413, "body_too_large")


def test_the_same_upload_is_reset_by_the_stock_server(reference: Served) -> None:
    """Shows that the test above could fail: with Tornado's server the client does not get its answer."""
    with Client(reference.port) as client, pytest.raises((ConnectionError, AssertionError, ValueError)):
        client.send(UPLOAD).refused(413, "body_too_large")


def test_a_refusal_does_not_wait_for_the_body(served: Served) -> None:
    with Client(served.port) as client:
        client.send(UPLOAD[:200])
        assert client.answer().status == 413
        client.send(UPLOAD[200:])
        assert client.rest() == b""


def test_a_body_is_discarded_only_up_to_a_bound() -> None:
    with serving(HttpLimits(drain_bytes=100_000)) as served, Client(served.port) as client:
        client.send(UPLOAD[:200])
        assert client.answer().status == 413
        with pytest.raises(ConnectionError):
            client.send(b"u" * 100_000_000)
        eventually(lambda: served.connections() == 0)


def test_a_client_that_does_not_close_after_a_refusal_is_closed(served: Served) -> None:
    with Client(served.port) as client:
        client.send(UPLOAD[:200]).refused(413, "body_too_large")
        served.pass_time(9)
        assert served.connections() == 1
        served.pass_time(2)
        eventually(lambda: served.connections() == 0)


@pytest.mark.parametrize("expect", [True, False])
def test_curl_shows_the_refusal_of_a_large_body(expect: bool, served: Served, tmp_path: Path) -> None:
    curl = parts.require_program("curl")
    (tmp_path / "body").write_bytes(b"u" * 2_000_000)
    header = "Expect: 100-continue" if expect else "Expect:"
    arguments = ["--silent", "--show-error", "--noproxy", "*", "--header", header, "--data-binary", f"@{tmp_path}/body"]
    url = f"http://127.0.0.1:{served.port}/echo"
    done = subprocess.run([curl, *arguments, "--write-out", "%{http_code}", url], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b'"body_too_large"' in done.stdout
    assert done.stdout.endswith(b"413")


# Expect: 100-continue


def test_a_client_that_expects_it_is_told_to_continue(served: Served) -> None:
    with Client(served.port) as client:
        head, body = post(b"hello", b"Expect: 100-Continue").split(b"\r\n\r\n")
        assert client.send(head + b"\r\n\r\n").answer().status == 100
        assert client.send(body).answer().json()["body"] == "hello"


@pytest.mark.parametrize(
    "refused",
    [
        post(b"", b"Expect: 100-continue").replace(b": 0", b": 300000"),
        post(b"abc", b"Expect: 100-continue").replace(HOST, b""),
        post(b"abc", b"Expect: 100-continue").replace(b": 3", b": 3, 3"),
    ],
)
def test_a_refused_body_is_not_asked_for(refused: bytes, served: Served) -> None:
    with Client(served.port) as client:
        client.send(refused.split(b"\r\n\r\n")[0] + b"\r\n\r\n")
        assert client.answer().status in (400, 413)


@pytest.mark.parametrize(
    "data",
    [
        post(b"hello", b"Expect: 100-continue"),
        post(b"", b"Expect: 100-continue"),
        post(b"hello", b"Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0"),
        post(b"hello", b"Expect: something"),
    ],
)
def test_nobody_is_told_to_continue_who_has_done_so_or_cannot_understand_it(data: bytes, served: Served) -> None:
    with Client(served.port) as client:
        assert client.send(data).answer().status == 200


def test_a_client_that_has_begun_its_body_needs_no_invitation() -> None:
    parser = RequestParser(HttpLimits())
    parser.feed(post(b"hello", b"Expect: 100-continue")[:-3])
    assert (parser.received, parser.take_continue()) == (2, False)


def test_the_invitation_waits_for_the_answers_before_it(served: Served) -> None:
    with Client(served.port) as client:
        head, body = post(b"hello", b"Expect: 100-continue").split(b"\r\n\r\n")
        client.send(b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n" + head + b"\r\n\r\n")
        served.probe.release.set()
        assert [client.answer().status for _ in range(2)] == [200, 100]
        assert client.send(body).answer().status == 200
