"""A server is called by its name, or refuses: pages of strangers may point names of their own at it (DNS rebinding)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.routes import ROUTES
from replyx.hosts import PRIVATE
from tests.scenario import problem
from tests.server import Server

EVIL = "evil.example"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
BESIDE_THE_TABLE = (
    "/static/shared/icon.svg",
    "/widget.js",
    "/favicon.ico",
    "/socket.io/?EIO=4&transport=polling",
    "/socket.io/?EIO=4&transport=websocket",
    "/socket.io/socket.io.js",
    "/nothing/here",
)


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for the internet."""
    env = {"PUBLIC_URL": "https://chat.example", "ALLOWED_HOSTS": "*.shop.example"}
    with Server(tmp_path_factory.mktemp("public") / "data", demo=False, env=env) as running:
        yield running


def addresses() -> list[str]:
    """Every address of the server."""
    named = [re.sub(r"\{\w+(:token)?\}", "1", route.path) for route in ROUTES]
    return [*named, *BESIDE_THE_TABLE]


def test_no_address_answers_under_a_name_of_somebody_else(server: Server) -> None:
    with server.client() as http:
        for path in addresses():
            assert http.get(path).status_code != 421, path
            for method in ("GET", "POST", "OPTIONS", "DELETE"):
                answer = http.request(method, path, headers={"Host": EVIL, "Origin": f"http://{EVIL}"})
                problem(answer, 421, "host_unknown")
                assert "access-control-allow-origin" not in answer.headers
            problem(http.get(path, headers={"Host": EVIL, **UPGRADE}), 421, "host_unknown")


def test_a_target_in_absolute_form_counts_as_the_host(server: Server) -> None:
    """RFC 9112, 3.2.2: it takes the place of the header."""
    with server.client() as http:
        request = http.build_request("GET", "/health", headers={"Host": "localhost"})
        request.extensions["target"] = f"http://{EVIL}/health".encode()
        problem(http.send(request), 421, "host_unknown")


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "10.0.0.7", "[::1]", *(f"replyx{each}" for each in PRIVATE)]
)
def test_checks_by_address_and_by_private_names_need_no_setting(server: Server, public: Server, host: str) -> None:
    for each in (server, public):
        with each.client() as http:
            assert http.get("/health", headers={"Host": f"{host}:{each.port}"}).status_code == 200


def test_a_server_answers_to_its_public_name_and_to_those_allowed_beside_it(public: Server) -> None:
    with public.client() as http:
        for host in ("chat.example", "a.shop.example"):
            assert http.get("/admin", headers={"Host": host}).status_code == 200
        answer = problem(http.get("/admin", headers={"Host": "shop.example"}), 421, "host_unknown")
        assert "ALLOWED_HOSTS=*.shop.example,shop.example" in answer["detail"]


@pytest.mark.parametrize(
    ("language", "says"), [("ru,en;q=0.5", "Сервер не знает имени chat.example"), ("en", "does not know the name")]
)
def test_a_person_reads_what_to_set(server: Server, language: str, says: str) -> None:
    with server.client() as http:
        answer = http.get("/admin", headers={**BROWSER, "Host": "chat.example", "Accept-Language": language})
        assert (answer.status_code, answer.headers["content-type"]) == (421, "text/html; charset=utf-8")
        assert says in answer.text
        assert "PUBLIC_URL=https://chat.example" in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        # What stands in the header is text for people, and some characters are allowed in it.
        answer = http.get("/admin", headers={**BROWSER, "Host": "a&b'.example"})
        assert "a&amp;b&#x27;.example" in answer.text


@pytest.mark.one_process("each has a log of its own")
def test_the_log_says_once_what_to_set_whoever_asks_how_often(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server, server.client() as http:
        for _ in range(5):
            http.get("/admin", headers={"Host": "chat.example", "X-Forwarded-Proto": "https"})
        for number in range(200):
            http.get("/admin", headers={"Host": f"{number}.evil.example"})
        lines = [line for line in server.lines if "replyx.proxies" in line]
    assert len([line for line in lines if "PUBLIC_URL=https://chat.example" in line]) == 1
    assert len([line for line in lines if "TRUSTED_PROXIES=127.0.0.1" in line]) == 1
    assert len(lines) < 100, "a stranger could fill the log"


def test_a_proxy_that_is_trusted_is_not_warned_of(tmp_path: Path) -> None:
    with Server(tmp_path / "data", env={"TRUSTED_PROXIES": "127.0.0.1"}) as server, server.client() as http:
        assert http.get("/health", headers={"X-Forwarded-For": "198.51.100.1"}).status_code == 200
        assert "replyx.proxies" not in server.log


@pytest.mark.one_process("each has a log of its own")
def test_behind_a_proxy_that_hides_the_address_a_login_says_what_to_set_and_so_does_the_log(tmp_path: Path) -> None:
    """nginx with `proxy_pass` alone: Host is the server's own, Origin the address that the person sees."""
    seen = {"Origin": "https://chat.example"}
    with Server(tmp_path / "data") as server, server.client() as http:
        widget = {"assistant_id": 3}
        for path, body, code in (
            ("/admin/session", {"email": "admin@example.com", "password": "password"}, "origin_unknown"),
            ("/api/widget/dialogs", widget, "page_not_of_widget"),
        ):
            for _ in range(3):
                refused = problem(http.post(path, json=body, headers=seen), 403, "origin_refused")
                assert "PUBLIC_URL=https://chat.example" in refused["detail"]
                assert (refused["errors"][0]["field"], refused["errors"][0]["code"]) == ("Origin", code)
        assert len([line for line in server.lines if "replyx.proxies" in line and "PUBLIC_URL" in line]) == 1
