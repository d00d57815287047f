"""No text that a request can hold is a fault of the server, at any address, wherever in the request it stands."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest

from handlers.routes import ROUTES
from tests.scenario import as_json, operator, token_of
from tests.server import Server

BESIDE_THE_TABLE = (
    *("/static/{name}", "/static/shared/{name}", "/widget.js", "/socket.io/", "/socket.io/socket.io.js"),
    *("/favicon.ico", "/{name}", "/api/{name}", "/chat/{name}", "/socket.io/{name}"),
)

# As they stand in a target: NUL, line breaks, broken UTF-8, an encoded surrogate, backslashes, ways out, length.
STRANGE = (
    *("%00", "a%00b", "%0d%0a", "%ff%fe", "%ed%a0%80", "%c0%ae", "%", "%zz", "%u0000", "\\", "..\\..\\x", "%5c%2e%2e"),
    *("..%2f..%2fx", "%2e%2e", "//", ";", "&&=&", "%E2%80%AE", "%F0%9F%98%80", "9" * 400, "-1", "1e400", "x" * 4000),
    *("\xff\xfe", "'", '"', "<", "{}", "[]", "%25", "+", "1%00", "0x1", "٣"),
)
FIELDS = (
    *("token", "site_token", "guest_id", "assistant_id", "last_event_id", "cursor", "limit", "before", "after", "q"),
    *("v", "sid", "EIO", "transport", "domain", "status", "rooms", "locale"),
)
ALL_ON = {"METRICS_TOKEN": "m" * 32}  # an address that is off answers 503
HEADERS = (
    *("Cookie", "Authorization", "Origin", "Last-Event-ID", "Content-Type", "Accept", "Accept-Language"),
    *("If-None-Match", "Accept-Encoding", "X-XSRFToken", "x-internal-secret", "Idempotency-Key", "X-Forwarded-For"),
    *("Sec-WebSocket-Key", "Access-Control-Request-Headers", "If-Modified-Since", "Range", "User-Agent", "Upgrade"),
)
IN_HEADERS = (
    *("\xff\xfe", "%00", "\\", "=", ";;=;", '"', "\xed\xa0\x80", "a\tb", "x" * 4000),
    *("é=é; _xsrf=é", "Bearer \xff", "*/*;q=x"),
)
WITH_GET = ("/api/dialogs", "/admin", "/webapp/session", "/chat/1", "/widget.js", "/ws/user", "/api/widgets/check")
WITH_POST = ("/socket.io/?EIO=4&transport=polling", "/api/widget/dialogs", "/api/v1/auth/login")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that does not slow a single client down."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=["--rate-limits", "off"], env=ALL_ON) as running:
        yield running


def asked(server: Server, method: str, target: str, *fields: str) -> int:
    """The status of the answer to a request with exactly these characters."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", *fields]
    if method in ("POST", "PUT", "PATCH"):
        lines.append("Content-Length: 0")
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1", "xmlcharrefreplace"))
        return int(connection.makefile("rb").readline().split()[1])


def streams(path: str) -> bool:
    """Whether a GET may be answered without end."""
    return path.endswith("/events")


def at_every_address(strange: str) -> Iterator[str]:
    """The paths of the server with ``strange`` in the place of each part that varies."""
    for path in dict.fromkeys([*(route.path for route in ROUTES), *BESIDE_THE_TABLE]):
        yield re.sub(r"\{[^}]*\}", lambda _: strange, path) if "{" in path else path


@pytest.fixture(autouse=True)
def _the_server_still_works(server: Server) -> Iterator[None]:
    before = len(server.lines)
    yield
    with server.client() as http:
        assert as_json(http.get("/health"))["status"] == "ok"
    assert [line for line in server.lines[before:] if " ERROR " in line or "Traceback" in line] == []


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_in_a_path(server: Server, method: str) -> None:
    for strange in STRANGE:
        for path in at_every_address(strange):
            if "{" in path or (method == "GET" and streams(path)):
                continue
            if strange in path:
                assert asked(server, method, path) < 500, (method, path)


def test_in_a_query(server: Server) -> None:
    with operator(server) as maria:
        token = f"Authorization: Bearer {token_of(maria)}"
    for number, strange in enumerate(STRANGE):
        for path in at_every_address("1"):
            name = FIELDS[(number + len(path)) % len(FIELDS)]
            head = "HEAD" if streams(path) else "GET"
            assert asked(server, head, f"{path}?{name}={strange}&{strange}=1") < 500, (path, name)
    for name in FIELDS:
        for strange in STRANGE:
            for path in ("/api/dialogs", "/api/dialogs/1/messages", "/api/search", "/socket.io/", "/static/widget.js"):
                assert asked(server, "GET", f"{path}?{name}={strange}", token) < 500, (path, name, strange)


def test_in_a_header(server: Server) -> None:
    for name in HEADERS:
        for strange in IN_HEADERS:
            for path in WITH_GET:
                assert asked(server, "GET", path, f"{name}: {strange}") < 500, (path, name, strange)
            for path in WITH_POST:
                assert asked(server, "POST", path, f"{name}: {strange}") < 500, (path, name, strange)
