"""Origins and widget domains: what is the same site, and everything that only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyx.errors import Invalid
from replyx.origins import (
    ALWAYS_ALLOWED,
    MAX_DOMAINS,
    Origin,
    OriginPolicy,
    domain_allows,
    frame_ancestors,
    normalise_domain,
    widget_domains,
)


def origin(text: str) -> Origin:
    parsed = Origin.parse(text)
    assert parsed is not None, text
    return parsed


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port"),
    [
        ("http://example.com", "http", "example.com", 80),
        ("https://example.com", "https", "example.com", 443),
        ("http://example.com:80", "http", "example.com", 80),
        ("http://example.com:443", "http", "example.com", 443),
        ("HTTPS://Shop.EXAMPLE.com:8443", "https", "shop.example.com", 8443),
        ("http://localhost:8000", "http", "localhost", 8000),
        ("http://127.0.0.1", "http", "127.0.0.1", 80),
        ("http://[::1]:8000", "http", "[::1]", 8000),
        ("http://[2001:DB8:0:0::1]", "http", "[2001:db8::1]", 80),
        ("https://bücher.example", "https", "xn--bcher-kva.example", 443),
        ("https://магазин.рф", "https", "xn--80aairftm.xn--p1ai", 443),
        ("https://xn--bcher-kva.example", "https", "xn--bcher-kva.example", 443),
        ("https://faß.de", "https", "xn--fa-hia.de", 443),  # not fass.de: UTS 46, non-transitional
        ("http://my_app:8000", "http", "my_app", 8000),
        ("https://example.com.", "https", "example.com.", 443),
        ("capacitor://localhost", "capacitor", "localhost", None),
        ("chrome-extension://abcdefgh", "chrome-extension", "abcdefgh", None),
    ],
)
def test_an_origin_is_read_and_normalised(text: str, scheme: str, host: str, port: int | None) -> None:
    assert Origin.parse(text) == Origin(scheme, host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "NULL",
        "*",
        "example.com",
        "//example.com",
        "http:example.com",
        "http:/example.com",
        "http://",
        "http://:80",
        "http://example.com/",
        "http://example.com/path",
        "http://example.com?x",
        "http://example.com#x",
        "http://example.com\\path",
        "http://user@example.com",
        "http://user:password@example.com",
        "http://example.com@evil.org",
        "http://example.com:80@evil.org",
        "http://example.com, http://evil.org",
        "http://example.com http://evil.org",
        " http://example.com",
        "http://example.com ",
        "http://example.com\n",
        "http://example.com\r\nX: y",
        "http://example.com\x00",
        "http://example.com:",
        "http://example.com:0",
        "http://example.com:65536",
        "http://example.com:000000080",
        "http://example.com:-1",
        "http://example.com:8o",
        "http://example.com:٨٠",
        "http://example..com",
        "http://.example.com",
        "http://example.com..",
        "http://-example.com",
        "http://example-.com",
        "http://*.example.com",
        "http://exa%6dple.com",
        "http://exa;mple.com",
        "http://exa'mple.com",
        "http://[::1",
        "http://::1",
        "http://[]",
        "http://[example.com]",
        "http://[fe80::1%25eth0]",
        "http://[fe80::1%eth0]",
        "http://[127.0.0.1]",
        "http://1.2.3",
        "http://1.2.3.4.5",
        "http://127.0.0.256",
        "http://0127.0.0.1",
        "http://2130706433",
        "http://0x7f.0.0.0x1",
        "http://example.123",
        "http://" + "a" * 64 + ".com",
        "http://" + "a." * 130 + "com",
        "http://" + "a" * 100_000,
        "http://exam\u2100ple.com",  # U+2100 decomposes to a/c
        "http://example\uff0fcom",  # a full-width slash
        "http://xn--\u00fc.com",
        "1http://example.com",
        "ht tp://example.com",
    ],
)
def test_what_is_not_exactly_one_origin_is_none(text: str) -> None:
    assert Origin.parse(text) is None


@pytest.mark.parametrize(
    "text",
    ["http://example.com", "https://example.com:8443", "http://[::1]:8000", "https://a.b.c", "capacitor://localhost"],
)
def test_an_origin_is_written_as_browsers_write_it(text: str) -> None:
    assert str(origin(text)) == text


@given(st.text(max_size=60).map(lambda text: "http://" + text))
def test_reading_an_origin_never_fails_and_writing_it_is_stable(text: str) -> None:
    parsed = Origin.parse(text)
    if parsed is not None:
        assert Origin.parse(str(parsed)) == parsed


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("example.com", "example.com"),
        ("shop.example.com", "shop.example.com"),
        ("*.example.com", "*.example.com"),
        ("*.shop.example.com:8443", "*.shop.example.com:8443"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("[0:0::1]:8080", "[::1]:8080"),
        ("example.com:8080", "example.com:8080"),
        ("example.com:443", "example.com:443"),
        ("  EXAMPLE.com\t", "example.com"),
        ("https://example.com/", "example.com"),
        ("HTTP://example.com:8080/", "example.com:8080"),
        ("https://*.example.com", "*.example.com"),
        ("example.com.", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*.МАГАЗИН.рф", "*.xn--80aairftm.xn--p1ai"),
        ("example。com", "example.com"),
        ("intranet", "intranet"),
    ],
)
def test_a_domain_is_taken_as_people_paste_it(text: str, domain: str) -> None:
    assert normalise_domain(text) == domain
    assert normalise_domain(domain) == domain


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        "*",
        "*.",
        "*.*",
        "*.com",
        "*.localhost",
        "*.com:443",
        "*.127.0.0.1",
        "*.[::1]",
        "*example.com",
        "shop.*.com",
        "*.*.example.com",
        "example.com/path",
        "example.com//",
        "https://example.com/shop/",
        "https://",
        "ftp://example.com",
        "https://https://example.com",
        "user@example.com",
        "example.com, example.org",
        "example .com",
        "example.com:*",
        "example.com:",
        "example.com:99999",
        "::1",
        "1.2.3",
        "my_shop.example.com",
        "example.com; script-src *",
        "example.com\nevil.org",
        "'self'",
        "data:",
        "-.com",
        "x" * 100_000,
    ],
)
def test_what_is_no_domain_is_refused_as_a_wrong_field(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        normalise_domain(text)
    [error] = refused.value.errors
    assert error.field == "allowed_domains"
    assert "is not a domain" in error.detail
    assert len(error.detail) < 200


def test_local_addresses_are_always_among_the_domains() -> None:
    assert widget_domains([]) == ALWAYS_ALLOWED
    assert widget_domains(["https://Shop.example/", "shop.example", "*.shop.example"]) == (
        "shop.example",
        "*.shop.example",
        *ALWAYS_ALLOWED,
    )


def test_a_local_address_that_is_given_is_not_doubled() -> None:
    domains = widget_domains(["LOCALHOST", "example.com"])
    assert sorted(domains) == sorted(["example.com", *ALWAYS_ALLOWED])
    assert widget_domains(domains) == domains


def test_a_widget_has_at_most_50_domains() -> None:
    given_domains = [f"shop{number}.example" for number in range(MAX_DOMAINS)]
    assert len(widget_domains(given_domains)) == MAX_DOMAINS + len(ALWAYS_ALLOWED)
    with pytest.raises(Invalid) as refused:
        widget_domains([*given_domains, "one.more.example"])
    assert "at most 50" in refused.value.detail


@pytest.mark.parametrize(
    ("domain", "page"),
    [
        ("example.com", "http://example.com"),
        ("example.com", "https://example.com:8443"),
        ("example.com", "https://EXAMPLE.COM"),
        ("example.com:8080", "http://example.com:8080"),
        ("example.com:443", "https://example.com"),
        ("example.com:80", "http://example.com"),
        ("*.example.com", "https://shop.example.com"),
        ("*.example.com", "https://a.b.c.example.com:444"),
        ("*.example.com:8443", "https://shop.example.com:8443"),
        ("localhost", "http://localhost:3000"),
        ("127.0.0.1", "http://127.0.0.1:5500"),
        ("[::1]", "http://[::1]:3000"),
        ("[::1]:3000", "http://[0:0:0:0:0:0:0:1]:3000"),
        ("xn--bcher-kva.example", "https://bücher.example"),
    ],
)
def test_a_page_on_the_domain_is_allowed(domain: str, page: str) -> None:
    assert domain_allows([domain], origin(page))
    assert domain_allows(["other.example", domain], origin(page))


ATTACKS = [
    ("example.com", "https://evil-example.com"),
    ("example.com", "https://evilexample.com"),
    ("example.com", "https://example.com.evil.org"),
    ("example.com", "https://example.comevil.org"),
    ("example.com", "https://www.example.com"),
    ("example.com", "https://com"),
    ("example.com", "https://xexample.com"),
    ("example.com", "https://example-com"),
    ("example.com", "https://example.com."),
    ("example.com", "https://еxample.com"),  # the first letter is Cyrillic
    ("example.com", "https://xn--xample-2of.com"),
    ("example.com", "https://example.org"),
    ("example.com", "capacitor://example.com"),
    ("example.com", "chrome-extension://example.com"),
    ("example.com:8080", "http://example.com"),
    ("example.com:8080", "http://example.com:80"),
    ("example.com:8080", "http://example.com:18080"),
    ("example.com:80", "https://example.com"),
    ("*.example.com", "https://example.com"),
    ("*.example.com", "https://evil-example.com"),
    ("*.example.com", "https://shop.evil-example.com"),
    ("*.example.com", "https://shop.example.com.evil.org"),
    ("*.example.com", "https://shop.example.com."),
    ("*.example.com:8443", "https://shop.example.com"),
    ("127.0.0.1", "http://127.0.0.1.evil.org"),
    ("127.0.0.1", "http://127.0.0.10"),
    ("localhost", "http://localhost.evil.org"),
    ("localhost", "http://evil.localhost"),
    ("localhost", "http://notlocalhost"),
    ("localhost", "capacitor://localhost"),
    ("[::1]", "http://[::11]"),
    ("[::1]", "http://[2001:db8::1]"),
    ("[::1]:80", "http://[::1]:8080"),
]


@pytest.mark.parametrize(("domain", "page"), ATTACKS)
def test_a_page_that_only_looks_like_the_domain_is_refused(domain: str, page: str) -> None:
    assert normalise_domain(domain) == domain  # a domain that could have allowed something
    assert not domain_allows([domain], origin(page))


LABEL = st.from_regex(r"[a-z]{1,5}", fullmatch=True)
HOST = st.lists(LABEL, min_size=2, max_size=4).map(".".join)


@given(HOST, HOST, LABEL)
def test_a_wildcard_allows_the_names_below_it_and_no_others(host: str, below: str, label: str) -> None:
    domains = (normalise_domain("*." + host),)
    assert domain_allows(domains, origin(f"https://{below}.{host}"))
    for page in (host, label + host, f"{label}-{host}", f"{below}.{host}.evil0", f"{below}.{label}{host}"):
        assert not domain_allows(domains, origin(f"https://{page}"))


@given(HOST, HOST)
def test_a_plain_domain_allows_itself_alone(host: str, other: str) -> None:
    assert domain_allows([normalise_domain(host)], origin(f"https://{other}")) == (host == other)


def test_no_domains_allow_nothing() -> None:
    assert not domain_allows([], origin("http://localhost"))


@pytest.mark.parametrize(
    ("domains", "sources"),
    [
        (["localhost"], "http://localhost:* https://localhost:*"),
        (["example.com:8080"], "http://example.com:8080 https://example.com:8080"),
        (["*.example.com"], "http://*.example.com:* https://*.example.com:*"),
        (["a.example", "[::1]", "[::1]:80"], "http://a.example:* https://a.example:*"),
        (["[::1]"], "'none'"),
        ([], "'none'"),
    ],
)
def test_frame_ancestors_lists_the_domains_as_csp_can_write_them(domains: list[str], sources: str) -> None:
    assert frame_ancestors(domains) == sources


@given(st.text(max_size=40))
def test_nothing_that_passes_for_a_domain_can_add_to_the_policy(text: str) -> None:
    try:
        domain = normalise_domain(text)
    except Invalid:
        return
    assert domain.isascii()
    assert not set(domain) & set(";, '\"\r\n\t/@")
    assert len(frame_ancestors([domain]).split()) <= 2


OWN = "https://chat.example.com"
POLICY = OriginPolicy(origin(OWN), [origin("https://panel.example.org"), origin("capacitor://localhost")])


@pytest.mark.parametrize(
    ("header", "host", "scheme", "domains", "allowed"),
    [
        (None, "localhost:8000", "http", None, True),
        (None, "localhost:8000", "http", ["shop.example"], True),
        ("http://localhost:8000", "localhost:8000", "http", None, True),
        ("http://LOCALHOST:8000", "localhost:8000", "http", None, True),
        ("http://internal", "internal:80", "http", None, True),
        ("https://internal", "internal", "https", None, True),
        ("http://[::1]:8000", "[::1]:8000", "http", None, True),
        ("http://localhost:8001", "localhost:8000", "http", None, False),
        ("https://localhost:8000", "localhost:8000", "http", None, False),
        ("http://127.0.0.1:8000", "localhost:8000", "http", None, False),
        (OWN, "10.0.0.5:8000", "http", None, True),
        ("http://chat.example.com", "10.0.0.5:8000", "http", None, False),
        ("https://chat.example.com:8443", "10.0.0.5:8000", "http", None, False),
        ("https://chat.example.com.evil.org", "10.0.0.5:8000", "http", None, False),
        ("https://panel.example.org", "localhost:8000", "http", None, True),
        ("https://x.panel.example.org", "localhost:8000", "http", None, False),
        ("capacitor://localhost", "localhost:8000", "http", None, True),
        ("https://shop.example", "localhost:8000", "http", ["shop.example"], True),
        ("https://shop.example", "localhost:8000", "http", ["other.example"], False),
        ("https://shop.example", "localhost:8000", "http", [], False),
        ("https://shop.example", "localhost:8000", "http", None, False),
        ("null", "localhost:8000", "http", ["localhost"], False),
        ("", "localhost:8000", "http", ["localhost"], False),
        ("null", "null", "http", None, False),
        ("http://evil.org", "", "http", None, False),
        ("http://evil.org", "localhost@evil.org", "http", None, False),
        ("http://evil.org", "evil.org, localhost", "http", None, False),
    ],
)
def test_the_policy_decides_by_origin_host_and_domains(
    header: str | None, host: str, scheme: str, domains: list[str] | None, allowed: bool
) -> None:
    assert POLICY.allows(header, host, scheme, domains) is allowed


def test_a_policy_without_configuration_allows_the_servers_own_pages_only() -> None:
    policy = OriginPolicy(None, [])
    assert policy.allows("http://localhost:8000", "localhost:8000", "http", None)
    assert not policy.allows(OWN, "localhost:8000", "http", None)
