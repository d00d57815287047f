"""Events of tickets as the Socket.IO clients of tickets know them; those of other dialogs are not for them."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from replyx.conversations.ticket_rows import SENDER_TYPES
from replyx.delivery.eventlog import LoggedEvent
from replyx.schemas.events import (
    DialogUpdated,
    MessageNew,
    MessageRead,
    MessageReceived,
    TicketUpdated,
    TypingStart,
    TypingStop,
)
from replyx.schemas.tickets import Ticket, TicketMessage, as_user_sees
from replyx.socketio.wire import Wires, polling_chunk, websocket_frame

Known = MessageNew | DialogUpdated | TicketUpdated | MessageRead | MessageReceived | TypingStart | TypingStop
DECODER: msgspec.json.Decoder[Known] = msgspec.json.Decoder(Known)


class Updated(msgspec.Struct, frozen=True):
    """What ``ticket:updated`` brings."""

    ticket: Ticket


class Typing(msgspec.Struct, frozen=True, rename="camel"):
    """What ``typing`` brings to the others in a ticket."""

    ticket_id: str
    sender_type: str
    is_typing: bool


def in_ticket(payload: bytes) -> tuple[str, bytes] | None:
    """An event for operators who have joined its ticket."""
    return _named(DECODER.decode(payload))


def in_own_ticket(payload: bytes) -> tuple[str, bytes] | None:
    """The same for whoever holds nothing but the ticket's id."""
    event = DECODER.decode(payload)
    if isinstance(event, TicketUpdated):
        event = msgspec.structs.replace(event, ticket=as_user_sees(event.ticket))
    return _named(event)


def _named(event: Known) -> tuple[str, bytes] | None:
    if isinstance(event, TypingStart | TypingStop) and event.ticket_id is not UNSET:
        typing = Typing(event.ticket_id, SENDER_TYPES[event.sender], isinstance(event, TypingStart))
        return "typing", msgspec.json.encode(typing)
    if isinstance(event, TicketUpdated):
        return "ticket:updated", msgspec.json.encode(Updated(event.ticket))
    if isinstance(event, MessageNew) and event.ticket_id is not UNSET:
        return "message:new", msgspec.json.encode(message_of(event))
    return None


def elsewhere(payload: bytes) -> tuple[str, bytes] | None:
    """An event for operators who have not joined its ticket."""
    found = in_ticket(payload)
    if found is None or found[0] == "typing":
        return None
    return ("ticket:new_message", found[1]) if found[0] == "message:new" else found


def message_of(event: MessageNew) -> TicketMessage:
    """The message as REST answers it."""
    message = event.message
    assert event.ticket_id is not UNSET
    assert event.sender_ref is not UNSET
    assert event.message_type is not UNSET
    return TicketMessage(
        message.id,
        event.ticket_id,
        event.sender_ref,
        SENDER_TYPES[message.sender],
        message.text,
        event.message_type,
        message.timestamp,
        message.client_id,
        message.author,
    )


JOINED = Wires.of(in_own_ticket)
NOTICES = Wires.of(elsewhere)
_OPERATORS = Wires.of(in_ticket)


class BothWire:
    """For operators in a ticket: the notice, then the event itself.

    Only the event has the offset. An operator who is cut off between the two gets the notice again, and never the
    message.
    """

    def __init__(self, polling: bool) -> None:
        self._notice = NOTICES.of_transport(polling)
        self._joined = _OPERATORS.of_transport(polling)
        self._framed = polling_chunk if polling else websocket_frame

    def durable(self, event: LoggedEvent, epoch: str) -> bytes:
        """Both, in one piece."""
        found = in_ticket(event.payload)
        if found is None or found[0] != "message:new":
            return self._joined.durable(event, epoch)
        notice = self._framed(b'2["ticket:new_message",%s]' % found[1])
        return notice + self._joined.durable(event, epoch)

    def ephemeral(self, payload: bytes) -> bytes:
        """As everybody in the ticket gets it."""
        return self._joined.ephemeral(payload)

    def resync(self, reason: str, epoch: str, top: int) -> bytes:
        """As everybody in the ticket gets it."""
        return self._joined.resync(reason, epoch, top)


OPERATOR_JOINED = Wires(BothWire(polling=False), BothWire(polling=True))
