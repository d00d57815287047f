"""Targets: what counts as working time, when something is due, and when it is marked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyx.conversations.hours import Hours
from replyx.conversations.sla import SOON, TARGETS, Deadline, Policy, due_at, next_look, worked

OFFICE = Hours()
MONDAY = datetime(2025, 9, 1, tzinfo=UTC)
HOUR_MS = 3_600_000

moments = st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
offices = st.sampled_from(
    [
        OFFICE,
        Hours.parse("Mon-Fri 09:00-18:00", "Europe/Berlin"),
        Hours.parse("Sat-Sun 00:30-04:00", "America/New_York"),
        Hours.parse("Wed 09:00-18:00", "Asia/Kolkata"),
        Hours.parse("Mon-Sun 02:10-02:20,02:30-24:00", "Australia/Lord_Howe"),
        Hours.parse("Mon-Sat 22:00-02:30; Sun 00:30-01:30; 2026-03-29 off", "Europe/Berlin"),
        Hours.parse("24/7", "Africa/Casablanca"),
    ]
)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment in the week of :data:`MONDAY`; day 7 is the next Monday."""
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


@pytest.mark.parametrize(
    ("start", "minutes", "due"),
    [
        pytest.param(at(0, 10), 60, at(0, 11), id="inside a day"),
        pytest.param(at(0, 7), 60, at(0, 10), id="asked before the office opens"),
        pytest.param(at(0, 17, 30), 60, at(1, 9, 30), id="over a night"),
        pytest.param(at(4, 17), 120, at(7, 10), id="over a weekend"),
        pytest.param(at(5, 12), 1, at(7, 9, 1), id="asked on a Saturday"),
        pytest.param(at(0, 9), 9 * 60, at(0, 18), id="exactly a day ends when the office closes"),
        pytest.param(at(0, 18), 9 * 60, at(1, 18), id="asked at closing time"),
        pytest.param(at(0, 9), 5 * 9 * 60, at(4, 18), id="a week"),
        pytest.param(at(5, 12), 0, at(5, 12), id="nothing left is due at once"),
        pytest.param(at(5, 12), -5, at(5, 12), id="less than nothing too"),
    ],
)
def test_only_working_time_counts(start: datetime, minutes: int, due: datetime) -> None:
    assert due_at(start, minutes, OFFICE) == due


def test_without_hours_the_clock_runs_through_the_weekend() -> None:
    assert due_at(at(5, 23, 50), 15, None) == at(6, 0, 5)
    assert worked(at(5, 23, 50), at(6, 0, 5), None) == timedelta(minutes=15)


def test_hours_are_local() -> None:
    moscow = Hours.parse("Mon-Fri 09:00-18:00", "Europe/Moscow")
    assert due_at(at(0, 5), 60, moscow) == at(0, 7)  # 09:00 in Moscow is 06:00 in UTC


@given(moments, st.integers(1, 20_000), offices)
def test_the_working_time_up_to_the_due_time_is_the_target(start: datetime, minutes: int, hours: Hours) -> None:
    assert worked(start, due_at(start, minutes, hours), hours) == timedelta(minutes=minutes)


@given(moments, st.integers(0, 9000), st.integers(0, 9000), offices)
def test_a_target_met_in_two_parts_is_due_when_it_would_have_been_in_one(
    start: datetime, first: int, second: int, hours: Hours
) -> None:
    assert due_at(due_at(start, first, hours), second, hours) == due_at(start, first + second, hours)


def test_a_mark_comes_before_the_due_time_and_changes_at_it() -> None:
    deadline = Deadline(soon_at=100, due_at=200)
    assert [deadline.mark(now) for now in (99, 100, 199, 200, 999)] == [
        None,
        "due_soon",
        "due_soon",
        "breached",
        "breached",
    ]
    later = Deadline(soon_at=150, due_at=300)
    assert [next_look((deadline, later, None), now) for now in (0, 100, 150, 200, 300)] == [100, 150, 200, 300, None]


def test_urgent_counts_around_the_clock_and_every_lower_priority_has_more_time() -> None:
    saturday = round(at(5, 12).timestamp() * 1000)
    policy = Policy()
    assert policy.response("URGENT", saturday).due_at == saturday + 15 * 60_000
    due = [policy.resolution(priority, saturday, 0).due_at for priority in ("URGENT", "HIGH", "MEDIUM", "LOW")]
    assert due == sorted(set(due))
    assert list(TARGETS) == ["LOW", "MEDIUM", "HIGH", "URGENT"]


def test_time_that_was_used_up_before_shortens_the_warning_and_the_target_alike() -> None:
    monday = round(at(0, 9).timestamp() * 1000)
    fresh, used = Policy().resolution("HIGH", monday, 0), Policy().resolution("HIGH", monday, 2 * HOUR_MS)
    assert (fresh.soon_at - used.soon_at, fresh.due_at - used.due_at) == (2 * HOUR_MS, 2 * HOUR_MS)
    assert fresh.soon_at == monday + SOON * 9 * HOUR_MS
