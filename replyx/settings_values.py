"""How the text of each kind of setting is read: a value, or a ``ValueError`` that says what would be right.

The message is the end of the sentence that begins with the setting's name: ``must be …``. It never repeats
the text, which may be a secret.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import SplitResult, urlsplit

from replyx.conversations.hours import Hours, read_zone
from replyx.origins import Origin
from replyx.redis.address import RedisAddress

IpNetwork = IPv4Network | IPv6Network

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\Z")  # RFC 1123, 2.1, and the _ that some use


def whole(low: int, high: int) -> Callable[[str], int]:
    """A reader of whole numbers from ``low`` to ``high``, both included, written in ASCII digits."""

    def read(text: str) -> int:
        if text.isascii() and text.isdigit() and low <= int(text) <= high:
            return int(text)
        raise ValueError(f"must be a whole number from {low} to {high}")

    return read


def choice(*words: str) -> Callable[[str], str]:
    """A reader of one of ``words``, in any case; the result is in lower case."""

    def read(text: str) -> str:
        if text.lower() in words:
            return text.lower()
        raise ValueError(f"must be one of {', '.join(words)}")

    return read


def on_off(text: str) -> bool:
    """``on`` or ``off``, and what other programs call them: 1, true, yes, 0, false, no."""
    if text.lower() in ("on", "1", "true", "yes"):
        return True
    if text.lower() in ("off", "0", "false", "no"):
        return False
    raise ValueError("must be on or off")


def host(text: str) -> str:
    """An IP address or a host name, without scheme and port; an IPv6 address may stand in brackets."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        if bare != text or not _HOST_NAME.match(text) or text.replace(".", "").isdigit():
            raise ValueError("must be an IP address or a host name, without http:// and without a port") from None
        return text


def origin(text: str) -> str:
    """An http(s) origin, normalised as browsers write it; one slash at the end is forgiven."""
    parsed = _origin(text)
    if parsed is None or parsed.scheme not in ("http", "https"):
        raise ValueError("must be http://host or https://host, perhaps with a port, and no path")
    return str(parsed)


def origins(text: str) -> tuple[str, ...]:
    """Origins separated by commas, each once, of any scheme: the web views of mobile apps have their own.

    ``*`` is refused: it would open the API to every page.
    """
    if "*" in text:
        raise ValueError("must name each origin, such as https://shop.example; * would admit every page there is")
    found = [_origin(part) for part in _listed(text)]
    if None in found:
        raise ValueError("must be origins such as https://shop.example, separated by commas, without a path")
    return tuple(dict.fromkeys(map(str, found)))


def host_names(text: str) -> tuple[str, ...]:
    """Names of hosts separated by commas, each once, normalised; ``*.shop.example`` stands for those below it.

    A bare ``*`` is refused: it would let every page that points its own name here in.
    """
    found = []
    for part in _listed(text):
        parsed = Origin.parse("any://" + part.removeprefix("*."))
        if parsed is None or parsed.port is not None or (part.startswith("*.") and "." not in parsed.host):
            raise ValueError(
                "must be names such as chat.example or *.shop.example, separated by commas, without a port"
            )
        found.append(part[: part.startswith("*.") * 2] + parsed.host.removesuffix("."))
    return tuple(dict.fromkeys(found))


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas, each once."""
    found = _listed(text)
    if not all(_NAME.match(name) for name in found):
        raise ValueError("must be names such as order_status, separated by commas")
    return tuple(dict.fromkeys(found))


def networks(text: str) -> tuple[IpNetwork, ...]:
    """IP addresses or networks in CIDR form, separated by commas."""
    try:
        return tuple(ipaddress.ip_network(part) for part in _listed(text))
    except ValueError:
        raise ValueError("must be addresses or networks such as 127.0.0.1,10.0.0.0/8, without host bits") from None


def signing_keys(min_chars: int) -> Callable[[str], tuple[str, ...]]:
    """A reader of one key, or of ``new,old`` during a rotation, each of at least ``min_chars`` characters."""

    def read(text: str) -> tuple[str, ...]:
        keys = tuple(part.strip() for part in text.split(","))
        if len(keys) > 2 or len(set(keys)) < len(keys) or any(len(key) < min_chars for key in keys):
            raise ValueError(f"must be one key or two different ones (new,old), each of {min_chars} or more characters")
        return keys

    return read


def database_url(text: str) -> str:
    """``sqlite:///path`` (a fourth slash makes it absolute) or ``postgresql://…`` (libpq's form)."""
    scheme, separator, rest = text.partition("://")
    is_file = scheme == "sqlite" and rest.startswith("/") and rest.strip("/") not in ("", ":memory:")
    is_server = scheme in ("postgresql", "postgres") and bool(rest) and _split(text) is not None
    if separator and (is_file or is_server):
        return text
    raise ValueError("must be sqlite:///path/to/file.db or postgresql://user:password@host:5432/name")


def redis_url(text: str) -> str:
    """A server, a Unix socket, sentinels or a Cluster: see :class:`replyx.redis.address.RedisAddress`."""
    RedisAddress.parse(text)
    return text


def business_hours(text: str) -> str:
    """Days and hours such as ``Mon-Fri 09:00-18:00``: see :meth:`replyx.conversations.hours.Hours.parse`."""
    Hours.parse(text)
    return text


def contact(text: str) -> str:
    """An address that a person answers: ``mailto:name@host`` or ``https://host/…`` (RFC 8292, 2.1)."""
    parts = _split(text)
    if parts is not None and (
        (parts.scheme == "mailto" and "@" in parts.path) or (parts.scheme == "https" and parts.hostname)
    ):
        return text
    raise ValueError("must be mailto:name@host or https://host")


def time_zone(text: str) -> str:
    """The name of a time zone (IANA)."""
    read_zone(text)
    return text


def _origin(text: str) -> Origin | None:
    return Origin.parse(text.removesuffix("/"))


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _split(text: str) -> SplitResult | None:
    """``text`` as the parts of a URL, or None where it is none (spaces, a bad port, unbalanced brackets)."""
    if re.search(r"\s", text):
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises for a port that is no number up to 65535
    except ValueError:
        return None
    return parts
