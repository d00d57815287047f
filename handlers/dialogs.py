"""Dialogs over HTTP, for the three kinds of credential that may be in one."""

from __future__ import annotations

from handlers.base import Handler, operation
from replyx.auth import VisitorActor
from replyx.conversations.claims import Displacing
from replyx.conversations.dialogs import Assign, DialogQuery, Draft, Read, Typing
from replyx.errors import (
    AccountNotFound,
    Banned,
    DialogNotFound,
    Invalid,
    NotYourTurn,
    SenderNotAllowed,
    Taken,
    TooManyRequests,
)
from replyx.paging import Paging
from replyx.schemas.dialogs import Dialog, DialogAnswer, DialogAtCursor, Message, PageAtCursor, Sent


class DialogList(Handler):
    @operation(
        "Dialogs, newest message first",
        query=DialogQuery,
        answers={200: PageAtCursor[Dialog]},
        problems=(DialogNotFound,),
    )
    async def get(self, query: DialogQuery) -> object:
        return await self.services.dialogs.list(query)


class OneDialog(Handler):
    @operation("One dialog", answers={200: DialogAtCursor}, problems=(DialogNotFound,))
    async def get(self, dialog_id: int) -> object:
        return await self.services.dialogs.get(self.speaker, dialog_id)


class DialogMessages(Handler):
    """History and sending; the route says whose."""

    @operation(
        "History, oldest first; the newest page by default",
        query=Paging,
        answers={200: PageAtCursor[Message]},
        problems=(DialogNotFound,),
    )
    async def get(self, dialog_id: int, paging: Paging) -> object:
        return await self.services.dialogs.history(self.speaker, dialog_id, paging)

    @operation(
        "Send a message; repeating a client_id is safe",
        body=Draft,
        answers={201: Sent, 200: Sent},
        problems=(DialogNotFound, SenderNotAllowed, Banned, NotYourTurn, Invalid, TooManyRequests),
    )
    async def post(self, dialog_id: int, draft: Draft) -> object:
        self.spend_send()
        sent = await self.services.dialogs.send_message(self.speaker, dialog_id, draft)
        self.set_status(200 if sent.duplicate else 201)
        return sent


class DialogTyping(Handler):
    @operation(
        "Tell the others that one writes, or stopped", body=Typing, problems=(DialogNotFound, Banned, NotYourTurn)
    )
    async def post(self, dialog_id: int, body: Typing) -> None:
        actor = self.speaker
        key = f"visitor {actor.visitor_id}" if isinstance(actor, VisitorActor) else f"account {actor.account_id}"
        self.limit("typing", key)
        await self.services.dialogs.typing(actor, dialog_id, body.typing)


class DialogRead(Handler):
    @operation("Mark as read", body=Read, answers={200: DialogAnswer}, problems=(DialogNotFound,))
    async def post(self, dialog_id: int, body: Read) -> object:
        return DialogAnswer(await self.services.dialogs.read(self.speaker, dialog_id, body.up_to))


class DialogAssign(Handler):
    @operation(
        "Give to an operator, or to nobody",
        body=Assign,
        answers={200: DialogAnswer},
        problems=(DialogNotFound, AccountNotFound, Taken),
    )
    async def post(self, dialog_id: int, body: Assign) -> object:
        return DialogAnswer(await self.services.dialogs.assign(self.account, dialog_id, body))


class DialogTakeover(Handler):
    @operation(
        "Answer instead of the assistant",
        body=Displacing,
        answers={200: DialogAnswer},
        problems=(DialogNotFound, Taken),
    )
    async def post(self, dialog_id: int, body: Displacing) -> object:
        return DialogAnswer(await self.services.dialogs.takeover(self.account, dialog_id, body.displace))


class DialogRelease(Handler):
    @operation(
        "Give back to the assistant", body=Displacing, answers={200: DialogAnswer}, problems=(DialogNotFound, Taken)
    )
    async def post(self, dialog_id: int, body: Displacing) -> object:
        return DialogAnswer(await self.services.dialogs.release(self.account, dialog_id, body.displace))


class DialogClose(Handler):
    @operation(
        "Close; the visitor's next message opens it again",
        body=Displacing,
        answers={200: DialogAnswer},
        problems=(DialogNotFound, Taken),
    )
    async def post(self, dialog_id: int, body: Displacing) -> object:
        return DialogAnswer(await self.services.dialogs.close(self.account, dialog_id, body.displace))


class DialogReopen(Handler):
    @operation("Open again", body=Displacing, answers={200: DialogAnswer}, problems=(DialogNotFound, Taken))
    async def post(self, dialog_id: int, body: Displacing) -> object:
        return DialogAnswer(await self.services.dialogs.reopen(self.account, dialog_id, body.displace))
