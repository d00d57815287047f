"""Rooms: which names are taken, what an event's ids name, and how many are open in all processes."""

from __future__ import annotations

from collections import Counter

import pytest

from replyx.errors import Invalid
from replyx.shop import rooms


def test_rooms_in_an_address_are_each_taken_once_in_their_order() -> None:
    assert rooms.listed("") == ()
    assert rooms.listed("shop:123,order:№9/1,,shop:123") == ("shop:123", "order:№9/1")


@pytest.mark.parametrize(
    "text", ["shop", "shop:", ":1", "Shop:1", "shop:1 2", "shop:1\n", "shop:\x00", "shop:" + "1" * 65]
)
def test_what_is_no_room_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        rooms.listed(text)
    with pytest.raises(Invalid):
        rooms.listed(f"shop:1,{text}")


def test_an_event_is_in_the_rooms_that_its_ids_name() -> None:
    assert rooms.named_by({"shopId": 1, "productId": "a-2", "orderId": 3, "userId": 4}) == (
        *("shop:1", "product:a-2", "order:3"),
    )
    for none in (None, True, 1.5, "", "a b", "a,b", {}, 2**63):
        assert rooms.named_by({"shopId": none}) == ()


def test_a_room_that_is_open_in_two_processes_is_one() -> None:
    here, there = ["shop:1", "shop:2"], ["shop:2", "order:3"]
    assert rooms.total(Counter(rooms.share(here)) + Counter(rooms.share(there))) == 3
    assert rooms.total({}) == 0


def test_past_a_bound_rooms_are_told_by_number() -> None:
    many = [f"shop:{number}" for number in range(rooms.TOLD + 7)]
    assert len(rooms.share(many)) == rooms.TOLD + 1
    assert rooms.total(rooms.share(many)) == len(many)
