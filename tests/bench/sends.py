"""Durable sends: how many a second, and how long until the other side has one."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.load import Load, Run
from tests.bench.others import Others
from tests.bench.plan import Plan
from tests.bench.servers import REPLYX, Process, ReplyX, running, scratch, starlette, tornado
from tests.bench.table import Row, tenths, whole

SENDERS = 128
BYTES = 200
PACE = 500  # messages a second in the measurement of latency
PEER_SUBSCRIBERS = ("subscribe", "sse,2,/events")


LEVELS = ("info", "warning")


def send_rates(load: Load, plan: Plan, others: Others) -> Iterator[Row]:
    """Sends per second over HTTP and WebSocket; each is on the disk, answered, and at two subscribers."""
    http = {level: Row(f"durable sends over HTTP, LOG_LEVEL={level}", "messages/s", whole) for level in LEVELS}
    ws = {level: Row(f"durable sends over WebSocket, LOG_LEVEL={level}", "messages/s", whole) for level in LEVELS}
    http["info"].target, ws["info"].target = "6,000 and 2 × Starlette", "20,000"
    for _ in range(plan.rounds):
        for level in LEVELS:
            over_http, over_ws = _ours(load, plan, level)
            http[level].add(REPLYX, over_http.sends_per_s)
            ws[level].add(REPLYX, over_ws.sends_per_s)
        for peer in (starlette, tornado):
            with scratch() as directory, running(peer(directory)) as server:
                over_http, over_ws = _theirs(load, plan, server)
            for level in LEVELS:
                http[level].add(server.name, over_http.sends_per_s)
                ws[level].add(server.name, over_ws.sends_per_s)
    yield from (*http.values(), *ws.values())


def _ours(load: Load, plan: Plan, level: str) -> tuple[Run, Run]:
    """Over HTTP into one dialog with an SSE and a WebSocket subscriber; over WebSockets each in its own dialog, where
    the sending socket and the inbox's SSE stream are the two that must receive every message."""
    with scratch() as directory:
        server = ReplyX(directory, log_level=level)
        with running(server):
            token = server.login()
            two = ("subscribe", "sse,1,/api/dialogs/1/events", "subscribe", "ws,1,/ws/dialogs/1")
            post = ("send", f"http,{SENDERS},/api/dialogs/1/messages", "messages", plan.sends, "bytes", BYTES)
            over_http = load.run(server, *two, *post, token=token)
            first = server.dialogs(SENDERS)
            inbox = ("subscribe", "sse,1,/api/inbox/events", "echo", 1, "first", first)
            talk = ("send", f"ws,{SENDERS},/ws/dialogs/{{n}}", "messages", plan.sends, "bytes", BYTES)
            return over_http, load.run(server, *inbox, *talk, token=token)


def _theirs(load: Load, plan: Plan, server: Process) -> tuple[Run, Run]:
    size = ("messages", plan.sends, "bytes", BYTES)
    over_http = load.run(server, *PEER_SUBSCRIBERS, "send", f"http,{SENDERS},/messages", *size)
    return over_http, load.run(server, *PEER_SUBSCRIBERS, "send", f"ws,{SENDERS},/talk", *size)


def latency(load: Load, plan: Plan, others: Others) -> Iterator[Row]:
    """From the moment when a message is due until the other side's socket has it, at a steady pace."""
    middle = Row(f"send → other side at {PACE} messages/s, p50", "ms", tenths)
    late = Row(f"send → other side at {PACE} messages/s, p99", "ms", tenths, "10")
    pace = ("rate", PACE, "messages", PACE * plan.pace_s, "bytes", BYTES)
    for _ in range(plan.rounds):
        with scratch() as directory:
            ours = ReplyX(directory)
            with running(ours):
                two = ("subscribe", "sse,1,/api/dialogs/1/events", "subscribe", "ws,1,/ws/dialogs/1")
                send = ("send", f"http,{SENDERS},/api/dialogs/1/messages")
                _add(REPLYX, load.run(ours, *two, *send, *pace, token=ours.login()), middle, late)
        for peer in (starlette, tornado):
            with scratch() as directory, running(peer(directory)) as server:
                run = load.run(server, *PEER_SUBSCRIBERS, "send", f"http,{SENDERS},/messages", *pace)
                _add(server.name, run, middle, late)
    yield from (middle, late)


def _add(name: str, run: Run, middle: Row, late: Row) -> None:
    middle.add(name, run.p50_ms)
    late.add(name, run.p99_ms)
