"""``replyx doctor``: looks at an installation from inside and by way of its public address, and says what to mend."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence

from peewee import DatabaseError

from replyx.cli.actions import Action
from replyx.cli.installation import print_json, tokens_of, warn
from replyx.cli.listen import TOKEN
from replyx.cli.token import token_for
from replyx.database.dialect import DatabaseUnusable
from replyx.database.migrations import MIGRATIONS, version_of
from replyx.database.opening import database_at
from replyx.delivery import eventlog
from replyx.delivery.store import Snapshot, Store
from replyx.doctor import house
from replyx.doctor.findings import Finding
from replyx.doctor.road import Inside, Road
from replyx.errors import Problem
from replyx.secrets_file import SecretsError
from replyx.settings import Settings
from replyx.settings_values import origin

TOKEN_S = 60
MARKS = {"good": "ok  ", "note": "note", "bad": "BAD "}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", nargs="?", metavar="URL", help="the address to come by (default: PUBLIC_URL)")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument("--inside", action="store_true", help="look from inside only, without the server's address")


def _run(given: argparse.Namespace, settings: Settings) -> int:
    """Print every finding; status 1 when one of them is bad."""
    try:
        url = origin(given.url) if given.url else settings.base_url(settings.port)
    except ValueError as wrong:
        print(f"replyx: URL {wrong}", file=sys.stderr)
        return 2
    here = [] if given.url and house.is_absent(settings) else _inside(settings)
    road = []
    if not given.inside:
        token, inside = _as_admin(settings)
        road = list(Road(url, os.environ.get(TOKEN, "") or token).walk(inside))
    return show(here + road, given.json)


def show(findings: Sequence[Finding], as_json: bool) -> int:
    """Print the findings; the exit status for them."""
    if as_json:
        print_json(findings)
    else:
        for each in findings:
            print(f"{MARKS[each.verdict]}  {each.what}" + (f"\n      {each.advice}" if each.advice else ""))
    return int(any(each.verdict == "bad" for each in findings))


def _inside(settings: Settings) -> list[Finding]:
    """What is to be seen on this machine."""
    return [
        *house.machine(settings),
        *house.database(settings, time.time_ns() // 1_000_000),
        *asyncio.run(house.redis(settings)),
    ]


def _as_admin(settings: Settings) -> tuple[str, Inside | None]:
    """A token of an admin for a minute, and which installation this is; nothing where there is none to look at."""
    if house.is_absent(settings):
        return "", None
    try:
        database = database_at(settings.database)
        with database.connection_context():
            if version_of(database) != len(MIGRATIONS):
                return "", None
            rows = Snapshot(database)
            inside = Inside(eventlog.epoch(rows), str(settings.data_dir.resolve()))
            email = house.an_admin(rows)
        if email is None:
            return "", inside
        return token_for(Store.open(settings.database, time.time), tokens_of(settings), email, TOKEN_S), inside
    except (DatabaseError, DatabaseUnusable, SecretsError, Problem) as failure:
        warn(f"nobody could be signed in to look at the server: {failure}")
        return "", None


ACTION = Action("look for what is wrong with an installation and its proxy, and say what to mend", _arguments, _run)
