"""Events as visitors get them: who an operator is they learn by name, never by the account's id."""

from __future__ import annotations

import msgspec

from replyx.delivery.eventlog import LoggedEvent
from replyx.delivery.wire import Wire
from replyx.wire.sse import SSE
from replyx.wire.websocket import WEBSOCKET

# What holds an account, and where. As a key it can stand in no text: there its quotes would be escaped.
_ACCOUNTS = (("dialog", "assignee"), ("ticket", "assignedAgent"))
_MARKS = tuple(b'"%s":{' % key.encode() for _, key in _ACCOUNTS)


def without_accounts(payload: bytes) -> bytes:
    """The event without the ids of accounts; most hold none and stay as they are."""
    if not any(mark in payload for mark in _MARKS):
        return payload
    event = msgspec.json.decode(payload)
    for holder, key in _ACCOUNTS:
        account = (event.get(holder) or {}).get(key)
        if account is not None:
            account.pop("id", None)
    return msgspec.json.encode(event)


class VisitorsWire:
    """See :class:`replyx.delivery.wire.Wire`; the bytes are those of another format."""

    def __init__(self, format: Wire) -> None:
        self._format = format

    def durable(self, event: LoggedEvent, epoch: str) -> bytes:
        """The event with its cursor."""
        return self._format.durable(LoggedEvent(event.id, event.topics, without_accounts(event.payload)), epoch)

    def ephemeral(self, payload: bytes) -> bytes:
        """An event without an id."""
        return self._format.ephemeral(without_accounts(payload))

    def resync(self, reason: str, epoch: str, top: int) -> bytes:
        """As everybody gets it."""
        return self._format.resync(reason, epoch, top)


VISITORS_SSE = VisitorsWire(SSE)
VISITORS_WEBSOCKET = VisitorsWire(WEBSOCKET)
