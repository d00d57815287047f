"""Broadcasts as web apps get them: the bot's own object, and the cursor at its end."""

from __future__ import annotations

import re

from replyx.delivery.eventlog import LoggedEvent
from replyx.wire.websocket import WebSocketWire, text_frame

# The members of events.Broadcast, which nothing of a bot's stands before.
BROADCAST = re.compile(rb'\{"type":"[^"\\]*","timestamp":"[^"\\]*","body":')


class WebappWire(WebSocketWire):
    """A broadcast's body; any other event of a room as every WebSocket gets it."""

    def durable(self, event: LoggedEvent, epoch: str) -> bytes:
        """The body with ``cursor`` as its last member."""
        found = BROADCAST.match(event.payload)
        if found is None:
            return super().durable(event, epoch)
        body = event.payload[found.end() : -2]  # without the braces that close the body and the event
        return text_frame(b'%s,"cursor":"%s-%d"}' % (body, epoch.encode(), event.id))


WEBAPP = WebappWire()
