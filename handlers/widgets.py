"""Widgets, for operators; and the check that every embedded widget makes before it shows itself."""

from __future__ import annotations

import msgspec

from handlers.base import Handler, operation
from replyx.conversations.widgets import NewWidget, WidgetChange, WidgetCheck, WidgetQuery
from replyx.errors import AssistantNotFound, Invalid, WidgetNotFound
from replyx.schemas.dialogs import Page, Widget


class CheckQuery(msgspec.Struct):
    """``domain`` stands for the page where no ``Origin`` header does."""

    token: str
    domain: str | None = None


class WidgetList(Handler):
    @operation("Widgets, oldest first", query=WidgetQuery, answers={200: Page[Widget]})
    async def get(self, query: WidgetQuery) -> object:
        return await self.services.widgets.list(query)

    @operation("Add a widget", body=NewWidget, answers={201: Widget}, problems=(AssistantNotFound, Invalid))
    async def post(self, body: NewWidget) -> object:
        return await self.services.widgets.create(body)


class OneWidget(Handler):
    @operation("One widget, with its embed code", answers={200: Widget}, problems=(WidgetNotFound,))
    async def get(self, widget_id: int) -> object:
        return await self.services.widgets.get(widget_id)

    @operation(
        "Change a widget; other domains make earlier tokens stale",
        body=WidgetChange,
        answers={200: Widget},
        problems=(WidgetNotFound, Invalid),
    )
    async def patch(self, widget_id: int, body: WidgetChange) -> object:
        return await self.services.widgets.change(widget_id, body)

    @operation("Delete a widget and revoke its tokens", problems=(WidgetNotFound,))
    async def delete(self, widget_id: int) -> None:
        await self.services.widgets.delete(widget_id)


class CheckWidget(Handler):
    @operation("Whether a widget may be shown on this page, and why not", query=CheckQuery, answers={200: WidgetCheck})
    async def get(self, query: CheckQuery) -> object:
        origin = self.request.headers.get("Origin")
        if origin is not None:
            self.allow_origin(origin)  # the page that may not show the widget is the one to be told why
        return await self.services.widgets.check(query.token, query.domain or origin or self.request.host)
