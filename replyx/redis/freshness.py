"""Which signed messages are new: whoever reaches Redis can say again what was said there."""

from __future__ import annotations

from dataclasses import dataclass

FRESH_S = 300.0  # between two clocks; hosts that differ by more refuse each other's tokens too
WINDOW = 1024  # numbers below a sender's highest that may still come: connections that replace each other swap messages
_MASK = (1 << WINDOW) - 1


@dataclass(slots=True)
class _Sender:
    """The highest number heard, a bit for each of the last :data:`WINDOW`, and when the newest was said."""

    highest: int
    heard: int
    newest: float


class Freshness:
    """What one process has heard of the others: each message counts once (RFC 4303, 3.4.3), and none for long.

    A sender numbers its messages from 1 under a name that it draws at its start. So after a restart of the sender
    nothing of before fits, and after a restart of this process only what was said within the last :data:`FRESH_S` could
    be heard again, once.
    """

    def __init__(self) -> None:
        self._senders: dict[str, _Sender] = {}

    def is_new(self, sender: str, number: int, said_at: float, now: float) -> bool:
        """Whether a message is heard for the first time; times are in seconds since the epoch."""
        if abs(now - said_at) > FRESH_S:
            return False
        known = self._senders.get(sender)
        if known is None:
            self._forget(now)
            self._senders[sender] = _Sender(number, 1, said_at)
            return True
        behind = known.highest - number
        if behind >= WINDOW or (behind >= 0 and known.heard >> behind & 1):
            return False
        if behind < 0:
            known.heard = 1 if -behind >= WINDOW else (known.heard << -behind | 1) & _MASK
            known.highest = number
        else:
            known.heard |= 1 << behind
        known.newest = max(known.newest, said_at)
        return True

    def _forget(self, now: float) -> None:
        """Forget processes that are long gone: what they said is refused by its time."""
        self._senders = {name: each for name, each in self._senders.items() if now - each.newest <= 2 * FRESH_S}
