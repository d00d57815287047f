"""A bot's broadcast to web apps: deliveries per second, and how long the bot waits for its answer meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.bench.load import Load
from tests.bench.others import Others
from tests.bench.plan import Plan
from tests.bench.servers import REPLYX, Failed, ReplyX, running, scratch
from tests.bench.table import Row, hundredths, whole

BOTS = 2  # each waits for its answer before it goes on
BYTES = 200
BROADCAST = "/api/internal/broadcast"


def bot_broadcasts(load: Load, plan: Plan, there: Others) -> Iterator[Row]:
    """The bot's own limit is 2 s for an answer. Each event is on the disk before it is answered."""
    for subscribers in plan.subscribers:
        work = f"bots' broadcasts to {subscribers:,} web apps"
        rate = Row(work, "deliveries/s", whole)
        latest = Row(f"{work}: the last web app has it", "s, the slowest", hundredths, "2")
        for _ in range(plan.rounds):
            with scratch() as directory:
                server = ReplyX(directory)
                with running(server):
                    listen = ("subscribe", f"ws,{subscribers},/ws", "send", f"http,{BOTS},{BROADCAST}")
                    size = ("messages", plan.deliveries // subscribers, "bytes", BYTES, "window", BOTS)
                    secret = ("header", f"x-internal-secret: {secret_of(server)}")
                    run = load.run(server, *secret, *listen, *size)
            rate.add(REPLYX, run.deliveries_per_s)
            latest.add(REPLYX, run.max_ms / 1000)
        yield rate
        yield latest


def secret_of(server: ReplyX) -> str:
    """The secret that the demo prints for its bots."""
    found = re.search(r"INTERNAL_SECRET=(\S+)", server.log)
    if found is None:
        raise Failed("the demo printed no secret for bots")
    return found[1]
