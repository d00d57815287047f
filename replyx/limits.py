"""Limits: token buckets for what a client may do how often, and a count of its open connections.

A bucket holds ``burst`` tokens, an action takes one, and ``per_second`` of them come back. Buckets are
refilled when they are looked at, so an idle one costs nothing: no timer, no task. The state lives in this
process; ``shared_limits`` lets several processes count together.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from replyx.errors import TooManyRequests
from replyx.tally import tally

MAX_KEYS = 50_000
"""Buckets kept per rule, about 13 MB when all are in use."""

MAX_KEY_LENGTH = 64
"""Characters of a key kept as they are; a longer one (an e-mail address may be) is kept as its digest."""

SEARCHED_FOR_FULL = 16
"""How many of the oldest buckets are looked at for one that is full and so can go without a trace; the
search comes to 8 us, and only for a new key while the table is full of busy ones."""

# Rates like 1/3 are not exact in binary: a wait of 2 s could come out as 3, or a token a hair short of 1
# for the client that comes back exactly when it was told to.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Rule:
    """``burst`` actions at once and ``per_second`` in the long run; ``what`` is counted, in words."""

    name: str
    burst: int
    per_second: float
    what: str = "actions"

    def __post_init__(self) -> None:
        if self.burst < 1 or self.per_second <= 0:
            raise ValueError(f"limit {self.name}: burst and per_second must be positive")


RULES = (
    Rule("login_address", 60, 1.0, "login attempts from this address"),
    # Only failures are spent: take one before the password is checked, refund it if it was right.
    Rule("login_account", 10, 0.1, "failed logins to this account from this address"),
    Rule("login_device", 10, 0.1, "failed logins in this browser"),
    # Refuses nobody: who has spent more of it waits behind the others for a password to be looked at.
    Rule("login_failures", 60, 0.02, "failed logins from this address"),
    Rule("refresh", 120, 5.0, "renewals of tokens from this address"),
    Rule("register", 20, 0.1, "accounts made from this address"),
    Rule("own_password", 10, 0.1, "tries of this account's present password"),
    Rule("session_open", 60, 1.0, "site sessions opened from this address"),
    Rule("dialog_open", 60, 1.0, "dialogs opened from this address"),
    # Clients that remember a visitor of another installation miss too; one of before 16 characters could be guessed.
    Rule("guest_miss", 200, 1.0, "unknown guest ids from this address"),
    Rule("ticket_open", 60, 1.0, "tickets opened from this address"),
    Rule("visitor_send", 200, 5.0, "messages of this visitor"),
    # An address can be a whole company or mobile network behind one NAT.
    Rule("address_send", 2000, 100.0, "messages from this address"),
    Rule("operator_send", 2000, 200.0, "messages of this operator"),
    # A panel that is loaded asks ten times. An answer counts once more for every 16 KB that it has.
    Rule("visitor_read", 300, 20.0, "reads of this visitor, or of this ticket"),
    Rule("account_read", 2000, 100.0, "reads of this account"),
    Rule("address_read", 3000, 200.0, "reads from this address without an account"),
    # A shop may bring its whole catalogue at once.
    Rule("product_submit", 1000, 20.0, "products submitted by this shop"),
    Rule("typing", 30, 5.0, "typing notices"),
    # A company's whole floor reconnects in the same second after a restart.
    # A bot that imports a shop's whole catalogue tells of each product, and does not ask twice.
    Rule("broadcast", 2000, 200.0, "broadcasts from this address"),
    Rule("connect", 3000, 200.0, "connections opened from this address"),
    Rule("socketio_connect", 3000, 200.0, "Socket.IO clients from this address"),
    # Each is a row that stays for as long as its client may return.
    Rule("ticket_join", 250, 5.0, "joins on this connection"),
    Rule("address_join", 3000, 10.0, "joins of tickets from this address"),
    Rule("socket_frames", 500, 100.0, "frames on this connection"),
    Rule("push_test", 5, 0.1, "tests of this account's notices"),
    Rule("push_change", 60, 1.0, "changes of subscriptions from this address"),
    Rule("webhook_test", 10, 0.2, "tests of this webhook"),
    Rule("setup_code", 5, 0.05, "tries of the setup code from this address"),
)
"""Every limit there is. Addresses are keyed by :func:`address_key`."""


class Limiter(Protocol):
    """What services and handlers know of limits.

    Calls answer at once, as they stand before every frame: an implementation that shares its buckets
    between processes decides by what it last heard and settles in the background. ``now`` is in seconds
    since the epoch; a rule that does not exist is a ``KeyError``.
    """

    def spend(self, rule_name: str, key: str, now: float, cost: int = 1) -> None:
        """Take ``cost`` tokens of ``key``, or raise :class:`TooManyRequests` and take nothing."""

    def peek(self, rule_name: str, key: str, now: float, cost: int = 1) -> int:
        """Whole seconds until ``cost`` tokens are there: 0 when :meth:`spend` would succeed now."""

    def refund(self, rule_name: str, key: str, now: float, cost: int = 1) -> None:
        """Give back what :meth:`spend` or :meth:`absorb` took for something that turns out not to count."""

    def absorb(self, rule_name: str, key: str, now: float, cost: int) -> None:
        """Count what cannot be refused any more; a bucket may owe up to one burst."""

    def burst(self, rule_name: str) -> int:
        """How much a full bucket of the rule holds."""


class Limits:
    """The buckets of this process. With ``enabled`` false nothing is counted and nothing refused.

    Holds at most ``max_keys`` buckets per rule. Beyond that the least recently used full bucket goes,
    which changes no answer; where none is full, the least recently used one goes, and its key starts
    afresh.
    """

    def __init__(self, enabled: bool, rules: Iterable[Rule] = RULES, *, max_keys: int = MAX_KEYS) -> None:
        self.enabled = enabled
        self._tables = {rule.name: _Buckets(rule, max_keys) for rule in rules}

    def spend(self, rule_name: str, key: str, now: float, cost: int = 1) -> None:
        """See :class:`Limiter`; ``retry_after`` is in whole seconds, at least 1."""
        buckets = self._tables[rule_name]
        if not self.enabled:
            return
        wait = buckets.take(_bounded(key), now, cost)
        if wait:
            rule = buckets.rule
            tally.refused[rule.name] += 1
            allowed = f"{rule.burst} at once, then {rule.per_second:g} per second"
            raise TooManyRequests(f"Too many {rule.what} ({rule.name}: {allowed}).", retry_after=wait)

    def peek(self, rule_name: str, key: str, now: float, cost: int = 1) -> int:
        """See :class:`Limiter`."""
        buckets = self._tables[rule_name]
        return buckets.wait(buckets.tokens(_bounded(key), now), cost) if self.enabled else 0

    def refund(self, rule_name: str, key: str, now: float, cost: int = 1) -> None:
        """See :class:`Limiter`."""
        self._tables[rule_name].give(_bounded(key), now, cost)

    def absorb(self, rule_name: str, key: str, now: float, cost: int) -> None:
        """See :class:`Limiter`; a rule of another version's process is none of ours."""
        if self.enabled and rule_name in self._tables:
            self._tables[rule_name].absorb(_bounded(key), now, cost)

    def burst(self, rule_name: str) -> int:
        """See :class:`Limiter`."""
        return self._tables[rule_name].rule.burst

    def keys(self, rule_name: str) -> int:
        """How many buckets ``rule_name`` keeps at present."""
        return len(self._tables[rule_name])


class _Buckets:
    """The buckets of one rule: key -> (tokens, when that was), the least recently used first."""

    def __init__(self, rule: Rule, max_keys: int) -> None:
        self.rule = rule
        self._max_keys = max_keys
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def tokens(self, key: str, now: float) -> float:
        held = self._held.get(key)
        return self._refilled(held, now) if held else float(self.rule.burst)

    def wait(self, tokens: float, cost: int) -> int:
        if cost > self.rule.burst:
            raise ValueError(f"limit {self.rule.name}: {cost} tokens never fit a burst of {self.rule.burst}")
        missing = cost - tokens - _ROUNDING
        return max(1, math.ceil(missing / self.rule.per_second)) if missing > 0 else 0

    def take(self, key: str, now: float, cost: int) -> int:
        tokens = self.tokens(key, now)
        wait = self.wait(tokens, cost)
        if not wait:
            self._put(key, tokens - cost, now)
        return wait

    def give(self, key: str, now: float, cost: int) -> None:
        if key in self._held:
            self._put(key, self.tokens(key, now) + cost, now)

    def absorb(self, key: str, now: float, cost: int) -> None:
        burst = float(self.rule.burst)
        self._put(key, min(burst, max(-burst, self.tokens(key, now) - cost)), now)

    def _put(self, key: str, tokens: float, now: float) -> None:
        if key not in self._held:
            self._make_room(now)
        self._held[key] = (tokens, now)
        self._held.move_to_end(key)

    def _make_room(self, now: float) -> None:
        # Two steps per new key, so that buckets which have filled up leave faster than new ones come.
        for _ in range(2):
            if self._held and self._is_full(next(iter(self._held.values())), now):
                self._held.popitem(last=False)
        if len(self._held) >= self._max_keys:
            oldest = islice(self._held.items(), SEARCHED_FOR_FULL)
            full = next((key for key, held in oldest if self._is_full(held, now)), None)
            del self._held[next(iter(self._held)) if full is None else full]

    def _is_full(self, held: tuple[float, float], now: float) -> bool:
        return self._refilled(held, now) >= self.rule.burst

    def _refilled(self, held: tuple[float, float], now: float) -> float:
        tokens, since = held
        # A clock that was set back refills nothing for that moment; it never empties a bucket.
        return min(float(self.rule.burst), tokens + max(0.0, now - since) * self.rule.per_second)


def address_key(address: str) -> str:
    """The key under which the limits count the client at an IP address.

    One IPv6 subscriber has a whole /64 to pick addresses from (RFC 6177), so that is one client; an
    IPv4-mapped address (RFC 4291, 2.5.5.2) is the IPv4 client that it is. Text that is no address, such
    as the path of a Unix socket, is its own key.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{ipaddress.IPv6Address(int(parsed) >> 64 << 64)}/64"


def _bounded(key: str) -> str:
    if len(key) <= MAX_KEY_LENGTH:
        return key
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
