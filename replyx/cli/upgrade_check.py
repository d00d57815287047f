"""``replyx upgrade-check``: what this program would change in an installation's database, before it does."""

from __future__ import annotations

import argparse

from replyx.cli.actions import Action
from replyx.cli.doctor import show
from replyx.doctor.upgrade import upgrade
from replyx.settings import Settings


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def _run(given: argparse.Namespace, settings: Settings) -> int:
    """Print every finding; status 1 when this program could not start on the database."""
    return show(list(upgrade(settings)), given.json)


ACTION = Action(
    "say what this version would change in the database, and whether it can; changes nothing", _arguments, _run
)
