"""What a search costs, by the length of the history: ``python -m tests.bench.search``.

Two servers on SQLite and two on PostgreSQL, with 1,000 and with 1,000,000 messages, are asked over HTTP in turn; about
ten minutes. ``--write`` puts the figures into ``docs/performance.md``, ``--messages 100000`` makes a shorter history.
It needs the ``test`` extra.
"""

from __future__ import annotations

import argparse
import http.client
import json
import platform
import random
import re
import sqlite3
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, islice
from pathlib import Path
from urllib.parse import urlencode

import psycopg

from replyx.conversations.search_words import words_of
from replyx.database.dialect import dialect_of
from replyx.database.opening import database_at
from tests import docs_pages, parts
from tests.bench.servers import CORES, ROOT, Failed, ReplyX, running, scratch
from tests.postgres import Cluster

PAGE = ROOT / "docs" / "performance.md"
SHORT, LONG = 1_000, 1_000_000
PER_DIALOG = 50
PER_COMMIT = 1_000
WORDS = 12  # of a message
VOCABULARY = 40_000
ROUNDS = 15
DEEP = 50  # the page that stands for those far down

EVERYWHERE, RARE, ONCE, NOWHERE, LONG_AGO = "заказ", "квитанция", "единожды", "отсутствует", "прежде"
EVEN, ODD = "чётное", "нечётное"
RARELY = 300
SYLLABLES = re.findall("..", "закароминутелисобаведогижапирашумонаloanterisome")

MESSAGE = "INSERT INTO message (dialog_id, sender, text, words, created_at) VALUES (?, 'user', ?, ?, 0)"
DIALOG = (
    "INSERT INTO dialog (id, kind, assistant_id, status, handler, activity, unread, user_read, manager_read,"
    " created_at, updated_at) VALUES (?, 'dialog', 3, 'open', 'assistant', ?, 0, 0, 0, 0, 0)"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A search, in words and as it is sent."""

    what: str
    q: str


QUERIES = (
    Asked("a word of every message", EVERYWHERE),
    Asked("its first letter", EVERYWHERE[0]),
    Asked(f"a word of one message in {RARELY}", RARE),
    Asked("a word of one message", ONCE),
    Asked("a word of no message", NOWHERE),
    Asked("a word of every message of the older half", LONG_AGO),
    Asked("two words of every second message, never together", f"{EVEN} {ODD}"),
)


def said(messages: int) -> Iterator[str]:
    """The texts of a history, the same each time: frequent and rare words as a language has them (Zipf)."""
    chance = random.Random(7)  # noqa: S311
    known = sorted({"".join(chance.choices(SYLLABLES, k=chance.randint(2, 5))) for _ in range(2 * VOCABULARY)})
    chance.shuffle(known)
    known = known[:VOCABULARY]
    weights = list(accumulate(1 / (rank + 10) for rank in range(len(known))))
    for number in range(messages):
        words = [*chance.choices(known, cum_weights=weights, k=WORDS - 2), EVERYWHERE, ODD if number % 2 else EVEN]
        if number % RARELY == 0:
            words.append(RARE)
        if number == messages // 3:
            words.append(ONCE)
        if number < messages // 2:
            words.append(LONG_AGO)
        yield " ".join(words)


@dataclass(frozen=True, slots=True)
class Growth:
    """Bytes that a message adds to the database without its event: all, and of these the words and their index."""

    all: float
    words: float
    index: float


class Subject:
    """A server with a history of ``messages``; ``url`` is None for SQLite."""

    def __init__(self, directory: Path, url: str | None, messages: int) -> None:
        self.server = ReplyX(directory, log_level="warning", env={"DATABASE_URL": url} if url else None)
        self.messages = messages
        self._url = url
        self._line: http.client.HTTPConnection | None = None
        self._token = ""

    def fill(self) -> Growth:
        """Write the history past the stopped server, each message indexed as its commit would have done it."""
        with running(self.server):
            pass  # makes the tables
        dialogs = range(2, 3 + self.messages // PER_DIALOG)
        each = ((number, text, " ".join(words_of(text))) for number, text in enumerate(said(self.messages)))
        rows = ((dialogs[number % len(dialogs)], text, words) for number, text, words in each)
        if self._url is None:
            return _fill_sqlite(self.server.database, dialogs, rows, self.messages)
        return _fill_postgres(self._url, dialogs, rows, self.messages)

    def open(self, stack: ExitStack) -> None:
        """Start the server and log in."""
        stack.enter_context(running(self.server))
        self._token = self.server.login()
        self._line = stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", self.server.port)))

    def search(self, q: str, before: int | None) -> tuple[float, int | None]:
        """One page of results: the seconds it took, and where the next begins."""
        assert self._line is not None
        query = urlencode({"q": q} | ({} if before is None else {"before": before}))
        began = time.perf_counter()
        self._line.request("GET", f"/api/search?{query}", headers={"Authorization": f"Bearer {self._token}"})
        answer = self._line.getresponse()
        body = answer.read()
        took = time.perf_counter() - began
        if answer.status != 200:
            raise Failed(f"search for {q!r}: {answer.status} {body[:300]!r}")
        return took, json.loads(body)["next"]

    def start_of(self, q: str, page: int) -> int | None:
        """What ``before`` is for the page of this number, counted from 1; None where there is none."""
        before = None
        for _ in range(page - 1):
            _, before = self.search(q, before)
            if before is None:
                return None
        return before


def _fill_sqlite(path: Path, dialogs: Sequence[int], rows: Iterator[tuple[int, str, str]], messages: int) -> Growth:
    index = (
        "SELECT SUM(LENGTH(block)) + (SELECT SUM(LENGTH(sz) + 4) FROM message_search_docsize) FROM message_search_data"
    )
    index_new = dialect_of(database_at(f"sqlite:///{path}")).INDEX_NEW
    with closing(sqlite3.connect(path)) as database:
        before = path.stat().st_size
        with database:
            database.executemany(DIALOG, ((dialog, -dialog) for dialog in dialogs))
        while some := list(islice(rows, PER_COMMIT)):
            with database:
                database.executemany(MESSAGE, some)
                database.execute(index_new)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (indexed,) = database.execute(index).fetchone()
        (words,) = database.execute("SELECT SUM(LENGTH(CAST(words AS BLOB))) FROM message").fetchone()
    return Growth((path.stat().st_size - before) / messages, words / messages, indexed / messages)


def _fill_postgres(url: str, dialogs: Sequence[int], rows: Iterator[tuple[int, str, str]], messages: int) -> Growth:
    sizes = (
        "SELECT pg_database_size(current_database()), pg_relation_size('message_words'), SUM(OCTET_LENGTH(words))"
        " FROM message"
    )
    with psycopg.connect(url, autocommit=True) as database:
        before, *_ = database.execute(sizes).fetchone() or ()
        with database.cursor() as cursor:
            cursor.executemany(DIALOG.replace("?", "%s"), [(dialog, -dialog) for dialog in dialogs])
            with cursor.copy("COPY message (dialog_id, sender, text, words, created_at) FROM STDIN") as copy:
                for dialog, text, words in rows:
                    copy.write_row((dialog, "user", text, words, 0))
        after, indexed, words_bytes = database.execute(sizes).fetchone() or ()
    return Growth((after - before) / messages, int(words_bytes) / messages, indexed / messages)


def measured(subjects: Sequence[Subject]) -> list[list[str]]:
    """A row for each search and page: the middle time of each server in milliseconds, the servers asked in turn."""
    lines = []
    for asked in QUERIES:
        for page in (1, DEEP):
            starts = [subject.start_of(asked.q, page) for subject in subjects]
            there = [page == 1 or start is not None for start in starts]
            if not any(there):
                continue
            took: list[list[float]] = [[] for _ in subjects]
            for _ in range(ROUNDS):
                for subject, start, exists, times in zip(subjects, starts, there, took, strict=True):
                    if exists:
                        times.append(subject.search(asked.q, start)[0] * 1000)
            cells = [f"{statistics.median(times):.1f}" if times else "" for times in took]
            print(asked.what, page, *cells, file=sys.stderr, flush=True)
            lines.append([asked.what, str(page), *cells])
    return lines


def report(messages: int) -> str:
    """All figures, as the page shows them."""
    postgres = parts.postgres()
    if postgres is None:
        raise SystemExit("PostgreSQL is missing: install the test extra")
    subjects: list[Subject] = []
    growth: dict[str, Growth] = {}
    with ExitStack() as stack:
        cluster = stack.enter_context(Cluster(postgres, durable=True))
        for name in ("SQLite", "PostgreSQL"):
            for count in (SHORT, messages):
                url = cluster.new_database(f"history_{count}") if name == "PostgreSQL" else None
                subject = Subject(stack.enter_context(scratch()), url, count)
                print(f"filling: {name}, {count:,} messages", file=sys.stderr, flush=True)
                growth[name] = subject.fill()
                subjects.append(subject)
        for subject in subjects:
            subject.open(stack)
        lines = measured(subjects)
    head = ["Search for", "Page", *(f"{name}, {count:,}" for name in growth for count in (SHORT, messages))]
    grown = [
        f"- A message of {WORDS} words adds {each.all:.0f} bytes to {name}, without its event: {each.words:.0f} are the"
        f" words for search, {each.index:.0f} their index."
        for name, each in growth.items()
    ]
    machine = f"{datetime.now(UTC):%Y-%m-%d}, {len(CORES)} cores, Python {platform.python_version()}; milliseconds."
    return "\n".join([machine, "", docs_pages.table(head, lines), "", *grown])


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.search", description=__doc__)
    parser.add_argument("--messages", type=int, default=LONG, help="of the long history")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    options = parser.parse_args()
    figures = report(options.messages)
    print(figures)
    if options.write:
        text = PAGE.read_text(encoding="utf-8")
        part = f"<!-- made: search -->\n\n{figures}\n\n<!-- end: search -->"
        renewed, found = docs_pages.made_part("search").subn(lambda _: part, text)
        if found != 1:
            raise SystemExit(f"{PAGE} must mark the part 'search' once")
        PAGE.write_text(renewed, encoding="utf-8")


if __name__ == "__main__":
    main()
