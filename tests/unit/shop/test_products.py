"""The catalogue below HTTP: whatever happens to products, the events alone tell what has become of them.

The store is the real one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replyx import accounts
from replyx.auth import AccountActor
from replyx.database import models
from replyx.delivery.store import Store, Transaction
from replyx.errors import Invalid, Problem, ProductNotFound
from replyx.paging import Paging
from replyx.schemas.events import is_broadcast
from replyx.schemas.products import (
    Approval,
    BulkApproval,
    NewProduct,
    PlatformSettings,
    Product,
    ProductChange,
    Rejection,
    hundredths,
)
from replyx.shop import platform_settings, products
from replyx.shop.broadcasts import Broadcasts
from replyx.shop.platform_settings import Platform
from replyx.shop.products import Products, Verdict, decide

NOW = 1_757_000_000.0


def account(number: int, role: str) -> AccountActor:
    """Somebody who is logged in."""
    return AccountActor(number, f"{role}{number}@example.com", f"{role} {number}", role, "session", NOW + 1e6)


SHOP, OTHER, MARIA, OLGA = account(1, "shop"), account(2, "shop"), account(3, "admin"), account(4, "admin")


class Market:
    """A store with two shops and two admins, and everything that was logged."""

    def __init__(self, path: Path) -> None:
        self.store = Store.open(path, lambda: NOW)
        self.events: list[dict[str, Any]] = []
        self.topics: list[tuple[str, ...]] = []
        self.broadcasts: list[dict[str, Any]] = []
        self.products = Products(self.store, Broadcasts(self.store, frozenset()))
        self.platform = Platform(self.store)
        for who in (SHOP, OTHER, MARIA, OLGA):
            self.store.change(lambda tx, who=who: accounts.insert(tx, who.email, who.name, who.role, "x"))  # type: ignore[misc]
        self.store.on_commit = self._hear

    def _hear(self, events: Any) -> None:
        for event in events:
            payload = msgspec.json.decode(event.payload)
            if is_broadcast(event.topics):
                self.broadcasts.append(payload["body"])
            else:
                self.events.append(payload)
                self.topics.append(event.topics)

    async def all(self) -> dict[int, Product]:
        """Every product as it is now."""
        page = await self.products.list(Paging(limit=200), None, None)
        return {product.id: product for product in page.items}

    async def shown(self) -> dict[int, Product]:
        """Every product that the public sees."""
        return {product.id: product for product in (await self.products.shown(Paging(limit=200), None)).items}


def play(path: Path, scene: Any) -> None:
    """Run ``scene`` of an open market."""

    async def run() -> None:
        market = Market(path)
        market.store.start(asyncio.get_running_loop())
        try:
            await asyncio.wait_for(scene(market), 60)
        finally:
            await market.store.close()

    asyncio.run(run())


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Where a market keeps its data."""
    yield tmp_path / "replyx.db"
    models.database.close()


def replayed(events: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """What an admin who has heard every event knows of each product."""
    known: dict[int, dict[str, Any]] = {}
    for event in events:
        data = event["data"]
        if event["type"] == "product.submitted":
            known[data["id"]] = {name: value for name, value in data.items() if name != "version"}
        elif event["type"] in ("product.approved", "product.rejected"):
            known[data["product_id"]] = {
                **known.get(data["product_id"], {}),
                "id": data["product_id"],
                "name": data["product_name"],
                "status": data["moderation_status"],
                "moderation_notes": data["moderation_notes"],
                "approval_fee": data["approval_fee"],
            }
    return known


def expected_broadcasts(before: dict[int, Product], after: dict[int, Product]) -> list[tuple[str, int]]:
    """What web apps must hear when the public saw ``before`` and now sees ``after``."""
    added = [("product_added", number) for number in after.keys() - before.keys()]
    deleted = [("product_deleted", number) for number in before.keys() - after.keys()]
    both = after.keys() & before.keys()
    return [*added, *deleted, *(("product_updated", number) for number in both if before[number] != after[number])]


IDS = st.integers(1, 4)
FEES = st.sampled_from([None, 0.0, 5.25])
NOTES = st.sampled_from([None, "Хорошо"])
STEPS = st.one_of(
    st.tuples(st.just("submit"), st.sampled_from(["Платье", "Сумка"])),
    st.tuples(st.just("edit"), IDS, st.sampled_from([1.0, 2.5])),
    st.tuples(st.just("approve"), IDS, NOTES, FEES),
    st.tuples(st.just("reject"), IDS),
    st.tuples(st.just("reopen"), IDS),
    st.tuples(st.just("bulk"), st.lists(IDS, min_size=1, max_size=6), FEES),
    st.tuples(st.just("moderation"), st.booleans()),
)


async def step(market: Market, what: str, *values: Any) -> None:
    """One thing that may happen; a product that is not there is refused."""
    shop = market.products
    try:
        if what == "submit":
            await shop.submit(SHOP, NewProduct(values[0], 1.0))
        elif what == "edit":
            await shop.change(SHOP, values[0], ProductChange(price=values[1]))
        elif what == "approve":
            await shop.approve(MARIA, values[0], Approval(values[1], values[2]))
        elif what == "reject":
            await shop.reject(OLGA, values[0], Rejection("Нет"))
        elif what == "reopen":
            await shop.reopen(OLGA, values[0])
        elif what == "bulk":
            await shop.bulk_approve(MARIA, BulkApproval(approval_fee=values[1], product_ids=values[0]))
        else:
            await market.platform.replace(MARIA, PlatformSettings(moderation_required=values[0]))
    except ProductNotFound:
        assert what != "bulk"


@settings(max_examples=40)
@given(steps=st.lists(STEPS, min_size=1, max_size=12))
def test_state_is_what_the_events_tell_and_each_step_tells_of_exactly_what_it_changed(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
) -> None:
    async def scene(market: Market) -> None:
        for what, *values in steps:
            before, heard = await market.all(), len(market.events)
            seen, broadcasts = await market.shown(), len(market.broadcasts)
            await step(market, what, *values)
            after, new = await market.all(), market.events[heard:]
            said = [(body["type"], body["productId"]) for body in market.broadcasts[broadcasts:]]
            assert sorted(said) == sorted(expected_broadcasts(seen, await market.shown()))
            told = [event["data"].get("product_id", event["data"].get("id")) for event in new]
            if what == "moderation":
                assert [event["type"] for event in new] == ["settings.updated"]
                assert after == before
                continue
            changed = {number for number, product in after.items() if before.get(number) != product}
            assert sorted(told) == sorted(changed)
            known = replayed(market.events)
            for number, product in after.items():
                last, is_now = known[number], msgspec.to_builtins(product)
                assert {name: is_now[name] for name in last if name != "price"} == {
                    name: value for name, value in last.items() if name != "price"
                }
                assert (product.approval_fee is not None) == (product.status == "approved")

    play(tmp_path_factory.mktemp("market") / "replyx.db", scene)
    models.database.close()


def test_every_line_of_the_history_is_one_event(path: Path) -> None:
    async def scene(market: Market) -> None:
        product = await market.products.submit(SHOP, NewProduct("Платье", 1.0))
        await market.products.approve(MARIA, product.id, Approval(None, 1.0))
        await market.products.approve(OLGA, product.id, Approval("ещё раз", 2.0))
        await market.products.reject(OLGA, product.id, Rejection("Нет"))
        await market.products.reopen(MARIA, product.id)
        lines = (await market.products.decisions(product.id, Paging())).items
        assert [(line.status, line.admin.name if line.admin else None) for line in lines] == [
            ("approved", MARIA.name),
            ("rejected", OLGA.name),
            ("pending", MARIA.name),
        ]
        assert [event["type"] for event in market.events] == [
            "product.submitted",
            "product.approved",
            "product.rejected",
            "product.submitted",
        ]
        assert market.topics == [
            ("clients:admin",),
            ("account:1", "clients:user", "clients:admin"),
            ("account:1", "clients:admin"),
            ("clients:admin",),
        ]

    play(path, scene)


def test_many_at_once_approve_once(path: Path) -> None:
    async def scene(market: Market) -> None:
        product = await market.products.submit(SHOP, NewProduct("Платье", 1.0))
        one = (market.products.approve(MARIA, product.id, Approval(None, float(fee))) for fee in range(25))
        many = (market.products.bulk_approve(OLGA, BulkApproval(product_ids=[product.id])) for _ in range(25))
        await asyncio.gather(*one, *many)
        assert [event["type"] for event in market.events] == ["product.submitted", "product.approved"]
        assert len((await market.products.decisions(product.id, Paging())).items) == 1

    play(path, scene)


def test_a_unit_that_fails_keeps_nothing_of_a_decision(path: Path) -> None:
    async def scene(market: Market) -> None:
        product = await market.products.submit(SHOP, NewProduct("Платье", 1.0))

        def failing(tx: Transaction) -> None:
            decide(tx, product.id, Verdict("approved", None, 1, MARIA.account_id))
            products.load(tx, 999)

        with pytest.raises(ProductNotFound):
            await market.store.commit(failing)
        assert await market.products.get(product.id, MARIA) == product
        assert (await market.products.decisions(product.id, Paging())).items == []
        assert len(market.events) == 1

    play(path, scene)


def test_a_product_is_seen_by_whom_it_concerns(path: Path) -> None:
    async def scene(market: Market) -> None:
        product = await market.products.submit(SHOP, NewProduct("Платье", 1.0))
        for who in (None, OTHER, account(9, "user"), account(8, "manager")):
            with pytest.raises(ProductNotFound):
                await market.products.get(product.id, who)
        for who in (SHOP, MARIA):
            assert await market.products.get(product.id, who) == product
        with pytest.raises(ProductNotFound):
            await market.products.change(OTHER, product.id, ProductChange(price=2.0))
        approved = await market.products.approve(MARIA, product.id, Approval())
        assert await market.products.get(product.id, None) == approved

    play(path, scene)


def test_the_settings_are_the_defaults_until_an_admin_saves_others(path: Path) -> None:
    async def scene(market: Market) -> None:
        assert await market.platform.get() == PlatformSettings()
        saved = PlatformSettings("Рынок", "EUR", False, 2.5)
        await market.platform.replace(MARIA, saved)
        assert await market.platform.get() == saved
        await market.platform.replace(MARIA, PlatformSettings())
        assert await market.platform.get() == PlatformSettings()

    play(path, scene)


def test_a_setting_that_this_version_does_not_know_is_ignored(path: Path) -> None:
    async def scene(market: Market) -> None:
        await market.store.commit(
            lambda tx: tx.execute("INSERT INTO platform_setting (name, value) VALUES ('of_tomorrow', '1')") and None
        )
        assert await market.store.read(platform_settings.load) == PlatformSettings()

    play(path, scene)


@pytest.mark.parametrize(
    ("amount", "whole"), [(0.0, 0), (0.01, 1), (0.29, 29), (19.99, 1999), (1e9, 10**11), (123456789.1, 12345678910)]
)
def test_an_amount_is_kept_exactly(amount: float, whole: int) -> None:
    assert hundredths(amount, "price") == whole
    assert whole / 100 == amount


@pytest.mark.parametrize("amount", [0.001, 1.999, 1e-9])
def test_an_amount_with_more_decimals_is_refused(amount: float) -> None:
    with pytest.raises(Invalid) as refused:
        hundredths(amount, "price")
    problem: Problem = refused.value
    assert [error.field for error in problem.errors] == ["price"]


@given(whole=st.integers(0, 10**11))
def test_every_amount_of_hundredths_survives_the_way_there_and_back(whole: int) -> None:
    assert hundredths(whole / 100, "price") == whole
