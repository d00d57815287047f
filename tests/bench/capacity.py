"""What an installation of a given size needs, computed from what was measured: the tables of ``docs/scaling.md``.

``python -m tests.bench.capacity 250000`` prints the column for 250,000 connected clients.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

LIMITS = Path(__file__).with_name("limits.json")
PERFORMANCE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"

SIZES = (10_000, 1_000_000, 100_000_000)

# What people do. Two of a hundred connected clients are in a conversation and write every 20 seconds.
WRITING = 0.02
PAUSE_S = 20
EVENTS = 2  # of each message: the message, and that it was read
HEARD = 3  # subscribers of each event: the visitor, the operator, one more operator's inbox

# What is planned with.
SHARE = 0.5  # of anything measured; the rest is for peaks, for a host that is away and for machines that are slower
READING_SHARE = 0.25  # of a process's core for events that are nobody's there
CONNECTIONS = 50_000  # of one process
CORES, MEMORY_GB = 8, 32  # of one host; a process keeps one core busy
KEPT_DAYS = 7  # RETENTION_DAYS
HEADERS = 66  # Ethernet, IP and TCP, of each packet


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures that the model starts from."""

    send_us: float
    delivery_us: float
    connection_kb: float
    socket_kb: float
    intake_us: Mapping[int, float]  # by events a second: the more come at once, the less each costs
    log_events: float
    redis_deliveries: float
    redis_bytes: int
    delivered_bytes: int
    event_bytes: int
    message_bytes: int  # without its event

    def reading(self, events: float) -> float:
        """The share of a core that ``events`` a second of other processes take: between what was measured, evenly."""
        shares = [(0.0, 0.0), *((rate, rate * each / 1e6) for rate, each in sorted(self.intake_us.items()))]
        for (low, less), (high, more) in pairwise(shares):
            if events <= high:
                return less + (more - less) * (events - low) / (high - low)
        rate, share = shares[-1]
        return share * events / rate


def limits() -> dict[str, Any]:
    """What ``python -m tests.bench.limits --write`` has kept."""
    found: dict[str, Any] = json.loads(LIMITS.read_text(encoding="utf-8"))
    return found


def of_performance(work: str) -> float:
    """ReplyX's figure in the row of ``docs/performance.md`` whose work begins with ``work``."""
    row = re.search(rf"^\| {re.escape(work)}[^|]*\|[^|]*\| *([\d.,]+)", PERFORMANCE.read_text(encoding="utf-8"), re.M)
    if row is None:
        raise SystemExit(f"docs/performance.md has no row {work!r}")
    return float(row[1].replace(",", ""))


def measured() -> Measured:
    """From both pages' figures: of each kind of work the transport that costs most."""
    found = limits()
    postgresql = found["log"]["postgresql"]
    return Measured(
        send_us=1e6 / of_performance("durable sends over HTTP, LOG_LEVEL=warning"),
        delivery_us=1e6 / of_performance("broadcast to 1,000 Socket.IO clients"),
        connection_kb=of_performance("memory per idle connection, 2,000 Socket.IO clients"),
        socket_kb=found["socket_kb"],
        intake_us={int(rate): each for rate, each in found["bus_intake_us"].items()},
        log_events=postgresql["two_processes"],
        redis_deliveries=found["redis_deliveries"]["16"],
        redis_bytes=found["redis_message_bytes"],
        delivered_bytes=found["sse_event_bytes"] + HEADERS,
        event_bytes=postgresql["bytes_per_event"],
        message_bytes=found["message_bytes"] - found["log"]["sqlite"]["bytes_per_event"],
    )


@dataclass(frozen=True, slots=True)
class Needed:
    """What ``clients`` need: ``logs`` installations with ``processes`` each."""

    clients: int
    logs: int
    processes: int
    figures: Measured

    @property
    def messages(self) -> float:
        """A second, of one log."""
        return self.clients / self.logs * WRITING / PAUSE_S

    @property
    def events(self) -> float:
        """A second, of one log."""
        return self.messages * EVENTS

    @property
    def core(self) -> float:
        """The share of a core that each process needs."""
        own = self.messages * self.figures.send_us + self.events * HEARD * self.figures.delivery_us
        return own / self.processes / 1e6 + (self.figures.reading(self.events) if self.processes > 1 else 0.0)

    @property
    def redis(self) -> float:
        """Messages a second that the Redis of one log hands out."""
        return self.events * self.processes if self.processes > 1 else 0.0

    @property
    def fits(self) -> bool:
        """Whether nothing of one log is asked for more than its share."""
        return (
            self.clients / self.logs / self.processes <= CONNECTIONS
            and self.events <= SHARE * self.figures.log_events
            and self.redis <= SHARE * self.figures.redis_deliveries
            and (self.processes == 1 or self.figures.reading(self.events) <= READING_SHARE)
            and self.core <= SHARE
        )

    @property
    def process_mb(self) -> float:
        """Memory of a process and of the kernel for its sockets; 60 MB are the program."""
        per_client = self.figures.connection_kb + self.figures.socket_kb
        return 60 + self.clients / self.logs / self.processes * per_client / 1000

    @property
    def hosts(self) -> int:
        """Machines for all processes, by cores and by memory, whichever is short first."""
        per_host = min(CORES, int(MEMORY_GB * 1000 * SHARE // self.process_mb))
        return math.ceil(self.logs * self.processes / max(1, per_host))


def needed(clients: int, figures: Measured) -> Needed:
    """The fewest logs, and the fewest processes for each, that carry ``clients``."""
    logs = 1
    while True:
        fewest = math.ceil(clients / logs / CONNECTIONS)
        for processes in range(fewest, 4 * fewest + 8):
            if (found := Needed(clients, logs, processes, figures)).fits:
                return found
        logs = logs + 1 if logs < 100 else math.ceil(logs * 1.02)


def column(found: Needed) -> list[str]:
    """One size's cells, in the order of :data:`ROWS`."""
    figures, all_messages = found.figures, found.messages * found.logs
    network = found.events * found.logs * HEARD * figures.delivered_bytes + found.redis * found.logs * (
        figures.redis_bytes + HEADERS
    )
    lasting = all_messages * 86400 * figures.message_bytes / 1e9
    passing = found.events * found.logs * 86400 * KEPT_DAYS * figures.event_bytes / 1e9
    return [
        number(all_messages),
        number(found.logs),
        number(found.processes),
        number(found.clients / found.logs / found.processes),
        f"{number(found.core * 100)} % of a core, {number(found.process_mb)} MB",
        number(found.hosts),
        f"{number(found.events)} ({number(100 * found.events / figures.log_events)} % of what it took)",
        f"{number(found.redis)} ({number(100 * found.redis / figures.redis_deliveries)} %)" if found.redis else "none",
        f"{number(network * 8 / 1e6)} Mbit/s",
        f"{number(lasting)} GB",
        f"{number(found.events * 86400 * KEPT_DAYS / 1e6)} million, {number(passing)} GB",
    ]


ROWS = (
    "messages a second",
    "logs: PostgreSQL and Redis of their own",
    "processes of each log",
    "connections, and so open files, of a process",
    "each process needs",
    f"hosts with {CORES} cores and {MEMORY_GB} GB, databases and Redis not counted",
    "events a second into each database",
    "messages a second out of each Redis",
    "network, to clients and from Redis",
    "new on disk each day: messages",
    f"events of {KEPT_DAYS} days: RETENTION_EVENTS of each log, disk of all",
)


def number(value: float) -> str:
    """``1,230``: three figures are as many as there is a reason for."""
    if 0 < value < 10:
        return f"{value:.2g}"
    digits = max(0, len(str(int(value))) - 3)
    return f"{round(value, -digits):,.0f}"


def capacity_rows(sizes: tuple[int, ...] = SIZES) -> list[list[str]]:
    """The table: a row for each quantity, a column for each size."""
    figures = measured()
    columns = [column(needed(size, figures)) for size in sizes]
    return [[name, *(cells[place] for cells in columns)] for place, name in enumerate(ROWS)]


def limit_rows() -> list[list[str]]:
    """What was measured, and how."""
    found = limits()
    sqlite, postgresql = found["log"]["sqlite"], found["log"]["postgresql"]
    redis = found["redis_deliveries"]
    of_log = "durable events a second into one log, 256 requests under way in each process"
    return [
        [
            f"{of_log}: one process",
            f"{number(sqlite['one_process'])} SQLite, {number(postgresql['one_process'])} PostgreSQL",
        ],
        [
            "the same: two processes together",
            f"{number(sqlite['two_processes'])}, {number(postgresql['two_processes'])}",
        ],
        [
            "the same: one request at a time",
            f"{number(sqlite['one_at_a_time'])}, {number(postgresql['one_at_a_time'])}",
        ],
        [
            "disk for an event with two topics",
            f"{sqlite['bytes_per_event']} bytes, {postgresql['bytes_per_event']} bytes",
        ],
        ["disk for a message of 200 characters with its events, SQLite", f"{found['message_bytes']} bytes"],
        *(
            [f"messages a second out of one Redis to {count} subscribers", number(rate)]
            for count, rate in redis.items()
        ),
        *(
            [f"a process reads an event of another process, at {rate} a second", f"{each:.0f} µs of its core"]
            for rate, each in found["bus_intake_us"].items()
        ),
        [
            "an event on the bus; to a client, as an event stream",
            f"{found['redis_message_bytes']}; {found['sse_event_bytes']} bytes",
        ],
        ["the kernel's memory for an idle TCP connection", f"{found['socket_kb']} KB"],
    ]


if __name__ == "__main__":
    chosen = tuple(int(size.replace("_", "")) for size in sys.argv[1:]) or SIZES
    for row in [["connected clients", *(f"{size:,}" for size in chosen)], *capacity_rows(chosen)]:
        print(" | ".join(row))
