"""Who hears of products and decisions: accounts, web apps and the panel."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import httpx
import pytest
from websockets.sync.client import ClientConnection

from tests.api.products.catalogue import (
    PRODUCTS,
    QUEUE,
    SETTINGS,
    SHOP_ID,
    decided,
    do,
    ids,
    logged,
    new,
    page,
    told,
)
from tests.scenario import EventStream, Json, as_json, frame, operator, problem, socket_of, token_of
from tests.server import PASSWORD, Server


class TestWhoHears:
    """Everything that happens, at the sockets of everybody whom it may concern."""

    EVERYTHING = ("product.submitted", "product.approved", "product.rejected", "settings.updated")

    @staticmethod
    def told(connection: ClientConnection) -> list[tuple[str, Json]]:
        """What a socket hears up to the settings that end each story."""
        heard: list[tuple[str, Json]] = []
        while not heard or heard[-1][0] != "settings.updated":
            said = frame(connection)
            heard.append((said["event"], said["data"]))
        return heard

    @staticmethod
    @contextlib.contextmanager
    def connected(
        server: Server, client: httpx.Client, kind: str, **query: str
    ) -> Iterator[tuple[ClientConnection, str]]:
        """A socket of the client's account, and the cursor with which it began."""
        token = token_of(client)
        with socket_of(server, f"/ws/{kind}?{httpx.QueryParams({'token': token, **query})}") as connection:
            greeting = frame(connection)
            assert greeting["event"] == "connected", greeting
            yield connection, greeting["cursor"]

    def test_each_client_hears_what_is_for_it_in_order_and_again_when_it_was_away(
        self,
        server: Server,
        maria: httpx.Client,
        shop: httpx.Client,
        other_shop: httpx.Client,
        user: httpx.Client,
    ) -> None:
        who = {"admin": (maria, "admin"), "shop": (shop, "shop"), "rival": (other_shop, "shop"), "user": (user, "user")}
        expected = {"admin": (0, 1, 2, 3), "shop": (1, 2, 3), "rival": (3,), "user": (1, 3)}
        heard, cursors = {}, {}
        with contextlib.ExitStack() as sockets:
            opened = {
                name: sockets.enter_context(self.connected(server, client, kind))
                for name, (client, kind) in who.items()
            }
            product = new(shop)
            do(maria, product, "approve", moderation_notes="Отличный товар", approval_fee=5)
            do(maria, product, "approve")
            do(maria, product, "reject", moderation_notes="Передумали")
            assert maria.put(SETTINGS, json={}).status_code == 200
            for name, (connection, cursor) in opened.items():
                heard[name], cursors[name] = self.told(connection), cursor
                assert [event for event, _ in heard[name]] == [self.EVERYTHING[each] for each in expected[name]]
        for name, (client, kind) in who.items():
            with self.connected(server, client, kind, cursor=cursors[name]) as (returned, _):
                assert self.told(returned) == heard[name]
        assert dict(heard["user"])["product.approved"] == decided(
            product, moderation_status="approved", moderation_notes="Отличный товар", approval_fee=5.0
        )
        assert dict(heard["admin"])["product.submitted"].items() >= product.items()


class TestTheShopWindow:
    """What web apps hear, and the public sees, of products and their shops."""

    def test_a_web_app_hears_of_decisions_in_its_rooms_and_once_more_with_its_cursor(
        self, server: Server, shop: httpx.Client, other_shop: httpx.Client, maria: httpx.Client
    ) -> None:
        product, other = new(shop), new(other_shop)
        one, mine = f"product:{product['id']}", f"shop:{SHOP_ID}"

        def heard(path: str, last: str = "product_deleted") -> list[Json]:
            with socket_of(server, path) as connection:
                frame(connection)
                found = [frame(connection)]
                while found[-1]["type"] != last:
                    found.append(frame(connection))
                return found

        with socket_of(server, "/ws") as connection:
            cursor = frame(connection)["cursor"]
            do(maria, product, "approve")
            do(maria, product, "approve")
            do(maria, other, "approve")
            do(maria, product, "reject", moderation_notes="x")
            live = [frame(connection) for _ in range(3)]
        ids = {"shopId": SHOP_ID, "productId": product["id"]}
        said = [{name: value for name, value in event.items() if name != "cursor"} for event in live]
        assert said == [
            {"type": "product_added", **ids},
            {"type": "product_added", "shopId": other["shop_id"], "productId": other["id"]},
            {"type": "product_deleted", **ids},
        ]
        assert list(live[0]) == ["type", "shopId", "productId", "cursor"]
        assert heard(f"/ws?cursor={cursor}") == live
        for room in (one, mine):
            assert heard(f"/ws/webapp?cursor={cursor}&rooms={room}") == [live[0], live[2]]

    def test_a_disabled_shop_shows_nothing_until_it_is_enabled(
        self, http: httpx.Client, maria: httpx.Client, server: Server
    ) -> None:
        account = {"email": "away@example.com", "name": "Уехали", "role": "shop", "password": PASSWORD + "-away"}
        shop_id = as_json(maria.post("/api/v1/accounts", json=account))["id"]
        token = server.login(account["email"], account["password"])
        with server.client(headers={"Authorization": f"Bearer {token}"}) as shop:
            shown, waiting = (new(shop) for _ in range(2))
        shown = do(maria, shown, "approve")
        updated = ({"broadcasts", f"room:shop:{shop_id}"}, "shop_updated", {"type": "shop_updated", "shopId": shop_id})

        def change(**fields: object) -> list[tuple[set[str], str, Json]]:
            with logged(server) as heard:
                answer = maria.patch(f"/api/v1/accounts/{shop_id}", json=fields)
            assert answer.status_code == 200, answer.text
            return told([event for event in heard if event[0] != {"directory"}])

        def visible() -> list[int]:
            return [number for query in ({}, {"shop_id": shop_id}) for number in ids(page(http, PRODUCTS, **query))]

        assert visible().count(shown["id"]) == 2
        assert change(active=False) == [updated]
        assert change(active=False) == []
        assert shown["id"] not in visible()
        problem(http.get(f"{PRODUCTS}/{shown['id']}"), 404, "product_not_found")
        assert as_json(maria.get(f"{PRODUCTS}/{shown['id']}")) == shown
        with logged(server) as heard:
            waiting = do(maria, waiting, "approve")
        assert [event["type"] for _, event in heard] == ["product.approved"], "the public sees nothing new"
        assert change(active=True) == [updated]
        assert {shown["id"], waiting["id"]} <= set(visible())
        assert as_json(http.get(f"{PRODUCTS}/{shown['id']}")) == shown
        assert change(name="Вернулись") == [updated]
        assert as_json(http.get(f"{PRODUCTS}/{shown['id']}"))["shop_name"] == "Вернулись"
        assert change(password=PASSWORD + "-again") == []

    def test_private_types_keep_a_decision_to_its_rooms(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        env = {"BROADCAST_PRIVATE_TYPES": "product_added"}
        data = tmp_path_factory.mktemp("private") / "data"
        with (
            Server(data, env=env) as running,
            operator(running, "shop@example.com") as shop,
            operator(running) as admin,
            logged(running) as heard,
        ):
            product = new(shop)
            do(admin, product, "approve")
        topics = {event["type"]: topics for topics, event in heard}
        assert topics["product_added"] == {f"room:shop:{SHOP_ID}", f"room:product:{product['id']}"}


class TestThePanelsStream:
    def test_an_admin_hears_of_moderation_in_the_order_of_the_log_and_resumes(
        self, shop: httpx.Client, maria: httpx.Client, server: Server
    ) -> None:
        authorization = {"Authorization": maria.headers["Authorization"]}
        with EventStream(server, "/api/inbox/events", headers=authorization) as stream:
            opened_at = stream.last_id
            product = new(shop)
            do(maria, product, "approve")
            do(maria, product, "reject", moderation_notes="x")
            assert maria.put(SETTINGS, json={}).status_code == 200
            events = stream.until(lambda data: data["type"] == "settings.updated")
        kinds = ["product.submitted", "product.approved", "product.rejected", "settings.updated"]
        assert [event.data["type"] for event in events] == kinds
        assert [set(event.data) for event in events] == [{"type", "timestamp", "data"}] * 4
        assert opened_at is not None
        again = {**authorization, "Last-Event-ID": opened_at}
        with EventStream(server, "/api/inbox/events", headers=again) as stream:
            assert stream.until(lambda data: data["type"] == "settings.updated") == events

    def test_a_manager_hears_nothing_of_it(
        self, shop: httpx.Client, http: httpx.Client, boris: httpx.Client, server: Server
    ) -> None:
        with EventStream(
            server, "/api/inbox/events", headers={"Authorization": boris.headers["Authorization"]}
        ) as stream:
            new(shop)
            query = {"assistant_id": "3", "guest_id": "test"}
            assert http.post("/api/widget/dialogs/1/messages", params=query, json={"text": "а"}).status_code == 201
            events = stream.until(lambda data: data["type"] == "message:new")
        assert [event.data["type"] for event in events] == ["message:new"]


def test_the_demo_has_products_to_see_and_to_decide(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Server(tmp_path_factory.mktemp("demo") / "data") as running, operator(running) as admin:
        approved = page(admin, PRODUCTS, status="approved")["items"]
        pending = page(admin, QUEUE, status="pending")["items"]
    assert len(approved) >= 2
    assert len(pending) >= 2
    assert "Красное платье" in {product["name"] for product in pending}
    assert {product["shop_name"] for product in (*approved, *pending)} == {"Fashion Store"}
