"""What people and machines that only look are answered: HEAD, addresses with a slash too many, icons."""

from __future__ import annotations

import re

import httpx
import pytest

from handlers.base import Route
from handlers.openapi import access_of
from handlers.routes import ROUTES
from tests.api.test_routes import concrete
from tests.scenario import Visitor, problem, raw, raw_problem, token_of
from tests.server import Server

READ = [route for route in ROUTES if hasattr(route.handler.get, "operation")]
NEVER_ALIKE = {"date", "x-request-id", "set-cookie"}


@pytest.mark.parametrize("route", READ, ids=lambda route: route.path)
def test_head_is_get_without_the_body(http: httpx.Client, maria: httpx.Client, anna: Visitor, route: Route) -> None:
    """RFC 9110, 9.3.2; uptime monitors and ``curl -I`` send it."""
    path = concrete(route.path, anna.dialog_id)
    headers = {} if access_of(route, route.handler.get.operation).name == "GUEST" else dict(maria.headers)
    params = dict(anna.query) if not headers else {}
    if path.endswith("/events"):
        head = http.head(path, params={"token": token_of(maria)})
        assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert "content-length" not in head.headers
        return
    got = http.get(path, params=params, headers=headers)
    head = http.head(path, params=params, headers=headers)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers.keys() - NEVER_ALIKE == got.headers.keys() - NEVER_ALIKE
    for name in ("content-type", "cache-control", "location", "content-security-policy"):
        assert head.headers.get(name) == got.headers.get(name)


@pytest.mark.parametrize("path", ["/widget.js", "/static/shared/tokens.css", "/favicon.ico", "/robots.txt"])
def test_files_too(http: httpx.Client, path: str) -> None:
    got, head = http.get(path), http.head(path)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", got.headers["etag"])
    assert head.headers["content-length"] == got.headers["content-length"]


def test_head_is_allowed_where_get_is_and_nowhere_else(http: httpx.Client) -> None:
    assert "HEAD" in http.put("/health").headers["allow"].split(", ")
    answer = http.head("/api/v1/auth/login")
    assert (answer.status_code, answer.content) == (405, b"")
    assert "HEAD" not in answer.headers["allow"].split(", ")


def test_a_stranger_learns_no_more_by_head(http: httpx.Client, anna: Visitor) -> None:
    for path, status in (("/api/dialogs", 401), (f"/api/dialogs/{anna.dialog_id}/events", 401), ("/nothing", 404)):
        answer = http.head(path)
        assert (answer.status_code, answer.content) == (status, b"")


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("/admin/", "/admin"),
        ("/docs/", "/docs"),
        ("/docs/errors/", "/docs/errors"),
        ("/demo-site", "/demo-site/"),
        ("/demo", "/demo/"),
        ("/webapp", "/webapp/"),
        ("/chat/1/", "/chat/1"),
        ("/demo?apiUrl=http://a.example/&x=%20", "/demo/?apiUrl=http://a.example/&x=%20"),
    ],
)
def test_a_page_is_found_with_or_without_a_slash(http: httpx.Client, given: str, right: str) -> None:
    answer = http.get(given)
    assert (answer.status_code, answer.headers["location"]) == (301, right)
    assert http.get(given, follow_redirects=True).status_code == http.get(right).status_code
    assert http.head(given).headers["location"] == right
    problem(http.post(given), 405, "method_not_allowed")


@pytest.mark.parametrize("path", ["/api/dialogs/", "/health/", "//admin/", "/admin//", "//evil.example/", "/nothing/"])
def test_no_other_address_is(server: Server, path: str) -> None:
    raw_problem(raw(server, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()), 404, "not_found")


def test_browsers_find_an_icon_and_robots_their_rules(http: httpx.Client) -> None:
    icon, rules = http.get("/favicon.ico"), http.get("/robots.txt")
    assert icon.headers["content-type"] in ("image/vnd.microsoft.icon", "image/x-icon")
    assert icon.content.startswith(b"\0\0\1\0")
    assert rules.headers["content-type"].startswith("text/plain")
    assert re.search(r"^User-agent: \*\nDisallow: /$", rules.text, re.MULTILINE)


@pytest.mark.parametrize("name", ["%00", "a%00b.js", "x" * 300, "..%00", "%0a", "%ff", "shared/%00/icon.svg"])
def test_no_name_of_a_file_is_a_fault_of_the_server(http: httpx.Client, name: str) -> None:
    problem(http.get(f"/static/{name}"), 404, "not_found")
