"""Working hours: a text such as ``Mon-Fri 09:00-13:00,14:00-18:00; 2026-12-31 off``, and what it means in UTC.

Hours are local and belong to the day on which they begin. They go from the first moment at which the clock shows the
opening or more, to the last before which it shows less than the closing. So hours that begin or end where clocks go
forward begin or end as they do, hours that end in the hour that comes twice take both, and none is ever negative.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_MINUTES = 24 * 60
USUAL = "Mon-Fri 09:00-18:00"
ALWAYS = "24/7"
LONGEST_RANGE = timedelta(days=366)

_ONE_DAY = timedelta(days=1)
_TICK = timedelta.resolution
_COMMA = re.compile(r"\s*,\s*")
_SPAN = re.compile(r"(\d\d):([0-5]\d)-(\d\d):([0-5]\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

Key = TypeVar("Key", int, date)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From ``opens`` to ``closes``, in minutes of the clock since the midnight at which a day begins.

    More than 24 hours is the time of the next day, so ``closes`` is always the greater.
    """

    opens: int
    closes: int

    @classmethod
    def parse(cls, text: str) -> Span:
        """Read ``09:00-13:00``, or ``22:00-02:00`` over midnight. Raises ValueError saying what is right."""
        match = _SPAN.fullmatch(text)
        if match is None:
            raise ValueError("must have hours such as 09:00-18:00 or 09:00-13:00,14:00-18:00, or the word off")
        opens, closes = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
        if opens >= DAY_MINUTES or closes > DAY_MINUTES:
            raise ValueError("must have times from 00:00 to 23:59, or 24:00 where a day ends")
        if opens == closes:
            raise ValueError("must have hours that end at another time than they begin; a whole day is 00:00-24:00")
        return cls(opens, closes if closes > opens else closes + DAY_MINUTES)


Spans = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Hours:
    """When the operators work, in ``zone``: on each day of the ``week`` from Monday, and on ``dates`` that differ."""

    zone: tzinfo = UTC
    week: tuple[Spans, ...] = ((Span(9 * 60, 18 * 60),),) * 5 + ((),) * 2
    dates: Mapping[date, Spans] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not any(self.week):
            raise ValueError("must have hours on a day of the week, or nobody ever works")

    @classmethod
    def parse(cls, text: str, zone: str = "UTC") -> Hours:
        """Read parts separated by semicolons, and the name of a time zone (IANA).

        A part is days and their hours, separated by commas: days of the week (``Mon-Fri``), dates (``2026-12-31``,
        ``2027-01-01/2027-01-08``), hours as :class:`Span` reads them, or ``off``. ``24/7`` is the whole week.
        Raises ValueError saying what is right.
        """
        week: dict[int, Spans] = {}
        dates: dict[date, Spans] = {}
        parts = _COMMA.sub(",", text).split(";")
        for number, part in enumerate(parts, 1):
            try:
                _read(part.strip(), week, dates)
            except ValueError as error:
                raise ValueError(f"{error} (part {number})" if len(parts) > 1 else str(error)) from None
        return cls(read_zone(zone), tuple(week.get(day, ()) for day in range(7)), dates)

    def windows(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """What is worked from ``start`` on, in UTC, oldest first, without an end; no two windows share a moment."""
        reached = start.astimezone(UTC)
        # A night reaches into the next day, and a clock that goes back at midnight shows the day before once more.
        day = reached.astimezone(self.zone).date() - 2 * _ONE_DAY
        while True:
            for span in self.dates.get(day, self.week[day.weekday()]):
                opens, closes = max(self._opening(day, span), reached), self._closing(day, span)
                if opens < closes:
                    yield opens, closes
                    reached = closes
            day += _ONE_DAY

    def _opening(self, day: date, span: Span) -> datetime:
        """The first moment at which the clock shows the opening or more."""
        first, second = self._shown(day, timedelta(minutes=span.opens))
        return first if first <= second else self._gap(second, first)

    def _closing(self, day: date, span: Span) -> datetime:
        """The last moment before which the clock shows less than the closing."""
        first, second = self._shown(day, timedelta(minutes=span.closes) - _TICK)
        return second + _TICK if first <= second else self._gap(second, first)

    def _shown(self, day: date, since_midnight: timedelta) -> tuple[datetime, datetime]:
        """When the clock shows a time first and last; the wrong way round for one that it leaves out (PEP 495)."""
        shown = datetime.combine(day, time(), self.zone) + since_midnight
        return shown.replace(fold=0).astimezone(UTC), shown.replace(fold=1).astimezone(UTC)

    def _gap(self, before: datetime, after: datetime) -> datetime:
        """The moment between two at which the clock goes forward; such moments are whole seconds (RFC 9636)."""
        before = before.replace(microsecond=0)
        seconds = range(int((after - before).total_seconds()) + 1)

        def offset(second: int) -> timedelta | None:
            return (before + timedelta(seconds=second)).astimezone(self.zone).utcoffset()

        return before + timedelta(seconds=bisect_left(seconds, True, key=lambda second: offset(second) != offset(0)))


def read_zone(name: str) -> tzinfo:
    """The time zone of a name (IANA). Raises ValueError saying what is right."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be the name of a time zone, such as Europe/Moscow") from None


def _read(part: str, week: dict[int, Spans], dates: dict[date, Spans]) -> None:
    """Add what one part says to the ``week`` or to the ``dates``."""
    words = ["Mon-Sun", "00:00-24:00"] if part == ALWAYS else part.split()
    if len(words) != 2:
        raise ValueError(f"must be days and hours such as {USUAL}")
    spans = _spans(words[1])
    for days in words[0].split(","):
        if days[:1].isdigit():
            _give(dates, _dates(days), spans)
        else:
            _give(week, _weekdays(days), spans)


def _give(table: dict[Key, Spans], days: Iterable[Key], spans: Spans) -> None:
    for day in days:
        if day in table:
            raise ValueError("must name each day once; hours of one day go together, as in Mon 09:00-13:00,14:00-18:00")
        table[day] = spans


def _spans(text: str) -> Spans:
    if text == "off":
        return ()
    spans = sorted(Span.parse(part) for part in text.split(","))
    if any(later.opens < earlier.closes for earlier, later in pairwise(spans)):
        raise ValueError("must have hours of a day that do not overlap")
    return tuple(spans)


def _weekdays(text: str) -> Iterator[int]:
    first, to, last = text.partition("-")
    if first not in DAYS or (last not in DAYS if to else False):
        raise ValueError("must have days such as Mon, Mon-Fri or Mon,Wed, or dates such as 2026-12-31")
    begin, end = DAYS.index(first), DAYS.index(last or first)
    return ((begin + step) % 7 for step in range((end - begin) % 7 + 1))


def _dates(text: str) -> Iterator[date]:
    first, to, last = text.partition("/")
    begin = _date(first)
    end = _date(last) if to else begin
    if not timedelta() <= end - begin <= LONGEST_RANGE:
        raise ValueError("must have dates from the earlier to the later, a year at most, as in 2027-01-01/2027-01-08")
    return (begin + step * _ONE_DAY for step in range((end - begin).days + 1))


def _date(text: str) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # a day that its month does not have
    raise ValueError("must have dates that exist, such as 2026-12-31")
