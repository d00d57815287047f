"""One message to everybody: deliveries per second to many subscribers of one dialog."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.load import Load, Run
from tests.bench.plan import Plan
from tests.bench.servers import REPLYX, WS, Process, ReplyX, node_ws, running, scratch, starlette, tornado
from tests.bench.table import Row, whole

SENDERS = 8  # and as many messages on their way at once
BYTES = 200
PEER_PATHS = {"ws": "/listen", "sse": "/events"}
OUR_PATHS = {"ws": "/ws/dialogs/1", "sse": "/api/dialogs/1/events"}
NAMES = {"ws": "WebSockets", "sse": "event streams (SSE)"}
TARGETS = {"ws": "4 × Tornado", "sse": ""}


def broadcast_rates(load: Load, plan: Plan) -> Iterator[Row]:
    """Deliveries per second. ReplyX stores each message first; the peers keep nothing."""
    with scratch() as directory:
        node = _node(directory) if plan.node else None
        for subscribers in plan.subscribers:
            for kind in ("ws", "sse"):
                work = f"broadcast to {subscribers:,} {NAMES[kind]}"
                row = Row(work, "deliveries/s", whole, TARGETS[kind])
                for _ in range(plan.rounds):
                    _round(load, plan, row, kind, subscribers, node)
                yield row


def _round(load: Load, plan: Plan, row: Row, kind: str, subscribers: int, node: tuple[str, Path] | None) -> None:
    with scratch() as directory:
        ours = ReplyX(directory)
        with running(ours):
            paths = OUR_PATHS[kind], "/api/dialogs/1/messages"
            row.add(REPLYX, _run(load, plan, ours, kind, subscribers, paths, ours.login()).deliveries_per_s)
    for peer in (starlette, tornado):
        with scratch() as directory, running(peer(directory)) as server:
            paths = PEER_PATHS[kind], "/broadcast"
            row.add(server.name, _run(load, plan, server, kind, subscribers, paths).deliveries_per_s)
    if node and kind == "ws":
        with scratch() as directory, running(node_ws(directory, *node)) as server:
            row.add(WS, _run(load, plan, server, kind, subscribers, ("/", "/broadcast")).deliveries_per_s)


def _run(
    load: Load,
    plan: Plan,
    server: Process,
    kind: str,
    subscribers: int,
    paths: tuple[str, str],
    token: str | None = None,
) -> Run:
    listen, post = paths
    size = ("messages", plan.deliveries // subscribers, "bytes", BYTES, "window", SENDERS)
    return load.run(
        server, "subscribe", f"{kind},{subscribers},{listen}", "send", f"http,{SENDERS},{post}", *size, token=token
    )


def _node(directory: Path) -> tuple[str, Path] | None:
    """Node and a fresh copy of the package ``ws``; None, said aloud, where they cannot be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(directory), "ws@8"]
        if subprocess.run(command, check=False, timeout=120).returncode == 0:
            return node, directory / "node_modules" / "ws"
    print("skipped: ws on Node (it needs node, npm and the npm registry)", file=sys.stderr)
    return None
