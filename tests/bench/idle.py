"""What a server costs to which nobody speaks: ``python -m tests.bench.idle`` (a minute; it needs the ``test`` extra).

CPU and wake-ups come from ``/proc`` (schedstat, voluntary context switches), over all threads of the process.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests import docs_pages, parts
from tests.postgres import Cluster
from tests.redis_server import RedisServer
from tests.server import Server

SETTLED_S = 5.0  # until the work of the start is over


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process has used since it began: CPU in nanoseconds, and how often its threads have woken."""

    cpu_ns: int
    loop_wakes: int
    other_wakes: int

    @classmethod
    def by(cls, process: int) -> Spent:
        """What ``process`` has used so far."""
        cpu = 0
        wakes = {True: 0, False: 0}
        for thread in Path(f"/proc/{process}/task").iterdir():
            cpu += int((thread / "schedstat").read_text().split()[0])
            status = dict(line.split(":\t") for line in (thread / "status").read_text().splitlines() if ":\t" in line)
            wakes[int(thread.name) == process] += int(status["voluntary_ctxt_switches"])
        return cls(cpu, wakes[True], wakes[False])

    def row(self, before: Spent, seconds: float) -> tuple[str, str, str]:
        """CPU of a core, and wake-ups a second of the loop and of all other threads."""
        cpu = (self.cpu_ns - before.cpu_ns) / seconds / 1e7
        loop, other = self.loop_wakes - before.loop_wakes, self.other_wakes - before.other_wakes
        return f"{cpu:.2f} %", f"{loop / seconds:.1f}", f"{other / seconds:.1f}"


def measured(seconds: float) -> list[tuple[str, str, str, str]]:
    """All servers at the same time, which do nothing all the while."""
    redis_program, postgres_program = parts.redis_server(), parts.postgres()
    if redis_program is None or postgres_program is None:
        raise SystemExit("Redis or PostgreSQL is missing: install the test extra")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        # Each has a Redis of its own: it would hear the other's signs of life.
        one, other = (stack.enter_context(RedisServer(redis_program, folder / f"redis-{each}")) for each in range(2))
        postgres = stack.enter_context(Cluster(postgres_program))
        kinds = {
            "SQLite": {},
            "SQLite, Redis": {"REDIS_URL": one.url},
            "PostgreSQL": {"DATABASE_URL": postgres.new_database("alone")},
            "PostgreSQL, Redis": {
                "DATABASE_URL": postgres.new_database("joined"),
                "REDIS_URL": other.url,
            },
        }
        servers = {}
        for number, (name, env) in enumerate(kinds.items()):
            server = stack.enter_context(Server(folder / f"data-{number}", env=env))
            assert server.process is not None
            servers[name] = server.process.pid
        time.sleep(SETTLED_S)
        before = {name: Spent.by(process) for name, process in servers.items()}
        began = time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - began
        return [(name, *Spent.by(process).row(before[name], took)) for name, process in servers.items()]


def main(arguments: list[str]) -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.idle", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args(arguments)
    head = ("Idle server on", "CPU, of a core", "its loop wakes, a second", "its other threads wake, a second")
    print(docs_pages.table(head, measured(options.seconds)))


if __name__ == "__main__":
    main(sys.argv[1:])
