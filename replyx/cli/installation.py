"""What every command needs: the database and the keys of an installation, whether or not its server runs."""

from __future__ import annotations

import asyncio
import getpass
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from replyx.delivery.store import Store
from replyx.errors import Problem
from replyx.passwords import WORKERS, Passwords
from replyx.secrets_file import SecretsFile
from replyx.settings import Settings


def open_store(settings: Settings) -> Store:
    """The installation's store, its schema up to date; to be used with ``query`` and ``change``."""
    SecretsFile(settings.data_dir, settings.jwt_secret).load()
    return Store.open(settings.database, time.time)


def hash_password(password: str) -> str:
    """The argon2id hash of ``password``. Raises :class:`replyx.errors.Invalid` for a bad one."""
    with ThreadPoolExecutor(WORKERS) as pool:
        return asyncio.run(Passwords(pool).hash(password))


def ask_password() -> str:
    """A password from the terminal, or one line of standard input when that is not a terminal."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Again: "):
        raise SystemExit("The two passwords differ.")
    return password


def refuse(problem: Problem) -> int:
    """Say why a command was refused; the exit status for it."""
    print(f"replyx: {problem.detail}", file=sys.stderr)
    return 1
