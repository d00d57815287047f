"""Accounts and their sessions: login, renewal, and what ends them."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec

from replyx.auth import AccountActor
from replyx.database import models
from replyx.database.rows import Insert, Update, exists, given_in, select, unless_taken, value
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import AccountNotFound, CredentialInvalid, EmailTaken, Forbidden, LoginFailed, SetupDone, invalid
from replyx.faults import Fault
from replyx.limits import Limiter, address_key
from replyx.paging import Paging, oldest_first, read_page
from replyx.passwords import Passwords
from replyx.schemas import sizes
from replyx.schemas.dialogs import NO_NUL, OPERATOR_ROLES, Account, Page, Role
from replyx.schemas.events import DIRECTORY, DirectoryChanged
from replyx.schemas.texts import LINE, Written
from replyx.shop.broadcasts import Broadcasts
from replyx.tokens import Tokens, new_token_id

log = logging.getLogger("replyx.accounts")

ACCESS_SECONDS = 3600
REFRESH_SECONDS = 30 * 24 * 3600
PANEL_SECONDS = 12 * 3600  # the panel keeps no refresh token: its cookie lasts a working day
WEBAPP_SECONDS = REFRESH_SECONDS  # the shop page keeps none either: whoever comes once a month stays signed in
RENEWED_SECONDS = 24 * 3600  # not at each visit: a renewal is a write

EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,255}")

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=sizes.PERSON, pattern=NO_NUL), LINE]


class Login(msgspec.Struct):
    """An e-mail address and its password."""

    email: str
    password: str


class Refresh(msgspec.Struct):
    """The refresh token that came with the last pair; it is good for one use."""

    refresh_token: str


class NewAccount(Written):
    """An account to add; without ``name`` it is the part of the e-mail before the @."""

    email: str
    password: str
    name: Name | None = None
    role: Role = "user"


class AccountChange(Written):
    """What is left out stays. A new password and ``active: false`` end the account's sessions and live sockets."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    role: Role | msgspec.UnsetType = msgspec.UNSET
    password: str | msgspec.UnsetType = msgspec.UNSET
    active: bool | msgspec.UnsetType = msgspec.UNSET


class OwnPassword(msgspec.Struct):
    """A new password, and the present one as proof."""

    current_password: str
    new_password: str


class Setup(Written):
    """The first account: ``code`` is the one-time code from the server's log."""

    code: str
    email: str
    password: str
    name: Name | None = None


class AccountQuery(Paging):
    """Accounts, of one role where it is named."""

    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a login is compared with."""

    id: int
    password_hash: str
    active: bool


class TokenPair(msgspec.Struct, frozen=True):
    """Tokens of a session; ``expires_in`` is in seconds and speaks of the access token."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int
    user: Account


_ACCOUNTS = select(Account, models.Account)
_ACCOUNT = _ACCOUNTS.where(f"{models.Account.id} = ?")
_BY_EMAIL = select(Credentials, models.Account).where(f"{models.Account.email} = ?")
_ADD_ACCOUNT = Insert(models.Account, unless_taken(models.Account.email))
_CHANGE_ACCOUNT = Update(models.Account, f"{models.Account.id} = ?")

_ADD_SESSION = Insert(models.Session)
_CHANGE_SESSION = Update(models.Session, f"{models.Session.id} = ?")
_REFRESH_ID = value(
    models.Session.refresh_id, f"JOIN {models.Account} ON {models.Account.id} = {models.Session.account_id}"
).where(f"{models.Session.id} = ? AND NOT {models.Session.ended} AND {models.Account.active}")
_SESSIONS = value(models.Session.id).where(f"{models.Session.account_id} = ? AND NOT {models.Session.ended}")

any_account = exists(models.Account)


class Accounts:
    """Keeps accounts. ``now`` comes from the clock given; passwords are hashed off the loop."""

    def __init__(
        self,
        store: Store,
        tokens: Tokens,
        passwords: Passwords,
        limits: Limiter,
        broadcasts: Broadcasts,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._passwords = passwords
        self._limits = limits
        self._broadcasts = broadcasts
        self._clock = clock

    async def login_to_panel(self, request: Login, address: str) -> TokenPair:
        """As :meth:`login`, for operators only, with an access token that lasts a working day."""
        account_id = await self._verified(request, address)
        account = await self._store.read(lambda rows: load(rows, account_id))
        if account.role not in OPERATOR_ROLES:
            raise Forbidden(f"The panel is for operators; the account's role is {account.role}.")
        return await self.open_session(account_id, PANEL_SECONDS)

    async def login_to_webapp(self, request: Login, address: str) -> TokenPair:
        """As :meth:`login`, with an access token that lasts as long as a page keeps people of the role signed in."""
        account_id = await self._verified(request, address)
        account = await self._store.read(lambda rows: load(rows, account_id))
        return await self.open_session(account_id, PANEL_SECONDS if account.role in OPERATOR_ROLES else WEBAPP_SECONDS)

    async def renew(self, actor: AccountActor) -> str | None:
        """A new access token for a customer who is signed in on a page, once a day; None when it is not due.

        The session is prolonged with it. An operator's ends with its day, whatever page it is used on.
        """
        now = self._clock()
        if actor.is_operator or actor.expires_at - now > WEBAPP_SECONDS - RENEWED_SECONDS:
            return None
        until = int(now + WEBAPP_SECONDS) * 1000
        await self._store.commit(lambda tx: _CHANGE_SESSION.change(tx, actor.session_id, expires_at=until))
        return self._tokens.issue_access(actor.account_id, actor.role, actor.session_id, now, WEBAPP_SECONDS)

    async def login(self, request: Login, address: str) -> TokenPair:
        """Open a session. Raises :class:`LoginFailed` alike for an unknown e-mail and a wrong password.

        Attempts are limited by address and by account; those that succeed do not count for the account.
        """
        return await self.open_session(await self._verified(request, address))

    async def _verified(self, request: Login, address: str) -> int:
        """The id of the account whose password was given."""
        email = request.email.strip().lower()
        now = self._clock()
        self._limits.spend("login_address", address_key(address), now)
        self._limits.spend("login_account", email, now)
        known = await self._store.read(lambda rows: by_email(rows, email))
        good = await self._passwords.verify(known.password_hash if known else None, request.password)
        if known is None or not good or not known.active:
            log.info("login refused for an account from %s", address)
            raise LoginFailed("The e-mail and password do not match an account.")
        self._limits.refund("login_account", email, now)
        if self._passwords.needs_rehash(known.password_hash):
            stronger = await self._passwords.hash(request.password)
            await self._store.commit(lambda tx: _CHANGE_ACCOUNT.change(tx, known.id, password_hash=stronger))
        return known.id

    async def open_session(self, account_id: int, access_seconds: int = ACCESS_SECONDS) -> TokenPair:
        """Tokens of a new session of the account, without asking for its password."""
        session_id, refresh_id = new_token_id(), new_token_id()
        expires_at = int(self._clock() + REFRESH_SECONDS) * 1000

        def unit(tx: Transaction) -> Account:
            insert_session(tx, session_id, account_id, refresh_id, expires_at)
            return load(tx, account_id)

        return self._pair(await self._store.commit(unit), session_id, refresh_id, access_seconds)

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Trade a refresh token for a new pair. A token that was traded before ends the session: it was stolen."""
        claims = self._tokens.read_refresh(refresh_token, self._clock())
        refresh_id = new_token_id()

        def unit(tx: Transaction) -> Account | None:
            good_one = _REFRESH_ID.one(tx, claims.session_id)
            if good_one is None:
                return None
            if good_one != claims.token_id:
                end_sessions(tx, [claims.session_id])
                return None
            _CHANGE_SESSION.change(tx, claims.session_id, refresh_id=refresh_id)
            return load(tx, claims.account_id)

        account = await self._store.commit(unit)
        if account is None:
            raise CredentialInvalid("The session of this refresh token has ended. Log in again.")
        return self._pair(account, claims.session_id, refresh_id)

    async def logout(self, actor: AccountActor) -> None:
        """End the session; its access token and live sockets end with it."""
        await self._store.commit(lambda tx: end_sessions(tx, [actor.session_id]))

    async def me(self, actor: AccountActor) -> Account:
        """The caller's own account."""
        return await self._store.read(lambda rows: load(rows, actor.account_id))

    async def list(self, query: AccountQuery) -> Page[Account]:
        """A page of accounts, oldest first."""

        def read(rows: Snapshot) -> Page[Account]:
            of_role = {f"{models.Account.role} = ?": query.role}
            items, following = read_page(rows, _ACCOUNTS, models.Account.id, query, of_role)
            return Page(oldest_first(items, query), following)

        return await self._store.read(read)

    async def get(self, account_id: int) -> Account:
        """One account. Raises :class:`AccountNotFound`."""
        return await self._store.read(lambda rows: load(rows, account_id))

    async def create(self, actor: AccountActor, new: NewAccount) -> Account:
        """Add an account; only an admin adds operators. Raises :class:`EmailTaken`, :class:`Invalid`."""
        _may_manage(actor, new.role)
        return await self.add(new)

    async def add(self, new: NewAccount) -> Account:
        """As :meth:`create`, for whoever runs the server."""
        row = await self.prepared(new)
        return await self._store.commit(lambda tx: insert(tx, *row))

    async def register(self, new: NewAccount) -> Account:
        """A person makes an account of the role ``user``; the server must be set to allow it."""
        return await self.add(NewAccount(new.email, new.password, new.name, "user"))

    async def setup(self, request: Setup) -> Account:
        """Add the first admin; the caller has checked the code. Raises :class:`SetupDone`."""
        row = await self.prepared(NewAccount(request.email, request.password, request.name, "admin"))

        def unit(tx: Transaction) -> Account:
            if any_account(tx):
                raise SetupDone("There is an account already. Log in, or add accounts with `replyx account add`.")
            return insert(tx, *row)

        return await self._store.commit(unit)

    async def exist(self) -> bool:
        """Whether there is any account."""
        return await self._store.read(any_account)

    async def change(self, actor: AccountActor, account_id: int, change: AccountChange) -> Account:
        """As :func:`change_row`, for whoever may. Raises :class:`Forbidden`; :class:`Invalid` for a password."""
        columns = given_in(change)
        if "password" in columns:
            columns["password_hash"] = await self._passwords.hash(str(columns.pop("password")))

        def unit(tx: Transaction) -> Account:
            before = load(tx, account_id)
            _may_manage(actor, before.role)
            _may_manage(actor, str(columns.get("role", before.role)))
            if actor.account_id == account_id and (columns.get("active") is False or "role" in columns):
                raise Forbidden("Nobody takes their own access away; ask another admin.")
            return change_row(tx, account_id, columns, self._broadcasts)

        return await self._store.commit(unit)

    async def change_own_password(self, actor: AccountActor, request: OwnPassword) -> None:
        """Set the caller's password and end all of its sessions, this one too. Raises :class:`LoginFailed`."""
        known = await self._store.read(lambda rows: by_email(rows, actor.email))
        if known is None or not await self._passwords.verify(known.password_hash, request.current_password):
            raise LoginFailed("The current password is not right.")
        new_hash = await self._passwords.hash(request.new_password)

        def unit(tx: Transaction) -> None:
            _CHANGE_ACCOUNT.change(tx, actor.account_id, password_hash=new_hash)
            end_sessions(tx, _SESSIONS.all(tx, actor.account_id))

        await self._store.commit(unit)

    async def prepared(self, new: NewAccount) -> tuple[str, str, str, str]:
        """E-mail, name, role and password hash of a new account. Raises :class:`Invalid`."""
        email = checked_email(new.email)
        return email, new.name or email.partition("@")[0], new.role, await self._passwords.hash(new.password)

    def _pair(
        self, account: Account, session_id: str, refresh_id: str, access_seconds: int = ACCESS_SECONDS
    ) -> TokenPair:
        now = self._clock()
        return TokenPair(
            self._tokens.issue_access(account.id, account.role, session_id, now, access_seconds),
            self._tokens.issue_refresh(account.id, session_id, refresh_id, now, REFRESH_SECONDS),
            "bearer",
            access_seconds,
            account,
        )


def insert(tx: Transaction, email: str, name: str, role: str, password_hash: str) -> Account:
    """Insert an account. Raises :class:`EmailTaken`."""
    account_id = _ADD_ACCOUNT.numbered_if_new(
        tx, email=email, name=name, role=role, password_hash=password_hash, active=True, created_at=tx.now_ms
    )
    if account_id is None:
        raise EmailTaken(f"There is an account with the e-mail {email}.")
    return load(tx, account_id)


def change_row(tx: Transaction, account_id: int, columns: Mapping[str, object], broadcasts: Broadcasts) -> Account:
    """Change what is given. A new password hash, role or ``active: false`` ends the account's sessions.

    Web apps are told of a shop that has another name, is disabled or enabled: its products look otherwise then. Raises
    :class:`AccountNotFound`.
    """
    before = load(tx, account_id)
    if columns:
        _CHANGE_ACCOUNT.change(tx, account_id, **columns)
    if columns.keys() & {"password_hash", "role"} or columns.get("active") is False:
        end_sessions(tx, _SESSIONS.all(tx, account_id))
    elif columns:
        tx.append((DIRECTORY,), DirectoryChanged())
    after = load(tx, account_id)
    if before.role == "shop" and (after.name, after.active) != (before.name, before.active):
        broadcasts.tell(tx, "shop_updated", shopId=account_id)
    return after


def insert_session(tx: Transaction, session_id: str, account_id: int, refresh_id: str, expires_at: int) -> None:
    """Insert a session; ``expires_at`` in milliseconds."""
    times = {"expires_at": expires_at, "created_at": tx.now_ms}
    _ADD_SESSION.add(tx, id=session_id, account_id=account_id, refresh_id=refresh_id, ended=False, **times)


def checked_email(text: str) -> str:
    """The address in its one spelling. Raises :class:`Invalid`."""
    email = text.strip().lower()
    if EMAIL.fullmatch(email) is None:
        raise invalid("email", Fault.NOT_AN_EMAIL)
    return email


def load(rows: Snapshot, account_id: int) -> Account:
    """The account as clients see it. Raises :class:`AccountNotFound`."""
    account = _ACCOUNT.one(rows, account_id)
    if account is None:
        raise AccountNotFound(f"There is no account {account_id}.")
    return account


def load_all(rows: Snapshot) -> list[Account]:
    """Every account, the oldest first."""
    return _ACCOUNTS.where("TRUE", f"ORDER BY {models.Account.id}").all(rows)


def by_email(rows: Snapshot, email: str) -> Credentials | None:
    """Whoever logs in with this address, in the spelling of :func:`checked_email`."""
    return _BY_EMAIL.one(rows, email)


def end_sessions(tx: Transaction, session_ids: Sequence[str]) -> None:
    """End sessions and tell every process to close their streams."""
    for session_id in session_ids:
        _CHANGE_SESSION.change(tx, session_id, ended=True)
    tx.append((DIRECTORY,), DirectoryChanged([f"session:{session_id}" for session_id in session_ids]))


def _may_manage(actor: AccountActor, role: str) -> None:
    if role in OPERATOR_ROLES and actor.role != "admin":
        raise Forbidden("Only an admin manages the accounts of operators.")
