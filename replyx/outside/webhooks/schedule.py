"""When a delivery that failed is tried again."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

GIVE_UP_S = 24 * 3600
LAST_S = 60  # before it, the attempt of whoever asked for more time than there is
LONGEST_S = 2 * 3600.0
DOUBLINGS = 20  # past it the delay is at its longest whatever the first one was

BUSY = frozenset({429, 503})  # the answers whose Retry-After speaks of the next attempt (RFC 6585, 4; RFC 9110, 15.6.4)


def next_attempt(now: float, attempts: int, first_s: float, random: float) -> float:
    """When to try again after ``attempts`` failures, the last of them at ``now`` (seconds since the epoch).

    The delay begins at ``first_s``, doubles with each failure up to two hours, and is cut by up to half by ``random``
    (0 to 1), so that the deliveries that failed together do not all come back together.
    """
    doubled: float = first_s * 2 ** min(attempts - 1, DOUBLINGS)
    return now + min(doubled, LONGEST_S) * (1 - random / 2)


def asked_for(retry_after: str, now: float) -> float:
    """The moment that a Retry-After names (RFC 9110, 10.2.3); ``now`` where it names none.

    It is a number of seconds, or a date in one of the three forms of RFC 9110, 5.6.7.
    """
    if retry_after.isascii() and retry_after.isdigit():
        return now + float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()  # the form of asctime has no zone
    except (ValueError, OverflowError):
        return now


def postponed(own: float, asked: float, give_up_at: float) -> float:
    """When to try again where ``own`` is our own moment, and the receiver has asked for another.

    Never before our own, so that nobody can make us hurry. Whoever asks for more than is left until the delivery is
    given up is tried again shortly before that.
    """
    return max(own, min(asked, give_up_at - LAST_S))
