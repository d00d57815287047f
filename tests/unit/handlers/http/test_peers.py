"""Who is asking, as far as it can be believed."""

from __future__ import annotations

import ipaddress

import pytest
from tornado.httputil import HTTPHeaders

from handlers.http_exchange import Peer
from handlers.http_server import forwarded_peer
from tests.unit.handlers.http.serving import GET, HOST, Client, serving


@pytest.mark.parametrize(
    ("direct", "forwarded", "proto", "expected"),
    [
        ("203.0.113.9", "198.51.100.1", "https", ("203.0.113.9", "http")),
        ("10.0.0.1", "", "", ("10.0.0.1", "http")),
        ("10.0.0.1", "198.51.100.1", "https", ("198.51.100.1", "https")),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "ftp", ("198.51.100.1", "http")),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "http, https", ("198.51.100.1", "https")),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "", ("10.0.0.3", "http")),
        ("10.0.0.1", "198.51.100.1, nonsense, 10.0.0.2", "", ("10.0.0.2", "http")),
        ("10.0.0.1", "198.51.100.1:5000", "", ("198.51.100.1", "http")),
        ("10.0.0.1", "[2001:db8::7]:5000", "", ("2001:db8::7", "http")),
        ("fd00::1", "2001:db8::7", "", ("2001:db8::7", "http")),
        ("::ffff:10.0.0.1", "198.51.100.1", "", ("198.51.100.1", "http")),
        ("10.0.0.1", "::ffff:198.51.100.1", "", ("198.51.100.1", "http")),
    ],
)
def test_only_a_trusted_proxy_says_who_its_client_is(
    direct: str, forwarded: str, proto: str, expected: tuple[str, str]
) -> None:
    headers = HTTPHeaders()
    if forwarded:
        headers.add("X-Forwarded-For", forwarded)
    if proto:
        headers.add("X-Forwarded-Proto", proto)
    trusted = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]
    assert forwarded_peer(Peer(direct, "http"), headers, trusted)[:2] == expected


@pytest.mark.parametrize(("trusted", "peer"), [((), "127.0.0.1"), (("127.0.0.0/8",), "198.51.100.1")])
def test_a_handler_sees_the_peer_that_can_be_believed(trusted: tuple[str, ...], peer: str, loud: list[str]) -> None:
    loud += [] if trusted else ["TRUSTED_PROXIES=127.0.0.1"]
    asked = GET.replace(HOST, HOST + b"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 198.51.100.1\r\n")
    with serving(trusted=trusted) as served, Client(served.port) as client:
        assert client.send(asked).answer().json()["peer"] == [peer, "http"]
        assert client.send(GET).answer().json()["peer"] == ["127.0.0.1", "http"]
