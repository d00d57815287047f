"""The names under which the server answers.

A page of a stranger can point its own name at this server's address (DNS rebinding): to the browser the two are then
one origin, and nothing that looks at ``Origin`` can tell. ``Host`` can: it still holds the stranger's name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from replyx.loopback import is_loopback
from replyx.origins import Origin, domain_allows

# Nobody can register a name that ends so: RFC 6761, 6.2 and 6.3; RFC 6762, 3; RFC 8375; ICANN's resolution of 2024.
PRIVATE = (".test", ".localhost", ".local", ".home.arpa", ".internal")


class Hosts:
    """Judges the ``Host`` header of requests to a server of ``base_url``, told ``public_url`` and ``allowed`` names.

    Addresses, names of one label and :data:`PRIVATE` names need no mention: no stranger owns one. A port never counts.
    """

    def __init__(self, base_url: str, public_url: str, allowed: Sequence[str]) -> None:
        own, told = Origin.parse(base_url), Origin.parse(public_url)
        self._has_public_name = told is not None and not is_loopback(told.host)
        self._allowed = tuple(allowed)
        self._names = (*([own.host.removesuffix(".")] if own else []), *allowed)

    def know(self, header: str) -> bool:
        """Whether the server answers to a ``Host``. Only a client that is no browser leaves it empty."""
        if not header:
            return True
        origin = Origin.parse(f"http://{header}")
        if origin is None:
            return False
        host = origin.host.removesuffix(".")
        if "." not in host or _is_address(host) or host.endswith(PRIVATE):
            return True
        return domain_allows(self._names, Origin("http", host, 80))

    def remedy(self, header: str, forwarded_proto: str) -> str:
        """The setting by which the server would answer to ``header``, as it stands in an environment.

        ``forwarded_proto`` is what a proxy says of the scheme, if it says anything; it serves as a guess and no more.
        """
        asked = Origin.parse(f"http://{header}")
        name = asked.host.removesuffix(".") if asked else header
        if self._has_public_name:
            return f"ALLOWED_HOSTS={','.join((*self._allowed, name))}"
        scheme = forwarded_proto if forwarded_proto in ("http", "https") else "https"
        if ":" in header and not forwarded_proto:
            scheme = "http"  # a port of its own is how a server without TLS is called
        return f"PUBLIC_URL={scheme}://{header}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
