"""The cookies of a server whose public address is https, whatever scheme its proxy speaks to it."""

from __future__ import annotations

from collections.abc import Iterator
from http.cookies import SimpleCookie

import httpx
import pytest

from tests.scenario import as_json, problem
from tests.server import PASSWORD, Server

ADMIN = {"email": "admin@example.com", "password": PASSWORD}
CUSTOMER = {"email": "user@example.com", "password": PASSWORD}
NAMES = {"__Host-replyx_session", "__Host-_xsrf"}
KNOWN = "__Host-replyx_device"  # the mark of a browser that somebody has logged in with
ME = "/api/v1/auth/me"


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A demo server that is said to be called by https."""
    with Server(tmp_path_factory.mktemp("server") / "data", env={"PUBLIC_URL": "https://localhost"}) as running:
        yield running


@pytest.fixture
def http(secure: Server) -> Iterator[httpx.Client]:
    """A client that keeps no cookies by itself: httpx, unlike browsers, never sends secure ones to localhost."""
    with secure.client() as client:
        yield client


def set_by(answer: httpx.Response) -> dict[str, str]:
    """The cookies that an answer sets, by their names; each is checked to be what its prefix demands."""
    found = {}
    for each in answer.headers.get_list("set-cookie"):
        for name, morsel in SimpleCookie(each).items():
            if name.startswith("__Host-"):
                assert (morsel["secure"], morsel["path"], morsel["domain"]) == (True, "/", "")  # RFC 6265bis, 4.1.3.2
                assert morsel["samesite"] == "Strict"
                assert bool(morsel["httponly"]) is (name != "__Host-_xsrf")
            found[name] = morsel.value
    return found


def header(cookies: dict[str, str]) -> dict[str, str]:
    """The headers of a request with these cookies and the XSRF token among them."""
    token = cookies.get("__Host-_xsrf", cookies.get("_xsrf", ""))
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), "X-XSRFToken": token}


@pytest.mark.parametrize(
    ("page", "session", "who"), [("/admin", "/admin/session", ADMIN), ("", "/webapp/session", CUSTOMER)]
)
def test_every_cookie_is_secure_and_bound_to_the_host(
    http: httpx.Client, page: str, session: str, who: dict[str, str]
) -> None:
    if page:
        assert set(set_by(http.get(page))) == {"__Host-_xsrf"}
    cookies = set_by(http.post(session, json=who))
    assert set(cookies) == NAMES | {KNOWN}
    http.cookies.clear()
    assert as_json(http.get(ME, headers=header(cookies)))["email"] == who["email"]
    problem(http.delete(session, headers={"Cookie": header(cookies)["Cookie"]}), 403, "xsrf_refused")
    gone = http.delete(session, headers=header(cookies))
    assert gone.status_code == 204
    assert set(set_by(gone)) >= NAMES
    problem(http.get(ME, headers=header(cookies)), 401)


def test_who_was_logged_in_before_stays_so_and_gets_the_new_cookies_at_the_next_login(http: httpx.Client) -> None:
    new = set_by(http.post("/admin/session", json=ADMIN))
    http.cookies.clear()
    old = {name.removeprefix("__Host-"): value for name, value in new.items()}
    assert as_json(http.get(ME, headers=header(old)))["email"] == ADMIN["email"]
    assert set_by(http.get("/admin", headers=header(old))) == {}, "another tab sends the token that it has"
    assert http.post("/api/assistants", json={"name": "Анна"}, headers=header(old)).status_code == 201
    replaced = http.post("/admin/session", json=ADMIN, headers=header(old))
    cookies = set_by(replaced)
    assert set(cookies) >= NAMES
    assert (cookies["replyx_session"], cookies["_xsrf"]) == ("", ""), "the old ones are taken away"
    problem(http.get(ME, headers=header(old)), 401)


def test_a_cookie_that_another_server_of_the_domain_could_set_does_not_count_beside_ours(http: httpx.Client) -> None:
    mine = set_by(http.post("/admin/session", json=ADMIN))
    http.cookies.clear()
    theirs = set_by(http.post("/webapp/session", json=CUSTOMER))
    http.cookies.clear()
    tossed = {name.removeprefix("__Host-"): value for name, value in theirs.items()}
    assert as_json(http.get(ME, headers=header({**tossed, **mine})))["email"] == ADMIN["email"]
    forged = header({**tossed, **mine}) | {"X-XSRFToken": tossed["_xsrf"]}
    problem(http.post("/api/assistants", json={"name": "Анна"}, headers=forged), 403, "xsrf_refused")
