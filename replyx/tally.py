"""What this process has counted since it began, in plain numbers: an addition where something happens, and no more.

One for the process, because what is counted happens in services, limits and duties that know nothing of each other.
"""

from __future__ import annotations

from collections import Counter

SENDERS = ("user", "manager", "assistant")
ATTEMPTS = ("delivered", "pending", "failed")
NOTICES = ("sent", "gone", "failed")


class Tally:
    """Counts that only rise."""

    def __init__(self) -> None:
        self.messages: Counter[str] = Counter()  # stored, by sender
        self.logins_failed = 0
        self.refused: Counter[str] = Counter()  # by the name of the limit
        self.attempts: Counter[str] = Counter()  # to deliver to a webhook, by the status that followed
        self.notices: Counter[str] = Counter()  # to a device, by what came of it


tally = Tally()
