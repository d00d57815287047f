"""``replyx restore``: go back to a copy, so that clients notice."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from replyx.cli.actions import Action
from replyx.database.backup import BackupRefused, restore, take_for_copy
from replyx.settings import Settings


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "directory",
        metavar="DIRECTORY",
        type=Path,
        nargs="?",
        help="what `replyx backup` has made; without it the database is taken as it is, restored by other means",
    )


def _run(given: argparse.Namespace, settings: Settings) -> int:
    """Restore, and say what is there now."""
    try:
        if given.directory is None:
            print(f"The database goes on behind event {take_for_copy(settings)}, in a new epoch.")
            return 0
        copied = restore(settings, given.directory)
    except (BackupRefused, OSError) as refusal:
        print(f"replyx: {refusal}", file=sys.stderr)
        return 1
    print(f"Restored the database up to event {copied.top}, in a new epoch.")
    if not copied.secrets:
        print("The copy has no secrets.json: the one in DATA_DIR was left as it is.")
    print("What was there before is kept as *.before-restore. Start the server.")
    return 0


ACTION = Action(
    "put a copy in the place of the stopped installation, so that every client learns that its place is gone",
    _arguments,
    _run,
)
