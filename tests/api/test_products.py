"""The catalogue over HTTP: what the public sees, what a shop does with its own, what admins decide, and who is told."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection

from tests.scenario import EventStream, Json, as_json, bad_field, frame, operator, problem, socket_of
from tests.server import PASSWORD, Server
from tests.stored import stored

PRODUCTS = "/api/v1/products"
QUEUE = "/api/v1/admin/products"
BULK = f"{QUEUE}/bulk-approve"
SETTINGS = "/api/v1/admin/settings"
MEMBERS = {
    *("id", "name", "description", "price", "shop_id", "shop_name", "status"),
    *("moderation_notes", "approval_fee", "created_at"),
}
USERS, SHOPS, ADMINS = "clients:user", "clients:shop", "clients:admin"
ADMIN_ID, SHOP_ID = 1, 4


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """One address makes all the calls of these tests, which the limits would stop."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=["--rate-limits", "off"]) as running:
        yield running


@pytest.fixture(scope="module")
def shop(server: Server) -> Iterator[httpx.Client]:
    """The shop of the demo."""
    with operator(server, "shop@example.com") as client:
        yield client


@pytest.fixture(scope="module")
def user(server: Server) -> Iterator[httpx.Client]:
    """A customer with an account."""
    with operator(server, "user@example.com") as client:
        yield client


@pytest.fixture(scope="module")
def other_shop(server: Server, maria: httpx.Client) -> Iterator[httpx.Client]:
    """Another shop."""
    account = {"email": "hats@example.com", "name": "Шляпы", "role": "shop", "password": PASSWORD + "-of-hats"}
    assert maria.post("/api/v1/accounts", json=account).status_code == 201
    token = server.login(account["email"], account["password"])
    with server.client(headers={"Authorization": f"Bearer {token}"}) as client:
        yield client


@pytest.fixture
def settings(maria: httpx.Client) -> Iterator[Callable[..., Json]]:
    """Sets the platform's settings for one test."""

    def put(**values: object) -> Json:
        answer = maria.put(SETTINGS, json=values)
        assert answer.status_code == 200, answer.text
        return as_json(answer)

    yield put
    put()


def new(shop: httpx.Client, **fields: object) -> Json:
    """A product of its own for one test."""
    answer = shop.post(PRODUCTS, json={"name": "Красное платье", "price": 4990, **fields})
    assert answer.status_code == 201, answer.text
    return as_json(answer)


def do(maria: httpx.Client, product: Json, action: str, **body: object) -> Json:
    """The product after an admin's decision."""
    answer = maria.post(f"{QUEUE}/{product['id']}/{action}", json=body)
    assert answer.status_code == 200, answer.text
    return as_json(answer)


def page(client: httpx.Client, path: str, **query: Any) -> Json:
    """A page of a list."""
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return as_json(answer)


def ids(listed: Json) -> list[int]:
    """The ids of a page's items."""
    return [item["id"] for item in listed["items"]]


def decided(product: Json, **fields: object) -> Json:
    """The data of a decision about the product that its event must hold."""
    return {
        "product_id": product["id"],
        "product_name": product["name"],
        "shop_id": product["shop_id"],
        "shop_name": product["shop_name"],
        "moderation_notes": None,
        "admin_id": ADMIN_ID,
        "approval_fee": None,
        **fields,
    }


def to_decide(maria: httpx.Client, product: Json) -> Json:
    """The product as the queue shows it now: with a version."""
    [shown] = page(maria, QUEUE, after=product["id"] - 1, limit=1)["items"]
    assert shown == {**product, "version": shown["version"]}
    return shown


def broadcast(product: Json, kind: str) -> tuple[set[str], str, Json]:
    """What web apps must be told of the product, as :func:`told` gives it."""
    ids = {"shopId": product["shop_id"], "productId": product["id"]}
    topics = {"broadcasts", f"room:shop:{product['shop_id']}", f"room:product:{product['id']}"}
    return topics, kind, {"type": kind, **ids}


def told(heard: list[tuple[set[str], Json]]) -> list[tuple[set[str], str, Json]]:
    """Topics, type and content of each logged event."""
    return [(topics, event["type"], event["data"] if "data" in event else event["body"]) for topics, event in heard]


@contextlib.contextmanager
def logged(server: Server) -> Iterator[list[tuple[set[str], Json]]]:
    """Fills the list with the topics and payload of every event that is logged during the block, and no other."""
    heard: list[tuple[set[str], Json]] = []

    def rows(after: int) -> list[Any]:
        with stored(server.data_dir) as database:
            found = database.execute("SELECT id, topics, payload FROM event WHERE id > ? ORDER BY id", (after,))
            return list(found.fetchall())

    before = rows(0)[-1][0]
    yield heard
    heard += [(set(topics.split(" ")), json.loads(payload)) for _, topics, payload in rows(before)]


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

            def repeat() -> httpx.Response:
                return busy.patch(f"{PRODUCTS}/{product['id']}", json={})

            refused = next(answer for answer in (repeat() for _ in range(5000)) if answer.status_code != 200)
        problem(refused, 429, "too_many_requests")
        assert int(refused.headers["retry-after"]) >= 1


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


class TestSettings:
    def test_they_have_defaults_and_everybody_reads_them(self, http: httpx.Client, maria: httpx.Client) -> None:
        assert as_json(maria.get(SETTINGS)) == {
            "platform_name": "ReplyX",
            "currency": "RUB",
            "moderation_required": True,
            "default_approval_fee": 0.0,
        }
        assert as_json(http.get("/api/v1/settings")) == as_json(maria.get(SETTINGS))

    def test_saving_replaces_them_all_and_tells_everybody_once(
        self, http: httpx.Client, settings: Callable[..., Json], server: Server
    ) -> None:
        settings(currency="EUR")
        with logged(server) as heard:
            saved = settings(platform_name=" Рынок ", default_approval_fee=7.5, unknown="ignored")
        assert saved == {
            "platform_name": "Рынок",
            "currency": "RUB",
            "moderation_required": True,
            "default_approval_fee": 7.5,
        }
        assert as_json(http.get("/api/v1/settings")) == saved
        assert told(heard) == [({USERS, SHOPS, ADMINS}, "settings.updated", saved)]
        assert list(heard[0][1]) == ["type", "timestamp", "data"]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"platform_name": " "}, "platform_name"),
            ({"platform_name": "x" * 61}, "platform_name"),
            ({"currency": "rub"}, "currency"),
            ({"moderation_required": "no"}, "moderation_required"),
            ({"moderation_required": 0}, "moderation_required"),
            ({"default_approval_fee": -1}, "default_approval_fee"),
            ({"default_approval_fee": 0.001}, "default_approval_fee"),
        ],
    )
    def test_a_wrong_field_is_named_and_nothing_is_saved(
        self, maria: httpx.Client, server: Server, body: Json, field: str
    ) -> None:
        before = as_json(maria.get(SETTINGS))
        with logged(server) as heard:
            bad_field(maria.put(SETTINGS, json={"platform_name": "нет", **body}), field)
        assert (heard, as_json(maria.get(SETTINGS))) == ([], before)

    def test_an_approval_without_a_fee_takes_the_default(
        self, shop: httpx.Client, maria: httpx.Client, settings: Callable[..., Json]
    ) -> None:
        settings(default_approval_fee=12.5)
        one, two = new(shop), new(shop)
        assert do(maria, one, "approve")["approval_fee"] == 12.5
        assert as_json(maria.post(BULK, json={"product_ids": [two["id"]]}))["approved"] == 1
        assert as_json(maria.get(f"{PRODUCTS}/{two['id']}"))["approval_fee"] == 12.5
        assert do(maria, new(shop), "approve", approval_fee=0)["approval_fee"] == 0

    def test_without_moderation_a_submission_is_approved_at_once_by_nobody(
        self,
        http: httpx.Client,
        shop: httpx.Client,
        maria: httpx.Client,
        settings: Callable[..., Json],
        server: Server,
    ) -> None:
        waiting = new(shop)
        settings(moderation_required=False, default_approval_fee=3)
        assert as_json(maria.get(f"{PRODUCTS}/{waiting['id']}")) == waiting  # what waited before waits on
        with logged(server) as heard:
            product = new(shop)
            changed = as_json(shop.patch(f"{PRODUCTS}/{product['id']}", json={"price": 1}))
        assert as_json(http.get(f"{PRODUCTS}/{product['id']}")) == changed
        assert (changed["status"], changed["price"], changed["approval_fee"]) == ("approved", 1, 3)
        fields = {"moderation_status": "approved", "admin_id": None, "approval_fee": 3.0}
        approval = ({f"account:{SHOP_ID}", USERS, ADMINS}, "product.approved", decided(product, **fields))
        assert told(heard) == [
            *(approval, broadcast(product, "product_added")),
            *(approval, broadcast(product, "product_updated")),
        ]
        lines = page(maria, f"{QUEUE}/{product['id']}/decisions")["items"]
        assert [(line["status"], line["admin"]) for line in lines] == [("approved", None)] * 2


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
        token = client.headers["Authorization"].removeprefix("Bearer ")
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
