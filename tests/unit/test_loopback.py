"""What reaches beyond this machine."""

from __future__ import annotations

import socket

import pytest

from replyx.loopback import is_loopback, way_in


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "::ffff:127.0.0.1", "localhost", "LOCALHOST.", "shop.localhost"],
)
def test_this_machine_s_own_names_and_addresses_are_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "", "192.168.1.5", "::ffff:10.0.0.1", "localhost.example", "notlocalhost", "chat.example", "1"],
)
def test_nothing_else_is(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("host", "public_url", "found"),
    [
        ("127.0.0.1", "", None),
        ("::1", "http://localhost:8000", None),
        ("localhost", "http://[::1]:8000", None),
        ("0.0.0.0", "http://localhost", "HOST 0.0.0.0"),
        ("127.0.0.1", "https://chat.example", "PUBLIC_URL https://chat.example"),
        ("127.0.0.1", "https://10.0.0.1:8443", "PUBLIC_URL https://10.0.0.1:8443"),
    ],
)
def test_host_and_public_address_are_looked_at(host: str, public_url: str, found: str | None) -> None:
    assert way_in(host, public_url) == found


def test_sockets_are_looked_at_whatever_the_host() -> None:
    with socket.create_server(("127.0.0.1", 0)) as here, socket.socket() as everywhere:
        everywhere.bind(("0.0.0.0", 0))
        port = everywhere.getsockname()[1]
        assert way_in("127.0.0.1", "", [here]) is None
        assert way_in("127.0.0.1", "", [here, everywhere]) == f"the socket 0.0.0.0:{port}"


def test_a_socket_in_the_file_system_is_none_of_this_machine_s_addresses() -> None:
    """Whoever put it there may have a proxy before it."""
    with socket.socket(socket.AF_UNIX) as passed_on:
        assert way_in("127.0.0.1", "", [passed_on]) is not None
