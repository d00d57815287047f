"""Which addresses the server may call: one line for each way in that somebody has found elsewhere."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyx.outside.networks import may_call

PUBLIC = ("8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1")

NOT_PUBLIC = {
    "127.0.0.1": "loopback",
    "127.8.8.8": "loopback",
    "::1": "loopback",
    "10.1.2.3": "private",
    "172.16.0.1": "private",
    "192.168.1.1": "private",
    "169.254.169.254": "link-local: the cloud's metadata",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local with a zone",
    "100.64.0.1": "carrier-grade NAT, RFC 6598",
    "fc00::1": "unique local, RFC 4193",
    "fd12:3456::1": "unique local",
    "fec0::1": "site-local, RFC 3879",
    "224.0.0.1": "multicast",
    "ff02::1": "multicast",
    "0.0.0.0": "unspecified; Linux takes it for loopback",
    "0.1.2.3": "this network",
    "::": "unspecified",
    "255.255.255.255": "broadcast",
    "240.0.0.1": "reserved",
    "198.18.0.1": "benchmarks, RFC 2544",
    "192.0.0.1": "protocol assignments, RFC 6890",
    "192.0.2.1": "documentation",
    "203.0.113.5": "documentation",
    "2001:db8::1": "documentation",
    "192.88.99.1": "6to4 relays, RFC 7526",
    "::ffff:127.0.0.1": "IPv4-mapped loopback",
    "::ffff:10.0.0.1": "IPv4-mapped private",
    "::127.0.0.1": "IPv4-compatible loopback",
    "64:ff9b::7f00:1": "NAT64 to loopback",
    "64:ff9b::a9fe:a9fe": "NAT64 to the metadata",
    "64:ff9b:1::1": "local NAT64, RFC 8215",
    "2002:7f00:1::": "6to4 to loopback",
    "2002:c0a8:101::1": "6to4 to private",
    "2001:0:7f00:1::": "Teredo",
    "100::1": "discard, RFC 6666",
    "5f00::1": "segment routing",
    "": "no address",
    "localhost": "no address",
    "2130706433": "a number",
    "0x7f.1": "a number",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_what_the_whole_internet_can_reach_may_be_called(address: str) -> None:
    assert may_call(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_nothing_else_may(address: str) -> None:
    assert not may_call(address), NOT_PUBLIC[address]


def test_a_setting_lets_its_networks_through_and_no_others() -> None:
    allowed = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("::1/128"))
    assert may_call("10.1.255.255", allowed)
    assert may_call("::ffff:10.1.0.1", allowed), "the same address in its IPv6 form"
    assert may_call("::1", allowed)
    assert not may_call("10.2.0.1", allowed)
    assert not may_call("127.0.0.1", allowed)
    assert may_call("8.8.8.8", allowed)


@given(st.ip_addresses(v=4))
def test_every_form_of_an_ipv4_address_is_judged_as_the_address_itself(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    judged = may_call(str(address))
    assert may_call(str(ipaddress.IPv6Address((0xFFFF << 32) | number))) == judged
    assert may_call(str(ipaddress.IPv6Address((0x64FF9B << 96) | number))) == judged
    if not judged:
        assert not may_call(str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1)))
