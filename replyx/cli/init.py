"""``replyx init``: the first admin, against the one-time code from the server's log."""

from __future__ import annotations

import argparse
import time

from replyx import accounts
from replyx.cli.actions import Action
from replyx.cli.installation import ask_password, hash_password, refuse
from replyx.delivery.store import Store, Transaction
from replyx.errors import Forbidden, Problem, SetupDone
from replyx.schemas.dialogs import Account
from replyx.secrets_file import SecretsFile
from replyx.settings import Settings


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--code", help="the one-time code from the server's log")
    parser.add_argument("--email")
    parser.add_argument("--name")


def _run(given: argparse.Namespace, settings: Settings) -> int:
    """Print the code, or make the admin; the password comes from the terminal or standard input."""
    secrets = SecretsFile(settings.data_dir, settings.jwt_secret)
    secrets.load()
    store = Store.open(settings.database, time.time)
    if given.code is None:
        print(f"One-time code: {secrets.ensure_setup_code()}")
        return 0
    try:
        if not secrets.is_setup_code(given.code):
            raise Forbidden("That is not the one-time code from the server's log.")
        email = accounts.checked_email(given.email or "")
        name = given.name or email.partition("@")[0]
        hashed = hash_password(ask_password(), accounts.known_of(email, name))

        def unit(tx: Transaction) -> Account:
            if accounts.any_account(tx):
                raise SetupDone("There is an account already; add more with `replyx account add`.")
            return accounts.insert(tx, email, name, "admin", hashed)

        account = store.change(unit)
    except Problem as problem:
        return refuse(problem)
    secrets.delete_setup_code()
    print(f"admin {account.id}: {account.email}")
    return 0


ACTION = Action(
    "make the first admin; without --code it prepares the data directory and prints the code", _arguments, _run
)
