"""``replyx backup``: a copy of the installation, while its server runs."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from peewee import DatabaseError

from replyx.cli.actions import Action
from replyx.cli.installation import warn
from replyx.database.backup import BackupRefused, back_up, note_backup
from replyx.settings import Settings


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="DIRECTORY", type=Path, help="where the copy goes; it is made, or empty")


def _run(given: argparse.Namespace, settings: Settings) -> int:
    """Copy, and say what the copy holds."""
    try:
        copied = back_up(settings, given.directory)
    except (BackupRefused, OSError) as refusal:
        print(f"replyx: {refusal}", file=sys.stderr)
        return 1
    try:
        note_backup(settings, time.time_ns() // 1_000_000)
    except DatabaseError as failure:
        warn(f"the copy is whole, but that it was made could not be kept: {failure}")
    and_secrets = " and its secrets" if copied.secrets else "; there is no secrets.json in DATA_DIR"
    print(f"Copied the database up to event {copied.top}{and_secrets}. Whoever has the copy can be anybody: guard it.")
    return 0


ACTION = Action("copy database and secrets into a new directory; the server may run", _arguments, _run)
