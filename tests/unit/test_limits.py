"""Limits: what a bucket grants, what it refuses, and what it costs to keep."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyx.errors import TooManyRequests
from replyx.limits import MAX_KEYS, RULES, Limiter, Limits, Rule, address_key

NOW = 1_700_000_000.0
RULE = Rule("doors", burst=3, per_second=0.5, what="doors opened")


def limits(rule: Rule = RULE, max_keys: int = MAX_KEYS) -> Limits:
    return Limits(True, [rule], max_keys=max_keys)


def granted(limiter: Limiter, key: str, now: float, cost: int = 1) -> bool:
    try:
        limiter.spend("doors", key, now, cost)
    except TooManyRequests:
        return False
    return True


def granted_of(limiter: Limiter, key: str, now: float, tries: int) -> int:
    return sum(granted(limiter, key, now) for _ in range(tries))


def test_a_burst_passes_and_the_next_is_told_when_to_come_back() -> None:
    limiter = limits()
    assert granted_of(limiter, "anna", NOW, 3) == 3
    with pytest.raises(TooManyRequests) as refused:
        limiter.spend("doors", "anna", NOW)
    assert refused.value.retry_after == 2
    assert refused.value.detail == "Too many doors opened (doors: 3 at once, then 0.5 per second)."


def test_tokens_come_back_with_time_up_to_the_burst() -> None:
    limiter = limits()
    assert granted_of(limiter, "anna", NOW, 10) == 3
    assert granted_of(limiter, "anna", NOW + 1.9, 10) == 0
    assert granted_of(limiter, "anna", NOW + 2, 10) == 1
    assert granted_of(limiter, "anna", NOW + 1000, 10) == 3


def test_a_refusal_costs_nothing() -> None:
    limiter = limits()
    assert granted_of(limiter, "anna", NOW, 100) == 3
    assert granted_of(limiter, "anna", NOW + 2, 1) == 1


def test_keys_and_rules_do_not_touch_each_other() -> None:
    limiter = Limits(True, [RULE, Rule("windows", 1, 1)])
    assert granted_of(limiter, "anna", NOW, 4) == 3
    assert granted_of(limiter, "boris", NOW, 4) == 3
    limiter.spend("windows", "anna", NOW)
    assert limiter.peek("windows", "anna", NOW) == 1
    assert limiter.peek("windows", "boris", NOW) == 0


def test_a_cost_takes_so_many_tokens_or_none() -> None:
    limiter = limits()
    assert granted(limiter, "anna", NOW, 2)
    assert not granted(limiter, "anna", NOW, 2)
    assert granted(limiter, "anna", NOW, 1)


def test_a_cost_beyond_the_burst_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="never fit"):
        limits().spend("doors", "anna", NOW, 4)


def test_peek_says_what_spend_would_do_and_takes_nothing() -> None:
    limiter = limits()
    assert [limiter.peek("doors", "anna", NOW, cost) for cost in (1, 3, 1, 3)] == [0, 0, 0, 0]
    assert limiter.keys("doors") == 0
    assert granted_of(limiter, "anna", NOW, 3) == 3
    assert [limiter.peek("doors", "anna", NOW, cost) for cost in (1, 2, 3)] == [2, 4, 6]


def test_a_refund_gives_back_what_was_taken_and_no_more() -> None:
    limiter = limits()
    limiter.refund("doors", "anna", NOW)
    assert limiter.keys("doors") == 0
    assert granted_of(limiter, "anna", NOW, 10) == 3
    limiter.refund("doors", "anna", NOW)
    assert granted_of(limiter, "anna", NOW, 10) == 1
    limiter.refund("doors", "anna", NOW, 50)
    assert granted_of(limiter, "anna", NOW, 10) == 3


def test_an_attempt_that_takes_its_token_first_and_succeeds_is_not_counted() -> None:
    """The pattern for limits on failures: attempts made side by side cannot all pass before one has failed."""
    limiter = limits()
    for _ in range(20):
        limiter.spend("doors", "anna", NOW)
        limiter.refund("doors", "anna", NOW)
    assert granted_of(limiter, "anna", NOW, 10) == 3


def test_limits_that_are_off_refuse_nothing_and_keep_nothing() -> None:
    limiter = Limits(False, [RULE])
    assert granted_of(limiter, "anna", NOW, 100) == 100
    assert limiter.peek("doors", "anna", NOW, 100) == 0
    limiter.refund("doors", "anna", NOW)
    assert limiter.keys("doors") == 0


CALLS: list[Callable[[Limits], object]] = [
    lambda limiter: limiter.spend("widnows", "anna", NOW),
    lambda limiter: limiter.peek("widnows", "anna", NOW),
    lambda limiter: limiter.refund("widnows", "anna", NOW),
]


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("call", CALLS)
def test_a_rule_that_does_not_exist_is_a_mistake_even_when_limits_are_off(
    call: Callable[[Limits], object], enabled: bool
) -> None:
    with pytest.raises(KeyError):
        call(Limits(enabled, [RULE]))


def test_a_wait_is_not_a_second_longer_for_a_rounding_error() -> None:
    limiter = limits(Rule("doors", burst=1, per_second=1 / 3))
    limiter.spend("doors", "anna", 0.0)
    assert [limiter.peek("doors", "anna", now) for now in (0.0, 1.0, 2.0, 3.0)] == [3, 2, 1, 0]


def test_a_clock_set_back_neither_locks_anyone_out_nor_refills() -> None:
    limiter = limits()
    assert granted_of(limiter, "anna", NOW, 2) == 2
    assert granted_of(limiter, "anna", NOW - 3600, 10) == 1
    assert granted_of(limiter, "anna", NOW - 3600 + 2, 10) == 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_grants_its_burst_and_then_exactly_what_comes_back(rule: Rule) -> None:
    limiter = Limits(True)
    for _ in range(rule.burst):
        limiter.spend(rule.name, "anna", NOW)
    wait = limiter.peek(rule.name, "anna", NOW)
    assert wait == max(1, round(1 / rule.per_second))
    with pytest.raises(TooManyRequests) as refused:
        limiter.spend(rule.name, "anna", NOW)
    assert refused.value.retry_after == wait
    assert rule.what in refused.value.detail
    limiter.spend(rule.name, "anna", NOW + wait)


def test_rules_have_names_of_their_own() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(("burst", "per_second"), [(0, 1.0), (1, 0.0), (1, -1.0)])
def test_a_rule_that_never_grants_is_refused(burst: int, per_second: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        Rule("never", burst, per_second)


STEPS = st.lists(
    st.tuples(st.floats(0, 30), st.sampled_from("abcde"), st.integers(1, 3)),
    max_size=60,
)


class Unforgetting:
    """The same promise in the plainest way: every bucket is kept for ever."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._buckets: dict[str, tuple[float, float]] = {}

    def granted(self, key: str, now: float, cost: int) -> bool:
        tokens, since = self._buckets.get(key, (float(self._rule.burst), now))
        tokens = min(float(self._rule.burst), tokens + (now - since) * self._rule.per_second)
        enough = tokens >= cost - 1e-6
        self._buckets[key] = (tokens - cost if enough else tokens, now)
        return enough


@given(STEPS)
def test_forgetting_full_buckets_changes_no_answer(steps: list[tuple[float, str, int]]) -> None:
    limiter, reference, now = limits(), Unforgetting(RULE), 0.0
    for delay, key, cost in steps:
        now += delay
        assert granted(limiter, key, now, cost) == reference.granted(key, now, cost)


@given(STEPS)
def test_whoever_waits_as_told_gets_in(steps: list[tuple[float, str, int]]) -> None:
    limiter, now = limits(), NOW
    for delay, key, cost in steps:
        now += delay
        wait = limiter.peek("doors", key, now, cost)
        assert granted(limiter, key, now, cost) == (wait == 0)
        if wait:
            now += wait
            assert granted(limiter, key, now, cost)


@given(STEPS)
def test_no_stretch_of_time_grants_more_than_burst_and_refill(steps: list[tuple[float, str, int]]) -> None:
    limiter, now = limits(), 0.0
    passed: list[tuple[float, int]] = []
    for delay, _, cost in steps:
        now += delay
        if granted(limiter, "anna", now, cost):
            passed.append((now, cost))
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            spent = sum(cost for _, cost in passed[first : last + 1])
            assert spent <= RULE.burst + (passed[last][0] - passed[first][0]) * RULE.per_second + 1e-3


def test_memory_is_bounded_however_many_keys_come() -> None:
    limiter = limits(max_keys=10)
    for number in range(1000):
        limiter.spend("doors", str(number), NOW)
    assert limiter.keys("doors") == 10


def test_where_all_are_in_use_the_least_recently_used_bucket_goes() -> None:
    limiter = limits(max_keys=2)
    assert granted_of(limiter, "anna", NOW, 3) == 3
    assert granted_of(limiter, "boris", NOW, 3) == 3
    assert granted_of(limiter, "anna", NOW + 2, 1) == 1  # anna was here last
    limiter.spend("doors", "carol", NOW + 2)
    assert limiter.peek("doors", "anna", NOW + 2) > 0
    assert limiter.peek("doors", "boris", NOW + 2) == 0


def test_a_full_bucket_goes_before_an_older_one_in_use() -> None:
    limiter = limits(max_keys=2)
    assert granted_of(limiter, "anna", NOW, 3) == 3
    limiter.spend("doors", "boris", NOW)
    limiter.spend("doors", "carol", NOW + 2)  # boris has filled up, anna has not
    assert limiter.peek("doors", "anna", NOW + 2, cost=2) > 0
    assert limiter.keys("doors") == 2


def test_buckets_of_those_who_left_go_as_others_come() -> None:
    limiter = limits()
    for number in range(100):
        limiter.spend("doors", f"morning-{number}", NOW)
    for number in range(100):
        limiter.spend("doors", f"evening-{number}", NOW + 36_000)
    assert limiter.keys("doors") == 100


def test_a_long_key_is_kept_short_and_still_its_own() -> None:
    limiter = limits()
    long = "a" * 100_000
    assert granted_of(limiter, long + "1", NOW, 10) == 3
    assert granted_of(limiter, long + "2", NOW, 10) == 3
    assert granted_of(limiter, "\ud800" * 100, NOW, 10) == 3
    assert max(len(key) for key in limiter._tables["doors"]._held) == 64


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("unix:100%full", "unix:100%full"),
    ],
)
def test_an_ipv6_network_counts_as_one_client(address: str, key: str) -> None:
    assert address_key(address) == key
