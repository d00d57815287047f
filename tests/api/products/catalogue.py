"""What the tests of the catalogue share: its addresses, products, decisions, and what the log holds of them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import httpx

from tests.scenario import Json, as_json
from tests.server import Server
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
