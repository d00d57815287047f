"""Tickets over HTTP. Whoever holds a ticket's id may read it and speak in it; operators do the rest."""

from __future__ import annotations

from handlers.access import SECRET_HEADER, Access
from handlers.base import Handler, operation
from replyx.auth import AccountActor, Speaker
from replyx.errors import (
    AccountNotFound,
    Banned,
    CredentialExpired,
    CredentialInvalid,
    Invalid,
    NotYourTurn,
    SenderNotAllowed,
    Taken,
    TicketNotFound,
    TooManyRequests,
    WrongEndpoint,
)
from replyx.paging import Paging
from replyx.schemas.dialogs import Page, PageAtCursor
from replyx.schemas.tickets import (
    ChangeTicket,
    NewTicket,
    Ticket,
    TicketChange,
    TicketDraft,
    TicketMessage,
    TicketPage,
    TicketQuery,
    TicketSent,
    as_user_sees,
)


class TicketList(Handler):
    """Every ticket, for operators; opening one is for everybody."""

    @operation(
        "Tickets, the newest first", query=TicketQuery, answers={200: TicketPage}, problems=(TicketNotFound, Invalid)
    )
    async def get(self, query: TicketQuery) -> object:
        """A page of those that match every filter."""
        return await self.services.tickets.list(query)

    @operation(
        "Open a ticket; its id is the right to speak in it as USER",
        body=NewTicket,
        answers={201: Ticket},
        problems=(Banned, Invalid, TooManyRequests),
        access=Access.PUBLIC,
    )
    async def post(self, body: NewTicket) -> object:
        """Limited by address, since anyone may."""
        self.limit("ticket_open", self.address)
        return await self.services.tickets.create(body, self.address)


class OneTicket(Handler):
    """One ticket, for whoever holds its id; changing it is for operators."""

    @operation("One ticket", answers={200: Ticket}, problems=(TicketNotFound,))
    async def get(self, ticket_id: str) -> object:
        """The id is the credential; operators see more than whoever has nothing else."""
        ticket = await self.services.tickets.get(ticket_id)
        return ticket if await self.by_operator() else as_user_sees(ticket)

    async def by_operator(self) -> bool:
        """Whether an operator's credential came along; one that is not good counts for nothing here."""
        try:
            account = await self.presented_account()
        except (CredentialInvalid, CredentialExpired, WrongEndpoint):
            return False
        return account is not None and account.is_operator

    @operation(
        "Change status, priority or assignee",
        body=ChangeTicket,
        answers={200: Ticket},
        problems=(TicketNotFound, AccountNotFound, Taken, Invalid),
        access=Access.OPERATOR,
    )
    async def patch(self, ticket_id: str, body: ChangeTicket) -> object:
        """What is not named stays as it is."""
        return await self.services.tickets.change(self.account, ticket_id, body)


class TicketMessages(Handler):
    """History and sending, for whoever holds the ticket's id."""

    @operation(
        "History, oldest first; the newest page by default",
        query=Paging,
        answers={200: PageAtCursor[TicketMessage]},
        problems=(TicketNotFound,),
    )
    async def get(self, ticket_id: str, paging: Paging) -> object:
        """The id is the credential."""
        self.count_read_of(ticket_id)
        return await self.services.tickets.messages(ticket_id, paging)

    @operation(
        "Send a message; repeating a clientId is safe",
        body=TicketDraft,
        answers={201: TicketSent, 200: TicketSent},
        problems=(
            *(TicketNotFound, CredentialInvalid, CredentialExpired, SenderNotAllowed),
            *(Banned, NotYourTurn, Invalid, TooManyRequests),
        ),
    )
    async def post(self, ticket_id: str, draft: TicketDraft) -> object:
        """AGENT needs an operator's token, BOT the internal secret or a bot account's token."""
        secret = self.request.headers.get(SECRET_HEADER)
        account = None if draft.sender_type == "USER" else await self.presented_account()
        speaker = await self.services.tickets.speaker(ticket_id, draft.sender_type, account, secret, self.address)
        self.spend_ticket_send(speaker, ticket_id)
        sent = await self.services.tickets.send_ticket_message(speaker, ticket_id, draft)
        self.set_status(200 if sent.duplicate else 201)
        return sent

    def count_read_of(self, ticket_id: str) -> None:
        """Count the read against the ticket too, whose history may be large."""
        if self.reading is not None:
            self.reading.count("visitor_read", f"ticket {ticket_id}", self.now)

    def spend_ticket_send(self, speaker: Speaker, ticket_id: str) -> None:
        """Count a send against its account, or against the ticket and the address."""
        if isinstance(speaker, AccountActor):
            self.limit("operator_send", str(speaker.account_id))
        else:
            self.limit("visitor_send", f"ticket {ticket_id}")
            self.limit("address_send", self.address)


class TicketChanges(Handler):
    """Who changed what, and when."""

    @operation(
        "History of a ticket's changes, oldest first",
        query=Paging,
        answers={200: Page[TicketChange]},
        problems=(TicketNotFound,),
    )
    async def get(self, ticket_id: str, paging: Paging) -> object:
        """Status, priority, assignee, and targets that were missed."""
        return await self.services.tickets.changes(ticket_id, paging)
