"""Which addresses the server may call when somebody else names the place (server-side request forgery).

Only addresses that the whole internet can reach are allowed, plus the networks that a setting names. Whatever carries
an IPv4 address inside an IPv6 one is judged by the address inside, too.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from replyx.settings_values import IpNetwork

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052, 2.1: the last 32 bits are the IPv4 address
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # RFC 4291, 2.4: what IANA has given out so far
_RELAY = ipaddress.IPv4Network("192.88.99.0/24")  # RFC 7526: 6to4's anycast, deprecated


def may_call(text: str, allowed: Sequence[IpNetwork] = ()) -> bool:
    """Whether the server may connect to the IP address ``text``; what is no address is not allowed.

    ``allowed`` are networks that are let through although they are private.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped  # RFC 4291, 2.5.5.2: the socket connects to the IPv4 address itself
    if any(address in network for network in allowed):
        return True
    return all(map(_is_public, _reached(address)))


def _reached(address: Address) -> Iterator[Address]:
    """What is reached through ``address``: itself, and the IPv4 addresses that a tunnel would bring it to."""
    if address in _NAT64:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return
    yield address
    if isinstance(address, ipaddress.IPv4Address):
        return
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo


def _is_public(address: Address) -> bool:
    if address.is_multicast or address.is_reserved or address.is_unspecified or not address.is_global:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address not in _RELAY
    return address in _GLOBAL_UNICAST
