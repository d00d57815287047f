"""Every event, one typed struct each; ``type`` is what clients branch on. A new event starts here.

Durable events go through the log and have an id; ephemeral ones reach whoever is connected.
"""

from __future__ import annotations

import msgspec

from replyx.schemas import Dialog, Message, Sender


class MessageNew(msgspec.Struct, tag_field="type", tag="message:new", frozen=True):
    """Durable. A message was stored; exactly one per message."""

    dialog_id: int
    message: Message


class DialogUpdated(msgspec.Struct, tag_field="type", tag="dialog:updated", frozen=True):
    """Durable. The dialog was opened or its status, handler, assignee or visitor changed."""

    dialog: Dialog


class MessageRead(msgspec.Struct, tag_field="type", tag="message:read", frozen=True):
    """Durable. One side has read everything up to a message."""

    dialog_id: int
    sender: Sender
    up_to: int


class DirectoryChanged(msgspec.Struct, tag_field="type", tag="directory:changed", frozen=True):
    """Durable, never sent to clients. Cached accounts, sessions or widgets are out of date.

    ``sessions`` have ended: their streams must be closed.
    """

    sessions: list[str] = []


class MessageReceived(msgspec.Struct, tag_field="type", tag="message_received", frozen=True):
    """Ephemeral, to the visitor's own streams: the message is stored."""

    dialog_id: int
    message: str
    timestamp: str


class TypingStart(msgspec.Struct, tag_field="type", tag="typing_start", frozen=True):
    """Ephemeral. One side writes."""

    dialog_id: int
    sender: Sender


class TypingStop(msgspec.Struct, tag_field="type", tag="typing_stop", frozen=True):
    """Ephemeral. One side stopped writing."""

    dialog_id: int
    sender: Sender


DURABLE = (MessageNew, DialogUpdated, MessageRead)
EPHEMERAL = (MessageReceived, TypingStart, TypingStop)

DIRECTORY = "directory"
INBOX = "inbox"


def dialog_topic(dialog_id: int) -> str:
    """The topic of one dialog."""
    return f"dialog:{dialog_id}"


def visitor_topic(dialog_id: int) -> str:
    """The topic of a dialog's visitor alone."""
    return f"dialog:{dialog_id}:visitor"
