"""What a session rests on: a login on its way when that changes, and the end that no use puts off."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

import argon2
import httpx
import pytest

from replyx import accounts
from replyx.database import models
from replyx.database.rows import value
from replyx.delivery.store import Transaction
from replyx.shop.broadcasts import Broadcasts
from tests.scenario import Json, as_json, problem
from tests.server import PASSWORD, Server
from tests.stored import change, stored

NEW_PASSWORD = "another password"
NEW_HASH = argon2.PasswordHasher().hash(NEW_PASSWORD)
AT_ONCE = 16  # logins on their way; each is a fraction of a second's work
DAY_MS = 86_400_000

numbers = itertools.count(1)
_SESSION_IDS = value(models.Session.id).where(f"{models.Session.account_id} = ? AND NOT {models.Session.ended}")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """Without limits: what is on its way here is more than one client may have."""
    with Server(tmp_path_factory.mktemp("server") / "data", env={"RATE_LIMITS": "off"}) as running:
        yield running


@pytest.fixture
def account(maria: httpx.Client) -> Json:
    """An account for one test, with the demo's password."""
    email = f"manager-{next(numbers)}@example.com"
    answer = maria.post("/api/v1/accounts", json={"email": email, "password": PASSWORD, "role": "manager"})
    assert answer.status_code == 201, answer.text
    return as_json(answer)


@pytest.fixture
def crowd() -> Iterator[ThreadPoolExecutor]:
    """Many clients at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield pool


def log_in(server: Server, account: Json, password: str = PASSWORD) -> httpx.Response:
    """One login."""
    with server.client() as client:
        return client.post("/api/v1/auth/login", json={"email": account["email"], "password": password})


def is_let_in(server: Server, tokens: Json) -> bool:
    """Whether the access token of a login is good."""
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    with server.client(headers=headers) as client:
        return client.get("/api/v1/auth/me").status_code == 200


def set_beside(server: Server, account: Json, columns: Mapping[str, object]) -> None:
    """Change the account as a command in the terminal does, without the time of a hash."""

    def unit(tx: Transaction) -> None:
        accounts.change_row(tx, account["id"], columns, Broadcasts(None, frozenset()))  # type: ignore[arg-type]

    change(server, unit)


def sessions(server: Server, account: Json) -> list[str]:
    """The sessions that are stored for the account."""
    return change(server, lambda tx: _SESSION_IDS.all(tx, account["id"]))


@pytest.mark.parametrize(
    "columns", [{"password_hash": NEW_HASH}, {"active": False}], ids=["another password", "disabled"]
)
def test_a_login_on_its_way_does_not_outlive_what_it_rests_on(
    server: Server, account: Json, crowd: ThreadPoolExecutor, columns: Mapping[str, object]
) -> None:
    first = threading.Event()

    def come_in() -> httpx.Response:
        answer = log_in(server, account)
        first.set()
        return answer

    coming = [crowd.submit(come_in) for _ in range(AT_ONCE)]
    assert first.wait(30)
    set_beside(server, account, columns)
    answers = [each.result() for each in coming]
    refused = [answer for answer in answers if answer.status_code == 401]
    assert refused, "some were on their way"
    for answer in refused:
        problem(answer, 401, "login_failed")
    assert [answer for answer in answers if answer.status_code == 200 and is_let_in(server, as_json(answer))] == []
    assert sessions(server, account) == []


def test_a_refresh_on_its_way_does_not_outlive_the_password(
    server: Server, account: Json, crowd: ThreadPoolExecutor
) -> None:
    first = threading.Event()

    def go_on(tokens: Json) -> Json:
        with server.client() as client:
            while True:
                body = {"refresh_token": tokens["refresh_token"]}
                answer = client.post("/api/v1/auth/refresh", json=body)
                if answer.status_code != 200:
                    problem(answer, 401, "credential_invalid")
                    return tokens
                tokens = as_json(answer)
                first.set()

    coming: list[Future[Json]] = [crowd.submit(go_on, as_json(log_in(server, account))) for _ in range(4)]
    assert first.wait(30)
    set_beside(server, account, {"password_hash": NEW_HASH})
    assert [each.result() for each in coming if is_let_in(server, each.result())] == []
    assert sessions(server, account) == []


def test_a_change_of_ones_own_password_does_not_undo_an_admins(
    server: Server, account: Json, crowd: ThreadPoolExecutor
) -> None:
    """Whoever knows the old password has a change of it on its way while an admin sets another one."""

    def take_over(tokens: Json) -> int:
        body = {"current_password": PASSWORD, "new_password": "the intruder's password"}
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        with server.client(headers=headers) as client:
            return client.post("/api/v1/auth/password", json=body).status_code

    tokens = [as_json(log_in(server, account)) for _ in range(6)]
    coming = [crowd.submit(take_over, each) for each in tokens]
    assert next(as_completed(coming)).result() == 204
    set_beside(server, account, {"password_hash": NEW_HASH})
    assert sorted(each.result() for each in coming) == [204, *[401] * 5]
    assert log_in(server, account, NEW_PASSWORD).status_code == 200


@pytest.fixture
def aged(server: Server) -> Callable[[Json, int], None]:
    """Lets the sessions of an account be that old, in milliseconds."""

    def age(account: Json, ms: int) -> None:
        with stored(server.data_dir) as database:
            database.execute(
                "UPDATE session SET created_at = ? WHERE account_id = ?",
                (int(time.time() * 1000) - ms, account["id"]),
            )

    return age


def test_a_session_ends_after_ninety_days_however_it_is_used(
    server: Server, account: Json, http: httpx.Client, aged: Callable[[Json, int], None]
) -> None:
    tokens = as_json(log_in(server, account))
    aged(account, 90 * DAY_MS - 100_000)
    tokens = as_json(http.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]}))
    assert 0 < tokens["expires_in"] <= 100, "an access token does not last longer than its session"
    aged(account, 90 * DAY_MS)
    with stored(server.data_dir) as database:
        database.execute("UPDATE session SET expires_at = created_at WHERE account_id = ?", (account["id"],))
    answer = http.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    problem(answer, 401, "credential_invalid")


def test_the_shop_page_prolongs_a_session_to_its_end_and_no_further(
    server: Server, maria: httpx.Client, aged: Callable[[Json, int], None]
) -> None:
    email = f"user-{next(numbers)}@example.com"
    customer = as_json(maria.post("/api/v1/accounts", json={"email": email, "password": PASSWORD}))
    with server.client() as browser:
        assert browser.post("/webapp/session", json={"email": email, "password": PASSWORD}).status_code == 200
        aged(customer, 89 * DAY_MS)
        assert as_json(browser.get("/webapp/session"))["user"]["email"] == email
        assert "set-cookie" not in browser.get("/webapp/session").headers, "there is nothing left to prolong"
