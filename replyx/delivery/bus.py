"""The bus between processes. With one process there is nobody to tell but the hub; see ``redis_bus`` for several."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Protocol

import msgspec

from replyx import tasks
from replyx.delivery import eventlog
from replyx.delivery.eventlog import LoggedEvent
from replyx.delivery.hub import Hub
from replyx.delivery.store import Store
from replyx.errors import StoreUnavailable

log = logging.getLogger("replyx.bus")

LOOK_S = 1.0  # how long the quiet end of the log may stay unseen when another process wrote it


class Bus(Protocol):
    """Carries events to the hubs of all processes.

    May lose, repeat or swap durable events, but never invents one; hubs repair the rest from the log. Ephemeral
    events may be lost. No call waits.
    """

    kind: str

    def start(self) -> None:
        """Begin to carry; needs the running loop."""
        ...

    async def close(self) -> None:
        """Hand on what waits, as far as that is possible at once, and stop."""
        ...

    @property
    def connected(self) -> bool:
        """Whether events reach other processes at the moment."""
        ...

    def publish(self, events: Sequence[LoggedEvent]) -> None:
        """Announce committed events, in id order."""
        ...

    def publish_ephemeral(self, topics: Sequence[str], event: msgspec.Struct, source: object = None) -> None:
        """Announce an event that has no id. ``source`` is the sink of this process that must not get it back."""
        ...


class LocalBus:
    """The bus of a single process: straight into its hub."""

    kind = "local"
    connected = True

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def start(self) -> None:
        """Nothing to begin."""

    async def close(self) -> None:
        """Nothing waits."""

    def publish(self, events: Sequence[LoggedEvent]) -> None:
        """See :class:`Bus`; here nothing is lost, and the hub has the events when this returns."""
        self._hub.deliver(events)

    def publish_ephemeral(self, topics: Sequence[str], event: msgspec.Struct, source: object = None) -> None:
        """See :class:`Bus`."""
        self._hub.deliver_ephemeral(topics, event, source)


class TailWatch:
    """Compares the log's counter with the hub once a second.

    Another process may have written (the command line on the same file, or a writer that died between its commit
    and its announcement); at the quiet end of the log no later event would show the hole.
    """

    def __init__(self, store: Store, hub: Hub) -> None:
        self._store = store
        self._hub = hub
        self._task: asyncio.Task[None] | None = None
        self._now = asyncio.Event()

    def look(self) -> None:
        """Look at once: something may have been lost."""
        self._now.set()

    def start(self) -> None:
        """Begin to watch."""
        self._task = tasks.start(self._watch())

    async def close(self) -> None:
        """Stop watching."""
        await tasks.stop([self._task])

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._now.wait()
            self._now.clear()
            with contextlib.suppress(StoreUnavailable):  # the store has logged it; the next look may succeed
                self._hub.notice(await self._store.read(eventlog.top))
