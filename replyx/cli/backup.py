"""``replyx backup``: a copy of the installation, while its server runs."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from peewee import DatabaseError

from replyx.cli.actions import Action
from replyx.cli.installation import warn
from replyx.database.backup import BackupRefused, back_up, back_up_in_turn, drop_older, note_backup
from replyx.settings import Settings

MOST = 10_000


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep",
        metavar="N",
        type=_number,
        help="make a directory named by the time in DIRECTORY, and delete the oldest until so many are left",
    )
    parser.add_argument(
        "directory", metavar="DIRECTORY", type=Path, help="where the copy goes; without --keep it is made, or empty"
    )


def _run(given: argparse.Namespace, settings: Settings) -> int:
    """Copy, and say what the copy holds."""
    try:
        now_s = time.time()
        if given.keep is None:
            target, copied = given.directory, back_up(settings, given.directory)
        else:
            target, copied = back_up_in_turn(settings, given.directory, now_s)
    except (BackupRefused, OSError) as refusal:
        print(f"replyx: {refusal}", file=sys.stderr)
        return 1
    try:
        note_backup(settings, time.time_ns() // 1_000_000)
    except DatabaseError as failure:
        warn(f"the copy is whole, but that it was made could not be kept: {failure}")
    and_secrets = " and its secrets" if copied.secrets else "; there is no secrets.json in DATA_DIR"
    print(f"Copied the database up to event {copied.top}{and_secrets}. Whoever has the copy can be anybody: guard it.")
    return 0 if given.keep is None else _tidy(given.directory, target, given.keep, now_s)


def _tidy(parent: Path, newest: Path, keep: int, now_s: float) -> int:
    """Delete what is not to be kept, and say so; status 1 where that failed, since the disk would fill."""
    print(f"The copy is {newest}.")
    try:
        for gone in drop_older(parent, newest, keep, now_s):
            print(f"Deleted {gone}.")
    except OSError as failure:
        warn(f"the copy is whole, but an older one could not be deleted: {failure}")
        return 1
    return 0


def _number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MOST}")
    return int(text)


ACTION = Action("copy database and secrets into a new directory; the server may run", _arguments, _run)
