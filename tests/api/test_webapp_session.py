"""The login of the shop page: a cookie for whoever has an account, and nothing for those who have none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.cookies import SimpleCookie

import httpx
import pytest

from replyx.secrets_file import SecretsFile
from replyx.tokens import Tokens
from tests.scenario import as_json, problem
from tests.server import PASSWORD, Server
from tests.stored import change, stored

SESSION = "/webapp/session"
ME = "/api/v1/auth/me"
DAY = 24 * 3600
MONTH = 30 * DAY
ENDS = (int(time.time()) + 3600) * 1000  # within the hour


def pair(role: str, password: str = PASSWORD) -> dict[str, str]:
    """What somebody types."""
    return {"email": f"{role}@example.com", "password": password}


@pytest.fixture
def browser(server: Server) -> Iterator[httpx.Client]:
    """A browser without cookies."""
    with server.client() as client:
        yield client


def sign_in(browser: httpx.Client, role: str) -> dict[str, SimpleCookie]:
    """Sign in; the cookies that were set, by name."""
    answer = browser.post(SESSION, json=pair(role))
    assert answer.status_code == 200, answer.text
    assert as_json(answer)["user"]["role"] == role
    assert "token" not in answer.text
    return cookies_of(answer)


def cookies_of(answer: httpx.Response) -> dict[str, SimpleCookie]:
    """The cookies that an answer sets."""
    found = {}
    for line in answer.headers.get_list("set-cookie"):
        cookie = SimpleCookie(line)
        found[next(iter(cookie))] = cookie
    return found


def nobody(browser: httpx.Client) -> httpx.Response:
    """Assert that nobody is signed in."""
    answer = browser.get(SESSION)
    assert (answer.status_code, as_json(answer)) == (200, {"user": None})
    return answer


def short_lived(server: Server, role: str, seconds: float) -> tuple[str, str]:
    """A token that lasts for these seconds, of the role's newest session, and the session's id.

    The session itself is said to end at :data:`ENDS`.
    """
    keys = Tokens(SecretsFile(server.data_dir, ()).load().jwt_keys)
    with stored(server.data_dir) as database:
        account_id, session_id = database.execute(
            "SELECT s.account_id, s.id FROM session s JOIN account a ON a.id = s.account_id"
            " WHERE a.email = ? AND NOT s.ended ORDER BY s.created_at DESC, s.id LIMIT 1",
            (f"{role}@example.com",),
        ).fetchone()
    change(server, lambda tx: tx.execute("UPDATE session SET expires_at = ? WHERE id = ?", (ENDS, session_id)) and None)
    return keys.issue_access(account_id, role, session_id, time.time(), seconds), session_id


def test_nobody_is_signed_in_and_nothing_is_kept_until_somebody_is(browser: httpx.Client) -> None:
    assert "set-cookie" not in browser.get("/webapp/").headers
    assert "set-cookie" not in nobody(browser).headers


@pytest.mark.parametrize(("role", "seconds"), [("user", MONTH), ("shop", MONTH), ("manager", DAY / 2)])
def test_scripts_cannot_read_the_session_and_a_customers_lasts_a_month(
    browser: httpx.Client, role: str, seconds: float
) -> None:
    cookies = sign_in(browser, role)
    session, xsrf = cookies["replyx_session"]["replyx_session"], cookies["_xsrf"]["_xsrf"]
    assert (session["httponly"], xsrf["httponly"]) == (True, "")
    assert {session["samesite"], xsrf["samesite"]} == {"Strict"}
    assert {session["max-age"], xsrf["max-age"]} == {str(int(seconds))}
    assert as_json(browser.get(SESSION))["user"]["role"] == role
    assert as_json(browser.get(ME))["role"] == role


def test_a_wrong_pair_sets_no_cookie(browser: httpx.Client) -> None:
    answer = browser.post(SESSION, json=pair("user", "wrong-password"))
    problem(answer, 401, "login_failed")
    assert "set-cookie" not in answer.headers
    nobody(browser)


def test_signing_out_needs_the_xsrf_token_and_ends_the_session_itself(browser: httpx.Client) -> None:
    sign_in(browser, "user")
    problem(browser.delete(SESSION), 403, "xsrf_refused")
    token = browser.cookies["replyx_session"]
    xsrf = {"X-XSRFToken": browser.cookies["_xsrf"]}
    assert browser.delete(SESSION, headers=xsrf).status_code == 204
    assert dict(browser.cookies).keys() == {"replyx_device"}, "a right to nothing"
    problem(browser.get(ME, headers={"Authorization": f"Bearer {token}"}), 401, "credential_invalid")
    nobody(browser)


def test_a_session_that_has_ended_is_forgotten_by_the_browser(server: Server, browser: httpx.Client) -> None:
    sign_in(browser, "user")
    browser.post("/api/v1/auth/logout", headers={"X-XSRFToken": browser.cookies["_xsrf"]})
    assert set(cookies_of(nobody(browser))) == {"replyx_session", "_xsrf"}
    assert dict(browser.cookies).keys() == {"replyx_device"}, "a right to nothing"
    sign_in(browser, "user")
    browser.cookies.set("replyx_session", short_lived(server, "user", -1)[0], domain="127.0.0.1", path="/")
    nobody(browser)


@pytest.mark.parametrize(
    ("role", "left", "renewed"),
    [("user", MONTH - DAY - 60, True), ("user", MONTH - 60, False), ("admin", 3600, False)],
)
def test_a_customer_who_comes_back_stays_signed_in_and_an_operator_does_not(
    server: Server, browser: httpx.Client, role: str, left: float, renewed: bool
) -> None:
    sign_in(browser, role)
    xsrf = browser.cookies["_xsrf"]
    token, session_id = short_lived(server, role, left)
    browser.cookies.clear()
    answer = browser.get(SESSION, headers={"Cookie": f"replyx_session={token}; _xsrf={xsrf}"})
    assert as_json(answer)["user"]["role"] == role
    cookies = cookies_of(answer)
    with stored(server.data_dir) as database:
        (ends,) = database.execute("SELECT expires_at FROM session WHERE id = ?", (session_id,)).fetchone()
    if not renewed:
        assert (cookies, ends) == ({}, ENDS)
        return
    assert cookies["_xsrf"]["_xsrf"].value == xsrf, "another tab may be sending it now"
    assert cookies["replyx_session"]["replyx_session"]["max-age"] == str(MONTH)
    assert ends / 1000 > time.time() + MONTH - 600


def test_who_signs_in_takes_the_place_of_whoever_was_signed_in(server: Server, browser: httpx.Client) -> None:
    sign_in(browser, "user")
    customer = browser.cookies["replyx_session"]
    assert browser.post("/admin/session", json=pair("manager")).status_code == 200
    with server.client(headers={"Authorization": f"Bearer {customer}"}) as other:
        problem(other.get(ME), 401, "credential_invalid")
    assert as_json(browser.get(SESSION))["user"]["role"] == "manager"
