"""The catalogue over HTTP: what a shop submits and changes, and what the public sees."""

from __future__ import annotations

import httpx
import pytest

from tests.api.products.catalogue import (
    ADMINS,
    MEMBERS,
    PRODUCTS,
    QUEUE,
    SHOP_ID,
    broadcast,
    do,
    ids,
    logged,
    new,
    page,
    to_decide,
    told,
)
from tests.scenario import Json, as_json, bad_field, operator, problem, too_many
from tests.server import Server


class TestSubmitting:
    def test_a_product_has_exactly_these_members_and_waits_for_a_decision(self, shop: httpx.Client) -> None:
        product = new(shop, name="  Красное платье ", description=" Хлопок ", price=4990.5)
        assert product.keys() == MEMBERS
        assert product["created_at"].endswith("Z")
        assert {key: product[key] for key in MEMBERS - {"id", "created_at"}} == {
            "name": "Красное платье",
            "description": "Хлопок",
            "price": 4990.5,
            "shop_id": SHOP_ID,
            "shop_name": "Fashion Store",
            "status": "pending",
            "moderation_notes": None,
            "approval_fee": None,
        }

    def test_the_admins_are_told_and_nobody_else(self, shop: httpx.Client, maria: httpx.Client, server: Server) -> None:
        with logged(server) as heard:
            product = new(shop)
        assert told(heard) == [({ADMINS}, "product.submitted", to_decide(maria, product))]
        assert list(heard[0][1]) == ["type", "timestamp", "data"]
        assert heard[0][1]["timestamp"].endswith("Z")

    def test_only_a_shop_submits(
        self, http: httpx.Client, user: httpx.Client, maria: httpx.Client, boris: httpx.Client
    ) -> None:
        body = {"name": "x", "price": 1}
        problem(http.post(PRODUCTS, json=body), 401, "credential_missing")
        for client in (user, maria, boris):
            problem(client.post(PRODUCTS, json=body), 403, "forbidden")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"price": 1}, "name"),
            ({"name": "  ", "price": 1}, "name"),
            ({"name": "x" * 201, "price": 1}, "name"),
            ({"name": "a\0b", "price": 1}, "name"),
            ({"name": 1, "price": 1}, "name"),
            ({"name": "x"}, "price"),
            ({"name": "x", "price": -1}, "price"),
            ({"name": "x", "price": "1"}, "price"),
            ({"name": "x", "price": 1.005}, "price"),
            ({"name": "x", "price": 1e10}, "price"),
            ({"name": "x", "price": None}, "price"),
            ({"name": "x", "price": 1, "description": "x" * 10_001}, "description"),
            ({"name": "x", "price": 1, "description": None}, "description"),
        ],
    )
    def test_a_wrong_field_is_named_and_nothing_is_kept(
        self, shop: httpx.Client, server: Server, body: Json, field: str
    ) -> None:
        newest = ids(page(shop, PRODUCTS, mine=True, limit=1))
        with logged(server) as heard:
            bad_field(shop.post(PRODUCTS, json=body), field)
        assert (heard, ids(page(shop, PRODUCTS, mine=True, limit=1))) == ([], newest)

    @pytest.mark.parametrize("price", [0, 0.01, 0.1, 19.99, 1234567.89, 1_000_000_000])
    def test_a_price_comes_back_as_it_was_given(self, shop: httpx.Client, price: float) -> None:
        product = new(shop, price=price)
        assert as_json(shop.get(f"{PRODUCTS}/{product['id']}"))["price"] == price

    def test_a_shop_submits_only_so_many_at_once(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        with (
            Server(tmp_path_factory.mktemp("limited") / "data") as running,
            operator(running, "shop@example.com") as busy,
        ):
            product = as_json(busy.get(PRODUCTS, params={"mine": True}))["items"][0]
            too_many(busy.build_request("PATCH", f"{PRODUCTS}/{product['id']}", json={}))


class TestTheCatalogue:
    def test_the_public_sees_what_is_approved_and_nothing_else(
        self, http: httpx.Client, shop: httpx.Client, maria: httpx.Client
    ) -> None:
        pending, approved, rejected = (new(shop) for _ in range(3))
        approved = do(maria, approved, "approve", moderation_notes="Отличный товар", approval_fee=5)
        rejected = do(maria, rejected, "reject", moderation_notes="Нет фотографий")
        for query in ({}, {"status": "approved"}):
            listed = page(http, PRODUCTS, limit=200, **query)
            assert {item["status"] for item in listed["items"]} == {"approved"}
            assert approved in listed["items"]
        assert as_json(http.get(f"{PRODUCTS}/{approved['id']}")) == approved
        for hidden in (pending, rejected):
            problem(http.get(f"{PRODUCTS}/{hidden['id']}"), 404, "product_not_found")
            assert as_json(shop.get(f"{PRODUCTS}/{hidden['id']}")) == hidden
            assert as_json(maria.get(f"{PRODUCTS}/{hidden['id']}")) == hidden
        problem(http.get(f"{PRODUCTS}/999999"), 404, "product_not_found")

    @pytest.mark.parametrize("status", ["pending", "rejected"])
    def test_what_is_not_approved_is_not_for_the_public(
        self, http: httpx.Client, shop: httpx.Client, status: str
    ) -> None:
        problem(http.get(PRODUCTS, params={"status": status}), 403, "forbidden")
        problem(shop.get(PRODUCTS, params={"status": status}), 403, "forbidden")
        assert page(shop, PRODUCTS, status=status, mine=True)["items"] is not None

    def test_another_shops_product_is_absent_until_it_is_approved(
        self, shop: httpx.Client, other_shop: httpx.Client, user: httpx.Client, maria: httpx.Client, server: Server
    ) -> None:
        product = new(shop)
        for stranger in (other_shop, user):
            problem(stranger.get(f"{PRODUCTS}/{product['id']}"), 404, "product_not_found")
        with logged(server) as heard:
            problem(other_shop.patch(f"{PRODUCTS}/{product['id']}", json={"price": 1}), 404, "product_not_found")
        assert product["id"] not in ids(page(other_shop, PRODUCTS, mine=True, limit=200))
        approved = do(maria, product, "approve")
        assert as_json(other_shop.get(f"{PRODUCTS}/{product['id']}")) == approved
        problem(other_shop.patch(f"{PRODUCTS}/{product['id']}", json={"price": 1}), 404, "product_not_found")
        assert (heard, as_json(shop.get(f"{PRODUCTS}/{product['id']}"))) == ([], approved)

    def test_a_shop_sees_its_own_of_every_status(
        self, shop: httpx.Client, other_shop: httpx.Client, maria: httpx.Client
    ) -> None:
        mine = new(other_shop, name="Шляпа")
        approved = do(maria, new(other_shop), "approve")
        rejected = do(maria, new(other_shop), "reject", moderation_notes="x")
        listed = page(other_shop, PRODUCTS, mine=True)
        assert listed["items"][:3] == [rejected, approved, mine]
        assert {item["shop_name"] for item in listed["items"]} == {"Шляпы"}
        assert ids(page(other_shop, PRODUCTS, mine=True, status="pending"))[0] == mine["id"]
        assert ids(page(other_shop, PRODUCTS, shop_id=mine["shop_id"]))[0] == approved["id"]
        assert approved["id"] not in ids(page(shop, PRODUCTS, shop_id=SHOP_ID, limit=200))

    def test_mine_needs_a_shops_token(self, http: httpx.Client, user: httpx.Client, maria: httpx.Client) -> None:
        problem(http.get(PRODUCTS, params={"mine": True}), 401, "credential_missing")
        problem(http.get(PRODUCTS, params={"mine": True, "token": "x"}), 401, "credential_invalid")
        for client in (user, maria):
            problem(client.get(PRODUCTS, params={"mine": True}), 403, "forbidden")

    def test_a_bad_token_is_refused_where_it_matters_and_ignored_in_the_public_list(
        self, server: Server, shop: httpx.Client
    ) -> None:
        product = new(shop)
        with server.client(headers={"Authorization": "Bearer nonsense"}) as client:
            problem(client.get(f"{PRODUCTS}/{product['id']}"), 401, "credential_invalid")
            assert client.get(PRODUCTS, params={"status": "approved"}).status_code == 200

    def test_lists_are_newest_first_and_continue_in_both_directions(
        self, http: httpx.Client, shop: httpx.Client, maria: httpx.Client
    ) -> None:
        mine = [do(maria, new(shop), "approve")["id"] for _ in range(5)]
        for client, path, query in (
            (http, PRODUCTS, {}),
            (shop, PRODUCTS, {"mine": True}),
            (maria, QUEUE, {"status": "approved"}),
            (maria, QUEUE, {}),
        ):
            first = page(client, path, limit=2, **query)
            assert (ids(first), first["next"]) == ([mine[4], mine[3]], mine[3])
            assert ids(page(client, path, limit=2, before=first["next"], **query)) == [mine[2], mine[1]]
            back = page(client, path, limit=2, after=mine[1], **query)
            assert (ids(back), back["next"]) == ([mine[3], mine[2]], mine[3])
            last = page(client, path, limit=2, after=back["next"], **query)
            assert (ids(last), last["next"]) == ([mine[4]], None)

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"limit": 0}, "limit"),
            ({"limit": 201}, "limit"),
            ({"before": "x"}, "before"),
            ({"before": 1, "after": 1}, "after"),
            ({"status": "new"}, "status"),
            ({"mine": "perhaps"}, "mine"),
            ({"shop_id": -1}, "shop_id"),
        ],
    )
    def test_a_wrong_query_is_named(self, http: httpx.Client, query: Json, field: str) -> None:
        bad_field(http.get(PRODUCTS, params=query), field)


class TestChanging:
    @pytest.mark.parametrize("action", [None, "approve", "reject"])
    def test_a_change_is_submitted_again_whatever_was_decided_before(
        self, http: httpx.Client, shop: httpx.Client, maria: httpx.Client, server: Server, action: str | None
    ) -> None:
        product = new(shop)
        if action:
            do(maria, product, action, moderation_notes="Хорошо")
        with logged(server) as heard:
            answer = shop.patch(f"{PRODUCTS}/{product['id']}", json={"price": 3990, "status": "approved"})
        changed = as_json(answer)
        assert (answer.status_code, changed) == (200, {**product, "price": 3990})
        assert told(heard) == [
            ({ADMINS}, "product.submitted", to_decide(maria, changed)),
            *([broadcast(product, "product_deleted")] if action == "approve" else []),
        ]
        problem(http.get(f"{PRODUCTS}/{product['id']}"), 404, "product_not_found")

    def test_a_change_that_changes_nothing_leaves_the_decision_and_tells_nobody(
        self, shop: httpx.Client, maria: httpx.Client, server: Server
    ) -> None:
        product = do(maria, new(shop), "approve", approval_fee=5)
        same = {name: product[name] for name in ("name", "description", "price")}
        with logged(server) as heard:
            for body in ({}, same, {"name": f" {product['name']} "}):
                assert as_json(shop.patch(f"{PRODUCTS}/{product['id']}", json=body)) == product
        assert heard == []

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"name": " "}, "name"),
            ({"name": None}, "name"),
            ({"price": 1.001}, "price"),
            ({"price": -1}, "price"),
            ({"description": "x" * 10_001}, "description"),
        ],
    )
    def test_a_wrong_field_is_named_and_nothing_is_changed(self, shop: httpx.Client, body: Json, field: str) -> None:
        product = new(shop)
        bad_field(shop.patch(f"{PRODUCTS}/{product['id']}", json=body), field)
        assert as_json(shop.get(f"{PRODUCTS}/{product['id']}")) == product

    def test_only_its_shop_changes_a_product(
        self, http: httpx.Client, shop: httpx.Client, user: httpx.Client, maria: httpx.Client
    ) -> None:
        path = f"{PRODUCTS}/{new(shop)['id']}"
        problem(http.patch(path, json={"price": 1}), 401, "credential_missing")
        for client in (user, maria):
            problem(client.patch(path, json={"price": 1}), 403, "forbidden")
        problem(shop.patch(f"{PRODUCTS}/999999", json={"price": 1}), 404, "product_not_found")
