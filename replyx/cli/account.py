"""``replyx account add|list``: accounts, without a running server or beside one."""

from __future__ import annotations

import argparse
from typing import get_args

from replyx import accounts
from replyx.cli.installation import ask_password, hash_password, open_store, refuse
from replyx.errors import Problem
from replyx.schemas.dialogs import Role
from replyx.settings import Settings

HELP = "add or list accounts"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("action", choices=("add", "list"))
    parser.add_argument("email", nargs="?")
    parser.add_argument("--name")
    parser.add_argument("--role", choices=get_args(Role), default="manager")


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Add an account, its password from the terminal or standard input; or list all."""
    store = open_store(settings)
    if given.action == "list":
        for each in store.query(accounts.load_all):
            print(each.id, each.email, each.role, "active" if each.active else "disabled")
        return 0
    try:
        email = accounts.checked_email(given.email or "")
        hashed = hash_password(ask_password())
        account = store.change(lambda tx: accounts.insert(tx, email, given.name or email, given.role, hashed))
    except Problem as problem:
        return refuse(problem)
    print(f"account {account.id}: {account.email} ({account.role})")
    return 0
