"""``replyx token``: an access token of an account, for scripts and a first look at the API."""

from __future__ import annotations

import argparse
import time

from replyx import accounts
from replyx.cli.installation import open_store, refuse
from replyx.delivery.store import Transaction
from replyx.errors import AccountNotFound, Problem
from replyx.schemas.dialogs import Account
from replyx.secrets_file import SecretsFile
from replyx.settings import Settings
from replyx.tokens import Tokens, new_token_id

HELP = "print an access token of an account"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("email")
    parser.add_argument("--hours", type=int, default=1, help="how long the token is good (default 1)")


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Open a session for the account and print its token alone, so that a shell can take it."""
    store = open_store(settings)
    tokens = Tokens(SecretsFile(settings.data_dir, settings.jwt_secret).load().jwt_keys)
    session_id = new_token_id()
    seconds = given.hours * 3600

    def unit(tx: Transaction) -> Account:
        known = accounts.by_email(tx, given.email.lower())
        if known is None or not known.active:
            raise AccountNotFound(f"There is no active account {given.email}.")
        accounts.insert_session(tx, session_id, known.id, new_token_id(), tx.now_ms + seconds * 1000)
        return accounts.load(tx, known.id)

    try:
        account = store.change(unit)
    except Problem as problem:
        return refuse(problem)
    print(tokens.issue_access(account.id, account.role, session_id, time.time(), seconds))
    return 0
