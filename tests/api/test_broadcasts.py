"""What bots broadcast, and who hears it: over ``/ws`` as it was sent, once, in order."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection

from tests.scenario import bad_field, closed_with, eventually, frame, problem, settle, socket_of, tell, too_many
from tests.server import Server

SECRET = "the secret of the tests of broadcasts, long enough"
BROADCAST = "/api/internal/broadcast"
KNOWN: dict[str, dict[str, object]] = {
    "product_added": {"shopId": 123, "productId": 456},
    "product_updated": {"shopId": 123, "productId": 456},
    "product_deleted": {"shopId": 123, "productId": 456},
    "order_status": {"orderId": 9, "status": "confirmed"},
    "new_subscriber": {"shopId": 123},
    "shop_updated": {"shopId": 123},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a secret for bots, and one type of broadcasts that only its room hears."""
    env = {"INTERNAL_SECRET": SECRET, "BROADCAST_PRIVATE_TYPES": "payment,receipt", "RATE_LIMITS": "off"}
    with Server(tmp_path_factory.mktemp("server") / "data", env=env) as running:
        yield running


@pytest.fixture(scope="module")
def bot(server: Server) -> Iterator[httpx.Client]:
    """A bot that has the secret."""
    with server.client(headers={"x-internal-secret": SECRET}) as client:
        yield client


@contextlib.contextmanager
def webapp(server: Server, path: str = "/ws") -> Iterator[ClientConnection]:
    """An open web app that was greeted."""
    with socket_of(server, path) as connection:
        assert frame(connection)["type"] == "connected"
        yield connection


def subscribe(connection: ClientConnection, *rooms: str, leave: bool = False) -> list[str]:
    """Name rooms or leave them; those in which the socket then is."""
    connection.send(json.dumps({"type": "unsubscribe" if leave else "subscribe", "rooms": rooms}))
    answer = frame(connection)
    assert answer["type"] == "subscribed", answer
    found: list[str] = answer["rooms"]
    return found


def heard(connection: ClientConnection, last: str) -> list[str]:
    """The types of all events up to the one that is called ``last``."""
    found: list[str] = []
    while not found or found[-1] != last:
        found.append(frame(connection)["type"])
    return found


@pytest.fixture
def end(bot: httpx.Client) -> Callable[..., str]:
    """Broadcasts a type that stands nowhere else, by which a socket knows that it has heard everything before."""

    def mark(**ids: object) -> str:
        name = f"end_{uuid.uuid4().hex}"
        tell(bot, name, **ids)
        return name

    return mark


class TestEndpoint:
    @pytest.mark.parametrize("kind", KNOWN)
    def test_a_known_type_goes_out_as_it_was_sent(self, server: Server, bot: httpx.Client, kind: str) -> None:
        with webapp(server) as connection:
            tell(bot, kind, **KNOWN[kind])
            event = frame(connection)
        assert event.pop("cursor")
        assert event == {"type": kind, **KNOWN[kind]}

    @pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, data in KNOWN.items() for field in data])
    def test_a_known_type_without_its_data_is_refused_by_name(self, bot: httpx.Client, kind: str, field: str) -> None:
        for value in ({}, {field: None}, {field: True}, {field: {}}, {field: ""}, {field: "  "}):
            data = {name: value for name, value in KNOWN[kind].items() if name != field}
            bad_field(bot.post(BROADCAST, json={"type": kind, **data, **value}), field)

    @pytest.mark.parametrize("name", ["shopId", "productId"])
    def test_ids_may_be_numbers_or_texts(self, server: Server, bot: httpx.Client, name: str) -> None:
        for value in (1, "1", "65f0c0ffee", "uuid-1-2", "№17/2", 2**53):
            with webapp(server, f"/ws?{httpx.QueryParams({'rooms': f'{name[:-2]}:{value}'})}") as connection:
                tell(bot, "product_added", **{**KNOWN["product_added"], name: value})
                assert frame(connection)[name] == value
        for value in (1.5, "a b", "a,b", "x" * 65, [1]):
            bad_field(bot.post(BROADCAST, json={"type": "product_added", **KNOWN["product_added"], name: value}), name)

    def test_an_unknown_type_is_passed_on_whatever_it_holds(self, server: Server, bot: httpx.Client) -> None:
        body = (
            '{"z":1.10,"a":[1e3,{"b":null}],"type":"price.drop:2","текст":"\\u2028 да","big":12345678901234567,"é":""}'
        )
        with webapp(server) as connection:
            pretty = json.dumps(json.loads(body)).encode()
            assert bot.post(BROADCAST, content=pretty, headers=JSON).status_code == 200
            assert bot.post(BROADCAST, content=body.encode(), headers=JSON).status_code == 200
            frame(connection)
            received = str(connection.recv(15))
        assert received.startswith(body[:-1] + ',"cursor":"'), "numbers, escapes and the order of members as sent"

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            (b"", 422, "invalid"),
            (b"{", 400, "malformed"),
            (b"x", 400, "malformed"),
            (b'{"type":"a","x":"\xff"}', 400, "malformed"),
            (b'{"type":"a","x":' + b"[" * 50_000 + b"]" * 10, 400, "malformed"),
            (b"[]", 422, "invalid"),
            (b'"product_added"', 422, "invalid"),
            (b'{"shopId":1}', 422, "invalid"),
            (b'{"type":7}', 422, "invalid"),
            (b'{"type":null}', 422, "invalid"),
            (b'{"type":""}', 422, "invalid"),
            (b'{"type":"a b"}', 422, "invalid"),
            (b'{"type":"a\\n"}', 422, "invalid"),
            (b'{"type":"' + b"a" * 65 + b'"}', 422, "invalid"),
            (b'{"type":"a","cursor":"1-1"}', 422, "invalid"),
            (b'{"type":"a","x":"' + b"y" * 65_536 + b'"}', 413, "body_too_large"),
            *[(json.dumps({"type": kind}).encode(), 422, "invalid") for kind in
              ("connected", "pong", "error", "resync", "subscribed", "subscribe", "unsubscribe", "ping")],
        ],
    )  # fmt: skip
    def test_what_is_malformed_is_refused_and_nobody_hears_of_it(
        self, server: Server, bot: httpx.Client, end: Callable[..., str], body: bytes, status: int, code: str
    ) -> None:
        with webapp(server) as connection:
            problem(bot.post(BROADCAST, content=body, headers=JSON), status, code)
            last = end()
            assert heard(connection, last) == [last]

    def test_a_member_that_stands_twice_is_one_for_the_server_and_for_clients(
        self, server: Server, bot: httpx.Client
    ) -> None:
        with webapp(server) as connection:
            body = b'{"type":"connected","type":"fine","cursorr":1,"a":1,"a":2}'
            assert bot.post(BROADCAST, content=body, headers=JSON).status_code == 200
            assert str(connection.recv(15)).startswith('{"type":"fine","cursorr":1,"a":2,"cursor":"')

    def test_without_the_secret_nothing_is_read_or_sent(
        self, server: Server, http: httpx.Client, end: Callable[..., str]
    ) -> None:
        with webapp(server) as connection:
            problem(http.post(BROADCAST, json={"type": "a"}), 401, "credential_missing")
            problem(http.post(BROADCAST, content=b"{"), 401, "credential_missing")
            for wrong in ("", "x", SECRET[:-1], SECRET + "x", SECRET.upper(), "é" * 40):
                headers = {"x-internal-secret": wrong.encode()}
                problem(http.post(BROADCAST, json={"type": "a"}, headers=headers), 401)
            problem(http.post(BROADCAST, json={"type": "a"}, params={"token": server.login()}), 401)
            last = end()
            assert heard(connection, last) == [last]

    @pytest.mark.parametrize("secret", ["", "x" * 31])
    def test_without_a_proper_secret_the_endpoint_is_off_and_says_so(
        self, tmp_path_factory: pytest.TempPathFactory, secret: str
    ) -> None:
        data = tmp_path_factory.mktemp("server") / "data"
        with Server(data, demo=False, env={"INTERNAL_SECRET": secret}) as server, server.client() as http:
            for given in ({}, {"x-internal-secret": secret}):
                document = problem(http.post(BROADCAST, json={"type": "a"}, headers=given), 503, "broadcasts_off")
                assert "INTERNAL_SECRET" in document["detail"]
                assert not secret or secret not in document["detail"]

    def test_each_broadcast_is_one_line_of_the_log(self, server: Server, bot: httpx.Client) -> None:
        tell(bot, "first_of_the_log")
        for kind, data in KNOWN.items():
            tell(bot, kind, **data)
        bot.post(BROADCAST, json={"type": "product_added"})
        tell(bot, "last_of_the_log")
        eventually(lambda: "last_of_the_log" in server.log, "the line of the last broadcast")
        told = [line.partition(" Broadcast ")[2].split()[0] for line in server.lines if " Broadcast " in line]
        assert told[told.index("first_of_the_log") :] == ["first_of_the_log", *KNOWN, "last_of_the_log"]
        assert [line for line in server.lines if SECRET in line and "INTERNAL_SECRET=" not in line] == []

    def test_a_bot_that_floods_is_told_to_wait(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        data = tmp_path_factory.mktemp("server") / "data"
        secret = {"x-internal-secret": SECRET}
        with Server(data, env={"INTERNAL_SECRET": SECRET}) as server, server.client(headers=secret) as bot:
            # one with its data missing counts as well, and leaves nothing in the log
            too_many(bot.build_request("POST", BROADCAST, json={"type": "new_subscriber"}))


JSON = {"Content-Type": "application/json"}


class TestRetries:
    def test_a_retry_with_its_key_is_answered_alike_and_published_once(
        self, server: Server, bot: httpx.Client, end: Callable[..., str]
    ) -> None:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        body = {"type": "new_subscriber", "shopId": 1}
        with webapp(server) as connection:
            answers = [bot.post(BROADCAST, json=body, headers=key) for _ in range(3)]
            spaced = bot.post(BROADCAST, content=json.dumps(body, indent=4).encode(), headers={**key, **JSON})
            assert [(each.status_code, each.json()) for each in [*answers, spaced]] == [(200, answers[0].json())] * 4
            tell(bot, "new_subscriber", shopId=1)
            last = end()
            assert heard(connection, last) == ["new_subscriber", "new_subscriber", last], "one for the key, one without"

    def test_a_key_outlives_kill_9(self, server: Server, bot: httpx.Client, end: Callable[..., str]) -> None:
        key = {"Idempotency-Key": "order-9/confirmed"}
        body = {"type": "order_status", "orderId": 9, "status": "confirmed"}
        with webapp(server) as connection:
            assert bot.post(BROADCAST, json=body, headers=key).status_code == 200
            cursor = frame(connection)["cursor"]
        server.restart_after_kill()
        with webapp(server, f"/ws?cursor={cursor}") as connection:
            assert bot.post(BROADCAST, json=body, headers=key).status_code == 200
            last = end()
            assert heard(connection, last) == [last]

    def test_a_key_with_another_body_is_refused(self, bot: httpx.Client) -> None:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        assert bot.post(BROADCAST, json={"type": "a", "x": 1}, headers=key).status_code == 200
        problem(bot.post(BROADCAST, json={"type": "a", "x": 2}, headers=key), 422, "idempotency_key_reused")
        assert bot.post(BROADCAST, json={"type": "a", "x": 1}, headers=key).status_code == 200

    def test_a_refused_body_does_not_use_its_key_up(self, bot: httpx.Client) -> None:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        problem(bot.post(BROADCAST, json={"type": "product_added"}, headers=key), 422, "invalid")
        body = {"type": "product_added", **KNOWN["product_added"]}
        assert bot.post(BROADCAST, json=body, headers=key).status_code == 200

    @pytest.mark.parametrize("key", ["", "a b", "x" * 256])
    def test_a_key_that_is_none_is_refused(self, bot: httpx.Client, key: str) -> None:
        bad_field(bot.post(BROADCAST, json={"type": "a"}, headers={"Idempotency-Key": key}), "Idempotency-Key")


class TestRooms:
    def test_a_socket_without_rooms_hears_everything_and_one_with_rooms_what_is_theirs(
        self, server: Server, bot: httpx.Client, end: Callable[..., str]
    ) -> None:
        with webapp(server) as all_of_it, webapp(server, "/ws/webapp") as some:
            assert subscribe(some, "shop:123", "order:9") == ["shop:123", "order:9"]
            sent: list[tuple[str, dict[str, Any]]] = [
                ("shop_updated", {"shopId": 123}),
                ("shop_updated", {"shopId": 124}),
                ("product_added", {"shopId": "123", "productId": 5}),
                ("product_added", {"shopId": 9, "productId": 9}),
                ("order_status", {"orderId": 9, "status": "sent"}),
                ("order_status", {"orderId": 99, "status": "sent"}),
                ("sale", {}),
            ]
            for kind, data in sent:
                tell(bot, kind, **data)
            last = end(shopId=123, orderId=9)
            assert heard(all_of_it, last) == [*(kind for kind, _ in sent), last]
            assert heard(some, last) == ["shop_updated", "product_added", "order_status", last], "one each, in order"

    def test_rooms_are_named_and_left_on_an_open_socket(
        self, server: Server, bot: httpx.Client, end: Callable[..., str]
    ) -> None:
        with webapp(server) as connection:
            assert subscribe(connection, "shop:1", "product:2", "shop:1") == ["shop:1", "product:2"]
            tell(bot, "product_updated", shopId=3, productId=2)
            assert heard(connection, "product_updated") == ["product_updated"]
            assert subscribe(connection, "shop:1", leave=True) == ["product:2"]
            tell(bot, "shop_updated", shopId=1)
            last = end(productId=2)
            assert heard(connection, last) == [last]

    def test_leaving_the_last_room_is_naming_none(
        self, server: Server, bot: httpx.Client, end: Callable[..., str]
    ) -> None:
        with webapp(server) as connection:
            subscribe(connection, "shop:1")
            assert subscribe(connection, "shop:1", "shop:2", leave=True) == []
            tell(bot, "sale")
            last = end()
            assert heard(connection, last) == ["sale", last]

    def test_changing_rooms_amid_events_loses_and_doubles_none(self, server: Server, bot: httpx.Client) -> None:
        """Each event is in a room that the socket always keeps, whatever else it names and leaves meanwhile."""
        with webapp(server, "/ws?rooms=shop:77") as connection:
            for number in range(150):
                tell(bot, "product_added", shopId=77, productId=number)
                kind = "subscribe" if number % 2 else "unsubscribe"
                connection.send(json.dumps({"type": kind, "rooms": [f"product:{number + 1}"]}))
            numbers: list[int] = []
            while 149 not in numbers:
                event = frame(connection)
                assert event["type"] in ("product_added", "subscribed")
                if event["type"] == "product_added":
                    numbers.append(event["productId"])
        assert numbers == list(range(150))

    def test_a_reconnect_with_rooms_and_cursor_brings_what_the_rooms_missed(
        self, server: Server, bot: httpx.Client, end: Callable[..., str]
    ) -> None:
        with webapp(server, "/ws?rooms=order:501") as connection:
            tell(bot, "order_status", orderId=501, status="paid")
            cursor = frame(connection)["cursor"]
        for status in ("packed", "sent"):
            tell(bot, "order_status", orderId=501, status=status)
            tell(bot, "order_status", orderId=502, status=status)
        server.restart_after_kill()
        with socket_of(server, f"/ws/webapp?rooms=order:501&cursor={cursor}") as connection:
            assert {**frame(connection), "heartbeat_s": 0} == {
                "type": "connected",
                "cursor": cursor,
                "heartbeat_s": 0,
                "rooms": ["order:501"],
            }
            assert [frame(connection)["status"] for _ in range(2)] == ["packed", "sent"]
            last = end(orderId=501)
            assert heard(connection, last) == [last]

    def test_a_socket_takes_so_many_rooms_and_no_more(self, server: Server) -> None:
        with webapp(server) as connection:
            subscribe(connection, *(f"shop:{number}" for number in range(99)))
            connection.send(json.dumps({"type": "subscribe", "rooms": ["order:1", "order:2"]}))
            error = frame(connection)
            assert (error["type"], error["code"]) == ("error", "invalid")
            assert len(subscribe(connection, "order:1")) == 100, "what was refused changed nothing"
        with socket_of(server, "/ws?rooms=" + ",".join(f"shop:{number}" for number in range(101))) as connection:
            assert frame(connection)["code"] == "invalid"
            assert closed_with(connection) == 4400

    def test_private_types_reach_only_sockets_that_named_their_room(
        self, server: Server, bot: httpx.Client, end: Callable[..., str]
    ) -> None:
        token = server.login("user@example.com")
        with (
            socket_of(server, f"/ws/user?token={token}&rooms=order:9") as phone,
            webapp(server) as everything,
            webapp(server, "/ws?rooms=order:9") as named,
        ):
            frame(phone)
            tell(bot, "payment", orderId=9)
            tell(bot, "receipt")
            last = end(orderId=9)
            assert heard(everything, last) == [last]
            assert heard(named, last) == ["payment", last]
            payment = frame(phone)
            assert payment.keys() == {"event", "timestamp", "data", "id", "cursor"}
            assert (payment["event"], payment["data"]) == ("payment", {"type": "payment", "orderId": 9})


class TestSockets:
    @pytest.mark.parametrize("path", ["/ws", "/ws/webapp"])
    def test_no_token_is_needed_and_a_foreign_page_is_refused(self, server: Server, path: str) -> None:
        for origin in (None, server.url, server.url.replace("127.0.0.1", "localhost")):
            with socket_of(server, path, origin=origin) as connection:
                assert frame(connection)["type"] == "connected"
        for origin in ("https://evil.example", "null", "file://"):
            with pytest.raises(InvalidStatus) as refused:
                socket_of(server, path, origin=origin)
            assert refused.value.response.status_code == 403

    def test_pings_of_both_kinds_are_answered(self, server: Server) -> None:
        with webapp(server) as connection:
            connection.send('{"type":"ping","timestamp":7}')
            assert frame(connection) == {"type": "pong", "timestamp": 7}
            assert connection.ping().wait(10)

    def test_an_unreadable_frame_is_answered_and_the_socket_stays(self, server: Server) -> None:
        with webapp(server) as connection:
            for sent, code in (("{", "malformed"), ('{"type":"subscribe","rooms":["x"]}', "invalid")):
                connection.send(sent)
                error = frame(connection)
                assert (error["type"], error["code"]) == ("error", code)
            subscribe(connection, "shop:1")

    def test_a_place_that_is_gone_is_told_to_reload(self, server: Server, end: Callable[..., str]) -> None:
        settle(server)
        with socket_of(server, "/ws?cursor=0123-1") as connection:
            assert frame(connection)["type"] == "connected"
            resync = frame(connection)
            assert (resync["type"], resync["reason"]) == ("resync", "epoch")
            last = end()
            assert heard(connection, last) == [last]

    def test_a_plain_request_is_told_to_upgrade(self, http: httpx.Client) -> None:
        problem(http.get("/ws"), 426, "upgrade_required")


def test_a_demo_prints_the_secret_that_its_bots_use(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        (secret,) = {line.partition("=")[2] for line in server.lines if "INTERNAL_SECRET=" in line}
        with server.client(headers={"x-internal-secret": secret.strip()}) as bot, webapp(server) as connection:
            tell(bot, "sale")
            assert frame(connection)["type"] == "sale"
