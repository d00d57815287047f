"""Accounts: who may log in, as what, and who manages them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec

from replyx import email_addresses, session_rows
from replyx.auth import AccountActor
from replyx.database import models
from replyx.database.rows import Insert, Update, exists, given_in, select, unless_taken
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import AccountNotFound, CredentialInvalid, EmailTaken, Forbidden, LoginFailed, SetupDone, invalid
from replyx.fair_pool import Asker, known
from replyx.faults import Fault
from replyx.paging import Paging, oldest_first, read_page
from replyx.passwords import Passwords
from replyx.schemas import sizes
from replyx.schemas.dialogs import NO_NUL, OPERATOR_ROLES, Account, Page, Role
from replyx.schemas.events import DIRECTORY, DirectoryChanged
from replyx.schemas.texts import LINE, Written
from replyx.shop.broadcasts import Broadcasts

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=sizes.PERSON, pattern=NO_NUL), LINE]


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


_ACCOUNTS = select(Account, models.Account)
_ACCOUNT = _ACCOUNTS.where(f"{models.Account.id} = ?")
_CREDENTIALS = select(Credentials, models.Account)
_BY_EMAIL = _CREDENTIALS.where(f"{models.Account.email} = ?")
_BY_ID = _CREDENTIALS.where(f"{models.Account.id} = ?")
_ADD_ACCOUNT = Insert(models.Account, unless_taken(models.Account.email))
_CHANGE_ACCOUNT = Update(models.Account, f"{models.Account.id} = ?")

any_account = exists(models.Account)


class Accounts:
    """Keeps accounts. Passwords are hashed before the unit that stores them, which asks again who may."""

    def __init__(self, store: Store, passwords: Passwords, broadcasts: Broadcasts) -> None:
        self._store = store
        self._passwords = passwords
        self._broadcasts = broadcasts

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
        row = await self._prepared(new, _at_work(actor))

        def unit(tx: Transaction) -> Account:
            _still_admitted(tx, actor)
            return insert(tx, *row)

        return await self._store.commit(unit)

    async def register(self, new: NewAccount, asker: Asker) -> Account:
        """A person makes an account of the role ``user``; the server must be set to allow it."""
        row = await self._prepared(NewAccount(new.email, new.password, new.name, "user"), asker)
        return await self._store.commit(lambda tx: insert(tx, *row))

    async def setup(self, request: Setup) -> Account:
        """Add the first admin; the caller has checked the code. Raises :class:`SetupDone`."""
        new = NewAccount(request.email, request.password, request.name, "admin")
        row = await self._prepared(new, known("setup"))

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
            person = await self.get(account_id)
            names = known_of(person.email, person.name, str(columns.get("name", "")))
            password = str(columns.pop("password"))
            columns["password_hash"] = await self._passwords.hash(password, _at_work(actor), person=names)

        def unit(tx: Transaction) -> Account:
            _still_admitted(tx, actor)
            before = load(tx, account_id)
            _may_manage(actor, before.role)
            _may_manage(actor, str(columns.get("role", before.role)))
            if actor.account_id == account_id and (columns.get("active") is False or "role" in columns):
                raise Forbidden("Nobody takes their own access away; ask another admin.")
            return change_row(tx, account_id, columns, self._broadcasts)

        return await self._store.commit(unit)

    async def change_own_password(self, actor: AccountActor, request: OwnPassword) -> None:
        """Set the caller's password and end all of its sessions, this one too. Raises :class:`LoginFailed`."""
        found = await self._store.read(lambda rows: credentials(rows, actor.account_id))
        present = found.password_hash if found else None
        if not await self._passwords.verify(present, request.current_password, _at_work(actor)):
            raise LoginFailed("The current password is not right.")
        person = known_of(actor.email, actor.name)
        new_hash = await self._passwords.hash(request.new_password, _at_work(actor), person=person)

        def unit(tx: Transaction) -> None:
            _still_admitted(tx, actor)  # nor has the password changed meanwhile: that would have ended the session
            _CHANGE_ACCOUNT.change(tx, actor.account_id, password_hash=new_hash)
            session_rows.end_all(tx, actor.account_id)

        await self._store.commit(unit)

    async def _prepared(self, new: NewAccount, asker: Asker) -> tuple[str, str, str, str]:
        """E-mail, name, role and password hash of a new account. Raises :class:`Invalid`."""
        email = checked_email(new.email)
        name = new.name or email.partition("@")[0]
        return email, name, new.role, await self._passwords.hash(new.password, asker, person=known_of(email, name))


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
        session_rows.end_all(tx, account_id)
    elif columns:
        tx.append((DIRECTORY,), DirectoryChanged())
    after = load(tx, account_id)
    if before.role == "shop" and (after.name, after.active) != (before.name, before.active):
        broadcasts.tell(tx, "shop_updated", shopId=account_id)
    return after


def known_of(email: str, *names: str) -> tuple[str, ...]:
    """What everybody knows of somebody, and so is no password."""
    return (email, email.partition("@")[0], *filter(None, names))


def checked_email(text: str) -> str:
    """The address in its one spelling. Raises :class:`Invalid`."""
    email = email_addresses.canonical(text)
    if email is None:
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


def credentials(rows: Snapshot, account_id: int) -> Credentials | None:
    """What a login to the account is compared with."""
    return _BY_ID.one(rows, account_id)


def keep_hash(tx: Transaction, account_id: int, password_hash: str) -> None:
    """Store another hash of the same password, which ends nothing."""
    _CHANGE_ACCOUNT.change(tx, account_id, password_hash=password_hash)


def by_email(rows: Snapshot, email: str) -> Credentials | None:
    """Whoever logs in with this address, in whatever spelling.

    One as it was stored before goes first: of two accounts whose addresses are the same now, one has kept it.
    """
    older, canonical = email_addresses.older(email), email_addresses.canonical(email)
    found = _BY_EMAIL.one(rows, older)
    return found if found or canonical is None or canonical == older else _BY_EMAIL.one(rows, canonical)


def _may_manage(actor: AccountActor, role: str) -> None:
    if role in OPERATOR_ROLES and actor.role != "admin":
        raise Forbidden("Only an admin manages the accounts of operators.")


def _at_work(actor: AccountActor) -> Asker:
    return known(f"account {actor.account_id}")


def _still_admitted(tx: Transaction, actor: AccountActor) -> None:
    """Refuse whose session has ended since the request was let in: a password takes its time."""
    if session_rows.live(tx, actor.session_id) is None:
        raise CredentialInvalid("The session of this token has ended. Log in again.")
