"""Requests to places that others chose: what is refused, and what an awkward receiver can do."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from replyx.errors import Invalid
from replyx.outside.calls import BODY_BYTES, KEPT_BYTES, GuardedResolver, Outside, Reply
from tests.receiver import Answer, Received, Receiver

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
PATIENCE_S = 30.0  # against a busy machine; no answer here takes long


def post(url: str, timeout_s: float = PATIENCE_S, resolver: GuardedResolver | None = None) -> Reply:
    """Send one request from a loop of its own."""

    async def play() -> Reply:
        outside = Outside(LOOPBACK, resolver, timeout_s)
        try:
            return await outside.post(url, {"Content-Type": "application/json"}, b"{}")
        finally:
            outside.close()

    return asyncio.run(play())


def sentence(reply: Reply) -> str | None:
    """Why there was no answer, in words."""
    return None if reply.failure is None else reply.failure.sentence


class Names(GuardedResolver):
    """A resolver whose names lead where the test says, another place at each question."""

    def initialize(self, allowed: Sequence[Any], leads: list[list[str]]) -> None:
        super().initialize(allowed)
        self.leads = leads
        self.asked = 0

    async def lookup(self, host: str, port: int, family: int) -> list[tuple[int, Any]]:
        self.asked += 1
        found = self.leads.pop(0)
        return [(socket.AF_INET6 if ":" in each else socket.AF_INET, (each, port)) for each in found]


class TestUrls:
    @pytest.mark.parametrize(
        ("url", "kept"),
        [
            ("https://shop.example/hook?a=1&b=%20", "https://shop.example/hook?a=1&b=%20"),
            ("HTTPS://SHOP.example", "https://shop.example/"),
            ("http://shop.example:8080/x", "http://shop.example:8080/x"),
            ("https://магазин.рф/x", "https://xn--80aairftm.xn--p1ai/x"),
            ("https://[2606:4700::1111]/x", "https://[2606:4700::1111]/x"),
            ("http://127.0.0.1:9000/x", "http://127.0.0.1:9000/x"),
        ],
    )
    def test_a_good_one_is_kept_with_its_host_in_one_form(self, url: str, kept: str) -> None:
        assert Outside(LOOPBACK).check_url(url, "url") == kept

    @pytest.mark.parametrize(
        "url",
        [
            *(
                "",
                "shop.example",
                "ftp://shop.example/",
                "file:///etc/passwd",
                "gopher://shop.example/",
                "//shop.example",
            ),
            *("https://user:word@shop.example/", "https://user@shop.example/", "https://shop.example/#part"),
            *("https://shop.example/ x", "https://shop.example/\r\nX: 1", "https://shop.example\\@evil.example/"),
            *("https:///x", "https://", "https://shop.example:0/", "https://shop.example:70000/", "https://a..b/"),
            *("http://shop.example:22/", "http://shop.example:25/", "https://shop.example/ё"),
            *("http://10.0.0.1/", "http://169.254.169.254/latest", "http://[::1]/", "http://[::ffff:10.0.0.1]/"),
            *("http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/", "http://0/"),
            "https://shop.example/" + "x" * 2000,
        ],
    )
    def test_a_bad_one_names_its_field(self, url: str) -> None:
        with pytest.raises(Invalid) as refused:
            Outside(LOOPBACK).check_url(url, "url")
        assert refused.value.errors[0].field == "url"

    def test_only_the_named_schemes_are_taken(self) -> None:
        with pytest.raises(Invalid):
            Outside(()).check_url("http://push.example/", "endpoint", ("https",))


class TestNames:
    @pytest.mark.parametrize("host", ["localhost", "ip6-localhost", "127.0.0.1", "[::1]", "0", "0x7f.1", "2130706433"])
    def test_whatever_leads_to_a_private_address_is_refused_unless_allowed(self, host: str) -> None:
        async def play() -> Reply:
            outside = Outside(())
            try:
                return await outside.post(f"http://{host}:9/", {}, b"")
            finally:
                outside.close()

        reply = asyncio.run(play())
        assert reply.status is None
        assert "not allowed" in (sentence(reply) or "") or "cannot be resolved" in (sentence(reply) or "")

    def test_only_the_allowed_addresses_of_a_name_are_called(self) -> None:
        with Receiver() as receiver:
            names = Names(allowed=LOOPBACK, leads=[["10.0.0.1", "169.254.169.254", "127.0.0.1"]])
            assert post(f"http://shop.example:{receiver.port}/", resolver=names).status == 200

    def test_a_name_that_leads_elsewhere_a_moment_later_is_asked_once(self) -> None:
        """DNS rebinding: a good address for the check, a private one for the connection."""
        with Receiver() as receiver:
            names = Names(allowed=LOOPBACK, leads=[["127.0.0.1"], ["10.0.0.1"]])
            url = f"http://shop.example:{receiver.port}/"
            assert post(url, resolver=names).status == 200
            assert names.asked == 1
            refused = post(url, resolver=names)
            assert (refused.status, sentence(refused)) == (None, "shop.example leads to 10.0.0.1, which is not allowed")
            assert len(receiver.received) == 1

    def test_a_name_that_does_not_exist_is_said_to(self) -> None:
        assert sentence(post("http://nothing.invalid/")) == "the name cannot be resolved"


class TestAnswers:
    @pytest.mark.parametrize("status", [200, 204, 400, 410, 500, 503])
    def test_the_status_and_the_beginning_of_the_body_are_kept(self, status: int) -> None:
        body = b"" if status == 204 else b"\xff\0" + b"x" * 5000
        with Receiver(lambda _: Answer(status, body)) as receiver:
            reply = post(receiver.url)
        assert (reply.status, reply.failure) == (status, None)
        assert len(reply.body) == (0 if status == 204 else KEPT_BYTES)
        assert "\0" not in reply.body

    def test_a_redirect_is_an_answer_and_not_followed(self) -> None:
        with Receiver() as target:
            there = Answer(302, headers=(("Location", target.url),))
            with Receiver(lambda _: there) as receiver:
                assert post(receiver.url).status == 302
            assert target.received == []

    def test_what_it_says_of_later_is_kept_and_an_interim_answers_is_not(self) -> None:
        raw = b"HTTP/1.1 103 Early Hints\r\nRetry-After: 1\r\n\r\nHTTP/1.1 503 No\r\n%bContent-Length: 0\r\n\r\n"
        with Receiver(lambda _: Answer(raw=raw % b"retry-after:  120 \r\n")) as receiver:
            assert post(receiver.url).retry_after == "120"
        with Receiver(lambda _: Answer(raw=raw % b"")) as receiver:
            assert post(receiver.url).retry_after is None

    def test_a_receiver_that_hangs_is_left(self) -> None:
        release = threading.Event()

        def hang(_: Received) -> Answer:
            release.wait(PATIENCE_S)
            return Answer()

        with Receiver(hang) as receiver:
            reply = post(receiver.url, timeout_s=0.3)
            release.set()
        assert (reply.status, sentence(reply)) == (None, "no answer within 0.3 s")

    @pytest.mark.parametrize(
        ("raw", "status"),
        [
            (b"", None),
            (b"nonsense\r\n\r\n", None),
            (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, None),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", 200),
            (b"HTTP/1.1 500 No\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 2 * BODY_BYTES, 500),
            (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 204),
            (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", None),
        ],
    )
    def test_what_a_broken_receiver_sends_counts_as_far_as_it_is_an_answer(
        self, raw: bytes, status: int | None
    ) -> None:
        with Receiver(lambda _: Answer(raw=raw, cut=True)) as receiver:
            reply = post(receiver.url)
        assert reply.status == status
        assert (reply.failure is None) == (status is not None)

    def test_a_closed_port_is_said_to_refuse(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            assert sentence(post(f"http://127.0.0.1:{taken.getsockname()[1]}/")) == "the connection was refused"

    def test_plain_text_on_the_port_of_tls_is_said_to_be(self) -> None:
        with Receiver() as receiver:
            assert sentence(post(f"https://127.0.0.1:{receiver.port}/")) == "the TLS handshake failed"
