"""What processes say to each other: what comes through, and that nothing else does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyx.delivery.eventlog import LoggedEvent
from replyx.redis import bus_wire
from replyx.redis.bus_wire import (
    MAX_BYTES,
    BusWire,
    Garbage,
    Happened,
    Passing,
    Share,
    Spent,
    Stale,
    StrangeKey,
    logged,
)
from replyx.redis.freshness import FRESH_S, WINDOW

KEY, OLD_KEY = b"k" * 32, b"o" * 32
ONE = BusWire("aaaaaaaaaaaa", "5f3a", [KEY])
TWO = BusWire("bbbbbbbbbbbb", "5f3a", [KEY])
LOGGED = LoggedEvent(7, ("dialog:1", "inbox"), '{"type":"message:new","text":"привет"}'.encode())

EVENT = ONE.message([bus_wire.event(LOGGED)])


@pytest.mark.parametrize(
    "body",
    [
        Share({"streams": {"sse": 2}}),
        Share({}, leaving=True),
        Spent([("login_account", "anna@example.com", 2), ("session_open", "::/64", -1)]),
    ],
)
def test_what_one_process_says_the_other_reads(body: Share | Spent) -> None:
    assert TWO.read(ONE.message([bus_wire.told(body)])) == ("aaaaaaaaaaaa", [body])


def test_a_message_carries_all_that_there_was_to_say_in_order() -> None:
    pieces = [bus_wire.event(LoggedEvent(number, ("inbox",), b"{}")) for number in range(1, 4)]
    _, said = TWO.read(ONE.message([*pieces, bus_wire.told(Share({})), bus_wire.ephemeral(("inbox",), b"{}")]))
    assert [type(each) for each in said] == [Happened, Happened, Happened, Share, Passing]
    assert [each.id for each in said if isinstance(each, Happened)] == [1, 2, 3]


def test_events_arrive_as_they_were_logged() -> None:
    sender, [body] = TWO.read(EVENT)
    assert sender == "aaaaaaaaaaaa"
    assert isinstance(body, Happened)
    event = logged(body)
    assert (event.id, event.topics, event.payload) == (LOGGED.id, LOGGED.topics, LOGGED.payload)
    _, [passing] = TWO.read(ONE.message([bus_wire.ephemeral(("dialog:1",), b'{"type":"typing_start"}')]))
    assert isinstance(passing, Passing)
    assert (passing.topics, bytes(passing.payload)) == (("dialog:1",), b'{"type":"typing_start"}')


def test_a_process_knows_its_own_echo() -> None:
    assert ONE.is_own(EVENT)
    assert not TWO.is_own(EVENT)


def test_a_message_is_one_json_object_that_people_can_read() -> None:
    message = json.loads(EVENT)
    assert set(message) == {"v", "epoch", "from", "mac", "n", "at", "said"}
    assert message["said"][0]["payload"]["text"] == "привет"


def test_during_a_rotation_the_old_key_still_verifies() -> None:
    old, both = BusWire("aaaaaaaaaaaa", "5f3a", [OLD_KEY]), BusWire("bbbbbbbbbbbb", "5f3a", [KEY, OLD_KEY])
    assert both.read(old.message([]))[0] == "aaaaaaaaaaaa"
    with pytest.raises(StrangeKey):
        old.read(both.message([]))


def test_another_installation_is_not_heard() -> None:
    with pytest.raises(StrangeKey):
        TWO.read(BusWire("cccccccccccc", "5f3a", [b"x" * 32]).message([]))
    with pytest.raises(Garbage, match="installation"):
        TWO.read(BusWire("cccccccccccc", "0000", [KEY]).message([]))


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("v", 1),
        ("epoch", "5f3b"),
        ("from", "cccccccccccc"),
        ("mac", "0" * 32),
        ("mac", "é" * 32),
        ("n", 99),
        ("at", 1.5),
        ("said", {}),
    ],
)
def test_a_message_that_was_changed_is_not_believed(member: str, value: object) -> None:
    message: dict[str, Any] = json.loads(EVENT)
    assert message[member] != value
    with pytest.raises(Garbage):
        TWO.read(json.dumps({**message, member: value}, separators=(",", ":"), ensure_ascii=False).encode())


def test_a_signed_message_of_an_unknown_kind_is_left_aside() -> None:
    known = bus_wire.told(Share({}))
    assert TWO.read(ONE.message([known]))[1] == [Share({})]
    with pytest.raises(Garbage, match="does not know"):
        TWO.read(ONE.message([known, b'{"kind":"of a later version"}']))


class Clock:
    """The time on one host, in seconds since the epoch."""

    def __init__(self) -> None:
        self.now = 1_773_050_400.0

    def __call__(self) -> float:
        return self.now


NOTICE = bus_wire.ephemeral(("dialog:1",), b'{"type":"typing_start"}')


def test_what_is_said_again_is_heard_once_but_for_events_whose_ids_tell() -> None:
    sender, hears = BusWire("aaaaaaaaaaaa", "5f3a", [KEY]), BusWire("bbbbbbbbbbbb", "5f3a", [KEY])
    said = sender.message([NOTICE, bus_wire.event(LOGGED), bus_wire.told(Spent([("login", "anna", 2)]))])
    assert [type(each) for each in hears.read(said)[1]] == [Passing, Happened, Spent]
    assert [type(each) for each in hears.read(said)[1]] == [Happened]
    notice = sender.message([NOTICE])
    assert len(hears.read(notice)[1]) == 1
    with pytest.raises(Stale):
        hears.read(notice)


def test_what_a_process_said_that_is_gone_is_not_heard_later_by_anybody() -> None:
    clock = Clock()
    old = BusWire("aaaaaaaaaaaa", "5f3a", [KEY], clock).message([bus_wire.told(Share({}, leaving=True))])
    clock.now += FRESH_S + 1
    with pytest.raises(Stale):
        BusWire("bbbbbbbbbbbb", "5f3a", [KEY], clock).read(old)


@pytest.mark.parametrize("skew", [-FRESH_S + 1, -30, 30, FRESH_S - 1])
def test_clocks_that_differ_and_restarts_cost_no_message(skew: float) -> None:
    here, there = Clock(), Clock()
    there.now += skew
    hears = BusWire("bbbbbbbbbbbb", "5f3a", [KEY], here)
    for name in ("aaaaaaaaaaaa", "cccccccccccc"):  # a process that is started again has another name
        sender = BusWire(name, "5f3a", [KEY], there)
        for _ in range(3):
            assert len(hears.read(sender.message([NOTICE]))[1]) == 1


@given(st.permutations(range(40)))
def test_messages_that_were_swapped_on_their_way_are_each_heard_once(order: list[int]) -> None:
    sender, hears = BusWire("aaaaaaaaaaaa", "5f3a", [KEY]), BusWire("bbbbbbbbbbbb", "5f3a", [KEY])
    said = [sender.message([NOTICE]) for _ in order]
    for number in order:
        assert len(hears.read(said[number])[1]) == 1
    for each in said:
        with pytest.raises(Stale):
            hears.read(each)


def test_of_messages_far_behind_nothing_is_remembered_and_nothing_heard() -> None:
    sender, hears = BusWire("aaaaaaaaaaaa", "5f3a", [KEY]), BusWire("bbbbbbbbbbbb", "5f3a", [KEY])
    said = [sender.message([NOTICE]) for _ in range(WINDOW + 1)]
    hears.read(said[-1])
    assert len(hears.read(said[1])[1]) == 1
    with pytest.raises(Stale):
        hears.read(said[0])


def test_a_message_past_the_bound_is_not_looked_at() -> None:
    with pytest.raises(Garbage, match="large"):
        TWO.read(b"[" * (MAX_BYTES + 1))


@given(st.binary(max_size=300) | st.integers(0, 400).flatmap(lambda at: st.just(EVENT[:at])))
def test_any_bytes_are_garbage_or_a_message_and_nothing_else(data: bytes) -> None:
    with pytest.raises(Garbage):
        TWO.read(data[:-1])
