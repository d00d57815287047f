"""The bus of several processes: every process tells every other what it committed, by Redis Pub/Sub.

Pub/Sub loses what is published while a subscriber is away, and says nothing of it. So nothing here is trusted to
arrive: each confirmation of a subscription means "there may be a hole here" and the log is looked at, the hub reads
what is missing, and the follower looks once a second. While Redis is away the process serves its own clients and gets
the events of others from the log.

Redis keeps nothing. Shares of presence and spent limits are messages too, so a flushed or new Redis changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from redis.asyncio.connection import AbstractConnection

from replyx import tasks
from replyx.delivery.eventlog import LoggedEvent
from replyx.delivery.hub import Hub
from replyx.delivery.presence import TOLD_EVERY_S, LocalPresence
from replyx.redis import bus_wire
from replyx.redis.announcer import PROCESSES, Announcer
from replyx.redis.bus_wire import BusWire, Garbage, Happened, Passing, Share, Spent, StrangeKey, logged
from replyx.redis.link import UNREACHABLE, RedisLink
from replyx.redis.stream import RedisStream

log = logging.getLogger("replyx.bus")

PING_S = 1.0
DEAD_S = 3.0  # of silence although pings were sent: a paused server, a cable that was pulled
PATIENCE_S = 0.05  # that a hole waits for its event, which is on its way, before the log is read for it
RETRY_S = (0.1, 5.0)  # between two attempts to connect, doubling from the first to the second
GOODBYE_S = 1.0
COMPLAIN_EVERY_S = 60.0


class RedisBus:
    """See :class:`replyx.delivery.bus.Bus`.

    ``look`` is called whenever something may have been lost and must look at the log;
    ``spent`` gets what other processes took from limits.
    """

    kind = "redis"

    def __init__(
        self,
        link: RedisLink,
        hub: Hub,
        presence: LocalPresence,
        keys: Sequence[bytes],
        *,
        look: Callable[[], None],
        spent: Callable[[Sequence[tuple[str, str, int]]], None],
    ) -> None:
        self._link = link
        self._hub = hub
        self._presence = presence
        self._look = look
        self._spent = spent
        self._wire = BusWire(secrets.token_hex(6), hub.epoch, keys)
        self._announcer = Announcer(self._wire)
        self._arrived: list[LoggedEvent] = []
        self._subscriber: RedisStream | None = None
        self._subscribed = False
        self._complained_at: dict[str, float] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    @property
    def connected(self) -> bool:
        """Whether this process hears the others and they hear it."""
        return self._subscribed and self._announcer.connected

    def start(self) -> None:
        """Begin to listen and to tell."""
        self._tasks = [
            tasks.start(self._again_and_again("subscriber", self._subscribe)),
            tasks.start(self._again_and_again("publisher", self._announcer.work)),
            tasks.start(self._keep()),
        ]

    async def close(self) -> None:
        """Say what waits and goodbye, as far as Redis takes it within a second; then close both connections."""
        self._closing = True
        self.tell(Share({}, leaving=True))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self._announcer.all_said()
        await tasks.stop(self._tasks)

    # Telling

    def publish(self, events: Sequence[LoggedEvent]) -> None:
        """See :class:`replyx.delivery.bus.Bus`: this process's hub has the events when this returns."""
        self._hub.deliver(events)
        if self._announcer.connected:
            self._announcer.say([(event.topics[0], bus_wire.event(event)) for event in events])

    def publish_ephemeral(self, topics: Sequence[str], event: msgspec.Struct, source: object = None) -> None:
        """See :class:`replyx.delivery.bus.Bus`."""
        self._hub.deliver_ephemeral(topics, event, source)
        if self.connected:  # what nobody may hear now, nobody needs to hear later
            self._announcer.say([(topics[0], bus_wire.ephemeral(topics, msgspec.json.encode(event)))])

    def tell(self, body: Share | Spent) -> None:
        """Say something that is no event to every other process, if Redis is there."""
        if self.connected:
            self._announcer.say([(None, bus_wire.told(body))])

    def share_spent(self, taken: Sequence[tuple[str, str, int]]) -> None:
        """Tell the others what was taken from limits here."""
        self.tell(Spent(list(taken)))

    # Listening

    async def _subscribe(self, connection: AbstractConnection) -> None:
        """Hear every process until the connection breaks or falls silent."""
        stream = self._subscriber = RedisStream(connection, self._answered)
        try:
            stream.write([("SUBSCRIBE", PROCESSES)])
            await stream.over()
        finally:
            self._subscriber = None
            self._subscribed = False
            self._hub.patience_s = 0.0

    def _answered(self, answer: list[bytes]) -> None:
        if answer[0] == b"message":
            self._take(answer[2])
        elif answer[0] == b"subscribe":
            self._subscribed = True
            self._hub.patience_s = PATIENCE_S
            self._look()
            self._report()

    def _take(self, data: bytes) -> None:
        if self._wire.is_own(data):
            return
        try:
            sender, said = self._wire.read(data)
        except Garbage as garbage:
            self._complain(garbage)
            return
        for body in said:
            match body:
                case Happened():
                    # All that one read brought goes to the hub in one call, so that a socket gets it in one send.
                    if not self._arrived:
                        asyncio.get_running_loop().call_soon(self._hand_over)
                    self._arrived.append(logged(body))
                case Passing():
                    self._hub.deliver_ephemeral(body.topics, body.payload)
                case Spent():
                    self._spent(body.taken)
                case Share(leaving=True):
                    self._presence.left(sender)
                case Share():
                    if self._presence.heard(sender, body.groups, time.monotonic()):
                        self._report()  # the new process need not wait for its first look around

    def _hand_over(self) -> None:
        arrived, self._arrived = self._arrived, []
        self._hub.deliver(arrived)

    def _complain(self, garbage: Garbage) -> None:
        """Garbage costs nothing but a line of the log a minute, whoever publishes it."""
        kind, now = str(garbage), time.monotonic()
        if now - self._complained_at.get(kind, -COMPLAIN_EVERY_S) < COMPLAIN_EVERY_S:
            return
        self._complained_at[kind] = now
        advice = ": give every process the same JWT_SECRET, or the same DATA_DIR"
        log.warning("Redis brought what is left aside: %s%s", kind, advice if isinstance(garbage, StrangeKey) else "")

    # Staying connected

    async def _keep(self) -> None:
        """Once a second: a ping where it is silent, and now and then this process's share of the counts."""
        loop = asyncio.get_running_loop()
        for turn in range(1, 1 << 62):
            await asyncio.sleep(PING_S)
            self._presence.forget(time.monotonic())
            if turn % round(TOLD_EVERY_S / PING_S) == 0:
                self._report()
            self._announcer.check()
            if (stream := self._subscriber) is None:
                continue
            if loop.time() - stream.heard_at > DEAD_S:
                stream.end(TimeoutError("Redis is silent"))
            else:
                stream.write([("PING",)])

    def _report(self) -> None:
        if not self._closing:
            self.tell(Share(self._presence.own()))

    async def _again_and_again(self, part: str, work: Callable[[AbstractConnection], Awaitable[None]]) -> None:
        least, most = RETRY_S
        wait = least
        while True:
            connection: AbstractConnection | None = None
            try:
                connection = await self._link.open()
                log.info("Redis: the %s is connected", part)
                wait = least
                await work(connection)
            except UNREACHABLE as failure:
                log.warning("Redis: the %s lost its connection: %s", part, _named(failure))
            finally:
                if connection is not None:
                    await connection.disconnect(nowait=True)
            # Processes that lost the same server must not come back in the same moment.
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311
            wait = min(most, wait * 2)


def _named(failure: BaseException) -> str:
    return f"{type(failure).__name__}: {failure}" if str(failure) else type(failure).__name__
