"""What grows with use: coming back after an absence, and the first page of a long history."""

from __future__ import annotations

import http.client
import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

from tests.bench.load import Load
from tests.bench.others import Others
from tests.bench.plan import Plan
from tests.bench.servers import REPLYX, Failed, ReplyX, running, scratch
from tests.bench.table import Row, hundredths

MISSED = 20
PER_DIALOG = 50
PAGES = 300
FIRST_PAGES = {
    "a dialog": "/api/dialogs/1/messages",
    "the inbox": "/api/dialogs?limit=10",
}


def return_of_everybody(load: Load, plan: Plan, others: Others) -> Iterator[Row]:
    """The server restarts, all clients come back at once with the cursor they had, and the log tells them the rest."""
    work = f"{plan.returning:,} clients return after a restart, {MISSED} missed events each, all caught up"
    row = Row(work, "s", hundredths, "≤ 10 for 10,000")
    for _ in range(plan.rounds):
        with scratch() as directory:
            server = ReplyX(directory)
            with running(server):
                token = server.login()
                cursor = server.call("GET", "/api/dialogs/1", token=token)["cursor"]
                load.run(server, "send", "http,1,/api/dialogs/1/messages", "messages", MISSED, token=token)
            with running(server):
                half = plan.returning // 2
                streams = ("subscribe", f"sse,{half},/api/dialogs/1/events?last_event_id={cursor}")
                sockets = ("subscribe", f"ws,{half},/ws/dialogs/1?cursor={cursor}")
                run = load.run(server, *streams, *sockets, "messages", MISSED, "replay", 1, token=token)
                row.add(REPLYX, run.seconds)
    yield row


def first_pages(load: Load, plan: Plan, others: Others) -> Iterator[Row]:
    """Two servers at once, one with a short and one with a long history, asked in turn."""
    with ExitStack() as stack:
        servers = []
        for messages in (plan.small, plan.large):
            server = ReplyX(stack.enter_context(scratch()))
            with running(server):
                pass
            _fill(server, messages)
            stack.enter_context(running(server))
            servers.append(server)
        for name, path in FIRST_PAGES.items():
            row = Row(f"first page of {name}: {plan.large:,} messages against {plan.small:,}", "×", hundredths, "≤ 1.2")
            small, large = _medians(servers, path)
            row.add(REPLYX, large / small)
            yield row


def _fill(server: ReplyX, messages: int) -> None:
    """Half of the messages in dialog 1, the rest in dialogs of :data:`PER_DIALOG`; written past the stopped server."""
    count = messages // 2 // PER_DIALOG
    with closing(sqlite3.connect(server.database)) as database, database:
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i <= ?)"
            " INSERT INTO dialog (id, kind, assistant_id, status, handler, activity, unread, user_read, manager_read,"
            " created_at, updated_at) SELECT i, 'dialog', 3, 'open', 'assistant', -i, 0, 0, 0, 0, 0 FROM n",
            (count,),
        )
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ? - 1)"
            " INSERT INTO message (dialog_id, sender, text, created_at)"
            " SELECT CASE i % 2 WHEN 0 THEN 1 ELSE 2 + i / 2 % ? END, 'user', 'What about size ' || i || '?', i FROM n",
            (messages, count),
        )
        database.execute(
            "UPDATE dialog SET last_message_id = (SELECT MAX(id) FROM message WHERE dialog_id = dialog.id)"
        )
        database.execute("ANALYZE")


def _medians(servers: list[ReplyX], path: str) -> list[float]:
    """The middle time of a page on each server, in seconds."""
    took: list[list[float]] = [[] for _ in servers]
    with ExitStack() as stack:
        tokens = [server.login() for server in servers]
        lines = [
            stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", server.port))) for server in servers
        ]
        for _ in range(PAGES):
            for line, token, times in zip(lines, tokens, took, strict=True):
                began = time.perf_counter()
                line.request("GET", path, headers={"Authorization": f"Bearer {token}"})
                answer = line.getresponse()
                body = answer.read()
                times.append(time.perf_counter() - began)
                if answer.status != 200:
                    raise Failed(f"{path}: {answer.status} {body[:300]!r}")
    return [statistics.median(times) for times in took]
