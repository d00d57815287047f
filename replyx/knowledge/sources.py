"""What admins do with the sources of an assistant."""

from __future__ import annotations

import base64
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from msgspec import UNSET

from replyx.conversations import assistants
from replyx.database import models
from replyx.database.rows import Insert, Update, computed, given_in
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import BodyTooLarge, TooManySources, invalid
from replyx.faults import Fault
from replyx.knowledge import rows
from replyx.knowledge.schemas import NewSource, Passage, Source, SourceChange, SourceWithText, UploadQuery
from replyx.outside.calls import Outside
from replyx.paging import Paging, oldest_first, read_page
from replyx.schemas.dialogs import Page

log = logging.getLogger("replyx.knowledge")

MOST = 5_000  # sources of an assistant
FILE_BYTES = 20_000_000
PIECE_BYTES = 192 * 1024  # of a file in one row

_ADD = Insert(models.Source)
_ADD_PIECE = Insert(models.SourceFile)
_COUNT = computed(int, "COUNT(*)", models.Source).where(f"{models.Source.assistant_id} = ? AND {rows.VISIBLE}")
_AGAIN = Update(models.Source, f"{models.Source.id} = ?", "asked = asked + 1")
_NEEDS = {"faq": ("title", "text"), "text": ("title", "text"), "page": ("url",), "site": ("url",)}
_FETCHED = frozenset({"page", "site"})
_WRITTEN = frozenset({"faq", "text"})


class Sources:
    """Keeps sources. Methods raise :class:`AssistantNotFound` and :class:`SourceNotFound` for unknown ids.

    ``wake`` is called after a change that gives something to read.
    """

    def __init__(self, store: Store, outside: Outside, wake: Callable[[], None]) -> None:
        self._store = store
        self._outside = outside
        self._wake = wake

    async def list(self, assistant_id: int, paging: Paging) -> Page[Source]:
        """A page of sources, oldest first."""

        def query(reading: Snapshot) -> Page[Source]:
            assistants.load(reading, assistant_id)
            given = {f"{models.Source.assistant_id} = ?": assistant_id}
            items, following = read_page(reading, rows.SOURCES, models.Source.id, paging, given, (rows.VISIBLE,))
            return Page(oldest_first(items, paging), following)

        return await self._store.read(query)

    async def get(self, assistant_id: int, source_id: int) -> SourceWithText:
        """One source."""
        return await self._store.read(lambda reading: rows.load(reading, assistant_id, source_id))

    async def create(self, assistant_id: int, new: NewSource) -> SourceWithText:
        """Add a source; it is read right afterwards. Raises :class:`Invalid`, :class:`TooManySources`."""
        for needed in _NEEDS[new.kind]:
            if not (getattr(new, needed) or "").strip():
                raise invalid(needed, Fault.REQUIRED)
        fetched = new.kind in _FETCHED
        url = self._outside.check_url(new.url or "", "url") if fetched else None
        title = (new.title or "").strip() or rows.title_of(url or "")

        def unit(tx: Transaction) -> SourceWithText:
            source_id = add(
                tx,
                assistant_id,
                kind=new.kind,
                title=title,
                url=url,
                text="" if fetched else (new.text or "").strip(),
                language=new.language,
                refetch_hours=new.refetch_hours if fetched else None,
                state="waiting",
                next_at=tx.now_ms,
            )
            return rows.load(tx, assistant_id, source_id)

        made = await self._store.commit(unit)
        log.info("assistant=%d source=%d: %s added", assistant_id, made.id, made.kind)
        self._wake()
        return made

    async def upload(self, assistant_id: int, query: UploadQuery, incoming: AsyncIterator[bytes]) -> SourceWithText:
        """Take a file as it comes; it is read right afterwards, also by a server that was killed meanwhile.

        Raises :class:`BodyTooLarge`, :class:`Invalid` for one that is empty, and what ``incoming`` raises; then
        nothing is left of it.
        """
        source_id = await self._store.commit(
            lambda tx: add(
                tx, assistant_id, kind=query.kind, title=query.title, language=query.language, state="uploading"
            )
        )
        try:
            taken = await self._take(source_id, incoming)
            if not taken:
                raise invalid("body", Fault.REQUIRED)
        except BaseException:
            await self._store.commit(lambda tx: _delete(tx, source_id))
            self._wake()
            raise

        def finish(tx: Transaction) -> SourceWithText:
            _AGAIN.change(tx, source_id, state="waiting", next_at=tx.now_ms)
            return rows.load(tx, assistant_id, source_id)

        made = await self._store.commit(finish)
        log.info("assistant=%d source=%d: a file of %d bytes was uploaded", assistant_id, source_id, taken)
        self._wake()
        return made

    async def change(self, assistant_id: int, source_id: int, change: SourceChange) -> SourceWithText:
        """Change what is given, leave the rest, and read it again. Raises :class:`Invalid`."""
        given = given_in(change)

        def unit(tx: Transaction) -> SourceWithText:
            before = rows.load(tx, assistant_id, source_id)
            columns = self._checked(before, given)
            if columns:
                again: dict[str, Any] = {"state": "waiting", "next_at": tx.now_ms, "attempts": 0}
                if before.kind not in _FETCHED | _WRITTEN:
                    again = {}  # its file is gone; what was read of it stays
                _AGAIN.change(tx, source_id, updated_at=tx.now_ms, **again, **columns)
                rows.fetch_whole(tx, source_id)
            return rows.load(tx, assistant_id, source_id)

        changed = await self._store.commit(unit)
        self._wake()
        return changed

    async def read_again(self, assistant_id: int, source_id: int) -> SourceWithText:
        """Fetch it now, whenever it would have been its time; a file or a text stays as it is."""

        def unit(tx: Transaction) -> SourceWithText:
            before = rows.load(tx, assistant_id, source_id)
            if before.kind in _FETCHED:
                _AGAIN.change(tx, source_id, state="waiting", next_at=tx.now_ms, attempts=0)
            return rows.load(tx, assistant_id, source_id)

        asked = await self._store.commit(unit)
        self._wake()
        return asked

    async def delete(self, assistant_id: int, source_id: int) -> None:
        """Forget the source; from now on nothing of it is found."""

        def unit(tx: Transaction) -> None:
            rows.load(tx, assistant_id, source_id)
            _delete(tx, source_id)

        await self._store.commit(unit)
        log.info("assistant=%d source=%d deleted", assistant_id, source_id)
        self._wake()

    async def passages(self, assistant_id: int, source_id: int, paging: Paging) -> Page[Passage]:
        """A page of what was read of a source, oldest first."""

        def query(reading: Snapshot) -> Page[Passage]:
            rows.load(reading, assistant_id, source_id)
            given = {f"{models.Passage.source_id} = ?": source_id}
            items, following = read_page(reading, rows.PASSAGES, models.Passage.id, paging, given)
            return Page(oldest_first(items, paging), following)

        return await self._store.read(query)

    async def _take(self, source_id: int, incoming: AsyncIterator[bytes]) -> int:
        """Store what comes in pieces; how many bytes that were."""
        held, taken, number = bytearray(), 0, 0
        async for data in incoming:
            held += data
            taken += len(data)
            if taken > FILE_BYTES:
                raise BodyTooLarge(f"A file may have {FILE_BYTES:,} bytes.")
            if len(held) >= PIECE_BYTES:
                await self._keep(source_id, number, bytes(held))
                number += 1
                held.clear()
        if held:
            await self._keep(source_id, number, bytes(held))
        return taken

    async def _keep(self, source_id: int, number: int, data: bytes) -> None:
        text = base64.b64encode(data).decode()
        await self._store.commit(lambda tx: _ADD_PIECE.add(tx, source_id=source_id, number=number, data=text))

    def _checked(self, before: SourceWithText, given: dict[str, Any]) -> dict[str, Any]:
        """The columns that a change sets. Raises :class:`Invalid` for what a source of its kind does not have."""
        for field in given:
            allowed = _FETCHED if field in ("url", "refetch_hours") else _WRITTEN if field == "text" else None
            if allowed is not None and before.kind not in allowed:
                raise invalid(field, Fault.NOT_TOGETHER, other=f"kind {before.kind}")
            if field in ("title", "text") and not given[field].strip():
                raise invalid(field, Fault.REQUIRED)
        columns = {name: value for name, value in given.items() if value is not UNSET}
        if "url" in columns:
            columns["url"] = self._outside.check_url(columns["url"], "url")
        return {name: value for name, value in columns.items() if value != getattr(before, name)}


def add(tx: Transaction, assistant_id: int, **columns: Any) -> int:
    """Add a source; its id. Raises :class:`AssistantNotFound`, :class:`TooManySources`."""
    assistants.load(tx, assistant_id)
    if _COUNT.only(tx, assistant_id) >= MOST:
        raise TooManySources(f"The assistant has {MOST} sources; delete some to make room.")
    return _ADD.numbered(tx, assistant_id=assistant_id, created_at=tx.now_ms, updated_at=tx.now_ms, **columns)


def _delete(tx: Transaction, source_id: int) -> None:
    _AGAIN.change(tx, source_id, deleted=True, next_at=tx.now_ms, updated_at=tx.now_ms)
