"""Service levels: by when a ticket is to be answered and resolved. Pure functions; whoever calls them brings the time.

Targets are working time, by the priority: what :mod:`replyx.conversations.hours` lays out in UTC, so a day on which the
clocks change is as long as it really is. Milliseconds are since the epoch (UTC).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from replyx.conversations.hours import Hours
from replyx.schemas.dialogs import Priority, SlaMark

SOON = 0.75  # a target is due soon when this part of its time is used up


def due_at(start: datetime, minutes: float, hours: Hours | None) -> datetime:
    """When ``minutes`` of working time have passed since ``start``; without ``hours`` the clock never stops."""
    start = start.astimezone(UTC)  # two moments of one zone would be compared and counted by its clock
    left = timedelta(minutes=minutes)
    if hours is None or left <= timedelta():
        return start + max(left, timedelta())
    for opens, closes in hours.windows(start):
        if left <= closes - opens:
            return opens + left
        left -= closes - opens
    raise AssertionError("windows() has no end")


def worked(start: datetime, end: datetime, hours: Hours | None) -> timedelta:
    """The working time between two moments; nothing when ``end`` is not after ``start``."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if end <= start:
        return timedelta()
    if hours is None:
        return end - start
    total = timedelta()
    for opens, closes in hours.windows(start):
        if opens >= end:
            break
        total += min(closes, end) - opens
    return total


@dataclass(frozen=True, slots=True)
class Target:
    """Minutes to the first response of an operator and to the resolution, of working time or around the clock."""

    response: int
    resolution: int
    around_the_clock: bool = False


# An hour here is an hour of work: 9 of them are one day of the default hours.
TARGETS: Mapping[Priority, Target] = MappingProxyType(
    {
        "LOW": Target(response=9 * 60, resolution=45 * 60),
        "MEDIUM": Target(response=4 * 60, resolution=18 * 60),
        "HIGH": Target(response=60, resolution=9 * 60),
        "URGENT": Target(response=15, resolution=4 * 60, around_the_clock=True),
    }
)


@dataclass(frozen=True, slots=True)
class Deadline:
    """When something is due, and when to warn of it; in milliseconds."""

    soon_at: int
    due_at: int

    def mark(self, now_ms: int) -> SlaMark | None:
        """What the inbox shows at ``now_ms``, None while there is time."""
        if now_ms >= self.due_at:
            return "breached"
        return "due_soon" if now_ms >= self.soon_at else None


def next_look(deadlines: Iterable[Deadline | None], now_ms: int) -> int | None:
    """The next moment after ``now_ms`` at which a mark changes; None when none ever will."""
    moments = [moment for deadline in deadlines if deadline for moment in (deadline.soon_at, deadline.due_at)]
    return min((moment for moment in moments if moment > now_ms), default=None)


@dataclass(frozen=True, slots=True)
class Policy:
    """The targets and the hours of this installation."""

    hours: Hours = field(default_factory=Hours)
    targets: Mapping[Priority, Target] = field(default_factory=lambda: TARGETS)

    def response(self, priority: Priority, since_ms: int) -> Deadline:
        """Of the first response to a ticket that was opened at ``since_ms``."""
        return self._deadline(priority, since_ms, self.targets[priority].response, 0)

    def resolution(self, priority: Priority, since_ms: int, used_ms: int) -> Deadline:
        """Of the resolution of a ticket that runs since ``since_ms`` and had used up ``used_ms`` before."""
        return self._deadline(priority, since_ms, self.targets[priority].resolution, used_ms)

    def worked_ms(self, priority: Priority, since_ms: int, until_ms: int) -> int:
        """The time between two moments that counts for a ticket of this priority."""
        return round(worked(_moment(since_ms), _moment(until_ms), self._hours(priority)) / timedelta(milliseconds=1))

    def _deadline(self, priority: Priority, since_ms: int, minutes: int, used_ms: int) -> Deadline:
        start, hours, used = _moment(since_ms), self._hours(priority), used_ms / 60_000
        soon, due = (due_at(start, minutes * share - used, hours) for share in (SOON, 1.0))
        return Deadline(_milliseconds(soon), _milliseconds(due))

    def _hours(self, priority: Priority) -> Hours | None:
        return None if self.targets[priority].around_the_clock else self.hours


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
