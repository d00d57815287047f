"""What every command needs: the database and the keys of an installation, whether or not its server runs."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import msgspec

from replyx.database.dialect import DatabaseUnusable, dialect_of
from replyx.database.migrations import version_of
from replyx.database.opening import database_at
from replyx.delivery.store import Store
from replyx.errors import Problem
from replyx.passwords import WORKERS, Passwords
from replyx.secrets_file import SecretsFile
from replyx.settings import Settings
from replyx.tokens import Tokens


def open_store(settings: Settings) -> Store:
    """The installation's store, its schema up to date; to be used with ``query`` and ``change``.

    Raises :class:`DatabaseUnusable` where there is no installation: a typing error must not begin one.
    """
    require(settings)
    return Store.open(settings.database, time.time)


def require(settings: Settings) -> None:
    """Raise :class:`DatabaseUnusable` unless the database of these settings holds an installation."""
    path = settings.sqlite_path
    if path is not None and not path.is_file():
        raise _absent(str(path))
    database = database_at(settings.database)
    try:
        with database.connection_context():
            found = version_of(database)
    except dialect_of(database).failed as failure:
        raise DatabaseUnusable(f"the database cannot be opened: {failure}") from failure
    if not found:
        raise _absent(str(path) if path is not None else "the database")


def tokens_of(settings: Settings) -> Tokens:
    """Signs and reads tokens as the server of the installation does. Raises :class:`SecretsError` without its keys."""
    return Tokens(SecretsFile(settings.data_dir, settings.jwt_secret).keys())


def hash_password(password: str, person: Sequence[str]) -> str:
    """The argon2id hash of ``password``, the new one of a ``person``: see :func:`replyx.passwords.acceptable`."""
    with ThreadPoolExecutor(WORKERS) as pool:
        return asyncio.run(Passwords(pool).hash(password, person=person))


def ask_password() -> str:
    """A password from the terminal, or one line of standard input when that is not a terminal."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Again: "):
        raise SystemExit("The two passwords differ.")
    return password


def text_of(shape: Any) -> Callable[[str], str]:
    """Reads an argument that may be as long as ``shape``, a text of a request; argparse says what is wrong with it."""
    bounds: msgspec.Meta = get_args(shape)[1]
    least, most = bounds.min_length or 0, bounds.max_length
    assert most is not None

    def read(text: str) -> str:
        if not least <= len(text) <= most:
            raise argparse.ArgumentTypeError(f"takes {least} to {most} characters")
        return text

    return read


def print_json(items: object) -> None:
    """What scripts read: JSON as the API has it, a line for each item."""
    print(msgspec.json.format(msgspec.json.encode(items), indent=2).decode())


def warn(words: str) -> None:
    """Say what whoever typed the command should know besides its result."""
    print(f"replyx: {words}", file=sys.stderr)


def refuse(problem: Problem) -> int:
    """Say why a command was refused; the exit status for it."""
    warn(problem.detail)
    return 1


def _absent(place: str) -> DatabaseUnusable:
    return DatabaseUnusable(
        f"there is no installation in {place}: name the --data-dir or the DATABASE_URL of its server."
        " Only the server and `replyx init` begin a new one"
    )
