"""What an Engine.IO session is made of and connected to: its settings, and what it calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import msgspec


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What a server tells its clients, and how patient it is. Times in seconds, sizes in bytes.

    ``max_payload`` bounds a POST and a WebSocket message; ``upgrade_timeout_s`` is how long a second transport may
    take to become the first; ``connect_timeout_s`` how long a client may stay without a namespace. ``max_polling`` and
    ``max_polling_of_address`` bound the sessions on polling, which hold no connection that could be counted.
    """

    ping_interval_s: float = 25.0
    ping_timeout_s: float = 20.0
    max_payload: int = 1_000_000
    upgrade_timeout_s: float = 10.0
    connect_timeout_s: float = 45.0
    max_polling: int = 20_000
    max_polling_of_address: int = 2_000

    def handshake(self, sid: str, upgrades: list[str]) -> str:
        """The data of the open packet. (Engine.IO protocol, "Handshake")"""
        fields = {
            "sid": sid,
            "upgrades": upgrades,
            "pingInterval": round(self.ping_interval_s * 1000),
            "pingTimeout": round(self.ping_timeout_s * 1000),
            "maxPayload": self.max_payload,
        }
        return msgspec.json.encode(fields).decode()


class MeasuredSink(Protocol):
    """A subscription's sink that also says how much waits in it."""

    @property
    def unsent(self) -> int:
        """Bytes that wait in this process."""
        ...

    @property
    def full(self) -> bool:
        """Whether more than the bound waits to leave."""
        ...

    def write(self, data: bytes) -> bool:
        """Take ``data`` whole, without waiting. False: no more until it drained."""
        ...


class WebSocket(Protocol):
    """A client's WebSocket. ``close`` is harmless when repeated, and may not call back into the session."""

    @property
    def sink(self) -> MeasuredSink:
        """Where whole frames go."""
        ...

    def close(self) -> None:
        """Close it, after what was written."""
        ...


class Poll(Protocol):
    """A GET that waits. It is answered once."""

    def answer(self, payload: bytes) -> None:
        """Status 200 with packets."""
        ...


class Ears(Protocol):
    """Who wants to hear what happens to a session apart from its messages."""

    def flush_due(self) -> None:
        """A poll waits and there is something for it: call ``flush`` when this turn's packets are all there."""
        ...

    def drained(self) -> None:
        """The outbox was emptied."""
        ...

    def upgraded(self) -> None:
        """``sink`` is now the WebSocket's."""
        ...

    def closed(self, reason: str) -> None:
        """Nothing can be sent or received any more."""
        ...
