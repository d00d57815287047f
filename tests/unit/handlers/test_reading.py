"""Who pays for a read."""

from __future__ import annotations

import pytest

from handlers.reading import PIECE_BYTES, Reading
from replyx.auth import AccountActor, VisitorActor
from replyx.errors import TooManyRequests
from replyx.limits import Limits, Rule

NOW = 1_700_000_000.0
RULES = (Rule("visitor_read", 10, 1.0), Rule("account_read", 10, 1.0), Rule("address_read", 20, 1.0))
BORIS = AccountActor(1, "boris@example.com", "Boris", "manager", "session", NOW + 900)
ANNA, VERA = VisitorActor(1, 3, "widget", ()), VisitorActor(2, 3, "widget", ())


def reads(limits: Limits, actor: AccountActor | VisitorActor | None, size: int = 100, most: int = 100) -> int:
    """How many answers of this size ``actor`` gets at once at one address."""
    for count in range(most):
        try:
            reading = Reading(limits, "192.0.2.1", NOW)
            reading.by(actor, NOW)
        except TooManyRequests:
            return count
        reading.answered(size, NOW)
    return most


def test_a_visitor_pays_alone_until_the_address_has_paid() -> None:
    limits = Limits(True, RULES)
    assert [reads(limits, who) for who in (ANNA, VERA, None)] == [10, 9, 0]


def test_accounts_and_the_address_that_they_share_with_strangers_do_not_pay_for_each_other() -> None:
    limits = Limits(True, RULES)
    assert reads(limits, BORIS, most=8) == 8
    assert reads(limits, None) == 20
    with pytest.raises(TooManyRequests):
        limits.spend("address_read", "192.0.2.1", NOW)


def test_a_large_answer_is_paid_for_by_its_size_afterwards() -> None:
    limits = Limits(True, RULES)
    assert reads(limits, ANNA, size=4 * PIECE_BYTES) == 2
    assert limits.peek("visitor_read", "1", NOW) == 1
    limits = Limits(True, RULES)
    assert reads(limits, ANNA, size=100 * PIECE_BYTES) == 1
    assert limits.peek("visitor_read", "1", NOW) == 11, "one burst is owed at most"
