"""Browser origins (RFC 6454) and the domains on which a widget may stand.

Both are compared as normalised text, whole label by whole label: ``example.com`` is neither
``evil-example.com`` nor ``example.com.evil.org``, and what cannot be read matches nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import idna

from replyx.errors import invalid
from replyx.faults import Fault
from replyx.schemas.texts import cut

ALWAYS_ALLOWED = ("localhost", "127.0.0.1", "[::1]")
"""Domains that every widget has, so that it can be tried before it is published."""

MAX_DOMAINS = 50
"""Of one widget. They all stand in one ``Content-Security-Policy`` header, and a proxy's buffer for all
headers of an answer is often 8 KB; whoever has more sub-domains uses a wildcard."""

MAX_HOST_LENGTH = 253
"""Characters of a name: RFC 1035, 2.3.4, without the final dot of its 255 octets."""

_DEFAULT_PORTS = {"http": 80, "https": 443}

# No path, query, userinfo or space can be part of it: an Origin header holds none (RFC 6454, 7).
_ORIGIN = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?P<host>\[[^\]]*\]|[^\s\[\]:/\\?#@]+)"
    r"(?::(?P<port>[0-9]+))?"
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# WHATWG URL, "ends in a number": such a host is an IPv4 address or nothing.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port, normalised; ``str()`` gives it back as browsers write it.

    ``host`` is lower case, in its IDNA form (UTS 46), IPv6 in brackets and shortest form. ``port`` is
    the effective one: 80 or 443 where http or https names none, ``None`` only for other schemes.
    """

    scheme: str
    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> Origin | None:
        """The origin that ``text`` writes, or ``None`` if it is not exactly one.

        ``"null"``, lists, paths (even ``/``), userinfo, spaces and impossible hosts are not. A host with
        a trailing dot is kept with it: for browsers it is another origin than the one without.
        """
        match = _ORIGIN.fullmatch(text)
        if match is None:
            return None
        scheme = match["scheme"].lower()
        host = _host(match["host"])
        port = _DEFAULT_PORTS.get(scheme) if match["port"] is None else _port(match["port"])
        if host is None or (port is None and match["port"] is not None):
            return None
        return cls(scheme, host, port)

    def __str__(self) -> str:
        default = self.port == _DEFAULT_PORTS.get(self.scheme)
        return f"{self.scheme}://{self.host}" + ("" if default else f":{self.port}")


def normalise_domain(text: str) -> str:
    """A domain as it is stored and compared: ``host``, ``*.host`` or either with ``:port``.

    Takes what people paste: upper case, international names, ``https://`` in front, ``/`` or ``.`` at
    the end. Raises ``invalid("allowed_domains", …)`` for the rest: paths, spaces, a bare ``*``, a
    wildcard over a top-level domain or an IP address, and ``_``, which browsers refuse in
    ``frame-ancestors``. There is no list of public suffixes here: ``*.co.uk`` is taken at its word.
    """
    domain = re.sub(r"\Ahttps?://", "", text.strip(), flags=re.IGNORECASE).removesuffix("/")
    wildcard = domain.startswith("*.")
    origin = Origin.parse("any://" + (domain[2:] if wildcard else domain))
    if origin is None or "_" in origin.host:
        raise _refused(text, Fault.NOT_A_DOMAIN)
    host = origin.host.removesuffix(".")
    if wildcard and ("." not in host or _is_address(host)):
        raise _refused(text, Fault.WILDCARD_TOO_WIDE)
    return ("*." if wildcard else "") + host + ("" if origin.port is None else f":{origin.port}")


def widget_domains(given: Iterable[str]) -> tuple[str, ...]:
    """``given`` normalised, each once and in order, then :data:`ALWAYS_ALLOWED`.

    Raises ``invalid("allowed_domains", …)`` for one that is no domain or for more than 50.
    """
    domains = dict.fromkeys(normalise_domain(text) for text in given)
    domains.update(dict.fromkeys(ALWAYS_ALLOWED))
    if len(domains) > MAX_DOMAINS + len(ALWAYS_ALLOWED):
        raise invalid("allowed_domains", Fault.TOO_MANY_DOMAINS, max=MAX_DOMAINS)
    return tuple(domains)


def domain_allows(domains: Iterable[str], origin: Origin) -> bool:
    """Whether a page of ``origin`` stands on one of the normalised ``domains``.

    A domain without a port stands for every port, a wildcard for sub-domains of any depth but not for
    the name itself, anything else for exactly itself: ``example.com`` is not ``www.example.com``. Only
    http and https pages have a domain.
    """
    return origin.scheme in _DEFAULT_PORTS and any(_matches(domain, origin) for domain in domains)


def frame_ancestors(domains: Iterable[str]) -> str:
    """The sources for a CSP ``frame-ancestors`` that lets normalised ``domains`` frame a page.

    Matches as :func:`domain_allows` does, with one exception: CSP has no way to write an IPv6 address
    (CSP 3, 2.3.1, ``host-part``; Chromium takes it for ``'none'``), so those are left out and such a page
    can frame only what comes from its own origin, through a ``'self'`` that the caller adds.
    ``'none'`` when nothing is left.
    """
    sources = []
    for domain in domains:
        host, port = _split(domain)
        if not host.startswith("["):
            sources += [f"{scheme}://{host}:{port or '*'}" for scheme in _DEFAULT_PORTS]
    return " ".join(sources) or "'none'"


class OriginPolicy:
    """Which origins may call here: the server's ``own`` (of ``PUBLIC_URL``) and the configured ``cors``."""

    def __init__(self, own: Origin | None, cors: Sequence[Origin]) -> None:
        self._known = frozenset(cors) | ({own} if own else frozenset())

    def allows(self, origin_header: str | None, host_header: str, scheme: str, domains: Iterable[str] | None) -> bool:
        """Whether a request may be served as far as its ``Origin`` goes.

        ``host_header`` and ``scheme`` are those of the request (behind a trusted proxy, as the browser
        sees them); ``domains`` are a widget's, when the request names one. A request without ``Origin``
        is not from a page's script, and is judged by its credential elsewhere.
        """
        if origin_header is None:
            return True
        origin = Origin.parse(origin_header)
        if origin is None:
            return False
        return (
            origin in self._known
            or origin == Origin.parse(f"{scheme}://{host_header}")
            or (domains is not None and domain_allows(domains, origin))
        )


def _matches(domain: str, origin: Origin) -> bool:
    host, port = _split(domain)
    if port and port != str(origin.port):
        return False
    return origin.host.endswith(host[1:]) if host.startswith("*.") else origin.host == host


def _split(domain: str) -> tuple[str, str]:
    """Host and port of a normalised domain; the port is empty where it has none."""
    if domain.endswith("]"):
        return domain, ""
    host, _, port = domain.rpartition(":")
    return (host, port) if host else (domain, "")


def _host(text: str) -> str | None:
    if len(text) > MAX_HOST_LENGTH:
        return None
    if text.startswith("["):
        return _ipv6(text[1:-1])
    if not text.isascii():
        try:
            text = idna.encode(text, uts46=True).decode()
        except idna.IDNAError:
            return None
    host = text.lower()
    labels = host.removesuffix(".").split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        return None
    if _NUMBER.fullmatch(labels[-1]) and not _is_ipv4(host):
        return None
    return host


def _ipv6(text: str) -> str | None:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    return None if address.scope_id else f"[{address.compressed}]"


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def _is_address(host: str) -> bool:
    return host.startswith("[") or _is_ipv4(host)


def _port(digits: str) -> int | None:
    return int(digits) if len(digits) <= 5 and 0 < int(digits) < 65536 else None


def _refused(text: str, fault: Fault) -> Exception:
    shown = text if len(text) <= 80 else cut(text, 80) + "…"
    return invalid("allowed_domains", fault, given=repr(shown))
