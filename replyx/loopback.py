"""Whether only programs on this machine reach the server: the demo and ``RATE_LIMITS=off`` depend on it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from socket import AF_INET, AF_INET6, socket
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine's own: ``localhost`` and names below it (RFC 6761, 6.3), 127.0.0.0/8, ``::1``.

    An IPv6 address may stand in brackets.
    """
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        name = host.lower().removesuffix(".")
        return name == "localhost" or name.endswith(".localhost")
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def way_in(host: str, public_url: str, sockets: Iterable[socket] = ()) -> str | None:
    """By what others than this machine may reach the server, as whoever set it would call it; None for by nothing.

    ``sockets`` are those that listen, whoever bound them: one that was passed on need not be on ``host``.
    """
    if not is_loopback(host):
        return f"HOST {host}"
    if public_url and not is_loopback(urlsplit(public_url).hostname or ""):
        return f"PUBLIC_URL {public_url}"
    for each in sockets:
        if each.family not in (AF_INET, AF_INET6) or not is_loopback(each.getsockname()[0]):
            return f"the socket {_name_of(each)}"
    return None


def _name_of(listening: socket) -> str:
    address = listening.getsockname()
    if not isinstance(address, tuple):
        return str(address)
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"{host}:{address[1]}"
