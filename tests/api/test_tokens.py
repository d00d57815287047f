"""Tokens as an attacker would make them, at every place that takes one; and none of them in the log."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator

import httpx
import jwt
import pytest

from replyx.secrets_file import key_of
from replyx.tokens import Tokens
from tests.scenario import (
    EventStream,
    Visitor,
    as_json,
    closed_with,
    eventually,
    frame,
    new_widget,
    problem,
    site_visitor,
    socket_of,
)
from tests.server import PASSWORD, Server

SECRET = "a signing secret of the token tests that is long enough for HS512"
FOREIGN = "a signing secret of some other installation of it"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that logs all it can, and whose signing key the tests know."""
    data = tmp_path_factory.mktemp("server") / "data"
    env = {"JWT_SECRET": SECRET, "LOG_LEVEL": "debug"}
    with Server(data, flags=["--rate-limits", "off"], env=env) as running:
        yield running


@pytest.fixture(scope="module")
def session(server: Server) -> dict[str, str]:
    """The tokens of a manager's session."""
    with server.client() as http:
        answer = http.post("/api/v1/auth/login", json={"email": "manager@example.com", "password": PASSWORD})
    return {kind: answer.json()[f"{kind}_token"] for kind in ("access", "refresh")}


@pytest.fixture(scope="module")
def widget_token(boris: httpx.Client) -> str:
    """A widget's token."""
    return str(new_widget(boris, "shoes.example")["token"])


@pytest.fixture(scope="module")
def anna(http: httpx.Client, widget_token: str) -> Visitor:
    """A visitor of the widget."""
    return site_visitor(http, widget_token)


def part(value: object) -> str:
    """One part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def claims(token: str) -> dict[str, object]:
    """What a token says, its signature unread."""
    found: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    return found


def signed(payload: dict[str, object], secret: str = SECRET, algorithm: str = "HS256", **header: object) -> str:
    """``payload`` signed as the server would, but for what is said."""
    kid = {"kid": key_of(SECRET).kid, **header}
    return jwt.encode(payload, secret.encode(), algorithm, headers=kid)


def without_signature(token: str) -> str:
    """RFC 8725, 2.1: the algorithm ``none``."""
    return f"{part({'alg': 'none', 'typ': 'JWT', 'kid': key_of(SECRET).kid})}.{part(claims(token))}."


def another_account(token: str) -> str:
    """The payload changed, the signature kept."""
    head, _, signature = token.split(".")
    return f"{head}.{part(claims(token) | {'sub': '1', 'role': 'admin'})}.{signature}"


FORGERIES: dict[str, Callable[[str], str]] = {
    "nothing": lambda token: "x",
    "empty parts": lambda token: "..",
    "no signature": lambda token: token.rpartition(".")[0] + ".",
    "algorithm none": without_signature,
    "another payload": another_account,
    "another key": lambda token: signed(claims(token), FOREIGN),
    "another key's name": lambda token: signed(claims(token), kid="0123456789abcdef"),
    "no key's name": lambda token: signed(claims(token), kid=""),
    "a path as the key's name": lambda token: signed(claims(token), FOREIGN, kid="../../dev/null"),
    "another algorithm": lambda token: signed(claims(token), algorithm="HS512"),
    "another issuer": lambda token: signed(claims(token) | {"iss": "else"}),
    "another audience": lambda token: signed(claims(token) | {"aud": "replyx:else"}),
    "audiences": lambda token: signed(claims(token) | {"aud": [claims(token)["aud"]]}),
    "expired": lambda token: signed(claims(token) | {"exp": int(time.time()) - 1}),
    "from the future": lambda token: signed(claims(token) | {"iat": int(time.time()) + 3600}),
    "never expires": lambda token: signed({name: value for name, value in claims(token).items() if name != "exp"}),
    "expires in words": lambda token: signed(claims(token) | {"exp": "9999999999"}),
    "huge": lambda token: signed(claims(token) | {"pad": "x" * 5000}),
    "not ascii": lambda token: "é" * 20,
}


def refused_everywhere(server: Server, token: str, anna: Visitor) -> None:
    """No place takes the token for any kind of it."""
    bearer = {b"Authorization": f"Bearer {token}".encode()}
    dialog = f"/api/dialogs/{anna.dialog_id}"
    with server.client() as http:
        answers = [
            http.get("/api/v1/auth/me", headers=bearer),
            http.get("/api/v1/auth/me", params={"token": token}),
            http.get(f"{dialog}/messages", params={"token": token}),
            http.get("/api/dialogs", headers={b"Cookie": f"replyx_session={token}".encode()}),
            http.post("/api/site/session", params={"site_token": token}, json={}),
            http.get(anna.url(), params={"site_token": token}),
            http.post(anna.url(), params={"site_token": token}, json={"text": "x"}),
            http.post("/api/v1/auth/refresh", json={"refresh_token": token}),
        ]
    for answer in answers:
        problem(answer, 401)
        assert token not in answer.text or len(token) < 3
    for query in ({"token": token}, {"site_token": token}):
        with EventStream(server, f"{dialog}/events", query) as stream:
            problem(stream.answer, 401)
    for path in (
        f"/ws/dialogs/{anna.dialog_id}?{httpx.QueryParams({'token': token})}",
        f"/ws/site/dialogs/{anna.dialog_id}?{httpx.QueryParams({'site_token': token})}",
    ):
        with socket_of(server, path) as connection:
            assert frame(connection)["code"].startswith("credential_")
            assert closed_with(connection) == 4401


@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.parametrize("kind", ["access", "site"])
def test_a_forged_token_opens_nothing(
    server: Server, session: dict[str, str], anna: Visitor, kind: str, forgery: str
) -> None:
    good = session["access"] if kind == "access" else anna.query["site_token"]
    refused_everywhere(server, FORGERIES[forgery](good), anna)


def test_the_tokens_that_were_forged_are_good_themselves(
    server: Server, http: httpx.Client, session: dict[str, str], anna: Visitor
) -> None:
    """Or the test above could not fail: also what the tests sign themselves is taken when nothing is wrong with it."""
    for token in (session["access"], signed(claims(session["access"]))):
        assert http.get("/api/v1/auth/me", params={"token": token}).status_code == 200
    for token in (anna.query["site_token"], signed(claims(anna.query["site_token"]))):
        assert http.get(anna.url(), params={"site_token": token}).status_code == 200


@pytest.mark.parametrize(
    ("place", "good"),
    [("access", "access"), ("site", "site"), ("exchange", "widget"), ("refresh", "refresh")],
)
def test_a_token_of_one_kind_is_no_other(
    http: httpx.Client, session: dict[str, str], widget_token: str, anna: Visitor, place: str, good: str
) -> None:
    held = {**session, "widget": widget_token, "site": anna.query["site_token"]}
    del held[good]
    for token in held.values():
        answer = {
            "access": lambda token=token: http.get("/api/v1/auth/me", params={"token": token}),
            "site": lambda token=token: http.get(anna.url(), params={"site_token": token}),
            "exchange": lambda token=token: http.post("/api/site/session", params={"site_token": token}, json={}),
            "refresh": lambda token=token: http.post("/api/v1/auth/refresh", json={"refresh_token": token}),
        }[place]()
        assert answer.status_code in (401, 403), answer.text
        problem(answer, answer.status_code)


def test_a_role_in_a_token_is_not_believed(server: Server, http: httpx.Client) -> None:
    token = server.login("user@example.com")
    promoted = signed(claims(token) | {"role": "admin"})
    problem(http.get("/api/dialogs", params={"token": promoted}), 403, "forbidden")


def test_a_session_of_another_account_is_not_believed(server: Server, http: httpx.Client) -> None:
    token = server.login("user@example.com")
    stolen = signed(claims(token) | {"sub": "1"})
    problem(http.get("/api/v1/auth/me", params={"token": stolen}), 401, "credential_invalid")


def test_a_site_token_of_a_visitor_who_never_was_opens_nothing(http: httpx.Client, anna: Visitor) -> None:
    invented = signed(claims(anna.query["site_token"]) | {"sub": "999999"})
    problem(http.get(anna.url(), params={"site_token": invented}), 404, "dialog_not_found")


def test_a_stream_ends_when_its_token_does(server: Server, session: dict[str, str], anna: Visitor) -> None:
    soon = int(time.time()) + 2
    token = signed(claims(session["access"]) | {"exp": soon})
    path = f"/ws/dialogs/{anna.dialog_id}?token={token}"
    with EventStream(server, "/api/inbox/events", {"token": token}) as stream, socket_of(server, path) as connection:
        assert frame(connection)["type"] == "connected"
        assert stream.rest() == []
        assert closed_with(connection) == 4401


def test_the_key_before_the_newest_is_still_good(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("server") / "data"
    with Server(data, env={"JWT_SECRET": SECRET}) as before:
        token = before.login()
    with Server(data, env={"JWT_SECRET": f"{FOREIGN},{SECRET}"}) as after, after.client() as http:
        assert http.get("/api/v1/auth/me", params={"token": token}).status_code == 200
        assert jwt.get_unverified_header(after.login())["kid"] == key_of(FOREIGN).kid
    with Server(data, env={"JWT_SECRET": FOREIGN}) as last, last.client() as http:
        problem(http.get("/api/v1/auth/me", params={"token": token}), 401, "credential_invalid")


def test_no_token_is_ever_in_the_log(
    server: Server, http: httpx.Client, session: dict[str, str], widget_token: str, anna: Visitor
) -> None:
    """At the finest level, after good and bad calls with a credential at every place that it can stand."""
    forged = Tokens([key_of(FOREIGN)]).issue_access(1, "admin", "s", time.time(), 60)
    held = [session["access"], session["refresh"], widget_token, anna.query["site_token"], forged]
    for token in held:
        query = {"token": token, "site_token": token, "guest_id": anna.guest_id, "assistant_id": "3"}
        for path in (
            "/api/dialogs",
            "/nothing",
            "/widget.js",
            "/admin",
            "/demo-site/",
            "/api/widgets/check",
            anna.url(),
            "/health",
        ):
            http.get(path, params=query, headers={"Referer": f"https://shoes.example/?token={token}"})
        http.post(f"{anna.url()}", params=query, content=b"{", headers={"Content-Type": "application/json"})
        http.get("/api/dialogs", headers={"Authorization": f"Bearer {token}", "Cookie": f"replyx_session={token}"})
        http.post("/api/v1/auth/refresh", json={"refresh_token": token, "x": token})
        http.get(f"/ws/site/dialogs/{anna.dialog_id}", params=query)
        http.request("PUT", "/api/dialogs", params=query, content=b"x" * 300_000)
        with EventStream(server, f"/api/dialogs/{anna.dialog_id}/events", query):
            pass
        with socket_of(server, f"{anna.ws()}&token={token}") as connection:
            frame(connection)
            connection.send(json.dumps({"type": "message", "text": token, "client_id": token[:64]}))
            connection.send(token)
            frame(connection)
    answer = http.get("/api/v1/auth/me", params={"token": session["access"]})
    seen = answer.headers["x-request-id"]
    eventually(lambda: seen in server.log, "the line of the last request")
    for secret in (*held, anna.guest_id, PASSWORD, SECRET):
        assert not [line for line in server.lines if secret in line and "Logins" not in line]
    assert not [line for line in server.lines if "eyJ" in line]
    assert as_json(answer)["email"] == "manager@example.com"
