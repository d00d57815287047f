"""Tickets: dialogs with a subject, a status, a priority and a target. Whoever holds a ticket's id may speak in it.

The messages, the log, the inbox and the order of events are those of dialogs. This module says who may, and what of it
the clients of tickets see; what happens to a ticket is in :mod:`replyx.conversations.ticket_rules`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from operator import attrgetter

from msgspec import UNSET

from replyx.auth import AccountActor, SharedSecret, Speaker, TicketActor, sender_of
from replyx.conversations import bans, claims, ticket_rows
from replyx.conversations.dialog_changes import CHANGE
from replyx.conversations.dialog_rows import access
from replyx.conversations.dialog_rules import Said
from replyx.conversations.messages import add_message, trace
from replyx.conversations.ticket_rows import Wanted
from replyx.conversations.ticket_rules import TicketRules
from replyx.database import models
from replyx.database.rows import value
from replyx.delivery import eventlog
from replyx.delivery.bus import Bus
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.directory import Cache
from replyx.errors import SenderNotAllowed, TicketNotFound
from replyx.paging import Paging, cut, newest_first, oldest_first, read_page
from replyx.schemas.dialogs import Page, PageAtCursor
from replyx.schemas.events import INBOX, TypingStart, TypingStop, dialog_topic, taken_back
from replyx.schemas.texts import checked_text
from replyx.schemas.tickets import (
    ChangeTicket,
    NewTicket,
    SenderType,
    Ticket,
    TicketChange,
    TicketDraft,
    TicketJoined,
    TicketMessage,
    TicketPage,
    TicketQuery,
    TicketSent,
)
from replyx.tally import tally

log = logging.getLogger("replyx.tickets")

_TICKET_ID = value(models.Ticket.ticket_id).where(f"{models.Ticket.dialog_id} = ?")
_DIALOG_ID = value(models.Ticket.dialog_id).where(f"{models.Ticket.ticket_id} = ?")
_MESSAGE = ticket_rows.MESSAGES.where(f"{models.Message.id} = ?")


class Tickets:
    """What can be done with tickets; a wrong id is :class:`TicketNotFound`.

    ``secret`` lets a bot speak as BOT. With ``anyone_as_anyone`` (the demo) the page chooses whom it speaks as.
    """

    def __init__(
        self,
        store: Store,
        bus: Bus,
        epoch: str,
        rules: TicketRules,
        secret: SharedSecret,
        anyone_as_anyone: bool,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._bus = bus
        self._epoch = epoch
        self._rules = rules
        self._secret = secret
        self._anyone_as_anyone = anyone_as_anyone
        self._clock = clock
        self._dialog_ids: Cache[str, int] = Cache()

    async def create(self, new: NewTicket, address: str) -> Ticket:
        """Open a ticket for somebody at ``address``; durable when this returns. Raises :class:`Banned`."""

        def unit(tx: Transaction) -> Ticket:
            bans.check_address(tx, address, tx.now_ms)
            ticket = self._rules.open(tx, new)
            CHANGE.change(tx, ticket.dialog_id, address=address)
            return ticket

        ticket = await self._store.commit(unit)
        log.info("ticket opened dialog=%d priority=%s", ticket.dialog_id, ticket.priority)
        return ticket

    async def get(self, ticket_id: str) -> Ticket:
        """The ticket of this id."""
        dialog_id = await self.dialog_id(ticket_id)
        return await self._store.read(lambda rows: ticket_rows.load(rows, dialog_id))

    async def list(self, query: TicketQuery) -> TicketPage:
        """Tickets that match every filter, the newest first."""

        def run(rows: Snapshot) -> TicketPage:
            newest = eventlog.top(rows)
            found, paging = _tickets(rows, query)
            items, following = cut(found, paging.limit, attrgetter("dialog_id"))
            continues = None if following is None else items[-1].id
            return TicketPage(newest_first(items, paging), continues, f"{self._epoch}-{newest}")

        return await self._store.read(run)

    async def change(self, actor: AccountActor, ticket_id: str, asked: ChangeTicket) -> Ticket:
        """Change status, priority and assignee; who did it stands in the history.

        Raises :class:`AccountNotFound`, and :class:`Taken` where another operator was first.
        """
        dialog_id = await self.dialog_id(ticket_id)
        wanted = Wanted(
            status=None if asked.status is UNSET else asked.status,
            priority=None if asked.priority is UNSET else asked.priority,
            assignee_id=asked.assignee,
        )

        def unit(tx: Transaction) -> Ticket:
            if asked.assignee is not UNSET:
                claims.give(tx, actor, dialog_id, asked.assignee, asked.displace)
            if wanted.status is not None or wanted.priority is not None:
                claims.change(tx, actor, dialog_id, asked.displace)
            self._rules.bring(tx, dialog_id, actor, wanted)
            return ticket_rows.load(tx, dialog_id)

        return await self._store.commit(unit)

    async def changes(self, ticket_id: str, paging: Paging) -> Page[TicketChange]:
        """The history of the ticket's changes, oldest first; the newest page when neither side of it is given."""
        dialog_id = await self.dialog_id(ticket_id)

        def query(rows: Snapshot) -> Page[TicketChange]:
            of_dialog = {f"{models.TicketChange.dialog_id} = ?": dialog_id}
            items, following = read_page(rows, ticket_rows.CHANGES, models.TicketChange.id, paging, of_dialog)
            return Page(oldest_first(items, paging), following)

        return await self._store.read(query)

    async def messages(self, ticket_id: str, paging: Paging) -> PageAtCursor[TicketMessage]:
        """A page of messages, oldest first; the newest page when neither side of it is given."""
        dialog_id = await self.dialog_id(ticket_id)

        def query(rows: Snapshot) -> PageAtCursor[TicketMessage]:
            newest = eventlog.top(rows)
            items, following = _messages(rows, dialog_id, paging)
            return PageAtCursor(items, following, f"{self._epoch}-{newest}")

        return await self._store.read(query)

    async def join(self, ticket_id: str, paging: Paging | None = None) -> TicketJoined:
        """The ticket and its newest messages, in one snapshot."""
        dialog_id = await self.dialog_id(ticket_id)

        def query(rows: Snapshot) -> TicketJoined:
            newest = eventlog.top(rows)
            items, following = _messages(rows, dialog_id, paging or Paging())
            return TicketJoined(ticket_rows.load(rows, dialog_id), items, following, f"{self._epoch}-{newest}")

        return await self._store.read(query)

    async def dialog_id(self, ticket_id: str) -> int:
        """The number of the ticket's dialog, and so the way to its topic. Raises :class:`TicketNotFound`."""
        known = self._dialog_ids.get(ticket_id)
        if known is not None:
            return known
        found = await self._store.read(lambda rows: _dialog_id(rows, ticket_id))
        self._dialog_ids.put(ticket_id, found, self._dialog_ids.generation)
        return found

    async def ticket_id(self, dialog_id: int) -> str:
        """The id of the ticket that this dialog is. Raises :class:`TicketNotFound`."""

        def query(rows: Snapshot) -> str:
            ticket_id = _TICKET_ID.one(rows, dialog_id)
            if ticket_id is None:
                raise TicketNotFound("This dialog is no ticket.")
            return ticket_id

        return await self._store.read(query)

    def is_internal_secret(self, presented: str | None) -> bool:
        """Whether ``presented`` is the bots' secret. Raises :class:`CredentialInvalid` for a wrong one."""
        if presented is None:
            return False
        self._secret.check(presented)
        return True

    async def speaker(
        self,
        ticket_id: str,
        claimed: SenderType | None,
        account: AccountActor | None,
        secret: str | None,
        address: str,
    ) -> Speaker:
        """Who speaks in the ticket, given the credentials that came beside its id.

        Without ``claimed`` they decide. Raises :class:`TicketNotFound`, :class:`CredentialInvalid` for a wrong
        secret, and :class:`SenderNotAllowed` where nothing covers the claim.
        """
        with_secret = self.is_internal_secret(secret)
        dialog_id = await self.dialog_id(ticket_id)
        if account is not None and account.is_operator and claimed in (None, "AGENT"):
            return account
        if account is not None and account.role == "bot" and claimed in (None, "BOT"):
            return account
        if claimed == "BOT" or (claimed is None and with_secret):
            if with_secret or self._anyone_as_anyone:
                return TicketActor(ticket_id, dialog_id, "assistant")
            raise SenderNotAllowed("BOT needs the header x-internal-secret or the token of a bot's account.")
        if claimed == "AGENT":
            if self._anyone_as_anyone:
                return TicketActor(ticket_id, dialog_id, "manager")
            raise SenderNotAllowed("AGENT needs an operator's token.")
        return TicketActor(ticket_id, dialog_id, "user", address)

    async def send_ticket_message(self, speaker: Speaker, ticket_id: str, draft: TicketDraft) -> TicketSent:
        """Store a message and publish exactly one ``message:new``; durable when this returns.

        A repeated ``clientId`` returns the first message and publishes nothing. Raises :class:`Invalid` for a text
        that is empty or too long, and :class:`NotYourTurn` for a bot that names another turn.
        """
        dialog_id = await self.dialog_id(ticket_id)
        said = Said(
            checked_text(draft.content, "content"), draft.client_id, draft.sender_id, draft.message_type, draft.turn
        )

        def unit(tx: Transaction) -> TicketSent:
            sent = add_message(tx, self._rules, speaker, access(tx, speaker, dialog_id), said)
            return TicketSent(_MESSAGE.only(tx, sent.message.id), sent.duplicate)

        sent = await self._store.commit(unit)
        if not sent.duplicate:
            tally.messages[sender_of(speaker)] += 1
            trace(speaker, dialog_id, sent.message.id)
        return sent

    async def typing(self, speaker: Speaker, ticket_id: str, typing: bool, source: object = None) -> TypingStop:
        """Tell the others in the ticket; ``source`` is the sink of the connection that must not get it back.

        Returns the end of it, which is for :meth:`replyx.conversations.dialogs.Dialogs.stop_typing`.
        """
        dialog_id = await self.dialog_id(ticket_id)
        if isinstance(speaker, TicketActor):
            now_ms = int(self._clock() * 1000)
            await self._store.read(lambda rows: bans.check_speaker(rows, speaker, dialog_id, now_ms))
        event = (TypingStart if typing else TypingStop)(dialog_id, sender_of(speaker), ticket_id)
        self._bus.publish_ephemeral((dialog_topic(dialog_id), INBOX), event, source)
        return taken_back(event)


def _dialog_id(rows: Snapshot, ticket_id: str) -> int:
    dialog_id = _DIALOG_ID.one(rows, ticket_id)
    if dialog_id is None:
        raise TicketNotFound("There is no ticket of this id.")
    return dialog_id


def _messages(rows: Snapshot, dialog_id: int, paging: Paging) -> tuple[list[TicketMessage], int | None]:
    of_dialog = {f"{models.Message.dialog_id} = ?": dialog_id}
    items, following = read_page(rows, ticket_rows.MESSAGES, models.Message.id, paging, of_dialog)
    return oldest_first(items, paging), following


def _tickets(rows: Snapshot, query: TicketQuery) -> tuple[Iterator[Ticket], Paging]:
    """One more than the page, so that its end shows. Tickets are in the order of their dialogs' numbers."""
    anchor = query.before if query.before is not None else query.after
    paging = query.around(None if anchor is None else _dialog_id(rows, anchor))
    comparison, order, bound = paging.window()
    # One column under two names: SQLite takes the order from an index only where that index's own is asked.
    key = models.Ticket.dialog_id if query.assignee in (None, "none") else models.Dialog.id
    fixed = [f"{models.Dialog.assignee_id} IS NULL"] if query.assignee == "none" else []
    named = {
        f"{key} {comparison} ?": bound,
        f"{models.Ticket.status} = ?": query.status,
        f"{models.Ticket.priority} = ?": query.priority,
        f"{models.Dialog.assignee_id} = ?": None if query.assignee in (None, "none") else int(query.assignee),
    }
    asked = {condition: given for condition, given in named.items() if given is not None}
    matching = ticket_rows.TICKETS.where(" AND ".join((*fixed, *asked)), f"ORDER BY {key} {order} LIMIT ?")
    return matching.each(rows, *asked.values(), paging.limit + 1), paging
