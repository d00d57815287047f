"""Limits of logins: who guesses is slowed down, and locks nobody out.

A stranger's attempts count by address, and by address *and* account: whoever guesses elsewhere does not use up what the
owner has. A browser in which somebody has logged in before shows a mark, and counts for itself: it does not share the
limits of the address it stands behind either. Passwords are looked at in the order of :mod:`replyx.fair_pool`: marked
browsers first, then the addresses from which fewest wrong passwords came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from replyx.accounts import Credentials
from replyx.errors import CredentialExpired, CredentialInvalid
from replyx.fair_pool import Asker, known
from replyx.limits import Limiter, address_key
from replyx.tokens import DeviceClaims, Tokens, new_token_id

DEVICE_SECONDS = 365 * 24 * 3600
DEVICE_RENEWED_SECONDS = 30 * 24 * 3600  # an older mark is replaced, so that one in use never runs out

FAILURES = "login_failures"


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that is allowed. ``asker`` is whose turn it is to have a password looked at."""

    asker: Asker
    mark: DeviceClaims | None
    spent: tuple[tuple[str, str], ...]


class LoginAttempts:
    """Counts attempts and marks browsers."""

    def __init__(self, limits: Limiter, tokens: Tokens, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._tokens = tokens
        self._clock = clock

    def read_mark(self, mark: str | None) -> DeviceClaims | None:
        """The mark of a browser, if it is one of ours."""
        try:
            return self._tokens.read_device(mark, self._clock()) if mark else None
        except (CredentialInvalid, CredentialExpired):
            return None

    def by_stranger(self, email: str, address: str) -> Attempt:
        """Count an attempt of somebody who is not known. Raises :class:`TooManyRequests`."""
        now = self._clock()
        place = address_key(address)
        pair = f"{place} {email}"
        self._limits.spend("login_address", place, now)
        self._limits.spend("login_account", pair, now)
        self._limits.absorb(FAILURES, place, now, 1)
        return Attempt(self.stranger(address), None, (("login_account", pair), (FAILURES, place)))

    def by_known(self, mark: DeviceClaims, account: Credentials | None) -> Attempt | None:
        """Count an attempt in a marked browser; None if it is not marked for this account and password."""
        if account is None or mark.account_id != account.id or mark.password != digest(account.password_hash):
            return None
        self._limits.spend("login_device", mark.mark_id, self._clock())
        return Attempt(known(mark.mark_id), mark, (("login_device", mark.mark_id),))

    def succeeded(self, attempt: Attempt) -> None:
        """Give back what counts only for wrong passwords."""
        now = self._clock()
        for rule, key in attempt.spent:
            self._limits.refund(rule, key, now)

    def new_mark(self, attempt: Attempt, account_id: int, password_hash: str) -> str | None:
        """A mark for the browser in which the login succeeded; None where it has one that will do."""
        now = self._clock()
        if attempt.mark is not None and now - attempt.mark.issued_at < DEVICE_RENEWED_SECONDS:
            return None
        mark_id = attempt.mark.mark_id if attempt.mark else new_token_id()
        return self._tokens.issue_device(account_id, digest(password_hash), mark_id, now, DEVICE_SECONDS)

    def stranger(self, address: str) -> Asker:
        """Whoever is at ``address``, behind those from whose address fewer wrong passwords came."""
        place = address_key(address)
        whole = self._limits.burst(FAILURES)
        return Asker(place, lambda: self._limits.peek(FAILURES, place, self._clock(), whole))


def digest(password_hash: str) -> str:
    """What a mark says of the password: another password makes strangers of all browsers, those of an intruder too."""
    return hashlib.sha256(password_hash.encode()).hexdigest()[:32]
