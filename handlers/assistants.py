"""Assistants, for operators."""

from __future__ import annotations

from handlers.base import Handler, operation
from replyx.conversations.assistants import AssistantChange, NewAssistant
from replyx.errors import AssistantInUse, AssistantNotFound
from replyx.paging import Paging
from replyx.schemas.dialogs import Assistant, Page


class AssistantList(Handler):
    @operation("Assistants, oldest first", query=Paging, answers={200: Page[Assistant]})
    async def get(self, query: Paging) -> object:
        return await self.services.assistants.list(query)

    @operation("Add an assistant", body=NewAssistant, answers={201: Assistant})
    async def post(self, body: NewAssistant) -> object:
        return await self.services.assistants.create(body)


class OneAssistant(Handler):
    @operation("One assistant", answers={200: Assistant}, problems=(AssistantNotFound,))
    async def get(self, assistant_id: int) -> object:
        return await self.services.assistants.get(assistant_id)

    @operation("Change an assistant", body=AssistantChange, answers={200: Assistant}, problems=(AssistantNotFound,))
    async def patch(self, assistant_id: int, body: AssistantChange) -> object:
        return await self.services.assistants.change(assistant_id, body)

    @operation("Delete an assistant that nothing refers to", problems=(AssistantNotFound, AssistantInUse))
    async def delete(self, assistant_id: int) -> None:
        await self.services.assistants.delete(assistant_id)
