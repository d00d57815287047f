"""Search over HTTP, for operators."""

from __future__ import annotations

from handlers.base import Handler, operation
from replyx.conversations.search import Found, SearchQuery
from replyx.errors import Invalid
from replyx.schemas.dialogs import Page


class SearchMessages(Handler):
    @operation(
        "Messages of every dialog and ticket that hold the words, the newest first",
        query=SearchQuery,
        answers={200: Page[Found]},
        problems=(Invalid,),
    )
    async def get(self, query: SearchQuery) -> object:
        return await self.services.search.messages(query)
