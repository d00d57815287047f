"""Mobile, shop and admin sockets: who gets in, what comes, in which form, and when it ends."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import httpx
import jwt
import msgspec
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection

from replyx.delivery.store import Transaction
from replyx.schemas.events import CLIENT_TYPES, account_topic, clients_topic, everyone, room_topic
from tests.scenario import Json, as_json, closed_with, eventually, frame, problem, settle, socket_of
from tests.server import PASSWORD, Server
from tests.stored import change

SECRET = "a signing secret of the tests of mobile clients that is long enough"
CONFIGURED = "capacitor://localhost"
FOREIGN = "https://evil.example"


class Told(msgspec.Struct, tag_field="type", tag="product.approved"):
    """An event for clients, as services log it."""

    timestamp: str
    data: dict[str, object]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose signing key the tests know, and which the web view of an app may call."""
    data = tmp_path_factory.mktemp("server") / "data"
    env = {"JWT_SECRET": SECRET, "CORS_ORIGINS": CONFIGURED, "RATE_LIMITS": "off"}
    with Server(data, env=env) as running:
        yield running


@pytest.fixture(scope="module")
def tokens(server: Server, maria: httpx.Client) -> dict[str, str]:
    """A token of each role."""
    bot = {"email": "bot@example.com", "password": PASSWORD, "role": "bot"}
    assert maria.post("/api/v1/accounts", json=bot).status_code == 201
    return {role: server.login(f"{role}@example.com") for role in ("user", "shop", "admin", "manager", "bot")}


@pytest.fixture
def tell(server: Server) -> Callable[..., None]:
    """Logs an event from a process of its own, as a command in the terminal does."""

    def log(topics: Sequence[str], *names: str) -> None:
        def unit(tx: Transaction) -> None:
            for name in names:
                tx.append(tuple(topics), Told("2026-03-09T10:30:00.000Z", {"product_name": name}))

        change(server, unit)

    return log


def client(server: Server, client_type: str, token: str, **query: str) -> ClientConnection:
    """A client's socket."""
    return socket_of(server, f"/ws/{client_type}?{httpx.QueryParams({'token': token, **query})}")


def opened(connection: ClientConnection) -> Json:
    """The first frame, which must be the greeting."""
    greeting = frame(connection)
    assert greeting["event"] == "connected", greeting
    return greeting


def names_heard(connection: ClientConnection, last: str) -> list[str]:
    """The products of all events up to the one of ``last``; everything else fails."""
    heard: list[str] = []
    while not heard or heard[-1] != last:
        event = frame(connection)
        assert event["event"] == "product.approved", event
        heard.append(event["data"]["product_name"])
    return heard


def token_for(token: str, seconds: float) -> str:
    """The same session's token with another life."""
    claims = jwt.decode(token, options={"verify_signature": False})
    now = time.time()
    header = {"kid": jwt.get_unverified_header(token)["kid"]}
    return jwt.encode(claims | {"iat": int(now) - 60, "exp": int(now + seconds)}, SECRET, "HS256", headers=header)


class TestAdmission:
    @pytest.mark.parametrize("client_type", CLIENT_TYPES)
    @pytest.mark.parametrize("role", ["user", "shop", "admin", "manager", "bot"])
    def test_the_role_must_fit_the_client_type(
        self, server: Server, tokens: dict[str, str], client_type: str, role: str
    ) -> None:
        with client(server, client_type, tokens[role]) as connection:
            if role == client_type:
                assert opened(connection)["data"]["client_type"] == client_type
            else:
                refusal = frame(connection)
                assert (refusal["event"], refusal["data"]["code"]) == ("error", "forbidden")
                assert role in refusal["data"]["detail"]
                assert closed_with(connection) == 4403

    @pytest.mark.parametrize("client_type", CLIENT_TYPES)
    def test_a_bad_token_closes_with_4401(self, server: Server, tokens: dict[str, str], client_type: str) -> None:
        good = tokens[client_type]
        forged = jwt.encode({"sub": "1", "exp": 9_999_999_999}, "x" * 40, "HS256")
        bad = {"": "credential_missing", "x": "credential_invalid", good[:-4] + "AAAA": "credential_invalid"}
        bad |= {forged: "credential_invalid", token_for(good, -30): "credential_expired"}
        for token, code in bad.items():
            with client(server, client_type, token) as connection:
                refusal = frame(connection)
                assert refusal.keys() == {"event", "timestamp", "data"}
                assert (refusal["event"], refusal["data"]["code"]) == ("error", code)
                assert closed_with(connection) == 4401

    def test_the_token_may_come_in_a_header(self, server: Server, tokens: dict[str, str]) -> None:
        headers = {"Authorization": f"Bearer {tokens['user']}"}
        with socket_of(server, "/ws/user", additional_headers=headers) as connection:
            opened(connection)

    def test_a_client_type_that_does_not_exist_is_not_found(
        self, server: Server, http: httpx.Client, tokens: dict[str, str]
    ) -> None:
        for path in ("/ws/manager", "/ws/users", "/ws/User", "/ws/user/"):
            problem(http.get(path), 404, "not_found")
            with pytest.raises(InvalidStatus) as refused:
                socket_of(server, f"{path}?token={tokens['user']}")
            assert refused.value.response.status_code == 404

    def test_a_plain_request_is_told_to_upgrade(self, http: httpx.Client, tokens: dict[str, str]) -> None:
        problem(http.get("/ws/user", params={"token": tokens["user"]}), 426, "upgrade_required")

    def test_a_page_of_another_origin_is_refused_and_an_app_without_one_is_not(
        self, server: Server, tokens: dict[str, str]
    ) -> None:
        path = f"/ws/user?token={tokens['user']}"
        for origin in (None, CONFIGURED, server.url):
            with socket_of(server, path, origin=origin) as connection:
                opened(connection)
        for origin in (FOREIGN, "null", "file://"):
            for refused_path in (path, "/ws/user"):
                with pytest.raises(InvalidStatus) as refused:
                    socket_of(server, refused_path, origin=origin)
                assert refused.value.response.status_code == 403


class TestFrames:
    def test_the_greeting_says_who_and_where(self, server: Server, tokens: dict[str, str]) -> None:
        with client(server, "shop", tokens["shop"]) as connection:
            greeting = opened(connection)
            assert greeting.keys() == {"event", "timestamp", "data", "cursor"}
            assert greeting["data"]["client_type"] == "shop"
            assert isinstance(greeting["data"]["account_id"], int)
            assert greeting["data"]["heartbeat_s"] <= 30
            assert datetime.fromisoformat(greeting["timestamp"]).utcoffset() is not None
            assert greeting["timestamp"].endswith("Z")

    def test_a_ping_is_answered_with_its_own_time(self, server: Server, tokens: dict[str, str]) -> None:
        with client(server, "user", tokens["user"]) as connection:
            opened(connection)
            for sent in ("2026-03-09T10:30:00.000Z", 1_772_000_000_000, 1.5, None):
                connection.send(json.dumps({"type": "ping", "timestamp": sent}))
                pong = frame(connection)
                assert pong.keys() == {"event", "timestamp", "data"}
                assert (pong["event"], pong["data"]) == ("pong", {"timestamp": sent})
            connection.send('{"type":"ping"}')
            assert frame(connection)["event"] == "pong"
            assert connection.ping().wait(10), "and so is a ping of the protocol"

    @pytest.mark.parametrize(
        ("sent", "code"),
        [
            ("{", "malformed"),
            (b"\x00", "malformed"),
            ("[]", "invalid"),
            ('{"type":"fly"}', "invalid"),
            ('{"type":"ping","timestamp":[]}', "invalid"),
            ('{"type":"subscribe"}', "invalid"),
            ('{"type":"subscribe","rooms":[]}', "invalid"),
            ('{"type":"subscribe","rooms":"shop:1"}', "invalid"),
            ('{"type":"subscribe","rooms":["shop"]}', "invalid"),
            ('{"type":"subscribe","rooms":["shop:1 2"]}', "invalid"),
            ('{"type":"subscribe","rooms":["shop:1\\n"]}', "invalid"),
            ('{"type":"subscribe","rooms":["Shop:1"]}', "invalid"),
            (json.dumps({"type": "subscribe", "rooms": ["shop:" + "1" * 65]}), "invalid"),
            (json.dumps({"type": "subscribe", "rooms": [f"shop:{n}" for n in range(101)]}), "invalid"),
        ],
    )
    def test_an_unreadable_frame_is_answered_and_the_socket_stays(
        self, server: Server, tokens: dict[str, str], sent: str | bytes, code: str
    ) -> None:
        with client(server, "user", tokens["user"]) as connection:
            opened(connection)
            connection.send(sent)
            error = frame(connection)
            assert (error["event"], error["data"]["code"]) == ("error", code)
            assert error["data"]["detail"]
            connection.send('{"type":"ping"}')
            assert frame(connection)["event"] == "pong"

    def test_repeated_abuse_closes_the_socket(self, server: Server, tokens: dict[str, str]) -> None:
        with client(server, "user", tokens["user"]) as connection:
            opened(connection)
            for _ in range(20):
                connection.send("{")
            assert closed_with(connection) == 4400


class TestEvents:
    def test_an_event_comes_in_the_envelope_with_its_place(
        self, server: Server, tokens: dict[str, str], tell: Callable[..., None]
    ) -> None:
        with client(server, "user", tokens["user"]) as connection:
            before = opened(connection)["cursor"]
            tell([clients_topic("user")], "Красное платье")
            event = frame(connection)
        assert event.keys() == {"event", "timestamp", "data", "id", "cursor"}
        assert (event["event"], event["data"]) == ("product.approved", {"product_name": "Красное платье"})
        assert event["cursor"] == f"{before.partition('-')[0]}-{event['id']}"
        assert event["id"] > int(before.partition("-")[2])

    def test_each_target_is_reached_and_nobody_else(
        self, server: Server, tokens: dict[str, str], tell: Callable[..., None]
    ) -> None:
        """One account on all its devices, one client type, one room, everyone; an event with two targets comes once."""
        settle(server)
        with (
            client(server, "user", tokens["user"]) as phone,
            client(server, "user", tokens["user"]) as tablet,
            client(server, "shop", tokens["shop"]) as shop,
            client(server, "admin", tokens["admin"]) as admin,
        ):
            account_id = opened(phone)["data"]["account_id"]
            for connection in (tablet, shop, admin):
                opened(connection)
            shop.send('{"type":"subscribe","rooms":["stock:7"]}')
            assert frame(shop)["data"] == {"rooms": ["stock:7"]}
            tell([account_topic(account_id)], "account")
            tell([clients_topic("admin")], "admins")
            tell([room_topic("stock:7")], "room")
            tell([account_topic(account_id), *everyone(), room_topic("stock:7")], "all")
            assert names_heard(phone, "all") == ["account", "all"]
            assert names_heard(tablet, "all") == ["account", "all"]
            assert names_heard(shop, "all") == ["room", "all"]
            assert names_heard(admin, "all") == ["admins", "all"]

    def test_a_phone_that_slept_gets_what_it_missed_once_and_in_order(
        self, server: Server, tokens: dict[str, str], tell: Callable[..., None]
    ) -> None:
        missed = [f"missed {number}" for number in range(30)]
        with client(server, "user", tokens["user"], rooms="stock:9") as connection:
            cursor = opened(connection)["cursor"]
        tell([clients_topic("user")], *missed[:10])
        tell([clients_topic("shop"), room_topic("stock:8")], "not for users")
        tell([room_topic("stock:9")], *missed[10:])
        server.restart_after_kill()
        with client(server, "user", tokens["user"], rooms="stock:9", cursor=cursor) as connection:
            greeting = opened(connection)
            assert (greeting["cursor"], greeting["data"]["rooms"]) == (cursor, ["stock:9"])
            assert names_heard(connection, missed[-1]) == missed
            tell([clients_topic("user")], "now")
            assert names_heard(connection, "now") == ["now"]

    def test_a_place_that_is_gone_is_told_to_reload(
        self, server: Server, tokens: dict[str, str], tell: Callable[..., None]
    ) -> None:
        for cursor, reason in (("0123-1", "epoch"), ("999999999", "ahead")):
            settle(server)
            with client(server, "user", tokens["user"], cursor=cursor) as connection:
                opened(connection)
                resync = frame(connection)
                assert (resync["event"], resync["data"]) == ("resync", {"reason": reason})
                assert (resync["type"], resync["reason"]) == ("resync", reason)
                assert resync.keys() == {"event", "timestamp", "data", "type", "reason", "cursor"}
                tell([clients_topic("user")], reason)
                assert names_heard(connection, reason) == [reason]

    def test_a_malformed_cursor_or_room_is_refused(self, server: Server, tokens: dict[str, str]) -> None:
        for query, code in ({"cursor": "x"}, "cursor_malformed"), ({"rooms": "shop"}, "invalid"):
            with client(server, "user", tokens["user"], **query) as connection:
                assert frame(connection)["data"]["code"] == code
                assert closed_with(connection) == 4400


class TestEnd:
    def test_a_token_that_expires_closes_its_socket_alone(self, server: Server, tokens: dict[str, str]) -> None:
        with (
            client(server, "user", tokens["user"]) as staying,
            client(server, "user", token_for(tokens["user"], 2)) as connection,
        ):
            opened(staying)
            opened(connection)
            assert closed_with(connection) == 4401
            staying.send('{"type":"ping"}')
            assert frame(staying)["event"] == "pong"

    def test_a_disabled_account_loses_all_its_sockets(self, server: Server, maria: httpx.Client) -> None:
        email = f"{uuid.uuid4().hex}@example.com"
        made = maria.post("/api/v1/accounts", json={"email": email, "password": PASSWORD, "role": "shop"})
        account_id = as_json(made)["id"]
        with contextlib.ExitStack() as stack:
            tokens = [server.login(email, PASSWORD) for _ in range(3)]
            devices = [stack.enter_context(client(server, "shop", token)) for token in tokens]
            for device in devices:
                opened(device)
            assert maria.patch(f"/api/v1/accounts/{account_id}", json={"active": False}).status_code == 200
            assert [closed_with(device) for device in devices] == [4401] * 3

    def test_the_server_says_when_it_restarts(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        with (
            Server(tmp_path_factory.mktemp("server") / "data") as server,
            client(server, "user", server.login("user@example.com")) as connection,
        ):
            opened(connection)
            server.stop()
            assert closed_with(connection) == 1012


class TestStatistics:
    def test_sockets_are_counted_by_kind_and_rooms_by_name(
        self, server: Server, http: httpx.Client, tokens: dict[str, str]
    ) -> None:
        def stats() -> Json:
            return as_json(http.get("/ws/stats"))

        def counted() -> dict[str, int]:
            return {kind: count for kind, count in stats()["by_type"].items() if count}

        eventually(lambda: stats()["total"] == stats()["rooms"] == 0, "the sockets of other tests close")
        assert stats() == {"total": 0, "by_type": dict.fromkeys(stats()["by_type"], 0), "rooms": 0}
        queries = [("user", "rooms=shop:1")] * 3 + [("shop", ""), ("admin", "")]
        paths = [f"/ws/{role}?token={tokens[role]}&{query}" for role, query in queries]
        with contextlib.ExitStack() as stack:
            for path in [*paths, "/ws", "/ws/webapp?rooms=shop:1,order:9"]:
                frame(stack.enter_context(socket_of(server, path)))
            eventually(lambda: (stats()["total"], stats()["rooms"]) == (7, 2), "the sockets and rooms are counted")
            assert counted() == {"user": 3, "shop": 1, "admin": 1, "webapp": 2}
        eventually(lambda: stats()["total"] == 0 and stats()["rooms"] == 0, "closed sockets are forgotten")
