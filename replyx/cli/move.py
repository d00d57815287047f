"""``replyx move``: a whole installation to another database, from SQLite to PostgreSQL or back."""

from __future__ import annotations

import argparse
import sys

from replyx.cli.actions import Action
from replyx.cli.installation import require
from replyx.database.move import BATCH, MoveRefused, move
from replyx.database.opening import database_at
from replyx.settings import Settings
from replyx.settings_values import database_url


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="source", type=_url, metavar="URL", help="default: the database of the settings")
    parser.add_argument("--to", dest="target", type=_url, metavar="URL", required=True, help="an empty database")
    parser.add_argument("--batch", type=int, default=BATCH, metavar="ROWS", help=f"rows at once (default {BATCH})")


def _run(given: argparse.Namespace, settings: Settings) -> int:
    """Move, and print what was moved and compared."""
    if given.source is None:
        require(settings)
    source = given.source or settings.database
    try:
        moved = move(database_at(source), database_at(given.target), lambda line: print(line, flush=True), given.batch)
    except MoveRefused as refusal:
        print(f"replyx: {refusal}", file=sys.stderr)
        return 1
    print(f"{'table':<20} {'rows':>10}  digest, alike on both sides")
    for table in moved:
        print(f"{table.table:<20} {table.rows:>10}  {table.digest}")
    print("Moved. Set DATABASE_URL to the new database and start the server; keep DATA_DIR, it holds the secrets.")
    return 0


def _url(text: str) -> str:
    try:
        return database_url(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


ACTION = Action(
    "move an installation to another database; begin it again and it goes on where it was interrupted", _arguments, _run
)
