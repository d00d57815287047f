"""What two processes carry against one: ``python -m tests.bench.processes``.

The measure is CPU seconds of the server per message, all its processes together, so that it needs no machine with a
core for each: if one process needs 100 µs of a core for a message and two together need 110, then two cores carry
2 × 100 / 110 of what one carries. Redis and the database have cores of their own and are not counted; Redis is told
beside it. With ``--write`` the figures go into ``processes.json`` beside this file and into ``docs/scaling.md``. It
needs the ``test`` extra and a C compiler.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from tests import docs_pages, parts
from tests.bench.load import Load, compiled
from tests.bench.servers import ReplyX, cpu_s, running, scratch
from tests.postgres import Cluster
from tests.redis_server import RedisServer

FIGURES = Path(__file__).with_name("processes.json")
PAGE = "docs/scaling.md"
SENDERS = 128  # of each process
DATABASES = ("SQLite", "PostgreSQL")


@dataclass(frozen=True, slots=True)
class Work:
    """A kind of traffic: how messages come, and how many hear each one."""

    name: str
    kind: str
    subscribers: int
    messages: int


WORKS = (
    Work("sends over HTTP, 2 subscribers", "http", 2, 6_000),
    Work("sends over HTTP, 50 subscribers", "http", 50, 6_000),
    Work("sends over HTTP, 200 subscribers", "http", 200, 3_000),
    Work("sends over WebSocket, 2 subscribers", "ws", 2, 12_000),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU of a message in µs: of the server's processes, and of Redis."""

    server: float
    redis: float


@dataclass(frozen=True, slots=True)
class Figure:
    """The middle of the rounds: µs of a message with one process and with two, and what two carry against one."""

    database: str
    work: str
    one: float
    two: float
    redis: float
    carried: float


def cost(load: Load, work: Work, processes: int, redis: RedisServer, database: str | None) -> Cost:
    """Run ``work`` on a new server of so many processes."""
    flags = ("--workers", str(processes)) if processes > 1 else ()
    env = {"REDIS_URL": redis.url} if processes > 1 else {}
    if database:
        env["DATABASE_URL"] = database
    senders = SENDERS * processes
    with scratch() as directory:
        server = ReplyX(directory, log_level="warning", flags=flags, env=env)
        with running(server):
            token = server.login()
            if work.kind == "http":
                half = work.subscribers // 2
                heard = ("subscribe", f"sse,{half},/api/dialogs/1/events", "subscribe", f"ws,{half},/ws/dialogs/1")
                said = ("send", f"http,{senders},/api/dialogs/1/messages")
            else:
                heard = ("subscribe", "sse,1,/api/inbox/events", "echo", "1", "first", str(server.dialogs(senders)))
                said = ("send", f"ws,{senders},/ws/dialogs/{{n}}")
            load.run(server, *heard, *said, "messages", senders * 4, "bytes", 200, token=token)
            before = server.cpu_s(), cpu_s(redis.pid)
            load.run(server, *heard, *said, "messages", work.messages, "bytes", 200, token=token)
            after = server.cpu_s(), cpu_s(redis.pid)
    return Cost(*((then - now) / work.messages * 1e6 for now, then in zip(before, after, strict=True)))


def measured(works: Sequence[Work], databases: Sequence[str], rounds: int) -> Iterator[Figure]:
    """A figure for each database and work; one process and two take turns within a round."""
    with ExitStack() as stack:
        load = stack.enter_context(compiled())
        program = parts.redis_server()
        if program is None:
            raise SystemExit("Redis is missing: install the test extra")
        redis = stack.enter_context(RedisServer(program, stack.enter_context(scratch())))
        for database in databases:
            cluster = _cluster(stack) if database == "PostgreSQL" else None
            for work in works:
                pairs: list[tuple[Cost, Cost]] = []
                for number in range(rounds):
                    names = [f"{work.kind}{work.subscribers}x{processes}r{number}" for processes in (1, 2)]
                    urls = [cluster.new_database(name) if cluster else None for name in names]
                    pairs.append((cost(load, work, 1, redis, urls[0]), cost(load, work, 2, redis, urls[1])))
                yield Figure(
                    database,
                    work.name,
                    one=round(statistics.median(one.server for one, _ in pairs)),
                    two=round(statistics.median(two.server for _, two in pairs)),
                    redis=round(statistics.median(two.redis for _, two in pairs)),
                    carried=round(statistics.median(2 * one.server / two.server for one, two in pairs), 2),
                )


def _cluster(stack: ExitStack) -> Cluster:
    program = parts.postgres()
    if program is None:
        raise SystemExit("PostgreSQL is missing: install the test extra")
    return stack.enter_context(Cluster(program, durable=True))


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.processes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="a part of the name of what is measured")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--write", action="store_true", help="keep the figures and make the page anew")
    options = parser.parse_args()
    figures = []
    works = [work for work in WORKS if options.only in work.name]
    for figure in measured(works, options.databases, options.rounds):
        figures.append(asdict(figure))
        print(json.dumps(figures[-1], ensure_ascii=False), flush=True)
    if options.write:
        FIGURES.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        (docs_pages.ROOT / PAGE).write_text(docs_pages.renew(PAGE), encoding="utf-8")


if __name__ == "__main__":
    main()
