"""Bans: operators ban the other side of a dialog, admins see every ban and lift it."""

from __future__ import annotations

from handlers.base import Handler, operation
from replyx.conversations.bans import Ban, NewBan
from replyx.errors import AddressUnknown, BanNotFound, DialogNotFound
from replyx.paging import Paging
from replyx.schemas.dialogs import Page


class DialogBan(Handler):
    @operation(
        "Ban the dialog's visitor, or the address",
        body=NewBan,
        answers={201: Ban},
        problems=(DialogNotFound, AddressUnknown),
    )
    async def post(self, dialog_id: int, body: NewBan) -> object:
        return await self.services.bans.add(self.account, dialog_id, body)


class BanList(Handler):
    @operation("Bans, the newest page by default", query=Paging, answers={200: Page[Ban]})
    async def get(self, query: Paging) -> object:
        return await self.services.bans.list(query)


class OneBan(Handler):
    @operation("Lift a ban", problems=(BanNotFound,))
    async def delete(self, ban_id: int) -> None:
        await self.services.bans.lift(self.account, ban_id)
