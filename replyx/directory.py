"""Who and what exists, kept in memory: sessions, visitors and widgets that nearly every request asks for.

Entries are dropped when the log says that something changed, so a cache is never older than the last event that this
process has applied; a change made here is visible to the request that made it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from replyx import guest_ids
from replyx.database import models
from replyx.database.rows import select
from replyx.delivery.hub import Hub
from replyx.delivery.store import Snapshot, Store
from replyx.schemas.events import DIRECTORY
from replyx.schemas.languages import Language

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

KEPT = 10_000


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session that has not ended, with its account."""

    session_id: str
    account_id: int
    email: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class KnownWidget:
    """A widget as requests need it; ``domains`` are normalised."""

    widget_id: int
    assistant_id: int
    name: str
    domains: tuple[str, ...]
    theme: str
    type: str
    position: str
    locale: Language | None
    titles: dict[Language, str]
    deleted: bool


@dataclass(frozen=True, slots=True)
class Domains:
    """Where a widget may stand."""

    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnownVisitor:
    """A visitor, and the assistant whose guest id led to it."""

    visitor_id: int
    assistant_id: int


_SESSION = select(
    LiveSession,
    models.Session,
    f"JOIN {models.Account} ON {models.Account.id} = {models.Session.account_id}",
    session_id=models.Session.id,
    email=models.Account.email,
    name=models.Account.name,
    role=models.Account.role,
).where(f"{models.Session.id} = ? AND NOT {models.Session.ended} AND {models.Account.active}")
_WIDGET = select(KnownWidget, models.Widget, widget_id=models.Widget.id).where(f"{models.Widget.id} = ?")
_DOMAINS = select(Domains, models.Widget).where(f"{models.Widget.assistant_id} = ? AND NOT {models.Widget.deleted}")
_VISITOR = select(KnownVisitor, models.Visitor, visitor_id=models.Visitor.id).where(
    f"{models.Visitor.assistant_id} = ? AND {models.Visitor.guest_digest} = ?"
)


class Cache(Generic[K, V]):
    """A bounded map whose loads never store what was read before the last ``clear``."""

    def __init__(self) -> None:
        self._entries: OrderedDict[K, V] = OrderedDict()
        self.generation = 0

    def get(self, key: K) -> V | None:
        """The entry, or None when it must be loaded."""
        return self._entries.get(key)

    def put(self, key: K, value: V, generation: int) -> None:
        """Keep what was loaded while the cache was at ``generation``."""
        if generation != self.generation:
            return
        self._entries[key] = value
        if len(self._entries) > KEPT:
            self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        self.generation += 1
        self._entries.clear()


class Directory:
    """Reads through caches; every method answers None for what does not exist."""

    def __init__(self, store: Store, hub: Hub) -> None:
        self._store = store
        self._sessions: Cache[str, LiveSession] = Cache()
        self._widgets: Cache[int, KnownWidget] = Cache()
        self._assistant_domains: Cache[int, tuple[str, ...]] = Cache()
        self._visitors: Cache[tuple[int, str], KnownVisitor] = Cache()
        hub.listen(DIRECTORY, lambda event: self._forget())
        hub.watch_skips(self._forget)

    async def session(self, session_id: str) -> LiveSession | None:
        """The session if it and its account are still good."""
        return await self._load(self._sessions, session_id, lambda rows: _SESSION.one(rows, session_id))

    async def widget(self, widget_id: int) -> KnownWidget | None:
        """The widget, also a deleted one."""
        return await self._load(self._widgets, widget_id, lambda rows: _WIDGET.one(rows, widget_id))

    async def assistant_domains(self, assistant_id: int) -> tuple[str, ...]:
        """Every domain on which some widget of the assistant may stand."""
        found = await self._load(self._assistant_domains, assistant_id, lambda rows: _domains(rows, assistant_id))
        return found or ()

    async def visitor(self, assistant_id: int, guest_id: str) -> KnownVisitor | None:
        """The visitor who holds ``guest_id`` with this assistant."""
        key = (assistant_id, guest_id)
        digest = guest_ids.digest(guest_id)
        return await self._load(self._visitors, key, lambda rows: _VISITOR.one(rows, assistant_id, digest))

    async def _load(self, cache: Cache[K, V], key: K, query: Callable[[Snapshot], V | None]) -> V | None:
        known = cache.get(key)
        if known is not None:
            return known
        generation = cache.generation
        found = await self._store.read(query)
        if found is not None:
            cache.put(key, found, generation)
        return found

    def _forget(self) -> None:
        for cache in (self._sessions, self._widgets, self._assistant_domains, self._visitors):
            cache.clear()


def _domains(rows: Snapshot, assistant_id: int) -> tuple[str, ...]:
    return tuple(sorted({domain for widget in _DOMAINS.all(rows, assistant_id) for domain in widget.domains}))
