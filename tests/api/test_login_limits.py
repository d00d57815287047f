"""Limits of logins: guessing ends in a pause for whoever guesses, and locks nobody else out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.scenario import Json, as_json, eventually, problem
from tests.server import PASSWORD, Server
from tests.stored import stored

PANEL = "/admin/session"
LOGIN = "/api/v1/auth/login"
MARK = "replyx_device"
WRONG = "wrong-password"

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """Behind a trusted proxy, so that each client may come from an address of its own."""
    with Server(tmp_path_factory.mktemp("server") / "data", env={"TRUSTED_PROXIES": "127.0.0.1"}) as running:
        yield running


@pytest.fixture
def account(maria: httpx.Client) -> Json:
    """An operator for one test, with the demo's password."""
    body = {"email": f"limits-{next(numbers)}@example.com", "password": PASSWORD, "role": "manager"}
    answer = maria.post("/api/v1/accounts", json=body)
    assert answer.status_code == 201, answer.text
    return as_json(answer)


@pytest.fixture
def address() -> str:
    """An address that no other test has (RFC 5737)."""
    return f"198.51.100.{next(numbers)}"


@contextmanager
def browser_at(server: Server, address: str, mark: str | None = None) -> Iterator[httpx.Client]:
    """A browser at an address; ``mark`` is what it shows of an earlier login."""
    with server.client(headers={"X-Forwarded-For": address}) as client:
        if mark is not None:
            client.cookies.set(MARK, mark)
        yield client


def attempt(client: httpx.Client, account: Json, password: str = PASSWORD, url: str = PANEL) -> httpx.Response:
    """One login."""
    return client.post(url, json={"email": account["email"], "password": password})


def guess_until_paused(client: httpx.Client, account: Json) -> None:
    """Wrong passwords until this client has to wait."""
    statuses = []
    for _ in range(30):
        answer = attempt(client, account, WRONG)
        statuses.append(answer.status_code)
        if answer.status_code == 429:
            break
    assert set(statuses[:-1]) == {401}
    problem(answer, 429, "too_many_requests")
    assert int(answer.headers["retry-after"]) >= 1


def marked(server: Server, account: Json, address: str) -> str:
    """The mark of a browser in which the account has logged in."""
    with browser_at(server, address) as browser:
        answer = attempt(browser, account)
        assert answer.status_code == 200, answer.text
        (cookie,) = [each for each in answer.headers.get_list("set-cookie") if each.startswith(f"{MARK}=")]
        assert "httponly" in cookie.lower()
        assert "samesite=strict" in cookie.lower()
        return str(browser.cookies[MARK])


def test_who_guesses_locks_neither_the_owner_out_nor_the_neighbours(
    server: Server, account: Json, address: str, maria: httpx.Client
) -> None:
    mark = marked(server, account, address)
    with browser_at(server, address) as guesser, browser_at(server, "203.0.113.250") as owner:
        guess_until_paused(guesser, account)
        assert attempt(owner, account).status_code == 200, "the owner, in a new browser elsewhere"
        problem(attempt(guesser, account), 429)
        assert attempt(guesser, {"email": "user@example.com"}, url=LOGIN).status_code == 200, "a neighbour"
    with browser_at(server, address, mark) as owner:
        assert attempt(owner, account).status_code == 200, "the owner, behind the same address"


def test_an_address_that_is_used_up_does_not_keep_a_marked_browser_out(
    server: Server, account: Json, address: str
) -> None:
    mark = marked(server, account, address)
    with browser_at(server, address) as flood, browser_at(server, address, mark) as owner:
        for _ in range(200):
            if "login_address" in attempt(flood, {"email": "nobody@example.com"}, WRONG).text:
                break
        else:
            pytest.fail("the address was never used up")
        assert attempt(owner, account).status_code == 200


def test_renewals_do_not_use_up_logins(server: Server, account: Json, address: str) -> None:
    with browser_at(server, address) as flood:
        for _ in range(300):
            if flood.post("/api/v1/auth/refresh", json={"refresh_token": "x"}).status_code == 429:
                break
        else:
            pytest.fail("the flood was never refused")
        assert attempt(flood, account).status_code == 200


def test_a_marked_browser_has_a_limit_of_its_own(server: Server, account: Json, address: str) -> None:
    mark = marked(server, account, address)
    with browser_at(server, address, mark) as thief, browser_at(server, address) as owner:
        guess_until_paused(thief, account)
        assert attempt(owner, account).status_code == 200


@pytest.mark.parametrize("kind", ["another account's", "of an older password", "forged", "an access token"])
def test_a_mark_that_does_not_fit_makes_nobody_known(
    server: Server, account: Json, address: str, maria: httpx.Client, kind: str
) -> None:
    mark = marked(server, {"email": "manager@example.com"} if kind == "another account's" else account, address)
    password = PASSWORD
    if kind == "of an older password":
        password = "another password"
        maria.patch(f"/api/v1/accounts/{account['id']}", json={"password": password})
    elif kind == "forged":
        mark = mark[:-8] + "AAAAAAAA"
    elif kind == "an access token":
        mark = server.login("user@example.com")
    with browser_at(server, address) as guesser:
        guess_until_paused(guesser, account)
    with browser_at(server, address, mark) as impostor:
        problem(attempt(impostor, account, password), 429)


def test_tries_of_ones_own_password_are_limited_by_account_and_stop_no_login(
    server: Server, account: Json, address: str
) -> None:
    with browser_at(server, address) as client:
        token = as_json(attempt(client, account, url=LOGIN))["access_token"]
        body = {"current_password": WRONG, "new_password": "another password"}
        headers = {"Authorization": f"Bearer {token}"}
        for _ in range(30):
            answer = client.post("/api/v1/auth/password", json=body, headers=headers)
            if answer.status_code == 429:
                break
        problem(answer, 429, "too_many_requests")
        assert attempt(client, account).status_code == 200


@pytest.fixture
def kept(server: Server) -> Callable[[Json, int], None]:
    """Waits until so many wrong passwords of an account are stored."""

    def wait(account: Json, count: int) -> None:
        def found() -> bool:
            with stored(server.data_dir) as database:
                row = database.execute("SELECT refused_logins FROM account WHERE id = ?", (account["id"],)).fetchone()
            return bool(row[0] == count)

        eventually(found, f"{count} wrong passwords")

    return wait


def test_the_owner_is_told_of_strangers_who_guessed_once(
    server: Server, account: Json, address: str, kept: Callable[[Json, int], None]
) -> None:
    with browser_at(server, address) as guesser:
        for _ in range(10):
            problem(attempt(guesser, account, WRONG), 401)
    kept(account, 10)
    assert f"10 logins to account {account['id']} with a wrong password, the last from {address}" in server.log
    with browser_at(server, "203.0.113.251") as owner:
        first, second = as_json(attempt(owner, account)), as_json(attempt(owner, account))
    assert first["refusals"]["count"] == 10
    assert first["refusals"]["last_address"] == address
    assert first["refusals"]["last_at"].endswith("Z")
    assert second["refusals"] is None


def test_a_slip_of_the_finger_is_not_reported(
    server: Server, account: Json, address: str, kept: Callable[[Json, int], None]
) -> None:
    mark = marked(server, account, address)
    with browser_at(server, address, mark) as owner, browser_at(server, "203.0.113.252") as elsewhere:
        for _ in range(6):
            problem(attempt(owner, account, WRONG), 401)
        problem(attempt(elsewhere, account, WRONG), 401)
        kept(account, 1)
        assert as_json(attempt(owner, account))["refusals"] is None
