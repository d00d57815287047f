"""What the hub asks of a wire format, whichever it is."""

from __future__ import annotations

from typing import Protocol

from replyx.delivery.eventlog import LoggedEvent


class Wire(Protocol):
    """One wire format. The same bytes go to every subscriber that uses it."""

    def durable(self, event: LoggedEvent, epoch: str) -> bytes:
        """The event with its cursor."""
        ...

    def ephemeral(self, payload: bytes) -> bytes:
        """An event without an id: typing, receipts of delivery, presence."""
        ...

    def resync(self, reason: str, epoch: str, top: int) -> bytes:
        """The word that the client's place is gone and live events go on behind ``top``."""
        ...
