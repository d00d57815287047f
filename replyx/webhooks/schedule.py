"""When a delivery that failed is tried again."""

from __future__ import annotations

GIVE_UP_S = 24 * 3600
LONGEST_S = 2 * 3600.0
DOUBLINGS = 20  # past it the delay is at its longest whatever the first one was


def next_attempt(now: float, attempts: int, first_s: float, random: float) -> float:
    """When to try again after ``attempts`` failures, the last of them at ``now`` (seconds since the epoch).

    The delay begins at ``first_s``, doubles with each failure up to two hours, and is cut by up to half by ``random``
    (0 to 1), so that the deliveries that failed together do not all come back together.
    """
    doubled: float = first_s * 2 ** min(attempts - 1, DOUBLINGS)
    return now + min(doubled, LONGEST_S) * (1 - random / 2)
