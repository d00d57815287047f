"""What the tests of two processes share: two servers on one database, one Redis, and clients at both."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

import uvloop

from tests.chaos.traffic import (
    GUEST,
    HttpSender,
    Sender,
    Truth,
    WsSender,
    check_listener,
    check_log,
    check_senders,
    send_while,
    truth,
)
from tests.chaos.way import Way, reset_connections
from tests.interop.ticket_clients import new_ticket
from tests.listeners import Listener, SseListener, TicketListener, WsListener, id_of
from tests.postgres import Cluster
from tests.redis_server import RedisServer
from tests.scenario import eventually
from tests.server import Server

ROUNDS = int(os.environ.get("REPLYX_ROUNDS", "1"))
LONG = ROUNDS >= 10
SUBSCRIBERS = 200 if LONG else 20
SENDERS = 32
LIFE_S = 0.7  # of undisturbed traffic in each round

# What the store logs, as errors, of each request that the database failed, and once of the failure itself.
FAILURES_OF_THE_DATABASE = (
    *("replyx.store a commit failed", "replyx.store a read failed", "replyx.store the database cannot be written"),
    " status=503 ",
)

Disturb = Callable[[], Awaitable[None]]


@dataclass
class Pair:
    """Two processes of one installation, the Redis between them, and the PostgreSQL below them, if it is not SQLite.

    The ways lie between the processes and these two, where there are any.
    """

    redis: RedisServer
    one: Server
    two: Server
    bus_way: Way | None = None
    cluster: Cluster | None = None
    database_way: Way | None = None

    @property
    def both(self) -> tuple[Server, Server]:
        """The two."""
        return self.one, self.two

    def health(self, server: Server) -> dict[str, object]:
        """What a process says of its bus."""
        with server.client() as http:
            bus: dict[str, object] = http.get("/api/sse/health").json()["bus"]
        return bus

    def joined(self) -> None:
        """Wait until both processes say that they are joined; nobody lends them a hand."""
        for server in self.both:
            eventually(partial(self._is_joined, server), "the process is joined")

    def _is_joined(self, server: Server) -> bool:
        return self.health(server) == {"kind": "redis", "connected": True}

    def kill_clients(self) -> int:
        """``CLIENT KILL`` every connection that the processes have; how many there were."""
        with self.redis.client() as client:
            killed = 0
            for kind in ("pubsub", "normal"):
                killed += client.client_kill_filter(_type=kind, skipme=True)
        return killed

    def drop_every_connection(self) -> int:
        """Reset what this process's clients have to both, and both to Redis and PostgreSQL; how many there were."""
        dropped = reset_connections({server.port for server in self.both})
        return dropped + sum(way.cut() for way in (self.bus_way, self.database_way) if way is not None)

    def errors(self) -> set[str]:
        """What both have logged as errors, and the tracebacks."""
        lines = [*self.one.lines, *self.two.lines]
        return {line for line in lines if " ERROR " in line or "Traceback" in line}


class Scene:
    """Traffic at both processes around something bad, and the account of it."""

    def __init__(self, pair: Pair, name: str) -> None:
        self.pair = pair
        self.name = name
        self._allowed: tuple[str, ...] = ()
        self._earlier = pair.errors()
        with pair.one.client() as http:
            self.token = pair.one.login()
            self.ticket_id = new_ticket(http)
            inbox = http.get("/api/dialogs", params={"token": self.token, "limit": 1}).json()["items"]
        self.ticket_dialog = inbox[0]["id"]
        self.senders = [self._sender(number) for number in range(SENDERS)]
        self.listeners = [self._listener(number) for number in range(SUBSCRIBERS)]

    def play(self, disturb: Disturb, *, rounds: int = ROUNDS, database_fails: bool = False) -> str:
        """Run ``disturb`` so many times under load, then check everything; the counts in words.

        Where ``database_fails``, the processes may log that it did.
        """
        self._allowed = FAILURES_OF_THE_DATABASE if database_fails else ()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = runner.run(self._play(disturb, rounds))
        check_log(found)
        check_senders(found, self.senders)
        return self._account(found, rounds)

    @property
    def failures(self) -> int:
        """How many sends were refused or cut off so far."""
        return sum(sender.failures for sender in self.senders)

    def unexpected_errors(self) -> list[str]:
        """What both have logged as errors since the scene began, less what was to be expected."""
        new = self.pair.errors() - self._earlier
        return [line for line in new if not any(each in line for each in self._allowed)]

    async def _play(self, disturb: Disturb, rounds: int) -> Truth:
        async def again_and_again() -> None:
            for _ in range(rounds):
                await asyncio.sleep(LIFE_S)
                await disturb()
            await asyncio.sleep(LIFE_S)

        async with AsyncExitStack() as stack:
            for listener in self.listeners:
                await stack.enter_async_context(listener)
            for listener in self.listeners:
                await listener.connected()
            began = {listener: id_of(str(listener.cursor)) for listener in self.listeners}
            await send_while(self.senders, again_and_again)
            found = truth(self.pair.one.data_dir)
            for listener in self.listeners:
                await check_listener(listener, self._expected(listener, found, began[listener]))
        return found

    def _account(self, found: Truth, rounds: int) -> str:
        acknowledged = sum(len(sender.acknowledged) for sender in self.senders)
        stored = sum(len(ids) for client_id, ids in found.messages.items() if client_id.startswith(f"{self.name}-"))
        assert stored == acknowledged
        return (
            f"{self.name}: {rounds} rounds, {acknowledged} messages acknowledged to {SENDERS} senders"
            f" ({self.failures} sends repeated,"
            f" {sum(each.duplicates for each in self.senders)} of them already stored), 0 lost, 0 twice;"
            f" {SUBSCRIBERS} subscribers heard {sum(len(each.heard) for each in self.listeners)} events in order over"
            f" {sum(each.connections for each in self.listeners)} connections"
        )

    def _sender(self, number: int) -> Sender:
        near, far = self._ends(number)
        kind, name = number // 2 % 4, f"{self.name}-{number}"
        pause = 0.1
        if kind == 0:
            path = f"/api/widget/dialogs/1/messages?{GUEST}"
            return HttpSender(name, near.url + path, (far.url + path,), pause_s=pause)
        if kind == 1:
            path = f"/api/dialogs/{self.ticket_dialog}/messages?token={self.token}"
            return HttpSender(name, near.url + path, (far.url + path,), pause_s=pause)
        path = f"/ws/widget/dialogs/1?{GUEST}" if kind == 2 else f"/ws/dialogs/1?token={self.token}"
        return WsSender(name, near.ws_url + path, (far.ws_url + path,), pause_s=pause)

    def _listener(self, number: int) -> Listener:
        near, far = self._ends(number)
        kind = number // 2 % 5
        if kind == 0:
            path = f"/api/dialogs/1/events?{GUEST}"
            return SseListener(near.url + path, carry="header", elsewhere=[far.url + path])
        if kind == 1:
            path = f"/api/inbox/events?token={self.token}"
            return SseListener(near.url + path, carry="last_event_id", elsewhere=[far.url + path])
        if kind == 2:
            return TicketListener(near.ws_url, self.ticket_id, elsewhere=[far.ws_url])
        path = f"/ws/widget/dialogs/1?{GUEST}" if kind == 3 else f"/ws/dialogs/1?token={self.token}"
        return WsListener(near.ws_url + path, elsewhere=[far.ws_url + path])

    def _ends(self, number: int) -> tuple[Server, Server]:
        return (self.pair.one, self.pair.two) if number % 2 else (self.pair.two, self.pair.one)

    def _expected(self, listener: Listener, found: Truth, after: int) -> list[int]:
        if isinstance(listener, TicketListener):
            told = {id for id, _, event in found.events if event["type"] == "message:new"}
            return [id for id in found.ids(f"dialog:{self.ticket_dialog}", after=after) if id in told]
        return found.ids("inbox" if "/inbox/" in listener.url else "dialog:1", after=after)
