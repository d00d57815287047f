"""Moderation over HTTP: what admins decide, one by one and many at once, about what they have seen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.api.products.catalogue import (
    ADMIN_ID,
    ADMINS,
    BULK,
    PRODUCTS,
    QUEUE,
    SETTINGS,
    SHOP_ID,
    USERS,
    broadcast,
    decided,
    do,
    ids,
    logged,
    new,
    page,
    to_decide,
    told,
)
from tests.scenario import Json, as_json, bad_field, problem
from tests.server import Server


class TestDeciding:
    def test_an_approval_reaches_the_shop_every_user_and_every_admin_once(
        self, shop: httpx.Client, maria: httpx.Client, server: Server
    ) -> None:
        product = new(shop)
        with logged(server) as heard:
            approved = do(maria, product, "approve", moderation_notes=" Отличный товар ", approval_fee=5)
        expected = {"moderation_notes": "Отличный товар", "approval_fee": 5.0}
        assert approved == {**product, "status": "approved", **expected}
        assert told(heard) == [
            (
                {f"account:{SHOP_ID}", USERS, ADMINS},
                "product.approved",
                decided(product, moderation_status="approved", **expected),
            ),
            broadcast(product, "product_added"),
        ]
        assert list(heard[0][1]) == ["type", "timestamp", "data"]

    def test_a_rejection_reaches_the_shop_and_the_admins(
        self, shop: httpx.Client, maria: httpx.Client, server: Server
    ) -> None:
        product = new(shop)
        with logged(server) as heard:
            rejected = do(maria, product, "reject", moderation_notes="Нет фотографий")
        assert rejected == {**product, "status": "rejected", "moderation_notes": "Нет фотографий"}
        assert told(heard) == [
            (
                {f"account:{SHOP_ID}", ADMINS},
                "product.rejected",
                decided(product, moderation_status="rejected", moderation_notes="Нет фотографий"),
            )
        ]

    @pytest.mark.parametrize(
        ("first", "then"), [("approve", "reject"), ("reject", "approve"), ("approve", "reopen"), ("reject", "reopen")]
    )
    def test_a_decision_can_be_changed_and_each_change_is_one_event(
        self, shop: httpx.Client, maria: httpx.Client, server: Server, first: str, then: str
    ) -> None:
        product = do(maria, new(shop), first, moderation_notes="сначала")
        with logged(server) as heard:
            changed = do(maria, product, then, moderation_notes="потом")
        kind = {"approve": "approved", "reject": "rejected", "reopen": "submitted"}[then]
        shown = {"approve": ["product_added"], "reject": ["product_deleted"]}
        shown["reopen"] = ["product_deleted"] if first == "approve" else []
        assert [event["type"] for _, event in heard] == [f"product.{kind}", *shown[then]]
        if then == "reopen":
            assert heard[0][1]["data"] == to_decide(maria, changed)
            assert (changed["status"], changed["moderation_notes"], changed["approval_fee"]) == ("pending", None, None)
        else:
            assert (changed["status"], changed["moderation_notes"]) == (kind, "потом")

    @pytest.mark.parametrize("action", ["approve", "reject", "reopen"])
    def test_deciding_twice_changes_nothing_and_tells_nobody(
        self, shop: httpx.Client, maria: httpx.Client, server: Server, action: str
    ) -> None:
        product = new(shop)
        once = product if action == "reopen" else do(maria, product, action, moderation_notes="раз", approval_fee=1)
        with logged(server) as heard:
            assert do(maria, product, action, moderation_notes="два", approval_fee=2) == once
        assert heard == []
        lines = page(maria, f"{QUEUE}/{product['id']}/decisions")["items"]
        assert len(lines) == (0 if action == "reopen" else 1)

    def test_fifty_admins_at_once_approve_once(self, shop: httpx.Client, maria: httpx.Client, server: Server) -> None:
        product = new(shop)
        url, headers = f"{QUEUE}/{product['id']}/approve", {"Authorization": maria.headers["Authorization"]}

        def approve(number: int) -> httpx.Response:
            return httpx.post(f"{server.url}{url}", headers=headers, json={"approval_fee": number}, timeout=30)

        with logged(server) as heard, ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(approve, range(50)))
        assert {answer.status_code for answer in answers} == {200}
        assert [event["type"] for _, event in heard] == ["product.approved", "product_added"]
        fee = heard[0][1]["data"]["approval_fee"]
        assert {as_json(answer)["approval_fee"] for answer in answers} == {fee}
        lines = page(maria, f"{QUEUE}/{product['id']}/decisions")["items"]
        assert [line["approval_fee"] for line in lines] == [fee]

    @pytest.mark.parametrize(
        ("action", "body", "field"),
        [
            ("approve", {"approval_fee": -1}, "approval_fee"),
            ("approve", {"approval_fee": 0.001}, "approval_fee"),
            ("approve", {"approval_fee": "5"}, "approval_fee"),
            ("approve", {"moderation_notes": "x" * 2001}, "moderation_notes"),
            ("approve", {"moderation_notes": 1}, "moderation_notes"),
            ("reject", {}, "moderation_notes"),
            ("reject", {"moderation_notes": None}, "moderation_notes"),
            ("reject", {"moderation_notes": "  "}, "moderation_notes"),
            ("reject", {"moderation_notes": "x" * 2001}, "moderation_notes"),
        ],
    )
    def test_a_wrong_field_is_named_and_nothing_is_decided(
        self, shop: httpx.Client, maria: httpx.Client, server: Server, action: str, body: Json, field: str
    ) -> None:
        product = new(shop)
        with logged(server) as heard:
            bad_field(maria.post(f"{QUEUE}/{product['id']}/{action}", json=body), field)
        assert (heard, as_json(maria.get(f"{PRODUCTS}/{product['id']}"))) == ([], product)

    def test_moderation_is_for_admins_alone(
        self,
        http: httpx.Client,
        shop: httpx.Client,
        user: httpx.Client,
        boris: httpx.Client,
        maria: httpx.Client,
        server: Server,
    ) -> None:
        product = new(shop)
        one = f"{QUEUE}/{product['id']}"
        calls = (
            ("GET", QUEUE, None),
            ("POST", f"{one}/approve", {}),
            ("POST", f"{one}/reject", {"moderation_notes": "x"}),
            ("POST", f"{one}/reopen", None),
            ("GET", f"{one}/decisions", None),
            ("POST", BULK, {"product_ids": [product["id"]]}),
            ("GET", SETTINGS, None),
            ("PUT", SETTINGS, {}),
        )
        with logged(server) as heard:
            for method, path, body in calls:
                problem(http.request(method, path, json=body), 401, "credential_missing")
                for client in (shop, user, boris):
                    problem(client.request(method, path, json=body), 403, "forbidden")
        assert (heard, as_json(maria.get(f"{PRODUCTS}/{product['id']}"))) == ([], product)

    def test_a_product_that_is_none_is_not_found(self, maria: httpx.Client) -> None:
        for action in ("approve", "reject", "reopen"):
            answer = maria.post(f"{QUEUE}/999999/{action}", json={"moderation_notes": "x"})
            problem(answer, 404, "product_not_found")
        problem(maria.get(f"{QUEUE}/999999/decisions"), 404, "product_not_found")

    def test_who_decided_what_and_when_stands_in_the_history(self, shop: httpx.Client, maria: httpx.Client) -> None:
        product = new(shop)
        do(maria, product, "reject", moderation_notes="Нет фотографий")
        do(maria, product, "approve", approval_fee=5.25)
        do(maria, product, "reopen")
        path = f"{QUEUE}/{product['id']}/decisions"
        lines = page(maria, path)["items"]
        assert [(line["status"], line["moderation_notes"], line["approval_fee"]) for line in lines] == [
            ("rejected", "Нет фотографий", None),
            ("approved", None, 5.25),
            ("pending", None, None),
        ]
        assert all(line["admin"] == {"id": ADMIN_ID, "name": "Мария"} for line in lines)
        assert [line["created_at"] for line in lines] == sorted(line["created_at"] for line in lines)
        newest = page(maria, path, limit=2)
        assert (ids(newest), newest["next"]) == (ids({"items": lines})[1:], lines[1]["id"])
        assert ids(page(maria, path, limit=2, before=newest["next"])) == [lines[0]["id"]]
        assert ids(page(maria, path, after=lines[0]["id"])) == [line["id"] for line in lines[1:]]


class TestVersions:
    """A decision may be tied to what the admin saw; one that names no version is about the product as it is."""

    @pytest.mark.parametrize("action", ["approve", "reject"])
    def test_a_decision_about_what_its_shop_has_changed_is_a_conflict_and_changes_nothing(
        self, shop: httpx.Client, maria: httpx.Client, server: Server, action: str
    ) -> None:
        seen = to_decide(maria, new(shop))
        changed = as_json(shop.patch(f"{PRODUCTS}/{seen['id']}", json={"description": "Совсем другой"}))
        body = {"moderation_notes": "x", "version": seen["version"]}
        with logged(server) as heard:
            problem(maria.post(f"{QUEUE}/{seen['id']}/{action}", json=body), 409, "product_changed")
        assert (heard, as_json(maria.get(f"{PRODUCTS}/{seen['id']}"))) == ([], changed)
        assert page(maria, f"{QUEUE}/{seen['id']}/decisions")["items"] == []
        now = to_decide(maria, changed)
        assert now["version"] != seen["version"]
        decision = do(maria, changed, action, moderation_notes="x", version=now["version"])
        assert decision["status"] in ("approved", "rejected")

    def test_a_version_is_what_the_shop_wrote_whatever_is_decided(
        self, shop: httpx.Client, maria: httpx.Client, server: Server
    ) -> None:
        product = new(shop, description="Хлопок")
        seen = to_decide(maria, product)
        edits: tuple[Json, ...] = ({"name": "Другое"}, {"description": "Лён"}, {"price": 4990.01})
        for edit in edits:
            changed = as_json(shop.patch(f"{PRODUCTS}/{product['id']}", json=edit))
            assert to_decide(maria, changed)["version"] != seen["version"], edit
            back = {name: product[name] for name in edit}
            assert to_decide(maria, as_json(shop.patch(f"{PRODUCTS}/{product['id']}", json=back))) == seen
        rejected = do(maria, product, "reject", moderation_notes="x", version=seen["version"])
        assert to_decide(maria, rejected)["version"] == seen["version"]
        approved = do(maria, product, "approve", version=seen["version"])
        with logged(server) as heard:
            assert do(maria, product, "approve", version=seen["version"]) == approved
            assert do(maria, product, "approve", version="of-another-day") == approved, "a repetition is no conflict"
        assert heard == []

    def test_without_a_version_a_decision_is_about_the_product_as_it_is(
        self, shop: httpx.Client, maria: httpx.Client
    ) -> None:
        product = new(shop)
        shop.patch(f"{PRODUCTS}/{product['id']}", json={"price": 1})
        assert do(maria, product, "approve", version=None)["price"] == 1

    def test_of_many_those_that_have_changed_fail_alone(
        self, shop: httpx.Client, maria: httpx.Client, server: Server
    ) -> None:
        same, changed, free = (to_decide(maria, new(shop)) for _ in range(3))
        shop.patch(f"{PRODUCTS}/{changed['id']}", json={"price": 1})
        body = {
            "product_ids": [same["id"], changed["id"], free["id"]],
            "versions": {str(each["id"]): each["version"] for each in (same, changed)},
        }
        with logged(server) as heard:
            answer = as_json(maria.post(BULK, json=body))
        failed = {"ok": False, "changed": False, "status": None, "code": "product_changed"}
        assert (answer["approved"], answer["results"][1]) == (2, {"product_id": changed["id"], **failed})
        assert [data["product_id"] for _, kind, data in told(heard) if kind == "product.approved"] == [
            same["id"],
            free["id"],
        ]
        assert as_json(maria.get(f"{PRODUCTS}/{changed['id']}"))["status"] == "pending"

    @pytest.mark.parametrize(
        ("path", "body", "field"),
        [
            ("approve", {"version": 1}, "version"),
            ("approve", {"version": ""}, "version"),
            ("reject", {"moderation_notes": "x", "version": "x" * 65}, "version"),
            ("bulk", {"versions": ["x"]}, "versions"),
            ("bulk", {"versions": {"1": 2}}, "versions[...]"),
        ],
    )
    def test_a_wrong_version_is_named(
        self, shop: httpx.Client, maria: httpx.Client, path: str, body: Json, field: str
    ) -> None:
        product = new(shop)
        url = BULK if path == "bulk" else f"{QUEUE}/{product['id']}/{path}"
        bad_field(maria.post(url, json={"product_ids": [product["id"]], **body}), field)
        assert as_json(maria.get(f"{PRODUCTS}/{product['id']}")) == product


class TestBulkApproval:
    def test_each_product_has_its_result_and_its_event(
        self, shop: httpx.Client, maria: httpx.Client, server: Server
    ) -> None:
        fresh, rejected, approved = new(shop), new(shop), new(shop)
        do(maria, rejected, "reject", moderation_notes="x")
        do(maria, approved, "approve", approval_fee=1)
        asked = [fresh["id"], approved["id"], fresh["id"], 999_999, rejected["id"]]
        with logged(server) as heard:
            answer = maria.post(BULK, json={"product_ids": asked, "moderation_notes": "Все сразу", "approval_fee": 2})
        assert (answer.status_code, as_json(answer)) == (
            200,
            {
                "approved": 2,
                "results": [
                    {"product_id": fresh["id"], "ok": True, "changed": True, "status": "approved", "code": None},
                    {"product_id": approved["id"], "ok": True, "changed": False, "status": "approved", "code": None},
                    {
                        "product_id": 999_999,
                        "ok": False,
                        "changed": False,
                        "status": None,
                        "code": "product_not_found",
                    },
                    {"product_id": rejected["id"], "ok": True, "changed": True, "status": "approved", "code": None},
                ],
            },
        )
        fields = {"moderation_status": "approved", "moderation_notes": "Все сразу", "approval_fee": 2.0}
        assert told(heard) == [
            event
            for product in (fresh, rejected)
            for event in (
                ({f"account:{SHOP_ID}", USERS, ADMINS}, "product.approved", decided(product, **fields)),
                broadcast(product, "product_added"),
            )
        ]
        assert as_json(maria.get(f"{PRODUCTS}/{approved['id']}"))["approval_fee"] == 1.0

    def test_five_hundred_are_approved_in_order_and_five_hundred_and_one_are_refused(
        self, shop: httpx.Client, maria: httpx.Client, server: Server
    ) -> None:
        many = [new(shop, name=f"Товар {number}")["id"] for number in range(500)]
        bad_field(maria.post(BULK, json={"product_ids": [*many, 1]}), "product_ids")
        with logged(server) as heard:
            answer = as_json(maria.post(BULK, json={"product_ids": many}))
        assert answer["approved"] == 500
        assert [result["product_id"] for result in answer["results"]] == many
        events = [(kind, data.get("product_id", data.get("productId"))) for _, kind, data in told(heard)]
        assert events == [(kind, number) for number in many for kind in ("product.approved", "product_added")]
        assert len({event["timestamp"] for _, event in heard}) == 1, "one transaction"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "product_ids"),
            ({"product_ids": []}, "product_ids"),
            ({"product_ids": "1"}, "product_ids"),
            ({"product_ids": [1, "x"]}, "product_ids[1]"),
            ({"product_ids": [-1]}, "product_ids[0]"),
            ({"product_ids": [1], "approval_fee": -1}, "approval_fee"),
        ],
    )
    def test_a_wrong_field_is_named(self, maria: httpx.Client, body: Json, field: str) -> None:
        bad_field(maria.post(BULK, json=body), field)
