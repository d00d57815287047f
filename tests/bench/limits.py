"""What one log, one Redis, one link between processes and one socket cost: ``python -m tests.bench.limits``.

About a minute, on loopback; with ``--write`` the figures go into ``limits.json`` beside this file, and the tables of
``docs/scaling.md`` are made from it. ``--seconds 5`` makes each run longer. It needs the ``test`` extra.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import psycopg
import uvloop

from replyx.delivery.eventlog import LoggedEvent
from replyx.delivery.hub import Hub
from replyx.delivery.presence import LocalPresence
from replyx.delivery.store import Store, Transaction
from replyx.redis import bus_wire
from replyx.redis.address import RedisAddress
from replyx.redis.announcer import PACE_S, PIPELINE, PROCESSES
from replyx.redis.bus import RedisBus
from replyx.redis.bus_wire import BusWire
from replyx.redis.link import RedisLink
from replyx.wire.sse import SSE
from tests import docs_pages, parts
from tests.bench.servers import ROOT, ReplyX, running, scratch
from tests.postgres import Cluster
from tests.redis_server import RedisServer

FIGURES = Path(__file__).with_name("limits.json")

CHANNEL = PROCESSES.encode()
TOPICS = ("dialog:1", "inbox")
TEXT = "x" * 200
SUBSCRIBERS = (1, 4, 16, 64)
PUBLISHED = 4000
SOCKETS = 4000
MESSAGES = 2000
ROUNDS = 3
RATES = (100, 1000, 5000)


class Said(msgspec.Struct, tag_field="type", tag="message:new"):
    """An event as large as that of a message of 200 characters."""

    dialog_id: int = 1
    message: dict[str, Any] = msgspec.field(
        default_factory=lambda: {
            "id": 123456,
            "dialog_id": 1,
            "sender": "user",
            "author": None,
            "text": TEXT,
            "client_id": "5f3a0c21-9b2e-4d1c-8a37-1f0c5f3a0c21",
            "timestamp": "2026-01-01T12:00:00Z",
        }
    )


EVENT = LoggedEvent(1_000_000, TOPICS, msgspec.json.encode(Said()))


# One log


def append(tx: Transaction) -> int:
    """One event, as a send appends it."""
    return tx.append(TOPICS, Said())


async def _commit_for(place: Path | str, in_flight: int, seconds: float) -> int:
    store = Store.open(place, time.time)
    store.start(asyncio.get_running_loop())
    end = time.monotonic() + seconds
    done = 0

    async def client() -> None:
        nonlocal done
        while time.monotonic() < end:
            await store.commit(append)
            done += 1

    await asyncio.gather(*[client() for _ in range(in_flight)])
    await store.close()
    return done


def commits(place: Path | str, processes: int, in_flight: int, seconds: float) -> float:
    """Durable events a second that ``processes`` write into one log, each with ``in_flight`` requests at a time."""
    asyncio.run(_commit_for(place, 1, 0.1))  # makes the tables
    command = [sys.executable, "-m", "tests.bench.limits", "writer", str(place), str(in_flight), str(seconds)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) for _ in range(processes)]
    return sum(int(each.communicate()[0]) for each in running) / seconds


def writer(arguments: list[str]) -> None:
    """One of the processes of :func:`commits`."""
    place, in_flight, seconds = arguments
    print(asyncio.run(_commit_for(place if "://" in place else Path(place), int(in_flight), float(seconds))))


def logs(seconds: float) -> dict[str, Any]:
    """What SQLite and PostgreSQL take, and what an event takes of their disk."""
    figures: dict[str, Any] = {}
    with scratch() as folder:
        figures["sqlite"] = _rates(lambda name: folder / f"{name}.db", seconds)
        path = folder / "many.db"
        figures["sqlite"]["bytes_per_event"] = round(path.stat().st_size / _count(path))
    postgres = parts.postgres()
    if postgres is None:
        raise SystemExit("PostgreSQL is missing: install the test extra")
    with Cluster(postgres, durable=True) as cluster:
        figures["postgresql"] = _rates(cluster.new_database, seconds)
        with psycopg.connect(cluster.url("many")) as connection:
            row = connection.execute(
                "SELECT pg_total_relation_size('event') + pg_total_relation_size('event_topic'), COUNT(*) FROM event"
            ).fetchone()
            assert row is not None
            figures["postgresql"]["bytes_per_event"] = round(row[0] / row[1])
    return figures


def _rates(place: Callable[[str], Path | str], seconds: float) -> dict[str, Any]:
    places = [place(name) for name in ("single", "many", "shared")]
    rounds = [
        [commits(at, *who, seconds) for at, who in zip(places, ((1, 1), (1, 256), (2, 256)), strict=True)]
        for _ in range(ROUNDS)
    ]
    middle = [round(statistics.median(values)) for values in zip(*rounds, strict=True)]
    return dict(zip(("one_at_a_time", "one_process", "two_processes"), middle, strict=True))


def _count(path: Path) -> int:
    store = Store.open(path, time.time)
    return int(store.query(lambda rows: rows.execute("SELECT COUNT(*) FROM event").fetchone()[0]))


def message_bytes() -> int:
    """What a message of 200 characters adds to the database of a server, its events and its index included."""
    with scratch() as directory:
        server = ReplyX(directory)
        with running(server):
            token = server.login()
            for number in range(MESSAGES // 20):
                server.call("POST", "/api/dialogs/1/messages", {"text": f"{number} {TEXT}"[:200]}, token=token)
        before = server.database.stat().st_size
        with running(server):
            token = server.login()
            for number in range(MESSAGES):
                server.call("POST", "/api/dialogs/1/messages", {"text": f"{number} {TEXT}"[:200]}, token=token)
        return round((server.database.stat().st_size - before) / MESSAGES)


# Between processes


def redis_fan_out() -> dict[str, int]:
    """Messages a second that one Redis hands to all of N subscribers together."""
    with tempfile.TemporaryDirectory() as folder, RedisServer(_redis_program(), Path(folder)) as redis:
        return {str(count): round(_fan_out(redis.port, count)) for count in SUBSCRIBERS}


def _redis_program() -> Path:
    program = parts.redis_server()
    if program is None:
        raise SystemExit("Redis is missing: install the test extra")
    return program


def _fan_out(port: int, subscribers: int) -> float:
    message = bus_message(EVENT)
    published = max(200, PUBLISHED // subscribers)
    frame = _resp(b"message", CHANNEL, message)
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        waiting = {}
        for _ in range(subscribers):
            link = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            link.sendall(_resp(b"SUBSCRIBE", CHANNEL))
            link.recv(1024)
            selector.register(link, selectors.EVENT_READ)
            waiting[link] = published * len(frame)
        publisher = threading.Thread(target=_publish, args=(port, message, published))
        began = time.perf_counter()
        publisher.start()
        buffer = bytearray(1 << 20)
        while waiting:
            for key, _ in selector.select(30):
                link = cast(socket.socket, key.fileobj)
                waiting[link] -= link.recv_into(buffer)
                if waiting[link] == 0:
                    del waiting[link]
                    selector.unregister(link)
        took = time.perf_counter() - began
        publisher.join()
    return published * subscribers / took


def _publish(port: int, message: bytes, count: int) -> None:
    command = _resp(b"PUBLISH", CHANNEL, message)
    with socket.create_connection(("127.0.0.1", port)) as link, link.makefile("rb") as answers:
        for start in range(0, count, PIPELINE):
            batch = min(PIPELINE, count - start)
            link.sendall(command * batch)
            for _ in range(batch):
                answers.readline()


def _resp(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def bus_intake_us() -> dict[str, float]:
    """Microseconds of a process's core for each event of another process for which nobody listens here, by their rate.

    The real bus on the real loop: at a low rate each event wakes the process, at a high one many come in one piece.
    """
    with tempfile.TemporaryDirectory() as folder, RedisServer(_redis_program(), Path(folder)) as redis:
        rates = {rate: uvloop.run(_intake(redis, rate)) for rate in RATES}
    return {str(rate): round(microseconds, 1) for rate, microseconds in rates.items()}


async def _intake(redis: RedisServer, rate: int) -> float:
    hub = Hub(cast(Store, None), "5f3a0c21", 0)
    link = RedisLink(RedisAddress.parse(redis.url), "bench")
    subscribed, heard = asyncio.Event(), asyncio.Event()
    bus = RedisBus(link, hub, LocalPresence(), [b"key"], look=subscribed.set, spent=lambda taken: None)
    bus.start()
    await subscribed.wait()
    hub.watch(lambda: heard.set() if hub.last == rate else None)
    events = [LoggedEvent(number, TOPICS, EVENT.payload) for number in range(1, rate + 1)]
    publisher = threading.Thread(target=_publish_evenly, args=(redis.port, events))
    began = time.thread_time()
    publisher.start()
    await heard.wait()
    took = time.thread_time() - began
    await asyncio.to_thread(publisher.join)
    await bus.close()
    return took / rate * 1e6


def _publish_evenly(port: int, events: Sequence[LoggedEvent]) -> None:
    """All events within a second, in a message each time what is due since the one before, as processes do it."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as link, link.makefile("rb") as answers:
        told = 0
        while told < len(events):
            due = min(len(events), int((time.monotonic() - began) * len(events)) + 1)
            link.sendall(_resp(b"PUBLISH", CHANNEL, bus_message(*events[told:due])))
            answers.readline()
            told = due
            time.sleep(PACE_S)


def bus_message(*events: LoggedEvent) -> bytes:
    """What a process says when it has committed these."""
    return BusWire("teller", "5f3a0c21", [b"key"]).message([bus_wire.event(event) for event in events])


# Sockets


def socket_kb() -> float:
    """Kilobytes of the kernel's memory for one idle TCP socket: the growth of its slabs over many of them."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=SOCKETS))
        before = _slab_kb()
        for _ in range(SOCKETS):
            stack.enter_context(socket.create_connection(listener.getsockname()))
            stack.enter_context(listener.accept()[0])
        return round((_slab_kb() - before) / (2 * SOCKETS), 1)


def _slab_kb() -> int:
    return next(
        int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("Slab:")
    )


def measured(seconds: float) -> dict[str, Any]:
    """All of it."""
    return {
        "machine": f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "log": logs(seconds),
        "message_bytes": message_bytes(),
        "redis_deliveries": redis_fan_out(),
        "redis_message_bytes": len(bus_message(EVENT)),
        "bus_intake_us": bus_intake_us(),
        "socket_kb": socket_kb(),
        "sse_event_bytes": len(SSE.durable(EVENT, "5f3a0c21")),
    }


def main(arguments: list[str]) -> None:
    """Measure, print, and write what was asked for."""
    if arguments[:1] == ["writer"]:
        writer(arguments[1:])
        return
    parser = argparse.ArgumentParser(prog="python -m tests.bench.limits", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each run of the logs takes")
    parser.add_argument("--write", action="store_true", help="keep the figures and make the page anew")
    options = parser.parse_args(arguments)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    figures = measured(options.seconds)
    text = json.dumps(figures, indent=2) + "\n"
    print(text)
    if options.write:
        FIGURES.write_text(text, encoding="utf-8")
        page = "docs/scaling.md"
        (docs_pages.ROOT / page).write_text(docs_pages.renew(page), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
