"""``replyx account …``: accounts, without a running server or beside one, which sees each change within a second."""

from __future__ import annotations

import argparse
from typing import get_args

from replyx import accounts
from replyx.cli.actions import Action
from replyx.cli.installation import ask_password, hash_password, open_store, print_json, refuse, text_of
from replyx.delivery.store import Transaction
from replyx.errors import AccountNotFound, Forbidden, Problem
from replyx.schemas.dialogs import Account, Role
from replyx.settings import Settings
from replyx.shop.broadcasts import Broadcasts

ROLES = get_args(Role)


def _add(given: argparse.Namespace, settings: Settings) -> int:
    store = open_store(settings)
    try:
        email = accounts.checked_email(given.email)
        name = given.name or email
        hashed = hash_password(ask_password(), accounts.known_of(email, name))
        account = store.change(lambda tx: accounts.insert(tx, email, name, given.role, hashed))
    except Problem as problem:
        return refuse(problem)
    print(f"account {account.id}: {account.email} ({account.role})")
    return 0


def _list(given: argparse.Namespace, settings: Settings) -> int:
    found = open_store(settings).query(accounts.load_all)
    if given.json:
        print_json(found)
        return 0
    for each in found:
        print(each.id, each.email, each.role, "active" if each.active else "disabled")
    return 0


def _password(given: argparse.Namespace, settings: Settings) -> int:
    try:
        return _changed(given, settings, password_hash=hash_password(ask_password(), accounts.known_of(given.email)))
    except Problem as problem:
        return refuse(problem)


def _role(given: argparse.Namespace, settings: Settings) -> int:
    return _changed(given, settings, role=given.role)


def _disable(given: argparse.Namespace, settings: Settings) -> int:
    return _changed(given, settings, active=False)


def _enable(given: argparse.Namespace, settings: Settings) -> int:
    return _changed(given, settings, active=True)


def _changed(given: argparse.Namespace, settings: Settings, **columns: object) -> int:
    """Change the account of the e-mail that was given, and say what it is now."""
    store = open_store(settings)
    broadcasts = Broadcasts(store, frozenset(settings.broadcast_private_types))

    def unit(tx: Transaction) -> Account:
        known = accounts.by_email(tx, given.email)
        if known is None:
            raise AccountNotFound(f"There is no account {given.email}.")
        account = accounts.change_row(tx, known.id, columns, broadcasts)
        if not any(each.active and each.role == "admin" for each in accounts.load_all(tx)):
            raise Forbidden(f"{account.email} is the only admin: make another one first.")
        return account

    try:
        account = store.change(unit)
    except Problem as problem:
        return refuse(problem)
    state = "active" if account.active else "disabled"
    ended = "" if columns == {"active": True} else "; its sessions have ended"
    print(f"account {account.id}: {account.email} ({account.role}, {state}){ended}")
    return 0


def _of_new(parser: argparse.ArgumentParser) -> None:
    _of_one(parser)
    parser.add_argument("--name", type=text_of(accounts.Name), help="how it is called (default: the e-mail)")
    parser.add_argument("--role", choices=ROLES, default="manager", help="what it may do (default: manager)")


def _of_one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("email", metavar="EMAIL")


def _of_role(parser: argparse.ArgumentParser) -> None:
    _of_one(parser)
    parser.add_argument("role", metavar="ROLE", choices=ROLES, help=", ".join(ROLES))


def _of_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print them as JSON")


ACTIONS = {
    "add": Action("add an account; asks for its password", _of_new, _add),
    "list": Action("list id, e-mail, role and state of every account", _of_list, _list),
    "password": Action("set a new password, which ends the account's sessions; asks for it", _of_one, _password),
    "role": Action("give an account another role, which ends its sessions", _of_role, _role),
    "disable": Action("let nobody log in with an account any more, and end its sessions", _of_one, _disable),
    "enable": Action("let somebody log in with a disabled account again", _of_one, _enable),
}
