"""``python -m tests.attacks``: play every attack, each on a server with people at work, and print a table."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests import docs_pages
from tests.attacks import ATTACKS
from tests.attacks.attacker import FILES
from tests.attacks.work import People, Waits
from tests.bench.servers import ROOT, Failed, ReplyX, running, scratch

SETTLED_S = 2.0  # until everybody is at work
SAMPLE_S = 0.25  # between two looks at the server's memory
TIMES = 3.0  # as long as when it is quiet, a visitor may wait
GROWN_MB = 100.0  # the server may grow by

HEAD = (
    "attack", "visitor's ack p50 / p99 in quiet, ms", "under attack", "operator's p99", "memory, MB",
    "disk, MB a second", "empty dialogs", "newcomers not served", "what the attacker got", "holds",
)  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """What came of one attack."""

    name: str
    quiet: Waits
    attacked: People
    memory_mb: tuple[float, float]
    disk_mb_s: float
    empty_dialogs: int
    answers: dict[str, int]

    @property
    def holds(self) -> bool:
        """Whether nobody else had to suffer for it."""
        late = self.attacked.visitors.quantile(0.99) > TIMES * self.quiet.quantile(0.99)
        before, most = self.memory_mb
        unserved = self.attacked.visitors.unserved + self.attacked.operators.unserved + self.attacked.newcomers.unserved
        return not late and most - before <= GROWN_MB and not unserved

    def row(self) -> tuple[str, ...]:
        """One line of the table."""
        visitors, newcomers = self.attacked.visitors, self.attacked.newcomers
        lost = f", {visitors.unserved} without" if visitors.unserved else ""
        return (
            self.name,
            _pair(self.quiet),
            f"{_pair(visitors)}{lost}",
            f"{self.attacked.operators.quantile(0.99):.0f}",
            "{:.0f} → {:.0f}".format(*self.memory_mb),
            f"{self.disk_mb_s:.2f}",
            str(self.empty_dialogs),
            f"{newcomers.unserved} of {len(newcomers.took_ms)}",
            ", ".join(f"{count:,} × {what}" for what, count in sorted(self.answers.items())) or "none",
            "yes" if self.holds else "**no**",
        )


async def attacked(name: str, checkout: Path, directory: Path, seconds: float) -> Seen:
    """Start a server, let people work in quiet for ``seconds``, and then for as long under the attack."""
    starter = ("prlimit", f"--nofile={FILES}:{FILES}", sys.executable, str(checkout / "run.py"))
    server = ReplyX(directory, env={"RATE_LIMITS": "on"}, starter=starter)
    with running(server):
        people = People(server.port)
        work = asyncio.create_task(people.work())
        await asyncio.sleep(SETTLED_S)
        people.reset()
        await asyncio.sleep(seconds)
        quiet, memory, disk = people.visitors, server.rss_kb() / 1024, _size_mb(directory)
        async with _played(name, server.port) as attack:
            people.reset()
            most = memory
            for _ in range(round(seconds / SAMPLE_S)):
                await asyncio.sleep(SAMPLE_S)
                most = max(most, server.rss_kb() / 1024)
            answers = await _ended(attack)
        grown = (_size_mb(directory) - disk) / seconds
        empty = await people.empty_dialogs()
        work.cancel()
        await asyncio.wait([work])
        if not work.cancelled():
            work.result()
        return Seen(name, quiet, people, (memory, most), grown, empty, answers)


@contextlib.asynccontextmanager
async def _played(name: str, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """The attack in a process of its own, so that it does not delay what is measured."""
    command = [sys.executable, "-m", "tests.attacks.play", name, str(port)]
    pipe = subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _ended(attack: asyncio.subprocess.Process) -> dict[str, int]:
    """Stop the attack; what it counted."""
    said, _ = await attack.communicate(b"")
    if attack.returncode:
        raise Failed("the attack could not go on")
    counted: dict[str, int] = json.loads(said)
    return counted


def _pair(waits: Waits) -> str:
    return f"{waits.quantile(0.5):.1f} / {waits.quantile(0.99):.1f}"


def _size_mb(directory: Path) -> float:
    """The log and the database; the bytecode that Python writes at the start does not count."""
    files = [directory / "server.log", *(directory / "data").rglob("*")]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def main() -> int:
    """Play what was asked for; 1 when the server did not hold."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.attacks", description="Attack ReplyX and print what it cost."
    )
    parser.add_argument("--only", nargs="+", choices=list(ATTACKS), metavar="NAME", help=", ".join(ATTACKS))
    parser.add_argument(
        "--seconds", type=float, default=15.0, help="that each is played, and before it the quiet lasts"
    )
    parser.add_argument("--checkout", type=Path, default=ROOT, help="attack another version, with the packages of this")
    options = parser.parse_args()
    seen = []
    for name in options.only or ATTACKS:
        print(f"attacking: {name}", file=sys.stderr, flush=True)
        with scratch() as directory:
            seen.append(asyncio.run(attacked(name, options.checkout.resolve(), directory, options.seconds)))
        print(docs_pages.table(HEAD, [seen[-1].row()]).splitlines()[-1], file=sys.stderr, flush=True)
    print(docs_pages.table(HEAD, [each.row() for each in seen]))
    return 0 if all(each.holds for each in seen) else 1


if __name__ == "__main__":
    sys.exit(main())
