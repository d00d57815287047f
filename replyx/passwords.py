"""Passwords: argon2id (RFC 9106) beside the event loop, and the policy for new ones.

One computation takes 64 MiB and 0.1 to 0.2 s on two cores, on purpose. So they run in threads
of their own, few at a time, behind a short and fair queue: a flood of logins costs its senders a 429, and
costs the chats and everybody else who logs in nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from concurrent.futures import Executor

import argon2
from argon2.exceptions import VerifyMismatchError

from replyx.common_passwords import is_common
from replyx.errors import invalid
from replyx.fair_pool import Asker, FairPool, known
from replyx.faults import Fault
from replyx.schemas.sizes import PASSWORD_MAX, PASSWORD_MIN

WORKERS = 2
"""Threads for the executor: 2 x 64 MiB at most. argon2 releases the GIL, so the loop keeps its core."""

QUEUE_LIMIT = 32
"""Computations that may be running or waiting. On two cores 32 took 4.0 s, which the last person at a
login form still bears; a longer queue would answer clients that have gone."""

RETRY_AFTER = 5  # seconds: a full queue has been worked off by then

# RFC 9106, 4, second recommended option: 3 passes over 64 MiB, 4 lanes, 128-bit salt, 256-bit tag.
_PARAMETERS = argon2.profiles.RFC_9106_LOW_MEMORY

OURSELVES = known("")  # a command in the terminal, or the server of its own accord


class Passwords:
    """Hashes and verifies passwords on ``executor``, a pool of :data:`WORKERS` threads kept for this.

    The caller owns the executor and shuts it down. The coroutines raise :class:`TooManyRequests` when
    ``queue_limit`` computations are under way and nobody waits who is to give way to ``asker`` (see
    :mod:`replyx.fair_pool`); one whose caller has given up is dropped from the queue. What is ``allowed``
    may be chosen although everybody knows it. Passwords are
    compared in Unicode form NFKC, so that it does not matter how a keyboard composes an é.
    """

    def __init__(
        self, executor: Executor, *, queue_limit: int = QUEUE_LIMIT, allowed: frozenset[str] = frozenset()
    ) -> None:
        self._pool = FairPool(executor, WORKERS, queue_limit, RETRY_AFTER)
        self._allowed = allowed
        self._hasher = argon2.PasswordHasher.from_parameters(_PARAMETERS)

    async def hash(self, password: str, asker: Asker = OURSELVES, *, person: Sequence[str] = ()) -> str:
        """The hash to store, in the PHC string format; raises what :func:`acceptable` raises."""
        if password not in self._allowed:
            acceptable(password, person)
        return await self.hash_again(password, asker)

    async def hash_again(self, password: str, asker: Asker = OURSELVES) -> str:
        """As :meth:`hash`, for a password that is in use already, whatever is demanded of new ones."""
        secret = _secret(password) or b""
        return await self._pool.run(asker, lambda: self._hasher.hash(secret))

    async def verify(self, hash: str | None, password: str, asker: Asker = OURSELVES) -> bool:
        """Whether ``password`` belongs to ``hash``; takes as long when it does not.

        ``None`` stands for an account that does not exist: the answer is false after the same work, so
        the time of a refused login does not tell which addresses have an account (CWE-208). A stored
        hash that is not one of argon2 raises ``argon2.exceptions.InvalidHashError``.
        """
        secret = _secret(password)
        if secret is None:
            hash, secret = None, b""
        return await self._pool.run(asker, lambda: self._matches(hash or _NOBODY, secret))

    def needs_rehash(self, hash: str) -> bool:
        """Whether ``hash`` was made with other parameters than today's: hash anew after a login."""
        return self._hasher.check_needs_rehash(hash)

    def _matches(self, hash: str, secret: bytes) -> bool:
        try:
            return self._hasher.verify(hash, secret)
        except VerifyMismatchError:
            return False


def acceptable(password: str, person: Sequence[str] = ()) -> str:
    """``password`` in its normal form, if it may be chosen as a new one.

    8 to 256 characters of any kind after normalisation; nothing is demanded about digits or symbols
    (NIST SP 800-63B, 5.1.1.2). None that people choose most often, and not what everybody knows of the
    ``person``, such as the e-mail address. Raises ``invalid("password", …)``.
    """
    secret = _secret(password)
    text = "" if secret is None else secret.decode()
    if not PASSWORD_MIN <= len(text) <= PASSWORD_MAX:
        raise invalid("password", Fault.WRONG_LENGTH, min=PASSWORD_MIN, max=PASSWORD_MAX, given=len(text))
    if is_common(text):
        raise invalid("password", Fault.TOO_COMMON)
    if text.casefold() in {unicodedata.normalize("NFKC", each).strip().casefold() for each in person}:
        raise invalid("password", Fault.SAME_AS_NAME)
    return text


def _secret(password: str) -> bytes | None:
    """The bytes to hash, or ``None`` for what cannot be anyone's password."""
    # Four times the limit leaves room for decomposed letters, and bounds the work of normalising.
    if len(password) > 4 * PASSWORD_MAX:
        return None
    try:
        return unicodedata.normalize("NFKC", password).encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON can spell: no keyboard writes it
        return None


def _unmatched_hash(salt_characters: int = 22, tag_characters: int = 43) -> str:
    """A well-formed hash of today's cost that no known password has: 16 and 32 zero bytes in base64."""
    p = _PARAMETERS
    cost = f"m={p.memory_cost},t={p.time_cost},p={p.parallelism}"
    return f"$argon2id$v={p.version}${cost}${'A' * salt_characters}${'A' * tag_characters}"


_NOBODY = _unmatched_hash()
