"""What differs between the kinds of dialogs; what is the same for all is in ``dialogs.py`` and ``messages.py``.

A new kind is a class with these four methods in a file of its own, and a line in ``run.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from replyx.auth import Speaker
from replyx.conversations import handling
from replyx.conversations.dialog_changes import CHANGE, announce
from replyx.conversations.dialog_rows import Found, load
from replyx.delivery.store import Snapshot, Transaction
from replyx.schemas.dialogs import Dialog, DialogKind, Message, Sender
from replyx.schemas.events import MessageNew, TypingStart, TypingStop


@dataclass(frozen=True, slots=True)
class Said:
    """A checked message. ``reference`` is what the sender calls itself, ``message_type`` what kind of text it is.

    Both are of use in dialogs of kinds that say so. ``turn`` is the one in which an assistant speaks, if it says.
    """

    text: str
    client_id: str | None
    reference: str | None = None
    message_type: str = "TEXT"
    turn: int | None = None


class DialogRules(Protocol):
    """What is particular to one kind of dialog. Whether the caller may see the dialog was asked before."""

    def check_turn(self, found: Found, turn: int | None, now_ms: int) -> None:
        """Whether an assistant may speak now, in ``turn`` if it names one. Raises :class:`NotYourTurn`."""
        ...

    def signed(self, rows: Snapshot, found: Found, by: Speaker, said: Said) -> Said:
        """The message as it is to be stored: with the reference that this kind knows its sender by."""
        ...

    def heard(self, tx: Transaction, found: Found, by: Speaker, message: Message, said: Said) -> MessageNew:
        """A message was stored: bring about and publish what it does to the dialog, and return the message's event."""
        ...

    def change(self, tx: Transaction, dialog_id: int, by: Speaker, **columns: object) -> Dialog:
        """Change columns of the dialog and what hangs on them, and publish it. Repeating what holds publishes nothing.

        Raises :class:`AccountNotFound` for an assignee who is no operator.
        """
        ...

    def typing(self, rows: Snapshot, dialog_id: int, sender: Sender, typing: bool) -> TypingStart | TypingStop:
        """The event which says that somebody begins to write, or stops."""
        ...


Rules = Mapping[DialogKind, DialogRules]


class ChatRules:
    """A visitor's conversation with an assistant or an operator: nothing but messages."""

    def check_turn(self, found: Found, turn: int | None, now_ms: int) -> None:
        """The assistant speaks as long as it handles the chat and no operator writes."""
        handling.check_turn(found, turn, now_ms)

    def signed(self, rows: Snapshot, found: Found, by: Speaker, said: Said) -> Said:
        """As it was said: whom a message is from stands in its sender and author."""
        return said

    def heard(self, tx: Transaction, found: Found, by: Speaker, message: Message, said: Said) -> MessageNew:
        """A message opens a closed chat again, and an operator's takes it over."""
        columns = handling.by_message(found, by)
        if found.status == "closed":
            columns = {"status": "open", **columns}
        if columns:
            self.change(tx, found.dialog_id, by, **columns)
        return MessageNew(found.dialog_id, message)

    def change(self, tx: Transaction, dialog_id: int, by: Speaker, **columns: object) -> Dialog:
        """Nothing hangs on a chat's columns."""
        before = load(tx, dialog_id)
        CHANGE.change(tx, dialog_id, **columns)
        return announce(tx, before)

    def typing(self, rows: Snapshot, dialog_id: int, sender: Sender, typing: bool) -> TypingStart | TypingStop:
        """The bare event."""
        return (TypingStart if typing else TypingStop)(dialog_id, sender)
