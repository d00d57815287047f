"""``python -m tests.bench``: measure, print the table, and with ``--write`` put it into ``docs/performance.md``."""

from __future__ import annotations

import argparse
import dataclasses
import os
import platform
import resource
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests import docs_pages
from tests.bench import bots, broadcasts, footprint, history, others, sends
from tests.bench.load import Load, compiled
from tests.bench.others import Others
from tests.bench.plan import FULL, QUICK, Plan
from tests.bench.servers import CORES, ROOT, Failed, scratch
from tests.bench.table import Row, markdown

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- made: figures -->\n", "<!-- end: figures -->"  # as tests/docs_pages.py marks what is made

SPARE_DESCRIPTORS = 300

Measure = Callable[[Load, Plan, Others], Iterator[Row]]
MEASURES: dict[str, Measure] = {
    "sends": sends.send_rates,
    "broadcast": broadcasts.broadcast_rates,
    "bots": bots.bot_broadcasts,
    "latency": sends.latency,
    "memory": footprint.idle_memory,
    "start": footprint.start_and_rest,
    "return": history.return_of_everybody,
    "pages": history.first_pages,
    "widget": footprint.widget_size,
}


def main() -> int:
    """Measure what was asked for; 1 when something failed, after the rest was measured."""
    options = _parser().parse_args()
    plan = FULL if options.full else QUICK
    if options.rounds:
        plan = dataclasses.replace(plan, rounds=options.rounds)
    rows: list[Row] = []
    failures: list[str] = []
    began = time.monotonic()
    _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = max(*plan.subscribers, plan.returning, plan.idle) + SPARE_DESCRIPTORS
    if descriptors < needed:
        print(f"each process must be able to open {needed} files; `ulimit -Hn` says {descriptors}", file=sys.stderr)
        return 1
    with compiled() as load, others.found() as there:
        for name in options.only or MEASURES:
            print(f"measuring: {name}", file=sys.stderr, flush=True)
            try:
                rows += MEASURES[name](load, plan, there)
            except Failed as failure:
                failures.append(f"{name}: {failure}")
    figures = f"{_machine()}\n\n{markdown(rows)}\n" if rows else ""
    print(figures)
    print(f"measured in {time.monotonic() - began:.0f} s", file=sys.stderr)
    for text in failures:
        print(f"failed: {text}", file=sys.stderr)
    if options.write and not failures:
        write(PAGE, figures)
        (ROOT / "docs/scaling.md").write_text(docs_pages.renew("docs/scaling.md"), encoding="utf-8")
    return 1 if failures else 0


def write(page: Path, figures: str) -> None:
    """Put ``figures`` between the page's two markers. Raises ``ValueError`` for a page without them."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{page} does not hold the two markers")
    page.write_text(f"{before}{BEGIN}\n{figures}\n{END}{after}", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure ReplyX beside other servers.")
    parser.add_argument("--full", action="store_true", help="10,000 clients, 1,000,000 messages, half an hour")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    parser.add_argument("--rounds", type=int, metavar="N", help="repeat each comparison N times")
    parser.add_argument("--only", nargs="+", choices=list(MEASURES), metavar="NAME", help=", ".join(MEASURES))
    return parser


def _machine() -> str:
    """One line on what was measured with, and how long this disk takes to keep something."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("tornado", "starlette", "uvicorn", "uvloop"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {len(CORES)} cores (one serves, one loads),"
        f" Python {platform.python_version()}, {versions}, SQLite {sqlite3.sqlite_version};"
        f" writing 4 KB to the disk and waiting for it takes {_flush_us():.0f} µs."
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _flush_us() -> float:
    """The middle of 200 fdatasync(2) of a file that grows, in microseconds: what one commit costs at least."""
    took = []
    with scratch() as directory, (directory / "flush").open("wb", buffering=0) as file:
        for _ in range(200):
            file.write(bytes(4096))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    return sorted(took)[100] * 1e6


if __name__ == "__main__":
    sys.exit(main())
