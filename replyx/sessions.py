"""Sessions: login, renewal, logout. A session lasts as long as it is used, and never beyond its absolute end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from replyx import accounts, email_addresses, refused_logins, session_rows
from replyx.accounts import Credentials
from replyx.auth import AccountActor
from replyx.delivery.store import Store, Transaction
from replyx.errors import CredentialInvalid, Forbidden, LoginFailed
from replyx.login_attempts import Attempt, LoginAttempts
from replyx.passwords import Passwords
from replyx.refused_logins import Refusals, RefusedLogins
from replyx.schemas.dialogs import OPERATOR_ROLES, Account
from replyx.session_rows import LiveSession
from replyx.tally import tally
from replyx.tokens import Tokens, new_token_id

log = logging.getLogger("replyx.sessions")

ACCESS_SECONDS = 3600
REFRESH_SECONDS = 30 * 24 * 3600
PANEL_SECONDS = 12 * 3600  # the panel keeps no refresh token: its cookie lasts a working day
WEBAPP_SECONDS = REFRESH_SECONDS  # the shop page keeps none either: whoever comes once a month stays signed in
RENEWED_SECONDS = 24 * 3600  # not at each visit: a renewal is a write

ENDED = "The session of this refresh token has ended. Log in again."

AccessSeconds = Callable[[Account], int]
"""How long the first access token of an account's session is good; raises where the account may have none."""


class Login(msgspec.Struct):
    """An e-mail address and its password."""

    email: str
    password: str


class Refresh(msgspec.Struct):
    """The refresh token that came with the last pair; it is good for one use."""

    refresh_token: str


class TokenPair(msgspec.Struct, frozen=True):
    """Tokens of a session; ``expires_in`` is in seconds and speaks of the access token."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int
    user: Account


@dataclass(frozen=True, slots=True)
class Entered:
    """A login on a page: its tokens, the mark for a browser that has none, and what its owner has to be told."""

    tokens: TokenPair
    mark: str | None
    refusals: Refusals | None


class Sessions:
    """Begins, prolongs and ends sessions. ``days`` after its login a session is over, however it was prolonged.

    What a login rests on is read again in the unit that inserts the session: between the look at the password and
    that unit lies the time of a hash, in which the password may change or the account be disabled.
    """

    def __init__(
        self,
        store: Store,
        tokens: Tokens,
        passwords: Passwords,
        attempts: LoginAttempts,
        refused: RefusedLogins,
        days: int,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._passwords = passwords
        self._attempts = attempts
        self._refused = refused
        self._lifetime_ms = days * 86_400_000
        self._clock = clock

    async def login(self, request: Login, address: str) -> TokenPair:
        """Open a session. Raises :class:`LoginFailed` alike for an unknown e-mail and a wrong password.

        Attempts are limited; see :mod:`replyx.login_attempts`.
        """
        _, tokens = await self._login(request, address, None, lambda account: ACCESS_SECONDS)
        return tokens

    async def login_to_panel(self, request: Login, address: str, mark: str | None) -> Entered:
        """As :meth:`login`, for operators only, with an access token that lasts a working day.

        ``mark`` is what the browser shows of an earlier login.
        """
        return await self._enter(request, address, mark, _seconds_in_panel)

    async def login_to_webapp(self, request: Login, address: str, mark: str | None) -> Entered:
        """As :meth:`login_to_panel`, for everybody, for as long as a page keeps people of the role signed in."""
        return await self._enter(request, address, mark, _seconds_in_webapp)

    async def open(self, account_id: int, access_seconds: int) -> TokenPair:
        """Tokens of a new session of the account, without asking for its password."""
        return await self._store.commit(lambda tx: self._opened(tx, account_id, lambda account: access_seconds))

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Trade a refresh token for a new pair. A token that was traded before ends the session: it was stolen."""
        claims = self._tokens.read_refresh(refresh_token, self._clock())
        refresh_id = new_token_id()

        def unit(tx: Transaction) -> TokenPair | None:
            session = session_rows.live(tx, claims.session_id)
            if session is None:
                return None
            if session.refresh_id != claims.token_id:
                session_rows.end(tx, [session.id])
                return None
            until = self._prolonged(session, tx.now_ms)
            session_rows.renew(tx, session.id, refresh_id, until)
            account = accounts.load(tx, session.account_id)
            return self._pair(account, session.id, refresh_id, ACCESS_SECONDS, tx.now_ms, until)

        pair = await self._store.commit(unit)
        if pair is None:
            raise CredentialInvalid(ENDED)
        return pair

    async def renew(self, actor: AccountActor) -> TokenPair | None:
        """New tokens for a customer who is signed in on a page, once a day; None when they are not due.

        The session is prolonged with them. An operator's ends with its day, whatever page it is used on.
        """
        if actor.is_operator or actor.expires_at - self._clock() > WEBAPP_SECONDS - RENEWED_SECONDS:
            return None

        def unit(tx: Transaction) -> TokenPair | None:
            session = session_rows.live(tx, actor.session_id)
            until = self._prolonged(session, tx.now_ms) if session else 0
            if session is None or until // 1000 <= actor.expires_at:
                return None
            session_rows.prolong(tx, session.id, until)
            account = accounts.load(tx, session.account_id)
            return self._pair(account, session.id, session.refresh_id, WEBAPP_SECONDS, tx.now_ms, until)

        return await self._store.commit(unit)

    async def logout(self, actor: AccountActor) -> None:
        """End the session; its access token and live sockets end with it."""
        await self._store.commit(lambda tx: session_rows.end(tx, [actor.session_id]))

    async def _enter(self, request: Login, address: str, mark: str | None, lasts: AccessSeconds) -> Entered:
        new_mark, tokens = await self._login(request, address, mark, lasts)
        refusals = await self._store.commit(lambda tx: refused_logins.take(tx, tokens.user.id))
        return Entered(tokens, new_mark, refusals)

    async def _login(
        self, request: Login, address: str, mark: str | None, lasts: AccessSeconds
    ) -> tuple[str | None, TokenPair]:
        """A mark for a browser that has none for this account, and the tokens."""
        email = email_addresses.canonical(request.email) or email_addresses.older(request.email)
        claims = self._attempts.read_mark(mark)
        attempt = None if claims else self._attempts.by_stranger(email, address)  # before anything is read for it
        known = await self._store.read(lambda rows: accounts.by_email(rows, request.email))
        if claims:
            attempt = self._attempts.by_known(claims, known)
        attempt = attempt or self._attempts.by_stranger(email, address)
        for _ in range(2):  # once more where the hash was replaced meanwhile: the password may be the same
            stored = known.password_hash if known else None
            good = await self._passwords.verify(stored, request.password, attempt.asker)
            if known is None or not good or not known.active:
                break
            opened = await self._open_verified(known, request.password, attempt, lasts)
            if isinstance(opened, TokenPair):
                self._attempts.succeeded(attempt)
                return self._attempts.new_mark(attempt, known.id, known.password_hash), opened
            known = opened
        tally.logins_failed += 1
        log.info("login refused for an account from %s", address)
        if known is not None and attempt.mark is None:
            self._refused.note(known.id, address)
        raise LoginFailed("The e-mail and password do not match an account.")

    async def _open_verified(
        self, known: Credentials, password: str, attempt: Attempt, lasts: AccessSeconds
    ) -> TokenPair | Credentials | None:
        """Tokens, if what was verified still stands when the session is inserted; else what stands now."""
        stronger = None
        if self._passwords.needs_rehash(known.password_hash):
            stronger = await self._passwords.hash_again(password, attempt.asker)

        def unit(tx: Transaction) -> TokenPair | Credentials | None:
            present = accounts.credentials(tx, known.id)
            if present is None or not present.active or present.password_hash != known.password_hash:
                return present
            if stronger is not None:
                accounts.keep_hash(tx, known.id, stronger)
            return self._opened(tx, known.id, lasts)

        return await self._store.commit(unit)

    def _opened(self, tx: Transaction, account_id: int, lasts: AccessSeconds) -> TokenPair:
        account = accounts.load(tx, account_id)
        seconds = lasts(account)
        session_id, refresh_id = new_token_id(), new_token_id()
        until = tx.now_ms + min(REFRESH_SECONDS * 1000, self._lifetime_ms)
        session_rows.add(tx, session_id, account_id, refresh_id, until)
        return self._pair(account, session_id, refresh_id, seconds, tx.now_ms, until)

    def _prolonged(self, session: LiveSession, now_ms: int) -> int:
        """Until when a session that is used now lasts, in milliseconds."""
        return min(now_ms + REFRESH_SECONDS * 1000, session.created_at + self._lifetime_ms)

    def _pair(
        self, account: Account, session_id: str, refresh_id: str, access_seconds: int, now_ms: int, until_ms: int
    ) -> TokenPair:
        now = now_ms / 1000
        left = max(1, (until_ms - now_ms) // 1000)
        seconds = min(access_seconds, left)
        return TokenPair(
            self._tokens.issue_access(account.id, account.role, session_id, now, seconds),
            self._tokens.issue_refresh(account.id, session_id, refresh_id, now, left),
            "bearer",
            seconds,
            account,
        )


def _seconds_in_panel(account: Account) -> int:
    if account.role not in OPERATOR_ROLES:
        raise Forbidden(f"The panel is for operators; the account's role is {account.role}.")
    return PANEL_SECONDS


def _seconds_in_webapp(account: Account) -> int:
    return PANEL_SECONDS if account.role in OPERATOR_ROLES else WEBAPP_SECONDS
