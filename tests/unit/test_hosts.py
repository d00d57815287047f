"""Which names the server answers to, and what it says to those who call it by another."""

from __future__ import annotations

import pytest

from replyx.hosts import Hosts

PUBLIC = Hosts("https://chat.example", "https://chat.example", ("*.shop.example", "old.example"))
FRESH = Hosts("http://localhost:8000", "", ())


@pytest.mark.parametrize(
    "header",
    [
        *("", "localhost", "localhost:8000", "127.0.0.1:8000", "10.1.2.3", "[::1]:8000", "[2001:db8::1]"),
        *("replyx", "replyx_backend:80", "LOCALHOST.", "a.localhost", "shop.test:81", "nas.local", "db.internal"),
        "box.home.arpa.",
    ],
)
def test_addresses_and_names_that_nobody_can_register_are_always_known(header: str) -> None:
    assert FRESH.know(header)
    assert PUBLIC.know(header)


@pytest.mark.parametrize(
    "header",
    ["chat.example", "CHAT.example:443", "chat.example.", "chat.example:8443", "a.b.shop.example", "old.example"],
)
def test_names_that_the_server_was_told_of_are_known(header: str) -> None:
    assert PUBLIC.know(header)
    assert not FRESH.know(header)


@pytest.mark.parametrize(
    "header",
    [
        *("evil.example", "chat.example.evil.org", "evilchat.example", "shop.example", "xn--80ak6aa92e.com"),
        *("127.0.0.1.evil.example", "localhost.evil.example", "notlocal.example"),
        *("a..b", "-.example", "a%20b.example", "!.example", "127.0.0.1.nip.io", "1.2.3", "[::1%25eth0]", "[x]"),
    ],
)
def test_nothing_else_is(header: str) -> None:
    assert not PUBLIC.know(header)
    assert not FRESH.know(header)


def test_a_server_of_a_public_name_keeps_its_other_names_in_the_advice() -> None:
    assert PUBLIC.remedy("new.example:443", "") == "ALLOWED_HOSTS=*.shop.example,old.example,new.example"


@pytest.mark.parametrize(
    ("header", "proto", "setting"),
    [
        ("chat.example", "", "PUBLIC_URL=https://chat.example"),
        ("chat.example", "http", "PUBLIC_URL=http://chat.example"),
        ("chat.example:8443", "https", "PUBLIC_URL=https://chat.example:8443"),
        ("chat.example:8000", "", "PUBLIC_URL=http://chat.example:8000"),
        ("chat.example", "nonsense", "PUBLIC_URL=https://chat.example"),
    ],
)
def test_a_server_that_was_told_of_no_public_name_asks_for_one(header: str, proto: str, setting: str) -> None:
    assert FRESH.remedy(header, proto) == setting
    assert Hosts("http://localhost:8000", "http://localhost:8000", ()).remedy(header, proto) == setting
