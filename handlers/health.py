"""Whether the server works, for people, proxies and monitors."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Literal

import msgspec

from handlers.base import Handler, operation
from replyx import __version__
from replyx.delivery import eventlog
from replyx.errors import DeliveryBehind, MetricsOff, Stopping, StoreUnavailable
from replyx.readings import free_bytes, readings
from replyx.schemas.events import CLIENT_TYPES
from replyx.shop import rooms

SOCKET_KINDS = (*CLIENT_TYPES, "webapp", "dialog", "ticket")


class Health(msgspec.Struct, frozen=True):
    """The server answers and its store can be read and written."""

    status: Literal["ok"]
    version: str
    uptime_s: int


class Ready(msgspec.Struct, frozen=True):
    """The process that answers takes requests."""

    status: Literal["ready"]


class BusHealth(msgspec.Struct, frozen=True):
    """Whether events reach the other processes; of a single process always true."""

    kind: str
    connected: bool


class SseHealth(msgspec.Struct, frozen=True):
    """Open event streams of all processes, and the topics that somebody listens to in the one that answers."""

    status: Literal["ok"]
    connections: int
    topics: int
    uptime_s: int
    bus: BusHealth


class SocketStats(msgspec.Struct, frozen=True):
    """Open sockets of all processes by the kind of client, and the number of rooms. Counts only: anyone may ask."""

    total: int
    by_type: dict[str, int]
    rooms: int


class Monitored(Handler):
    """What monitors ask for: a server under attack must not seem ill to whoever would start it anew."""

    counts_reads = False


class MetricsHandler(Monitored):
    @operation("Metrics for Prometheus", answers={200: str}, problems=(MetricsOff,), media_type="text/plain")
    async def get(self) -> None:
        """Made by a library that is loaded when somebody asks for the first time: it takes 12 MB."""
        from replyx.process import metrics

        parts = self.services
        store, now_ms = parts.store, int(parts.clock() * 1000)
        free = await asyncio.to_thread(free_bytes, parts.settings.data_dir)
        read = None
        with suppress(StoreUnavailable):  # that it is away is among the figures
            read = await store.read(lambda rows: readings(rows, store.dialect, now_ms))
        self.set_header("Content-Type", metrics.FORMAT)
        self.finish(metrics.text(parts.requests, parts.streams, parts.hub, store, parts.bus, parts.held, read, free))


class HealthHandler(Monitored):
    @operation("Whether the server and its store work", answers={200: Health}, problems=(StoreUnavailable,))
    async def get(self) -> object:
        await self.services.store.read(eventlog.top)
        self.services.store.trouble.check()
        return Health("ok", __version__, int(self.services.uptime()))


class ReadyHandler(Monitored):
    @operation(
        "Whether this process is to be sent requests; the code says what is missing",
        answers={200: Ready},
        problems=(StoreUnavailable, DeliveryBehind, Stopping),
    )
    async def get(self) -> object:
        await self.services.readiness.check()
        return Ready("ready")


class SseHealthHandler(Monitored):
    @operation("The state of event delivery", answers={200: SseHealth})
    async def get(self) -> object:
        services = self.services
        return SseHealth(
            "ok",
            sum(services.presence.totals("streams").values()),
            services.hub.topics,
            int(services.uptime()),
            BusHealth(services.bus.kind, services.bus.connected),
        )


class SocketStatsHandler(Monitored):
    @operation("Open sockets by the kind of client", answers={200: SocketStats})
    async def get(self) -> object:
        presence = self.services.presence
        found = presence.totals("streams")
        by_type = {kind: found.get(kind, 0) for kind in SOCKET_KINDS}
        return SocketStats(sum(by_type.values()), by_type, rooms.total(presence.totals("rooms")))
