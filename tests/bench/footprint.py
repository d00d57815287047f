"""What the server costs while nothing happens, and how soon it is there."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator

from tests.bench.broadcasts import KINDS, SOCKETS_IO, Kind
from tests.bench.load import Load
from tests.bench.others import Others
from tests.bench.plan import Plan
from tests.bench.servers import REPLYX, ROOT, Process, ReplyX, running, scratch
from tests.bench.table import Row, hundredths, tenths

WARM = 100  # connections that make the server allocate what it needs once
SETTLE_S = 1.0
STARTS = 5


def idle_memory(load: Load, plan: Plan, others: Others) -> Iterator[Row]:
    """Growth of the resident memory per connection that says nothing."""
    for kind in KINDS:
        row = Row(f"memory per idle connection, {plan.idle:,} {kind.name}", "KB", tenths, "≤ 8")
        with scratch() as directory:
            ours = ReplyX(directory)
            with running(ours):
                join, token = (("join", ours.ticket()), None) if kind is SOCKETS_IO else ((), ours.login())
                row.add(REPLYX, _per_connection(load, plan, ours, kind, join, token))
        with scratch() as directory:
            for peer in kind.peers(others, directory):
                with running(peer):
                    row.add(peer.name, _per_connection(load, plan, peer, kind, (), None))
        yield row


def _per_connection(
    load: Load, plan: Plan, server: Process, kind: Kind, join: tuple[str, ...], token: str | None
) -> float:
    with load.holding(server, *kind.listeners(server, WARM), *join, token=token):
        time.sleep(SETTLE_S)
        before = server.rss_kb()
        with load.holding(server, *kind.listeners(server, plan.idle), *join, token=token):
            time.sleep(SETTLE_S)
            return (server.rss_kb() - before) / plan.idle


def start_and_rest(load: Load, plan: Plan, others: Others) -> Iterator[Row]:
    """From the start of the process to its first HTTP answer, and its memory a second later."""
    start = Row("start of the process to its first answer", "s", hundredths, "≤ 0.7")
    rest = Row("memory at rest", "MB", tenths, "≤ 60")
    with scratch() as directory:
        server = ReplyX(directory)
        for number in range(STARTS + 1):
            with running(server):
                if number:  # the first start also makes the database and compiles the modules
                    start.add(REPLYX, server.started_s)
                    time.sleep(SETTLE_S)
                    rest.add(REPLYX, server.rss_kb() / 1024)
    yield from (start, rest)


def widget_size(load: Load, plan: Plan, others: Others) -> Iterator[Row]:
    """What a customer's page loads."""
    row = Row("widget.js, gzipped", "KB", hundredths, "≤ 5")
    row.add(REPLYX, len(gzip.compress((ROOT / "static" / "widget.js").read_bytes(), 6)) / 1024)
    yield row
