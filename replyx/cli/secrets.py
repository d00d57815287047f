"""``replyx secrets …``: the signing keys that a server has drawn for itself."""

from __future__ import annotations

import argparse

from replyx.cli.actions import Action
from replyx.cli.installation import require
from replyx.secrets_file import SecretsFile
from replyx.settings import Settings


def _show(given: argparse.Namespace, settings: Settings) -> int:
    file = SecretsFile(settings.data_dir, settings.jwt_secret)
    newest, *older = file.keys()
    print(f"the keys are in {'JWT_SECRET' if settings.jwt_secret else file.path}")
    print(f"{newest.kid} signs")
    for key in older:
        print(f"{key.kid} verifies what it has signed before")
    return 0


def _rotate(given: argparse.Namespace, settings: Settings) -> int:
    require(settings)
    file = SecretsFile(settings.data_dir, settings.jwt_secret)
    file.keys()
    newest, *older = file.rotate(forget=given.forget).jwt_keys
    if given.forget:
        print(f"{newest.kid} signs from the next start on. What older keys have signed is no longer good:")
        print("everybody logs in again, and every site needs a new embed code.")
    else:
        print(f"{newest.kid} signs from the next start on. {len(older)} older keep what they have signed valid.")
    print("Restart every process of the server.")
    return 0


def _of_show(parser: argparse.ArgumentParser) -> None:
    pass


def _of_rotate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--forget", action="store_true", help="forget the older keys: ends every session and every embed code"
    )


ACTIONS = {
    "show": Action("show the names of the keys, never the keys", _of_show, _show),
    "rotate": Action("draw a new key; what the older ones have signed stays valid", _of_rotate, _rotate),
}
