"""The platform's settings, and how they change what is decided."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.api.products.catalogue import (
    ADMINS,
    BULK,
    PRODUCTS,
    QUEUE,
    SETTINGS,
    SHOP_ID,
    SHOPS,
    USERS,
    broadcast,
    decided,
    do,
    logged,
    new,
    page,
    told,
)
from tests.scenario import Json, as_json, bad_field
from tests.server import Server


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
