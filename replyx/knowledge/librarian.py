"""The librarian: reads the sources whose time has come, as a duty of a follower that follows no log.

What is due stands in the sources' rows, so a server that is killed forgets nothing; whoever takes the lease reads on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from replyx.database import models
from replyx.database.rows import exists, value
from replyx.delivery.eventlog import Entry
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.knowledge import rows
from replyx.knowledge.cutting import Cut
from replyx.knowledge.gathering import Gathered, Gatherer
from replyx.knowledge.index import Weighed, weighed
from replyx.knowledge.rows import Task
from replyx.knowledge.troubles import ReadFailure, Trouble, Unread

log = logging.getLogger("replyx.knowledge")

WORKERS = 2
RETRY_S = 60.0  # after the first failure; each next waits four times as long
LONGEST_RETRY_S = 86_400.0
ATTEMPTS = 5  # of a source that is not to be fetched again anyway

_DUE = exists(models.Source, f"{models.Source.next_at} <= ?")
_NEXT = value(models.Source.id).where(f"{models.Source.next_at} <= ?", f"ORDER BY {models.Source.next_at} LIMIT ?")


class Librarian:
    """The duty (:class:`replyx.delivery.followers.Duty`) of reading sources: each at least once, by one process."""

    name = "sources"
    workers = WORKERS

    def __init__(self, store: Store, gatherer: Gatherer, clock: Callable[[], float]) -> None:
        self._store = store
        self._gatherer = gatherer
        self._clock = clock

    def wanted(self, reading: Snapshot) -> bool:
        """Whether a source is due."""
        return _DUE(reading, int(self._clock() * 1000))

    def record(self, tx: Transaction, entries: Sequence[Entry]) -> Sequence[int]:
        """Nothing follows from the log."""
        return ()

    async def jobs(self, found: Sequence[int], under_way: Sequence[int]) -> AsyncIterator[int]:
        """Every source that is due and not in hand."""
        now_ms = int(self._clock() * 1000)
        most = WORKERS * 2
        for source_id in await self._store.read(lambda reading: _NEXT.all(reading, now_ms, most + len(under_way))):
            if source_id not in under_way:
                yield source_id

    async def do(self, source_id: int) -> None:
        """Read one source and put its next version in force, or note why that could not be."""

        def query(reading: Snapshot) -> tuple[Task | None, dict[str, Any], list[str]]:
            return (
                rows.task(reading, source_id),
                rows.known(reading, source_id),
                rows.pieces(reading, source_id),
            )

        task, known, pieces = await self._store.read(query)
        if task is None:
            return
        if task.deleted:
            await self._remove(task)
            return
        try:
            gathered = await self._gatherer.gather(task, known, pieces)
        except Unread as failure:
            await self._fail(task, failure.failure)
            return
        except Exception:  # a document of somebody else's must not stop the server, whatever it does to a parser
            log.exception("source=%d could not be read", task.id)
            await self._fail(task, ReadFailure.of(Trouble.BROKEN, kind=task.kind))
            return
        await self._keep(task, gathered, unchanged=not gathered.passages and set(gathered.kept) == set(known))

    async def _keep(self, task: Task, gathered: Gathered, unchanged: bool) -> None:
        now_ms = int(self._clock() * 1000)
        columns: dict[str, Any] = {
            "state": "failed" if gathered.failure else "ready",
            "failure": msgspec.json.encode(gathered.failure).decode() if gathered.failure else "null",
            "pages": len(gathered.documents) if task.url else 0,
            "attempts": 0,
            "checked_at": now_ms,
            "next_at": now_ms + task.refetch_hours * 3_600_000 if task.refetch_hours else None,
        }
        if task.kind == "page" and task.title == rows.title_of(task.url or "") and gathered.documents:
            columns["title"] = gathered.documents[0].title
        if unchanged:
            await self._store.commit(lambda tx: rows.settle(tx, task, columns))
            return
        await self._clear(task, task.version)
        words = await asyncio.to_thread(_weighed, gathered.passages)
        for start in range(0, len(words), rows.AT_ONCE):
            some = words[start : start + rows.AT_ONCE]
            await self._store.commit(lambda tx, start=start, some=some: rows.add(tx, task, start, some))  # type: ignore[misc]
        columns["changed_at"] = now_ms
        done = await self._store.commit(
            lambda tx: rows.put_in_force(tx, task, gathered.documents, gathered.kept, columns)
        )
        if done:
            log.info("source=%d: version %d has %d new passages", task.id, task.version + 1, len(words))
            await self._clear(task, task.version + 1)

    async def _fail(self, task: Task, failure: ReadFailure) -> None:
        """Keep what was read before, say why there is nothing newer, and try again later where that may help."""
        log.info("source=%d could not be read: %s", task.id, failure.detail)
        now = self._clock()
        again: float | None = None
        if task.url is not None and (task.refetch_hours or task.attempts + 1 < ATTEMPTS):
            longest = min(LONGEST_RETRY_S, (task.refetch_hours or 24) * 3600.0)
            again = now + min(RETRY_S * 4.0**task.attempts, longest)
        columns: dict[str, Any] = {
            "state": "failed",
            "failure": msgspec.json.encode(failure).decode(),
            "attempts": task.attempts + 1,
            "checked_at": int(now * 1000),
            "next_at": int(again * 1000) if again else None,
        }

        def unit(tx: Transaction) -> None:
            if rows.settle(tx, task, columns):
                rows.forget_file(tx, task.id)

        await self._store.commit(unit)

    async def _remove(self, task: Task) -> None:
        await self._store.commit(lambda tx: rows.untie(tx, task))
        await self._clear(task, -1)
        await self._store.commit(lambda tx: rows.remove(tx, task))

    async def _clear(self, task: Task, but: int) -> None:
        more = True
        while more:
            more = await self._store.commit(lambda tx: rows.clear(tx, task, but))


def _weighed(passages: Sequence[Cut]) -> list[tuple[Cut, Weighed]]:
    return [(each, weighed(each.title, each.text)) for each in passages]
