"""What reading costs: each GET is counted, and a large answer as several."""

from __future__ import annotations

from replyx.auth import AccountActor, Actor, VisitorActor
from replyx.limits import Limiter

PIECE_BYTES = 16 * 1024
"""So much of an answer counts as one read more: making it takes about as long as a small answer."""


class Reading:
    """One read, from its admission to its answer.

    Whoever has no account counts by address; a visitor, and a ticket, which several addresses may know, as well. An
    account counts for itself alone, so that nobody behind the same address can use up what operators may.
    """

    def __init__(self, limits: Limiter, address: str, now: float) -> None:
        limits.spend("address_read", address, now)
        self._limits = limits
        self._counted = [("address_read", address)]

    def by(self, actor: Actor | None, now: float) -> None:
        """Count it as ``actor``'s. Raises :class:`TooManyRequests`."""
        if isinstance(actor, AccountActor):
            self._limits.refund(*self._counted.pop(), now)
            self.count("account_read", str(actor.account_id), now)
        elif isinstance(actor, VisitorActor):
            self.count("visitor_read", str(actor.visitor_id), now)

    def count(self, rule: str, key: str, now: float) -> None:
        """Count it by one key more. Raises :class:`TooManyRequests`."""
        self._limits.spend(rule, key, now)
        self._counted.append((rule, key))

    def answered(self, size: int, now: float) -> None:
        """Count the ``size`` in bytes of what was made for it; a bucket may owe for that."""
        if size >= PIECE_BYTES:
            for rule, key in self._counted:
                self._limits.absorb(rule, key, now, size // PIECE_BYTES)
