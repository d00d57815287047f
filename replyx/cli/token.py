"""``replyx token``: an access token of an account, for scripts and a first look at the API."""

from __future__ import annotations

import argparse
import time

from replyx import accounts, session_rows
from replyx.cli.actions import Action
from replyx.cli.installation import open_store, refuse, tokens_of
from replyx.delivery.store import Store, Transaction
from replyx.errors import AccountNotFound, Problem
from replyx.schemas.dialogs import Account
from replyx.settings import Settings
from replyx.tokens import Tokens, new_token_id


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("email", metavar="EMAIL")
    parser.add_argument("--hours", type=int, default=1, help="how long the token is good (default 1)")


def _run(given: argparse.Namespace, settings: Settings) -> int:
    """Open a session for the account and print its token alone, so that a shell can take it."""
    store = open_store(settings)
    try:
        token = token_for(store, tokens_of(settings), given.email, given.hours * 3600)
    except Problem as problem:
        return refuse(problem)
    print(token)
    return 0


def token_for(store: Store, tokens: Tokens, email: str, seconds: int) -> str:
    """An access token of an account, good for ``seconds``, in a session of its own.

    Raises :class:`AccountNotFound` where no active account has the address.
    """
    session_id = new_token_id()

    def unit(tx: Transaction) -> Account:
        known = accounts.by_email(tx, email)
        if known is None or not known.active:
            raise AccountNotFound(f"There is no active account {email}.")
        session_rows.add(tx, session_id, known.id, new_token_id(), tx.now_ms + seconds * 1000)
        return accounts.load(tx, known.id)

    account = store.change(unit)
    return tokens.issue_access(account.id, account.role, session_id, time.time(), seconds)


ACTION = Action("print an access token of an account", _arguments, _run)
