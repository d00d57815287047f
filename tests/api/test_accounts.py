"""Accounts and their sessions: login, what ends a session, and who may manage whom."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import httpx
import pytest

from tests.scenario import (
    EventStream,
    Json,
    Visitor,
    as_json,
    bad_field,
    closed_with,
    frame,
    operator,
    problem,
    socket_of,
)
from tests.server import PASSWORD, Server
from tests.stored import stored

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """Behind a trusted proxy, so that each test may come from an address of its own."""
    data = tmp_path_factory.mktemp("server") / "data"
    with Server(data, env={"TRUSTED_PROXIES": "127.0.0.1"}) as running:
        yield running


@pytest.fixture
def address() -> str:
    """A client's address that no other test has (RFC 5737)."""
    return f"203.0.113.{next(numbers)}"


@pytest.fixture
def person(server: Server, address: str) -> Iterator[httpx.Client]:
    """A browser or a script at an address of its own."""
    with server.client(headers={"X-Forwarded-For": address}) as client:
        yield client


def new_account(maria: httpx.Client, role: str = "manager") -> Json:
    """An account for one test, with the demo's password."""
    email = f"{role}-{next(numbers)}@example.com"
    answer = maria.post("/api/v1/accounts", json={"email": email, "password": PASSWORD, "role": role, "name": "Вера"})
    assert answer.status_code == 201, answer.text
    return as_json(answer)


def log_in(client: httpx.Client, email: str, password: str = PASSWORD) -> Json:
    """The tokens of a new session; the client uses its access token from now on."""
    answer = client.post("/api/v1/auth/login", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    tokens = as_json(answer)
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    return tokens


class TestLogin:
    def test_the_answer_is_what_clients_were_promised(self, person: httpx.Client) -> None:
        answer = person.post("/api/v1/auth/login", json={"email": " Admin@Example.com ", "password": PASSWORD})
        tokens = as_json(answer)
        assert answer.status_code == 200
        assert {"access_token", "refresh_token", "token_type", "expires_in", "user"} <= tokens.keys()
        assert tokens["token_type"] == "bearer"
        assert tokens["expires_in"] > 0
        assert {key: tokens["user"][key] for key in ("email", "name", "role")} == {
            "email": "admin@example.com",
            "name": "Мария",
            "role": "admin",
        }
        assert answer.headers["cache-control"] == "no-store"
        assert "password" not in answer.text

    def test_me_answers_by_either_place_of_the_token(self, server: Server, person: httpx.Client) -> None:
        token = log_in(person, "user@example.com")["access_token"]
        assert as_json(person.get("/api/v1/auth/me"))["email"] == "user@example.com"
        with server.client() as other:
            assert as_json(other.get("/api/v1/auth/me", params={"token": token}))["role"] == "user"
            problem(other.get("/api/v1/auth/me"), 401, "credential_missing")

    def test_a_wrong_pair_says_nothing_about_which_half(self, person: httpx.Client) -> None:
        answers = [
            person.post("/api/v1/auth/login", json={"email": email, "password": password})
            for email, password in (
                ("admin@example.com", "wrong-password"),
                ("nobody@example.com", PASSWORD),
                ("x", ""),
            )
        ]
        first = problem(answers[0], 401, "login_failed")
        assert [problem(answer, 401) for answer in answers] == [first] * 3
        assert [set(answer.headers) for answer in answers] == [set(answers[0].headers)] * 3

    @pytest.mark.parametrize("field", ["email", "password"])
    def test_a_missing_half_is_named(self, person: httpx.Client, field: str) -> None:
        body = {"email": "admin@example.com", "password": PASSWORD}
        del body[field]
        bad_field(person.post("/api/v1/auth/login", json=body), field)

    @pytest.mark.parametrize("password", ["x" * 100_000, "\u0000", "😀" * 257])
    def test_a_strange_password_is_only_wrong(self, person: httpx.Client, password: str) -> None:
        answer = person.post("/api/v1/auth/login", json={"email": "admin@example.com", "password": password})
        problem(answer, 401, "login_failed")

    @pytest.mark.parametrize("known", [True, False])
    def test_guessing_at_one_account_ends_in_a_pause(
        self, maria: httpx.Client, person: httpx.Client, known: bool
    ) -> None:
        email = new_account(maria)["email"] if known else f"nobody-{next(numbers)}@example.com"
        statuses = []
        for _ in range(30):
            answer = person.post("/api/v1/auth/login", json={"email": email, "password": "wrong-password"})
            statuses.append(answer.status_code)
            if answer.status_code == 429:
                break
        assert set(statuses[:-1]) == {401}
        problem(answer, 429, "too_many_requests")
        assert int(answer.headers["retry-after"]) >= 1

    def test_guessing_from_one_address_ends_in_a_pause_for_that_address_alone(
        self, server: Server, person: httpx.Client
    ) -> None:
        for _ in range(200):
            answer = person.post("/api/v1/auth/refresh", json={"refresh_token": "guess"})
            if answer.status_code == 429:
                break
        problem(answer, 429, "too_many_requests")
        assert int(answer.headers["retry-after"]) >= 1
        with server.client(headers={"X-Forwarded-For": "198.51.100.1"}) as other:
            log_in(other, "user@example.com")


class TestSessions:
    def test_a_refresh_gives_a_new_pair_and_spends_the_old_one(self, person: httpx.Client) -> None:
        first = log_in(person, "user@example.com")
        second = as_json(person.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]}))
        assert second["refresh_token"] != first["refresh_token"]
        third = as_json(person.post("/api/v1/auth/refresh", json={"refresh_token": second["refresh_token"]}))
        person.headers["Authorization"] = f"Bearer {third['access_token']}"
        assert person.get("/api/v1/auth/me").status_code == 200

    def test_a_refresh_token_used_twice_ends_the_session(self, server: Server, person: httpx.Client) -> None:
        first = log_in(person, "user@example.com")
        second = as_json(person.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]}))
        person.headers["Authorization"] = f"Bearer {second['access_token']}"
        assert person.get("/api/v1/auth/me").status_code == 200
        for token in (first["refresh_token"], second["refresh_token"]):
            problem(person.post("/api/v1/auth/refresh", json={"refresh_token": token}), 401, "credential_invalid")
        problem(person.get("/api/v1/auth/me"), 401, "credential_invalid")

    def test_logging_out_ends_this_session_and_no_other(self, server: Server, person: httpx.Client) -> None:
        tokens = log_in(person, "user@example.com")
        with server.client(headers=dict(person.headers)) as elsewhere:
            log_in(elsewhere, "user@example.com")
            assert person.post("/api/v1/auth/logout").status_code == 204
            problem(person.get("/api/v1/auth/me"), 401, "credential_invalid")
            renewed = person.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
            problem(renewed, 401, "credential_invalid")
            assert elsewhere.get("/api/v1/auth/me").status_code == 200

    def test_changing_ones_password_ends_every_session(
        self, server: Server, maria: httpx.Client, person: httpx.Client
    ) -> None:
        email = new_account(maria)["email"]
        log_in(person, email)
        body = {"current_password": PASSWORD, "new_password": "another password"}
        wrong = person.post("/api/v1/auth/password", json=body | {"current_password": "wrong-password"})
        problem(wrong, 401, "login_failed")
        bad = person.post("/api/v1/auth/password", json=body | {"new_password": "short"})
        assert problem(bad, 422, "invalid")["errors"]
        assert person.get("/api/v1/auth/me").status_code == 200
        assert person.post("/api/v1/auth/password", json=body).status_code == 204
        problem(person.get("/api/v1/auth/me"), 401, "credential_invalid")
        problem(person.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD}), 401, "login_failed")
        log_in(person, email, "another password")


class TestWhatEndsASession:
    @pytest.mark.parametrize(
        "change",
        [{"password": "another password"}, {"active": False}, {"role": "user"}],
        ids=lambda change: next(iter(change)),
    )
    def test_its_streams_and_sockets_close_at_once(
        self, server: Server, maria: httpx.Client, person: httpx.Client, anna: Visitor, change: Json
    ) -> None:
        account = new_account(maria)
        token = log_in(person, account["email"])["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        paths = (f"/api/dialogs/{anna.dialog_id}/events", "/api/inbox/events")
        bystander = EventStream(server, "/api/inbox/events", headers={"Authorization": maria.headers["Authorization"]})
        with (
            bystander,
            EventStream(server, paths[0], headers=headers) as one,
            EventStream(server, paths[1], headers=headers) as inbox,
            socket_of(server, f"/ws/dialogs/{anna.dialog_id}?token={token}") as connection,
        ):
            assert frame(connection)["type"] == "connected"
            changed = maria.patch(f"/api/v1/accounts/{account['id']}", json=change)
            assert changed.status_code == 200, changed.text
            assert (one.rest(), inbox.rest()) == ([], [])
            assert closed_with(connection) == 4401
            problem(person.get("/api/v1/auth/me"), 401, "credential_invalid")
            for path in paths:
                with EventStream(server, path, headers=headers) as again:
                    problem(again.answer, 401, "credential_invalid")
            typing = {"typing": True}
            assert maria.post(f"/api/dialogs/{anna.dialog_id}/typing", json=typing).status_code == 204
            # an operator's first key stops the assistant, which the inbox is told of
            assert bystander.next().data["type"] == "dialog:updated", "another's stream goes on"

    def test_logging_out_closes_the_sessions_stream(
        self, server: Server, maria: httpx.Client, person: httpx.Client
    ) -> None:
        token = log_in(person, new_account(maria)["email"])["access_token"]
        with EventStream(server, "/api/inbox/events", {"token": token}) as stream:
            assert person.post("/api/v1/auth/logout").status_code == 204
            assert stream.rest() == []

    def test_a_disabled_account_cannot_log_in_until_it_is_enabled(
        self, maria: httpx.Client, person: httpx.Client
    ) -> None:
        account = new_account(maria)
        login = {"email": account["email"], "password": PASSWORD}
        maria.patch(f"/api/v1/accounts/{account['id']}", json={"active": False})
        problem(person.post("/api/v1/auth/login", json=login), 401, "login_failed")
        maria.patch(f"/api/v1/accounts/{account['id']}", json={"active": True})
        assert person.post("/api/v1/auth/login", json=login).status_code == 200

    def test_a_new_name_ends_nothing(self, maria: httpx.Client, person: httpx.Client) -> None:
        account = new_account(maria)
        log_in(person, account["email"])
        changed = as_json(maria.patch(f"/api/v1/accounts/{account['id']}", json={"name": "Надежда"}))
        assert changed == account | {"name": "Надежда"}
        assert as_json(person.get("/api/v1/auth/me"))["name"] == "Надежда"


class TestManaging:
    def test_accounts_are_made_listed_read_and_changed(self, maria: httpx.Client) -> None:
        account = new_account(maria, "shop")
        assert account["role"] == "shop"
        assert "password" not in account
        assert as_json(maria.get(f"/api/v1/accounts/{account['id']}")) == account
        page = as_json(maria.get("/api/v1/accounts", params={"after": account["id"] - 1, "limit": 1}))
        assert page["items"] == [account]
        shops = as_json(maria.get("/api/v1/accounts", params={"role": "shop"}))["items"]
        assert {each["role"] for each in shops} == {"shop"}
        bad_field(maria.get("/api/v1/accounts", params={"role": "king"}), "role")
        problem(maria.get("/api/v1/accounts/999999"), 404, "account_not_found")
        problem(maria.patch("/api/v1/accounts/999999", json={"name": "x"}), 404, "account_not_found")

    def test_an_email_belongs_to_one_account(self, maria: httpx.Client) -> None:
        account = new_account(maria)
        body = {"email": account["email"].upper(), "password": PASSWORD}
        problem(maria.post("/api/v1/accounts", json=body), 409, "email_taken")

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("email", "nobody"),
            ("email", "a@b@c d"),
            ("email", "a\u0000@example.com"),
            ("password", "short"),
            ("password", "x" * 257),
            ("role", "owner"),
            ("name", ""),
            ("name", "x" * 101),
            ("name", "a\u0000b"),
        ],
    )
    def test_a_wrong_value_is_named(self, maria: httpx.Client, field: str, value: str) -> None:
        body = {"email": f"new-{next(numbers)}@example.com", "password": PASSWORD, "name": "Вера", field: value}
        bad_field(maria.post("/api/v1/accounts", json=body), field)

    def test_a_manager_manages_customers_and_no_operators(self, maria: httpx.Client, boris: httpx.Client) -> None:
        for role in ("admin", "manager"):
            body = {"email": f"new-{next(numbers)}@example.com", "password": PASSWORD, "role": role}
            problem(boris.post("/api/v1/accounts", json=body), 403, "forbidden")
        customer, colleague = new_account(boris, "user"), new_account(maria, "manager")
        problem(boris.patch(f"/api/v1/accounts/{customer['id']}", json={"role": "admin"}), 403, "forbidden")
        for change in ({"name": "x"}, {"password": "another password"}, {"active": False}, {"role": "user"}):
            problem(boris.patch(f"/api/v1/accounts/{colleague['id']}", json=change), 403, "forbidden")
        assert boris.patch(f"/api/v1/accounts/{customer['id']}", json={"name": "x"}).status_code == 200

    def test_nobody_takes_their_own_access_away(self, maria: httpx.Client) -> None:
        me = as_json(maria.get("/api/v1/auth/me"))["id"]
        for change in ({"active": False}, {"role": "user"}):
            problem(maria.patch(f"/api/v1/accounts/{me}", json=change), 403, "forbidden")

    @pytest.mark.parametrize("role", ["user", "shop", "bot"])
    def test_other_roles_manage_nobody(
        self, server: Server, maria: httpx.Client, person: httpx.Client, role: str
    ) -> None:
        account = new_account(maria, role)
        log_in(person, account["email"])
        calls = (
            ("GET", "/api/v1/accounts"),
            ("POST", "/api/v1/accounts"),
            ("GET", f"/api/v1/accounts/{account['id']}"),
            ("PATCH", f"/api/v1/accounts/{account['id']}"),
        )
        for method, path in calls:
            problem(person.request(method, path, json={} if method != "GET" else None), 403, "forbidden")


NEWCOMER = {"email": "new@example.com", "password": PASSWORD, "role": "admin"}


class TestRegistration:
    def test_it_is_off_unless_it_was_turned_on(self, person: httpx.Client) -> None:
        problem(person.post("/api/v1/auth/register", json=NEWCOMER), 403, "forbidden")
        problem(person.post("/api/v1/auth/login", json=NEWCOMER), 401, "login_failed")

    def test_whoever_registers_is_a_user_whatever_they_ask_for(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        data = tmp_path_factory.mktemp("server") / "data"
        with Server(data, env={"REGISTRATION": "on"}) as open_, open_.client() as person:
            answer = person.post("/api/v1/auth/register", json=NEWCOMER)
            assert (answer.status_code, as_json(answer)["role"]) == (201, "user")
            log_in(person, "new@example.com")
            problem(person.get("/api/dialogs"), 403, "forbidden")
            problem(person.post("/api/v1/auth/register", json=NEWCOMER), 409, "email_taken")


def test_a_bot_account_speaks_but_does_not_work_in_the_inbox(
    server: Server, maria: httpx.Client, person: httpx.Client, anna: Visitor
) -> None:
    log_in(person, new_account(maria, "bot")["email"])
    assert person.post(f"/api/dialogs/{anna.dialog_id}/messages", json={"text": "x"}).status_code == 201
    for path in ("/api/dialogs", "/api/assistants", "/api/widgets", "/api/inbox/events"):
        problem(person.get(path), 403, "forbidden")
    problem(person.post(f"/api/dialogs/{anna.dialog_id}/takeover", json={}), 403, "forbidden")


def test_an_operator_can_read_every_dialog(server: Server, anna: Visitor) -> None:
    with operator(server, "manager@example.com") as boris:
        assert boris.get(f"/api/dialogs/{anna.dialog_id}").status_code == 200


class TestNewPasswords:
    @pytest.mark.parametrize("password", ["12345678", "Qwertyuiop", "йцукенгшщз", "ｐａｓｓｗｏｒｄ１"])
    def test_what_everybody_tries_first_is_refused(self, maria: httpx.Client, password: str) -> None:
        body = {"email": f"new-{next(numbers)}@example.com", "password": password}
        answer = maria.post("/api/v1/accounts", json=body)
        assert problem(answer, 422, "invalid")["errors"][0]["code"] == "too_common"
        account = new_account(maria)
        bad_field(maria.patch(f"/api/v1/accounts/{account['id']}", json={"password": password}), "password")

    def test_what_everybody_knows_of_a_person_is_refused_wherever_one_is_set(
        self, maria: httpx.Client, person: httpx.Client
    ) -> None:
        email = f"anna.petrova-{next(numbers)}@example.com"
        for password in (email, email.upper(), email.partition("@")[0], "Анна Петрова"):
            body = {"email": email, "name": "Анна Петрова", "password": password, "role": "manager"}
            answer = maria.post("/api/v1/accounts", json=body)
            assert problem(answer, 422, "invalid")["errors"][0]["code"] == "same_as_name"
        account = as_json(maria.post("/api/v1/accounts", json=body | {"password": PASSWORD}))
        for change in ({"password": email}, {"password": "Вера Иванова", "name": "Вера Иванова"}):
            bad_field(maria.patch(f"/api/v1/accounts/{account['id']}", json=change), "password")
        log_in(person, email)
        own = {"current_password": PASSWORD, "new_password": "анна петрова"}
        bad_field(person.post("/api/v1/auth/password", json=own), "password")


class TestAddresses:
    def test_an_address_is_one_account_in_every_spelling(self, maria: httpx.Client, person: httpx.Client) -> None:
        local = f"józef-{next(numbers)}"
        made = as_json(
            maria.post("/api/v1/accounts", json={"email": f"{local}@MÜNCHEN.example.", "password": PASSWORD})
        )
        assert made["email"] == f"{local}@münchen.example"
        for spelling in (
            f"<{local}@xn--mnchen-3ya.example>",
            f"jo\u0301{local[2:]}@mu\u0308nchen.example",
            f"{local[:2]}\u200b{local[2:]}@münchen.example\u202e",
            f"\ufeff{local.upper()}@mün\u00adchen.example",
        ):
            again = maria.post("/api/v1/accounts", json={"email": spelling, "password": PASSWORD})
            problem(again, 409, "email_taken")
            assert log_in(person, spelling)["user"]["id"] == made["id"]

    def test_an_account_whose_spelling_is_taken_is_still_its_owners(
        self, server: Server, maria: httpx.Client, person: httpx.Client
    ) -> None:
        """Two accounts of before, whose addresses are the same now: the migration has left one of them as it was."""
        first, second = new_account(maria), new_account(maria)
        old = first["email"].replace("-", "\u200b-")
        with stored(server.data_dir) as database:
            database.execute("UPDATE account SET email = ? WHERE id = ?", (old, second["id"]))
        assert log_in(person, old)["user"]["id"] == second["id"]
        assert log_in(person, first["email"])["user"]["id"] == first["id"]
