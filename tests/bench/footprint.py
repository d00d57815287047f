"""What the server costs while nothing happens, and how soon it is there."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator

from tests.bench.broadcasts import NAMES, OUR_PATHS, PEER_PATHS
from tests.bench.load import Load
from tests.bench.plan import Plan
from tests.bench.servers import REPLYX, ROOT, Process, ReplyX, running, scratch, starlette, tornado
from tests.bench.table import Row, hundredths, tenths

WARM = 100  # connections that make the server allocate what it needs once
SETTLE_S = 1.0
STARTS = 5


def idle_memory(load: Load, plan: Plan) -> Iterator[Row]:
    """Growth of the resident memory per connection that says nothing."""
    for kind in ("ws", "sse"):
        row = Row(f"memory per idle connection, {plan.idle:,} {NAMES[kind]}", "KB", tenths, "≤ 8")
        with scratch() as directory:
            ours = ReplyX(directory)
            with running(ours):
                row.add(REPLYX, _per_connection(load, plan, ours, f"{kind},{{count}},{OUR_PATHS[kind]}", ours.login()))
        for peer in (starlette, tornado):
            with scratch() as directory, running(peer(directory)) as server:
                row.add(server.name, _per_connection(load, plan, server, f"{kind},{{count}},{PEER_PATHS[kind]}", None))
        yield row


def _per_connection(load: Load, plan: Plan, server: Process, listeners: str, token: str | None) -> float:
    with load.holding(server, "subscribe", listeners.replace("{count}", str(WARM)), token=token):
        time.sleep(SETTLE_S)
        before = server.rss_kb()
        with load.holding(server, "subscribe", listeners.replace("{count}", str(plan.idle)), token=token):
            time.sleep(SETTLE_S)
            return (server.rss_kb() - before) / plan.idle


def start_and_rest(load: Load, plan: Plan) -> Iterator[Row]:
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


def widget_size(load: Load, plan: Plan) -> Iterator[Row]:
    """What a customer's page loads."""
    row = Row("widget.js, gzipped", "KB", hundredths, "≤ 5")
    row.add(REPLYX, len(gzip.compress((ROOT / "static" / "widget.js").read_bytes(), 6)) / 1024)
    yield row
