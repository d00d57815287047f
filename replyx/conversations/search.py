"""Search for operators: in the messages, the visitors' names and the subjects of every dialog and ticket."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated

import msgspec

from replyx.conversations.dialog_rows import MESSAGE
from replyx.conversations.search_excerpt import Piece, excerpt, holds, marked
from replyx.conversations.search_words import Asked, asked
from replyx.database import models
from replyx.database.rows import DEFAULT, Part, Select, computed, select, stated
from replyx.delivery.store import Snapshot, Store
from replyx.errors import invalid
from replyx.faults import Fault
from replyx.paging import LAST_ID, ItemId, cut
from replyx.schemas import sizes
from replyx.schemas.dialogs import Message, Page, VisitorCard

MOST_DIALOGS = 1_000  # whose name or subject matches, the newest ones
MOST_LOOKED_AT = 2_000  # messages for one page, where a few letters are everywhere and what was asked for nowhere


class SearchQuery(msgspec.Struct):
    """``limit`` messages older than the message ``before`` that hold every word of ``q``, the last as a beginning."""

    q: Annotated[str, msgspec.Meta(min_length=1, max_length=sizes.QUERY)]
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    before: ItemId | None = None


class Found(msgspec.Struct, frozen=True):
    """What was found in a dialog: a message, or its newest one where its visitor's name or its subject was.

    ``excerpt`` is of the message, ``title`` the subject or else the name, both with their hits marked. Of a ticket in
    which nothing was said yet ``message`` is null, and the excerpt is of its description.
    """

    dialog_id: int
    ticket_id: str | None
    subject: str | None
    visitor: VisitorCard
    message: Message | None
    excerpt: list[Piece]
    title: list[Piece]


@dataclass(frozen=True, slots=True)
class _Whole:
    """What was found, before its excerpt is cut."""

    dialog_id: int
    ticket_id: str | None
    subject: str | None
    description: str | None
    visitor: VisitorCard
    message: Message | None = None


# One by one: SQLite takes an end from the index, and reads every row for both ends in one SELECT.
_FIRST: Select[int | None] = computed(int, f"MIN({models.Message.id})", models.Message)
_LAST: Select[int | None] = computed(int, f"MAX({models.Message.id})", models.Message)
_LAST_DIALOG: Select[int | None] = computed(int, f"MAX({models.DialogWords.dialog_id})", models.DialogWords)
_OF_DIALOG = (
    f"LEFT JOIN {models.Visitor} ON {models.Visitor.id} = {models.Dialog.visitor_id}"
    f" LEFT JOIN {models.Ticket} ON {models.Ticket.dialog_id} = {models.Dialog.id}"
)
_MESSAGES = select(
    _Whole,
    models.Message,
    f"JOIN {models.Dialog} ON {models.Dialog.id} = {models.Message.dialog_id} {_OF_DIALOG}",
    ticket_id=models.Ticket.ticket_id,
    subject=models.Ticket.subject,
    description=models.Ticket.description,
    visitor=Part(VisitorCard, models.Visitor),
    message=MESSAGE,
)
_DIALOGS = select(
    _Whole,
    models.Dialog,
    _OF_DIALOG,
    dialog_id=models.Dialog.id,
    ticket_id=models.Ticket.ticket_id,
    subject=models.Ticket.subject,
    description=models.Ticket.description,
    visitor=Part(VisitorCard, models.Visitor),
    message=DEFAULT,
)
_NEWEST_MESSAGE: Select[int] = stated(int, f"SELECT {models.Dialog.last_message_id} FROM {models.Dialog}")


class Search:
    """Finds messages and dialogs, band by band of their indexes, the newest band first.

    So a word that is everywhere costs no more in a long history than in one band. A word that is nowhere costs one
    look into each band, 0.05 to 0.2 ms.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._dialect = store.dialect
        self._in_messages = stated(int, store.dialect.SEARCH)
        self._in_dialogs = stated(int, store.dialect.SEARCH_DIALOGS)

    async def messages(self, query: SearchQuery) -> Page[Found]:
        """A page of what was found, the newest first; tickets in which nothing was said yet begin the first page.

        Raises :class:`Invalid` for a query without a letter or digit.
        """
        wanted = asked(query.q)
        if not wanted.terms:
            raise invalid("q", Fault.NO_WORD)
        return await self._store.read(lambda rows: self._page(rows, wanted, query))

    def _page(self, rows: Snapshot, wanted: Asked, query: SearchQuery) -> Page[Found]:
        stopped_at: list[int] = []
        every = (_found(each, wanted) for each in self._results(rows, wanted, query, stopped_at))
        items, following = cut(every, query.limit, lambda each: each.message.id if each.message else LAST_ID)
        return Page(items, following if following is not None else next(iter(stopped_at), None))

    def _results(self, rows: Snapshot, wanted: Asked, query: SearchQuery, stopped_at: list[int]) -> Iterator[_Whole]:
        """What was found, each read when it is asked for; ``stopped_at`` gets where looking was given up."""
        # Before PostgreSQL is told to leave out what finds an end at once.
        first, last, last_dialog = _FIRST.only(rows), _LAST.only(rows), _LAST_DIALOG.only(rows)
        if self._dialect.BEFORE_SEARCH:
            rows.execute(self._dialect.BEFORE_SEARCH)
        dialogs = self._dialogs(rows, wanted, last_dialog or 0)
        if query.before is None:
            yield from _silent_tickets(rows, dialogs, query.limit)
        below = LAST_ID if query.before is None else query.before
        window = (first or 0, min(below, (last or 0) + 1))
        candidates = self._candidates(rows, wanted, dialogs, window, query.limit + 1)
        looked_at = 0
        while ids := list(islice(candidates, query.limit + 1)):
            among = f"{models.Message.id} IN ({_marks(ids)})"
            for each in _MESSAGES.where(among, f"ORDER BY {models.Message.id} DESC").each(rows, *ids):
                if each.dialog_id in dialogs or _holds(each, wanted):
                    yield each
            looked_at += len(ids)
            if looked_at > MOST_LOOKED_AT:
                stopped_at.append(ids[-1])
                return

    def _candidates(
        self, rows: Snapshot, wanted: Asked, dialogs: Sequence[int], window: tuple[int, int], size: int
    ) -> Iterator[int]:
        """The ids in a window of messages that may be results, the newest first, none twice."""
        named: list[int] = []
        if dialogs:
            condition = f"{models.Dialog.id} IN ({_marks(dialogs)}) AND {models.Dialog.last_message_id} < ?"
            order = f"ORDER BY {models.Dialog.last_message_id} DESC"
            named = _NEWEST_MESSAGE.where(condition, order).all(rows, *dialogs, window[1])
        said = self._matching(rows, self._in_messages, wanted, window, size)
        previous = None
        for message_id in heapq.merge(said, named, reverse=True):
            if message_id != previous:
                yield message_id
            previous = message_id

    def _dialogs(self, rows: Snapshot, wanted: Asked, last: int) -> Sequence[int]:
        """The newest dialogs whose visitor's name or subject is asked for."""
        matching = self._matching(rows, self._in_dialogs, wanted, (0, last + 1), MOST_DIALOGS)
        ids = tuple(islice(matching, MOST_DIALOGS))
        if not ids or not wanted.runs:
            return ids
        titled = _DIALOGS.where(f"{models.Dialog.id} IN ({_marks(ids)})").all(rows, *ids)
        return tuple(each.dialog_id for each in titled if holds(_title(each), wanted))

    def _matching(
        self, rows: Snapshot, index: Select[int], wanted: Asked, window: tuple[int, int], size: int
    ) -> Iterator[int]:
        """The ids in a window that have all keys, the newest first, read ``size`` at a time."""
        dialect = self._dialect
        first, below = window
        while below > first:
            band = (below - 1) // dialect.BAND
            start = band * dialect.BAND
            ids = index.all(rows, dialect.matching(wanted.terms, band), start, below, size)
            yield from ids
            below = start if len(ids) < size else ids[-1]


def _silent_tickets(rows: Snapshot, dialogs: Sequence[int], limit: int) -> list[_Whole]:
    if not dialogs:
        return []
    silent = f"{models.Dialog.kind} = 'ticket' AND {models.Dialog.last_message_id} IS NULL"
    condition = f"{models.Dialog.id} IN ({_marks(dialogs)}) AND {silent}"
    return _DIALOGS.where(condition, f"ORDER BY {models.Dialog.id} DESC LIMIT ?").all(rows, *dialogs, limit)


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _title(whole: _Whole) -> str:
    return whole.subject or whole.visitor.name or ""


def _holds(whole: _Whole, wanted: Asked) -> bool:
    return whole.message is None or holds(whole.message.text, wanted)


def _found(whole: _Whole, wanted: Asked) -> Found:
    said = excerpt((whole.message.text if whole.message is not None else whole.description) or "", wanted)
    title = marked(_title(whole), wanted)
    return Found(whole.dialog_id, whole.ticket_id, whole.subject, whole.visitor, whole.message, said, title)
