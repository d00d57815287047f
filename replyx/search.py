"""Search for operators: in the messages of every dialog and ticket, the newest first."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from replyx.errors import invalid
from replyx.paging import LAST_ID, ItemId
from replyx.schemas import Message, Page, VisitorCard, timestamp
from replyx.search_words import Piece, excerpt, words_of
from replyx.store import Snapshot, Store

MOST_WORDS = 10


class SearchQuery(msgspec.Struct):
    """``limit`` messages older than the message ``before`` that hold every word of ``q``, the last as a beginning."""

    q: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
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


class Search:
    """Finds messages. What a page costs follows from how many messages hold the words, not from the history."""

    def __init__(self, store: Store) -> None:
        self._store = store
        dialect = store.dialect
        self._matching = dialect.matching
        self._sql = (
            "SELECT m.dialog_id, t.ticket_id, t.subject, v.name, v.page,"
            " m.id, m.sender, m.text, m.created_at, m.client_id, m.author"
            f" FROM {dialect.SEARCHED} JOIN dialog d ON d.id = m.dialog_id"
            " LEFT JOIN visitor v ON v.id = d.visitor_id LEFT JOIN ticket t ON t.dialog_id = d.id"
            f" WHERE {dialect.MATCHES} AND {dialect.SEARCHED_ID} < ? ORDER BY {dialect.SEARCHED_ID} DESC LIMIT ?"
        )

    async def messages(self, query: SearchQuery) -> Page[Found]:
        """A page of messages, the newest first. Raises :class:`Invalid` for a query without a letter or digit."""
        words = words_of(query.q)[:MOST_WORDS]
        if not words:
            raise invalid("q", "must hold a letter or a digit")
        before = LAST_ID if query.before is None else query.before
        params = (self._matching(words), before, query.limit + 1)

        def run(rows: Snapshot) -> list[Any]:
            found: list[Any] = rows.execute(self._sql, params).fetchall()
            return found

        rows = await self._store.read(run)
        items = [_found(row, words) for row in rows[: query.limit]]
        return Page(items, items[-1].message.id if len(rows) > query.limit else None)


def _found(row: Any, words: list[str]) -> Found:
    dialog_id, ticket_id, subject, name, page, message_id, sender, text, created_at, client_id, author = row
    message = Message(message_id, sender, text, timestamp(created_at), client_id, author)
    return Found(dialog_id, ticket_id, subject, VisitorCard(name, page), message, excerpt(text, words))
