"""Where Redis is: what stands in ``REDIS_URL``, taken apart and judged. Nothing here connects.

Only Pub/Sub is used, so the number of a database means nothing (Redis, "Pub/Sub: Database & Scoping") and a Cluster
needs no more than the names of some of its nodes: a plain ``PUBLISH`` reaches every node.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, unquote

PORTS = {"server": 6379, "sentinel": 26379, "cluster": 6379}

_FORM = re.compile(
    r"(?P<tls>rediss|redis)(?:\+(?P<kind>sentinel|cluster))?://(?:(?P<user>[^@/?#]*)@)?(?P<nodes>[^@/?#]+)"
    r"(?:/(?P<path>[^?#]*))?(?:\?(?P<query>[^#]*))?"
)
_UNIX = re.compile(r"unix://(?:(?P<user>[^@/?#]*)@)?(?P<path>/[^?#]+)(?:\?(?P<query>[^#]*))?")
_NODE = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9_.-]+))(?::(?P<port>[0-9]{1,5}))?")

TLS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password")

Kind = Literal["server", "sentinel", "cluster"]


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """One server, a Unix socket (``path``), the sentinels of ``service``, or some nodes of a Cluster."""

    kind: Kind
    nodes: tuple[tuple[str, int], ...]
    path: str
    tls: bool
    username: str | None
    password: str | None
    service: str
    options: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> RedisAddress:
        """Read a URL. Raises ``ValueError`` with the end of a sentence that begins with the setting's name."""
        if re.search(r"\s", text):
            raise ValueError("must be a URL without spaces")
        if unix := _UNIX.fullmatch(text):
            username, password = _user(unix["user"])
            return cls("server", (), unix["path"], False, username, password, "", _options(unix["query"], ()))
        form = _FORM.fullmatch(text)
        if form is None:
            raise ValueError(
                "must be redis://[user:password@]host:6379, rediss://… for TLS, unix:///path/to/socket,"
                " redis+sentinel://host,host/service or redis+cluster://host,host"
            )
        kind: Kind = form["kind"] or "server"  # type: ignore[assignment]
        tls = form["tls"] == "rediss"
        nodes = tuple(_node(part, PORTS[kind]) for part in form["nodes"].split(","))
        if kind == "server" and len(nodes) > 1:
            raise ValueError("names several servers: write redis+sentinel:// or redis+cluster://, or name one")
        known = (*(TLS_OPTIONS if tls else ()), *(SENTINEL_OPTIONS if kind == "sentinel" else ()))
        return cls(
            kind,
            nodes,
            "",
            tls,
            *_user(form["user"]),
            _service(kind, form["path"] or ""),
            _options(form["query"], known),
        )


def _node(text: str, port: int) -> tuple[str, int]:
    match = _NODE.fullmatch(text)
    if match is None or not 0 < int(match["port"] or port) < 65536:
        raise ValueError("must name hosts, each perhaps with a port from 1 to 65535, separated by commas")
    return match["ipv6"] or match["name"], int(match["port"] or port)


def _user(text: str | None) -> tuple[str | None, str | None]:
    name, _, password = (text or "").partition(":")
    return unquote(name) or None, unquote(password) or None


def _service(kind: Kind, path: str) -> str:
    if kind == "sentinel":
        if not re.fullmatch(r"[A-Za-z0-9_.-]+(/[0-9]{0,5})?", path):
            raise ValueError("must end with the name under which the sentinels watch the servers, such as /mymaster")
        return path.partition("/")[0]
    if not re.fullmatch(r"[0-9]{0,5}", path):
        raise ValueError("may end with /0, the number of a database, and with nothing else")
    return ""


def _options(query: str | None, known: tuple[str, ...]) -> dict[str, str]:
    options = dict(parse_qsl(query or "", keep_blank_values=True))
    if unknown := sorted(set(options) - set(known)):
        may = f"known here are {', '.join(known)}" if known else "this kind of URL takes none"
        raise ValueError(f"has the option {unknown[0]}, which is not supported; {may}")
    if options.get("ssl_cert_reqs", "required") not in ("required", "optional", "none"):
        raise ValueError("has the option ssl_cert_reqs, which must be required, optional or none")
    return options
