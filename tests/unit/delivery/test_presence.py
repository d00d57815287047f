"""Counts over processes: what each tells, and how the dead are forgotten."""

from __future__ import annotations

from replyx.delivery.presence import KEPT_S, MOST_PROCESSES, LocalPresence

NOW = 1000.0


def test_a_process_alone_counts_what_it_has_at_this_moment() -> None:
    presence = LocalPresence()
    open_streams = {"sse": 2}
    presence.report("streams", lambda: open_streams)
    assert presence.totals("streams") == {"sse": 2}
    open_streams["dialog"] = 1
    assert presence.totals("streams") == {"sse": 2, "dialog": 1}
    assert presence.totals("rooms") == {}


def test_totals_sum_what_the_others_told_last() -> None:
    presence = LocalPresence()
    presence.report("streams", lambda: {"sse": 2, "dialog": 0})
    assert presence.own() == {"streams": {"sse": 2}}
    assert presence.heard("b", {"streams": {"sse": 9}}, NOW) is True
    assert presence.heard("b", {"streams": {"sse": 1, "dialog": 3}, "rooms": {"shop:1": 2}}, NOW + 2) is False
    assert presence.totals("streams") == {"sse": 3, "dialog": 3}
    assert presence.totals("rooms") == {"shop:1": 2}


def test_a_silent_process_no_longer_counts_and_one_that_says_goodbye_goes_at_once() -> None:
    presence = LocalPresence()
    presence.heard("b", {"streams": {"sse": 1}}, NOW)
    presence.heard("c", {"streams": {"sse": 1}}, NOW + 3)
    presence.heard("d", {"streams": {"sse": 1}}, NOW + 3)
    presence.forget(NOW + KEPT_S - 0.1)
    assert presence.totals("streams") == {"sse": 3}
    presence.forget(NOW + KEPT_S)
    assert presence.totals("streams") == {"sse": 2}
    presence.left("c")
    assert presence.totals("streams") == {"sse": 1}


def test_the_number_of_processes_that_are_kept_is_bounded() -> None:
    presence = LocalPresence()
    for number in range(MOST_PROCESSES + 10):
        presence.heard(str(number), {"streams": {"sse": 1}}, NOW)
    assert presence.totals("streams") == {"sse": MOST_PROCESSES}
