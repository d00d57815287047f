"""Working hours: what their text means, which texts are refused, and what the changes of clocks do to them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo, available_timezones

import pytest

from replyx.conversations.hours import Hours
from replyx.conversations.sla import due_at, worked

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
STEP = 5 * MINUTE  # every change of clocks and all hours below are whole steps
MONDAY = datetime(2026, 12, 28, tzinfo=UTC)


def week_of(text: str) -> list[str]:
    """What is worked in the eight days from :data:`MONDAY` on, as ``day hours-hours`` by the clock, in UTC."""
    windows = Hours.parse(text).windows(MONDAY)
    shown = takewhile(lambda window: window[0] < MONDAY + timedelta(days=8), windows)
    return [f"{opens:%d %H:%M}-{closes:%H:%M}" for opens, closes in shown]


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("Wed 10:00-16:00", ["30 10:00-16:00"]),
        ("Sat-Mon 10:00-16:00", ["28 10:00-16:00", "02 10:00-16:00", "03 10:00-16:00", "04 10:00-16:00"]),
        ("Tue 09:00-13:00,14:00-18:00", ["29 09:00-13:00", "29 14:00-18:00"]),
        ("Tue 14:00-18:00, 09:00-13:00", ["29 09:00-13:00", "29 14:00-18:00"]),
        ("Tue,Thu-Fri 09:00-10:00", ["29 09:00-10:00", "31 09:00-10:00", "01 09:00-10:00"]),
        ("Tue 09:00-18:00; Sat 10:00-14:00", ["29 09:00-18:00", "02 10:00-14:00"]),
        ("Tue 09:00-18:00;Sat-Sun off", ["29 09:00-18:00"]),
        ("Fri 22:00-02:00", ["01 22:00-02:00"]),
        ("Sun 22:00-02:00", ["28 00:00-02:00", "03 22:00-02:00"]),
        ("Tue 22:00-24:00", ["29 22:00-00:00"]),
        ("Tue 22:00-00:00", ["29 22:00-00:00"]),
        ("Fri 22:00-10:00; Sat 09:00-12:00", ["01 22:00-10:00", "02 10:00-12:00"]),
        ("Thu-Fri 10:00-12:00; 2026-12-31 off", ["01 10:00-12:00"]),
        ("Tue 10:00-12:00; 2027-01-02 10:00-14:00,15:00-16:00", ["29 10:00-12:00", "02 10:00-14:00", "02 15:00-16:00"]),
        ("Mon-Sun 10:00-12:00; 2026-12-29/2027-01-02,2027-01-04 off", ["28 10:00-12:00", "03 10:00-12:00"]),
        ("Wed-Thu 22:00-02:00; 2026-12-31 off", ["30 22:00-02:00"]),
    ],
)
def test_hours_mean_what_they_say(text: str, windows: list[str]) -> None:
    assert week_of(text) == windows


@pytest.mark.parametrize("text", ["24/7", "Mon-Sun 00:00-24:00", "Mon-Sun 00:00-12:00,12:00-24:00"])
def test_hours_without_a_pause_count_every_moment(text: str) -> None:
    start = MONDAY + timedelta(minutes=17)
    assert worked(start, start + timedelta(days=400), Hours.parse(text, "America/Havana")) == timedelta(days=400)


def test_a_date_takes_the_place_of_its_day_in_a_week_without_a_pause() -> None:
    hours = Hours.parse("24/7; 2026-12-31 off; 2027-01-01 12:00-13:00", "Asia/Tokyo")
    assert worked(MONDAY, MONDAY + timedelta(days=7), hours) == timedelta(days=5, hours=1)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("", "days and hours such as"),
        ("Mon-Fri", "days and hours such as"),
        ("Mon-Fri 09:00-18:00;", "days and hours such as Mon-Fri 09:00-18:00 (part 2)"),
        ("24/7 09:00-10:00", "dates that exist"),
        ("Mon-Fri 9-18", "hours such as 09:00-18:00"),
        ("Mon-Fri 09:60-18:00", "hours such as 09:00-18:00"),
        ("Mon-Fri ٠٩:٠٠-١٨:٠٠", "hours such as 09:00-18:00"),
        ("Mon-Fri 09:00-13:00,", "hours such as 09:00-18:00"),
        ("Mon-Fri off,09:00-13:00", "hours such as 09:00-18:00"),
        ("Mon-Fri 24:00-02:00", "from 00:00 to 23:59, or 24:00"),
        ("Mon-Fri 09:00-24:01", "from 00:00 to 23:59, or 24:00"),
        ("Mon-Fri 09:00-99:00", "from 00:00 to 23:59, or 24:00"),
        ("Mon-Fri 09:00-09:00", "a whole day is 00:00-24:00"),
        ("Mon-Fri 09:00-13:01,13:00-18:00", "do not overlap"),
        ("Fri 22:00-02:00,23:00-24:00", "do not overlap"),
        ("Foo-Fri 09:00-18:00", "days such as Mon"),
        ("Mon- 09:00-18:00", "days such as Mon"),
        ("Mon, 09:00-18:00", "days and hours such as"),
        ("Mon-Tue-Wed 09:00-18:00", "days such as Mon"),
        ("Mon-Fri 09:00-18:00; Fri 09:00-15:00", "each day once"),
        ("24/7; Sun off", "each day once"),
        ("24/7; 2026-12-31 off; 2026-12-30/2027-01-02 off", "(part 3)"),
        ("24/7; 2026-02-30 off", "dates that exist, such as 2026-12-31 (part 2)"),
        ("24/7; 31.12.2026 off", "dates that exist"),
        ("24/7; 2027-01-08/2027-01-01 off", "from the earlier to the later"),
        ("24/7; 2027-01-01/9999-12-31 off", "a year at most"),
        ("Mon-Sun off", "nobody ever works"),
        ("2026-12-31 09:00-18:00", "nobody ever works"),
    ],
)
def test_unreadable_hours_are_refused_with_what_would_be_right(text: str, right: str) -> None:
    with pytest.raises(ValueError) as refused:
        Hours.parse(text)
    assert str(refused.value).startswith("must ")
    assert right in str(refused.value)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../etc/passwd", ""])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        Hours.parse("Mon-Fri 09:00-18:00", zone)


@pytest.mark.parametrize(
    ("zone", "day", "hours", "length"),
    [
        pytest.param("Europe/Berlin", "2026-03-29", "02:30-05:00", 2 * HOUR, id="opens in the gap"),
        pytest.param("Europe/Berlin", "2026-03-29", "02:30-03:00", 0 * HOUR, id="is left out with the gap"),
        pytest.param("Europe/Berlin", "2026-03-29", "01:00-02:30", HOUR, id="closes in the gap"),
        pytest.param("Europe/Berlin", "2026-03-29", "00:00-24:00", 23 * HOUR, id="a short day"),
        pytest.param(
            "Europe/Berlin", "2026-10-25", "01:00-02:30", 2.5 * HOUR, id="closes in the hour that comes twice"
        ),
        pytest.param("Europe/Berlin", "2026-10-25", "02:30-05:00", 3.5 * HOUR, id="opens in the hour that comes twice"),
        pytest.param("Europe/Berlin", "2026-10-25", "00:00-02:00", 2 * HOUR, id="ends as that hour begins"),
        pytest.param("Europe/Berlin", "2026-10-25", "03:00-04:00", HOUR, id="begins as that hour ends"),
        pytest.param("Europe/Berlin", "2026-10-25", "00:00-24:00", 25 * HOUR, id="a long day"),
        pytest.param("Australia/Lord_Howe", "2026-10-04", "02:15-03:00", 0.5 * HOUR, id="opens in half an hour of gap"),
        pytest.param(
            "Australia/Lord_Howe", "2026-04-05", "01:00-01:45", 1.25 * HOUR, id="closes in half an hour twice"
        ),
        pytest.param("America/Havana", "2026-11-01", "00:00-24:00", 25 * HOUR, id="midnight comes twice"),
        pytest.param("America/Havana", "2026-10-31", "00:00-24:00", 24 * HOUR, id="ends before midnight comes twice"),
        pytest.param("Africa/Cairo", "2026-04-24", "00:30-02:00", HOUR, id="midnight is left out"),
        pytest.param("Pacific/Apia", "2011-12-30", "09:00-18:00", 0 * HOUR, id="a day is left out"),
    ],
)
def test_hours_are_as_long_as_the_day_makes_them(zone: str, day: str, hours: str, length: timedelta) -> None:
    opened = Hours.parse(f"{date.fromisoformat(day):%a} {hours}", zone)
    noon = datetime.fromisoformat(f"{day}T12:00Z")
    assert worked(noon - timedelta(days=2), noon + timedelta(days=2), opened) == length


def test_moments_of_one_zone_are_as_far_apart_as_they_really_are() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start, end = datetime(2026, 10, 25, 1, tzinfo=berlin), datetime(2026, 10, 25, 4, tzinfo=berlin)
    for hours in (None, Hours.parse("24/7", "Europe/Berlin")):
        assert worked(start, end, hours) == 4 * HOUR
        assert due_at(start, 240, hours) == end.astimezone(UTC)


@cache
def changes() -> list[tuple[str, datetime]]:
    """A zone and a moment for each different change of clocks that is on its way, in every zone there is."""
    found: dict[tuple[datetime, timedelta | None, timedelta | None], str] = {}
    days = [datetime(2026, 12, 1, tzinfo=UTC) + timedelta(days=step) for step in range(366)]
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        offsets = [day.astimezone(zone).utcoffset() for day in days]
        for day, before, after in zip(days, offsets, offsets[1:], strict=False):
            if before != after:
                found.setdefault((day, before, after), name)
    return [(name, day) for (day, _before, _after), name in found.items()]


SPANS = ("00:00-24:00", "00:30-02:00,02:00-02:30,02:45-09:00", "01:15-01:45,02:15-02:20", "22:00-02:30", "23:45-00:15")


def on_the_clock(hours: Hours, start: datetime, end: datetime) -> Iterator[datetime]:
    """The steps that are worked, found by looking at the clock in each: from its first time in a span to the last."""
    moments = [start + number * STEP for number in range((end - start) // STEP)]
    clock = [moment.astimezone(hours.zone).replace(tzinfo=None) for moment in moments]
    seen = set()
    for day in sorted({shown.date() for shown in clock}):
        midnight = datetime.combine(day, datetime.min.time())
        for span in hours.week[day.weekday()]:
            opens, closes = (midnight + minutes * MINUTE for minutes in (span.opens, span.closes))
            within = [place for place, shown in enumerate(clock) if opens <= shown < closes]
            if within:
                seen.update(moments[within[0] : within[-1] + 1])
    yield from sorted(seen)


def test_every_change_of_clocks_in_the_world_is_counted_as_a_clock_shows_it() -> None:
    """A step is worked or not; so the count is never negative, never more than has passed, and adds up."""
    assert len(changes()) > 40
    for number, (zone, day) in enumerate(changes()):
        hours = Hours.parse(f"Mon-Sun {SPANS[number % len(SPANS)]}", zone)
        start, end = day - timedelta(days=1), day + timedelta(days=2)
        shown = set(on_the_clock(hours, start - timedelta(days=1), end))
        steps = [start + step * 45 * MINUTE for step in range((end - start) // (45 * MINUTE) + 1)]
        for before, after in pairwise(steps):
            counted = worked(before, after, hours)
            expected = sum(before + number * STEP in shown for number in range(9))
            assert counted == expected * STEP, (zone, before)
            assert due_at(start, worked(start, after, hours) / MINUTE, hours) <= after, (zone, after)
        total = sum(moment >= start for moment in shown)
        assert worked(start, end, hours) == total * STEP, zone


def test_each_form_of_hours_survives_each_change_of_clocks() -> None:
    for zone, day in changes():
        for spans in SPANS:
            hours = Hours.parse(f"Mon-Sun {spans}", zone)
            windows = takewhile(lambda window: window[0] < day + timedelta(days=3), hours.windows(day))  # noqa: B023
            edge = day
            for opens, closes in windows:
                assert edge <= opens < closes, (zone, spans)
                edge = closes
            for minutes in (1, 100, 1500):
                assert worked(day, due_at(day, minutes, hours), hours) == minutes * MINUTE, (zone, spans)
