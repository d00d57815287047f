"""Dialogs: who may see one, what is said in it, and who answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Annotated

import msgspec

from replyx.auth import AccountActor, Actor, sender_of
from replyx.conversations import bans, claims, empty_dialogs, handling
from replyx.conversations.claims import Displace, Displacing
from replyx.conversations.dialog_changes import CHANGE
from replyx.conversations.dialog_rows import MESSAGES, Found, access, dialogs_by_activity, load
from replyx.conversations.dialog_rules import DialogRules, Said
from replyx.conversations.messages import add_message, trace
from replyx.conversations.operators import operator_name
from replyx.database import models
from replyx.database.rows import computed
from replyx.delivery import eventlog
from replyx.delivery.bus import Bus
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import SenderNotAllowed
from replyx.paging import LAST_ID, ItemId, Paging, cut, newest_first, oldest_first, read_page
from replyx.schemas import sizes
from replyx.schemas.dialogs import (
    NO_NUL,
    Dialog,
    DialogAtCursor,
    DialogKind,
    Message,
    PageAtCursor,
    Sent,
    Status,
    Turn,
)
from replyx.schemas.events import (
    INBOX,
    MessageRead,
    MessageReceived,
    TypingStart,
    TypingStop,
    dialog_topic,
    taken_back,
    visitor_topic,
)
from replyx.schemas.languages import DEFAULT, RECEIVED, Language
from replyx.schemas.texts import checked_text
from replyx.tally import tally

ClientId = Annotated[str, msgspec.Meta(min_length=1, max_length=sizes.CLIENT_ID, pattern=NO_NUL)]
MessageId = Annotated[int, msgspec.Meta(ge=1, le=LAST_ID)]


class Draft(msgspec.Struct):
    """A message to send. ``client_id`` makes repeating it safe; ``sender`` may only repeat what the credential says.

    A bot that names a ``turn`` speaks in that one only.
    """

    text: str
    client_id: ClientId | None = None
    sender: str | None = None
    turn: Turn | None = None


class Typing(msgspec.Struct):
    """True when one begins to write, false when one stops."""

    typing: bool = True


class Read(msgspec.Struct):
    """Everything up to the message ``up_to`` was read; without it, everything there is."""

    up_to: MessageId | None = None


class Assign(Displacing, kw_only=True):
    """The operator who is to answer; null for nobody."""

    account_id: ItemId | None


class DialogQuery(Paging):
    """A page of dialogs; without ``status`` open and closed ones, without ``kind`` those of every kind."""

    status: Status | None = None
    kind: DialogKind | None = None


_UNREAD = computed(int, "COUNT(*)", models.Message).where(
    f"{models.Message.dialog_id} = ? AND {models.Message.id} > ? AND {models.Message.sender} = 'user'"
)


class Dialogs:
    """What can be done with dialogs. Another's dialog is :class:`DialogNotFound`, as if it did not exist."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        epoch: str,
        rules: Mapping[DialogKind, DialogRules],
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._bus = bus
        self._epoch = epoch
        self._rules = rules
        self._clock = clock

    async def send_message(self, actor: Actor, dialog_id: int, draft: Draft) -> Sent:
        """Store a message and publish exactly one ``message:new``; durable when this returns.

        A repeated ``client_id`` returns the first message and publishes nothing. Raises
        :class:`SenderNotAllowed`, :class:`Invalid` for a text that is empty or too long, and :class:`NotYourTurn`
        for an assistant that is not to speak.
        """
        sender = sender_of(actor)
        if draft.sender is not None and draft.sender != sender:
            raise SenderNotAllowed(f"This credential speaks as {sender}; leave sender out or send {sender!r}.")
        said = Said(checked_text(draft.text), draft.client_id, turn=draft.turn)

        def unit(tx: Transaction) -> tuple[Sent, Language]:
            found = access(tx, actor, dialog_id)
            return add_message(tx, self._rules[found.kind], actor, found, said), found.locale or DEFAULT

        sent, language = await self._store.commit(unit)
        if not sent.duplicate:
            tally.messages[sender] += 1
            trace(actor, dialog_id, sent.message.id)
            if sender == "user":
                receipt = MessageReceived(dialog_id, RECEIVED[language], sent.message.timestamp)
                self._bus.publish_ephemeral((visitor_topic(dialog_id),), receipt)
        return sent

    async def history(self, actor: Actor, dialog_id: int, paging: Paging) -> PageAtCursor[Message]:
        """A page of messages, oldest first; the newest page when neither side of it is given."""

        def query(rows: Snapshot) -> PageAtCursor[Message]:
            access(rows, actor, dialog_id)
            newest = eventlog.top(rows)
            of_dialog = {f"{models.Message.dialog_id} = ?": dialog_id}
            items, following = read_page(rows, MESSAGES, models.Message.id, paging, of_dialog)
            return PageAtCursor(oldest_first(items, paging), following, f"{self._epoch}-{newest}")

        return await self._store.read(query)

    async def get(self, actor: Actor, dialog_id: int) -> DialogAtCursor:
        """One dialog and the cursor at which it was read."""

        def query(rows: Snapshot) -> DialogAtCursor:
            access(rows, actor, dialog_id)
            newest = eventlog.top(rows)
            return DialogAtCursor(load(rows, dialog_id), f"{self._epoch}-{newest}")

        return await self._store.read(query)

    async def list(self, query: DialogQuery) -> PageAtCursor[Dialog]:
        """Dialogs for the inbox, the one with the newest message first."""

        def run(rows: Snapshot) -> PageAtCursor[Dialog]:
            newest = eventlog.top(rows)
            found = dialogs_by_activity(rows, query, query.status, query.kind)
            items, following = cut(found, query.limit, attrgetter("id"))
            return PageAtCursor(newest_first(items, query), following, f"{self._epoch}-{newest}")

        return await self._store.read(run)

    async def check_access(self, actor: Actor, dialog_id: int) -> None:
        """Raise :class:`DialogNotFound` unless the dialog is the actor's to see."""
        await self._store.read(lambda rows: access(rows, actor, dialog_id))

    async def typing(self, actor: Actor, dialog_id: int, typing: bool, source: object = None) -> TypingStop:
        """Tell the others in the dialog; ``source`` is the sink of the connection that must not get it back.

        Returns the end of it, which whoever owns a connection gives to :meth:`stop_typing` when that is lost.

        An operator who begins to write makes the assistant quiet for a while. Raises :class:`NotYourTurn` for an
        assistant that begins to write when it is not to speak.
        """
        now_ms = int(self._clock() * 1000)
        sender = sender_of(actor)

        def query(rows: Snapshot) -> tuple[Found, TypingStart | TypingStop]:
            found = access(rows, actor, dialog_id)
            bans.check_speaker(rows, actor, dialog_id, now_ms)
            rules = self._rules[found.kind]
            if typing and sender == "assistant":
                rules.check_turn(found, None, now_ms)
            return found, rules.typing(rows, dialog_id, sender, typing)

        found, event = await self._store.read(query)
        if typing and sender == "manager" and handling.is_to_pause(found, now_ms):
            assert isinstance(actor, AccountActor)
            await self._store.commit(lambda tx: self._pause(tx, actor, dialog_id))
        self._bus.publish_ephemeral(empty_dialogs.topics(dialog_id, empty_dialogs.is_shown(found)), event, source)
        return taken_back(event)

    def stop_typing(self, stop: TypingStop) -> None:
        """Take back the typing of somebody whose connection is gone."""
        self._bus.publish_ephemeral((dialog_topic(stop.dialog_id), INBOX), stop)

    def _pause(self, tx: Transaction, by: AccountActor, dialog_id: int) -> None:
        found = access(tx, by, dialog_id)
        if handling.is_to_pause(found, tx.now_ms):
            self._rules[found.kind].change(tx, dialog_id, by, **handling.pause(by, tx.now_ms))

    async def read(self, actor: Actor, dialog_id: int, up_to: int | None) -> Dialog:
        """Move this side's mark of what it has read; it never moves back. What a bot reads no operator has read."""
        return await self._store.commit(lambda tx: _read(tx, actor, dialog_id, up_to))

    async def assign(self, actor: AccountActor, dialog_id: int, asked: Assign) -> Dialog:
        """Give the dialog to an operator. Raises :class:`AccountNotFound` for anyone else.

        Where another operator was first, this and the changes below raise :class:`Taken`, unless they may be displaced.
        """
        account_id = asked.account_id

        def claim(tx: Transaction) -> None:
            if account_id is not None:
                operator_name(tx, account_id)
            claims.give(tx, actor, dialog_id, account_id, asked.displace)

        return await self._change(actor, dialog_id, claim, assignee_id=account_id)

    async def takeover(self, actor: AccountActor, dialog_id: int, displace: Displace = False) -> Dialog:
        """The operator answers from now on, not the assistant."""

        def claim(tx: Transaction) -> None:
            claims.give(tx, actor, dialog_id, actor.account_id, displace)

        return await self._change(actor, dialog_id, claim, **handling.takeover(actor))

    async def release(self, actor: AccountActor, dialog_id: int, displace: Displace = False) -> Dialog:
        """Give the dialog back to its assistant."""

        def claim(tx: Transaction) -> None:
            claims.give(tx, actor, dialog_id, None, displace)

        return await self._change(actor, dialog_id, claim, **handling.release())

    async def close(self, actor: AccountActor, dialog_id: int, displace: Displace = False) -> Dialog:
        """Move the dialog out of the open inbox; the next message of its visitor opens it again."""

        def claim(tx: Transaction) -> None:
            claims.change(tx, actor, dialog_id, displace)

        return await self._change(actor, dialog_id, claim, status="closed", **handling.NOT_PAUSED)

    async def reopen(self, actor: AccountActor, dialog_id: int, displace: Displace = False) -> Dialog:
        """Bring the dialog back to the open inbox."""

        def claim(tx: Transaction) -> None:
            claims.change(tx, actor, dialog_id, displace)

        return await self._change(actor, dialog_id, claim, status="open")

    async def _change(
        self, actor: AccountActor, dialog_id: int, claim: Callable[[Transaction], None], **columns: object
    ) -> Dialog:
        def unit(tx: Transaction) -> Dialog:
            found = access(tx, actor, dialog_id)
            claim(tx)
            return self._rules[found.kind].change(tx, dialog_id, actor, **columns)

        return await self._store.commit(unit)


def _read(tx: Transaction, actor: Actor, dialog_id: int, up_to: int | None) -> Dialog:
    found = access(tx, actor, dialog_id)
    before = load(tx, dialog_id)
    last = before.last_message.id if before.last_message else 0
    mark = last if up_to is None else min(up_to, last)
    sender = sender_of(actor)
    by_user = sender == "user"
    if sender == "assistant" or mark <= (before.read_up_to.user if by_user else before.read_up_to.manager):
        return before
    if by_user:
        CHANGE.change(tx, dialog_id, user_read=mark)
    else:
        CHANGE.change(tx, dialog_id, manager_read=mark, unread=_UNREAD.only(tx, dialog_id, mark))
    topics = empty_dialogs.topics(dialog_id, empty_dialogs.is_shown(found))
    tx.append(topics, MessageRead(dialog_id, sender, mark))
    return load(tx, dialog_id)
