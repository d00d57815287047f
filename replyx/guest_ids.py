"""Guest ids: the secret by which a visitor is known, chosen by the visitor's client or drawn here."""

from __future__ import annotations

import hashlib
import uuid

from replyx.errors import invalid
from replyx.faults import Fault

SHORTEST = 16
"""Characters of an id that a client chooses for a new visitor: random ones have 96 bits then, and nobody guesses them.
Shorter ones from before stay good."""

LONGEST = 64


def new() -> str:
    """An id that nobody can guess."""
    return str(uuid.uuid4())


def digest(guest_id: str) -> str:
    """What is stored of an id: SHA-256 in hexadecimal.

    A salt or a slow hash would add nothing for an id of 96 random bits. One of the short ids from before can be found
    by trying all of them, by whoever has a copy of the database; that copy held it in clear until now.
    """
    return hashlib.sha256(guest_id.encode()).hexdigest()


def is_guessable(guest_id: str) -> bool:
    """Whether somebody could find the id by trying: it is from before there was a shortest one."""
    return len(guest_id) < SHORTEST


def too_short(guest_id: str) -> Exception:
    """The problem that refuses a short id for a new visitor."""
    return invalid("guest_id", Fault.WRONG_LENGTH, min=SHORTEST, max=LONGEST, given=len(guest_id))
