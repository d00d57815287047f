"""``replyx evaluate``: how well an assistant would answer questions whose answers are known."""

from __future__ import annotations

import argparse
from pathlib import Path

from replyx.cli.actions import Action
from replyx.cli.installation import open_store, print_json, refuse, warn
from replyx.delivery.store import Snapshot
from replyx.errors import Problem
from replyx.knowledge.evaluation import WRONG, Evaluation, Figures, NoCases, evaluate, read_cases, tied_cases
from replyx.settings import Settings


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--assistant", type=int, required=True, metavar="ID", help="whose sources are asked")
    parser.add_argument(
        "--cases",
        type=Path,
        metavar="FILE",
        help="CSV with the columns question and expected (a heading, an address, or nothing where nothing answers);"
        " without it the questions that were tied to passages",
    )
    parser.add_argument(
        "--fail-under",
        type=float,
        metavar="SHARE",
        help="exit with 1 where recall is less, or more than 5 %% of what is quoted are wrong",
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def _run(given: argparse.Namespace, settings: Settings) -> int:
    """Ask every case and print what came of it."""

    def query(reading: Snapshot) -> Evaluation:
        cases = named if named is not None else tied_cases(reading, given.assistant)
        return evaluate(reading, given.assistant, cases)

    try:
        named = None
        if given.cases is not None:
            with given.cases.open(encoding="utf-8-sig", newline="") as lines:
                named = read_cases(lines)
        found = open_store(settings).query(query)
    except Problem as problem:
        return refuse(problem)
    except (NoCases, OSError, UnicodeDecodeError) as refusal:
        warn(str(refusal))
        return 1
    if given.json:
        print_json(found)
    else:
        print(_report(found))
    failed = given.fail_under is not None and (found.recall < given.fail_under or found.now.wrong_share > WRONG)
    return 1 if failed else 0


def _report(found: Evaluation) -> str:
    lines = [
        f"{found.cases} cases, {found.answerable} of which something answers",
        f"recall@3 {found.recall:.2f}   MRR {found.mrr:.2f}",
        _line(found.now, "now"),
    ]
    if found.calibrated is None:
        lines.append("no threshold keeps wrong quotes to 5 %: let it offer headings (quote_percent 100)")
    else:
        lines.append(_line(found.calibrated, "calibrated"))
    return "\n".join(lines)


def _line(figures: Figures, name: str) -> str:
    return (
        f"{name + ':':<12} quotes from {figures.quote_from} %: {figures.right} right, {figures.wrong} wrong"
        f" ({figures.wrong_share:.1%} of what is quoted), {figures.rightly_refused} rightly refused,"
        f" {figures.wrongly_refused} wrongly refused"
    )


ACTION = Action("ask an assistant questions whose answers are known, and say how it does", _arguments, _run)
