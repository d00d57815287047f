"""Search for operators: in the messages of every dialog and ticket, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec

from replyx.conversations.dialog_rows import MESSAGE
from replyx.conversations.search_words import Piece, excerpt, words_of
from replyx.database import models
from replyx.database.rows import Part, Select, computed, select, stated
from replyx.delivery.store import Snapshot, Store
from replyx.errors import invalid
from replyx.faults import Fault
from replyx.paging import ItemId, cut
from replyx.schemas import sizes
from replyx.schemas.dialogs import Message, Page, VisitorCard

MOST_WORDS = 10


class SearchQuery(msgspec.Struct):
    """``limit`` messages older than the message ``before`` that hold every word of ``q``, the last as a beginning."""

    q: Annotated[str, msgspec.Meta(min_length=1, max_length=sizes.QUERY)]
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    before: ItemId | None = None


class Found(msgspec.Struct, frozen=True):
    """A message that was found: its dialog, whose it is, and the excerpt in which its hits are marked."""

    dialog_id: int
    ticket_id: str | None
    subject: str | None
    visitor: VisitorCard
    message: Message
    excerpt: list[Piece]


@dataclass(frozen=True, slots=True)
class _Whole:
    """A message that was found, before its excerpt is cut."""

    dialog_id: int
    ticket_id: str | None
    subject: str | None
    visitor: VisitorCard
    message: Message


# One by one: SQLite takes an end from the index, and reads every row for both ends in one SELECT.
_FIRST: Select[int | None] = computed(int, f"MIN({models.Message.id})", models.Message)
_LAST: Select[int | None] = computed(int, f"MAX({models.Message.id})", models.Message)
_MESSAGES = select(
    _Whole,
    models.Message,
    f"JOIN {models.Dialog} ON {models.Dialog.id} = {models.Message.dialog_id}"
    f" LEFT JOIN {models.Visitor} ON {models.Visitor.id} = {models.Dialog.visitor_id}"
    f" LEFT JOIN {models.Ticket} ON {models.Ticket.dialog_id} = {models.Dialog.id}",
    ticket_id=models.Ticket.ticket_id,
    subject=models.Ticket.subject,
    visitor=Part(VisitorCard, models.Visitor),
    message=MESSAGE,
)


class Search:
    """Finds messages, band by band of the index, the newest band first.

    So a word that is everywhere costs no more in a long history than in one band. A word that is nowhere costs one
    look into each band, 0.05 to 0.2 ms.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._dialect = store.dialect
        self._matches = stated(int, store.dialect.SEARCH)

    async def messages(self, query: SearchQuery) -> Page[Found]:
        """A page of messages, the newest first. Raises :class:`Invalid` for a query without a letter or digit."""
        words = words_of(query.q)[:MOST_WORDS]
        if not words:
            raise invalid("q", Fault.NO_WORD)

        def run(rows: Snapshot) -> Page[Found]:
            ids = self._ids(rows, words, query.before, query.limit + 1)
            if not ids:
                return Page([], None)
            among = f"{models.Message.id} IN ({', '.join('?' * len(ids))})"
            newest_first = _MESSAGES.where(among, f"ORDER BY {models.Message.id} DESC").each(rows, *ids)
            found = (_found(each, words) for each in newest_first)
            return Page(*cut(found, query.limit, lambda each: each.message.id))

        return await self._store.read(run)

    def _ids(self, rows: Snapshot, words: list[str], before: int | None, limit: int) -> list[int]:
        """At most ``limit`` ids of messages that hold ``words``, the newest first."""
        first, last = _FIRST.only(rows), _LAST.only(rows)
        if first is None or last is None:
            return []
        dialect = self._dialect
        if dialect.BEFORE_SEARCH:
            rows.execute(dialect.BEFORE_SEARCH)
        below = last + 1 if before is None else min(before, last + 1)
        found: list[int] = []
        while below > first and len(found) < limit:
            band = (below - 1) // dialect.BAND
            start = band * dialect.BAND
            matching = dialect.matching(words, band)
            found += self._matches.all(rows, matching, start, below, limit - len(found))
            below = start
        return found


def _found(whole: _Whole, words: list[str]) -> Found:
    marked = excerpt(whole.message.text, words)
    return Found(whole.dialog_id, whole.ticket_id, whole.subject, whole.visitor, whole.message, marked)
