"""A subscription: one client's place, as a state machine."""

from __future__ import annotations

from replyx.delivery.subscription import State, Subscription
from replyx.wire.sse import SSE


class Bucket:
    """A sink that is full after ``room`` writes."""

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.taken: list[bytes] = []

    def write(self, data: bytes) -> bool:
        self.taken.append(data)
        self.room -= 1
        return not self.full

    @property
    def full(self) -> bool:
        return self.room <= 0


def subscribed(sink: Bucket, *, live: bool = True) -> Subscription:
    subscription = Subscription(frozenset({"shoes"}), SSE, sink, 10)
    if live:
        subscription.go_live()
    return subscription


def test_what_one_turn_brings_goes_out_in_one_write() -> None:
    sink = Bucket()
    subscription = subscribed(sink)
    assert subscription.offer(11, b"a"), "the first of a turn asks for a flush"
    assert not subscription.offer(13, b"b")
    assert sink.taken == []
    assert subscription.flush()
    assert sink.taken == [b"ab"]
    assert subscription.cursor == 13


def test_an_event_that_was_sent_is_not_sent_again() -> None:
    sink = Bucket()
    subscription = subscribed(sink)
    assert not subscription.offer(10, b"old")
    assert subscription.offer(11, b"new")
    assert not subscription.offer(11, b"new")
    subscription.flush()
    assert sink.taken == [b"new"]


def test_while_behind_live_events_pass_by_and_the_cursor_stays() -> None:
    sink = Bucket()
    subscription = subscribed(sink, live=False)
    assert not subscription.offer(11, b"a")
    assert subscription.cursor == 10
    assert subscription.replay(11, b"a")
    assert subscription.replay(11, b"a"), "a repeat is no reason to stop"
    assert sink.taken == [b"a"]
    assert subscription.cursor == 11


def test_a_full_sink_makes_it_fall_behind_with_its_cursor_behind_what_was_written() -> None:
    subscription = subscribed(Bucket(room=1))
    subscription.offer(11, b"a")
    assert not subscription.flush()
    assert subscription.state is State.BEHIND
    assert subscription.cursor == 11
    assert not subscription.offer(12, b"b")
    assert subscription.cursor == 11


def test_a_full_sink_stops_the_replay_and_keeps_what_it_took() -> None:
    subscription = subscribed(Bucket(room=1), live=False)
    assert not subscription.replay(11, b"a")
    assert subscription.cursor == 11
    assert subscription.state is State.BEHIND


def test_once_closed_it_stays_closed_and_silent() -> None:
    sink = Bucket()
    subscription = subscribed(sink)
    subscription.offer(11, b"a")
    subscription.close()
    subscription.go_live()
    subscription.fall_behind()
    assert subscription.state is State.CLOSED
    assert not subscription.offer(12, b"b")
    subscription.flush()
    assert b"".join(sink.taken) == b""
