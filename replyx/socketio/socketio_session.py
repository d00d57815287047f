"""One client's namespaces: a state machine from Socket.IO packets to what they ask, and back to frames.

It knows neither the application nor the transport: who drives it decides over CONNECT requests, runs the events and
sends the :class:`Frames` that come out.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from replyx.socketio.engineio_codec import BadPacket, Frames
from replyx.socketio.socketio_codec import MAX_ATTACHMENTS, Decoder, Kind, Packet, encode

# Acknowledgements that the client owes; one that never sends them must not cost more than this.
MAX_OWED = 1000

Acknowledged = Callable[[Sequence[Any] | None], None]


@dataclass(frozen=True, slots=True)
class ConnectAsked:
    """The client wants into a namespace that exists: answer with ``accept`` or ``refuse``."""

    namespace: str
    auth: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NamespaceUnknown:
    """The client wants into a namespace that does not exist: answer with ``refuse``."""

    namespace: str


@dataclass(frozen=True, slots=True)
class EventReceived:
    """An event. With an ``ack_id`` the client waits for ``acknowledge``."""

    namespace: str
    name: str
    args: list[Any]
    ack_id: int | None


@dataclass(frozen=True, slots=True)
class AckReceived:
    """The client acknowledged an event: call ``callback``."""

    callback: Acknowledged
    args: list[Any]


@dataclass(frozen=True, slots=True)
class Left:
    """The client has left a namespace."""

    namespace: str
    owed: tuple[Acknowledged, ...]


Asked = ConnectAsked | NamespaceUnknown | EventReceived | AckReceived | Left


@dataclass(slots=True)
class _Membership:
    accepted: bool = False
    next_id: int = 0
    owed: dict[int, Acknowledged] = field(default_factory=dict)


class SocketSession:
    """The namespaces of one Engine.IO session."""

    def __init__(self, namespaces: Container[str], max_attachments: int = MAX_ATTACHMENTS) -> None:
        self._namespaces = namespaces
        self._decoder = Decoder(max_attachments)
        self._members: dict[str, _Membership] = {}
        self._left: set[str] = set()

    # What the client sends

    def receive(self, message: str | bytes) -> Asked | None:
        """Take one Engine.IO message; what it asks for, once it is complete.

        Raises :class:`BadPacket` for everything after which "the server MUST close the connection".
        """
        packet = self._decoder.feed(message)
        if packet is None:
            return None
        member = self._members.get(packet.namespace)
        if packet.kind is Kind.CONNECT:
            return self._connect(packet, member)
        if member is None or not member.accepted:
            if packet.namespace in self._left and packet.kind is not Kind.CONNECT_ERROR:
                return None  # sent before the client heard that it was shown out
            raise BadPacket("a packet for a namespace that the client is not in")
        if packet.kind is Kind.EVENT:
            return EventReceived(packet.namespace, str(packet.data[0]), packet.data[1:], packet.ack_id)
        if packet.kind is Kind.ACK:
            callback = member.owed.pop(packet.ack_id, None) if packet.ack_id is not None else None
            return AckReceived(callback, packet.data) if callback is not None else None
        if packet.kind is Kind.DISCONNECT:
            return Left(packet.namespace, self.forget(packet.namespace))
        raise BadPacket("a packet that only servers send")

    def _connect(self, packet: Packet, member: _Membership | None) -> ConnectAsked | NamespaceUnknown:
        if member is not None:
            raise BadPacket("the client is in this namespace already")
        if packet.namespace not in self._namespaces:
            return NamespaceUnknown(packet.namespace)
        self._left.discard(packet.namespace)
        self._members[packet.namespace] = _Membership()
        return ConnectAsked(packet.namespace, packet.data or {})

    # What the server sends

    def accept(self, namespace: str, sid: str, extra: Mapping[str, Any]) -> Frames:
        """Let the client in, as ``sid``."""
        self._members[namespace].accepted = True
        return frames(Packet(Kind.CONNECT, namespace, {"sid": sid, **extra}))

    def refuse(self, namespace: str, message: str, data: Any = None) -> Frames:
        """Do not let the client in."""
        self._members.pop(namespace, None)
        reason = {"message": message} if data is None else {"message": message, "data": data}
        return frames(Packet(Kind.CONNECT_ERROR, namespace, reason))

    def emit(self, namespace: str, name: str, args: Sequence[Any], acknowledged: Acknowledged | None) -> Frames:
        """An event; ``acknowledged`` is called with the client's answer, or None when it never comes."""
        ack_id = None
        if acknowledged is not None:
            member = self._members[namespace]
            ack_id, member.next_id = member.next_id, member.next_id + 1
            member.owed[ack_id] = acknowledged
            if len(member.owed) > MAX_OWED:
                member.owed.pop(next(iter(member.owed)))(None)
        return frames(Packet(Kind.EVENT, namespace, [name, *args], ack_id))

    def acknowledge(self, namespace: str, ack_id: int, values: Sequence[Any]) -> Frames:
        """The answer to an event that came with ``ack_id``."""
        return frames(Packet(Kind.ACK, namespace, list(values), ack_id))

    def show_out(self, namespace: str) -> Frames:
        """Tell the client that it is no longer in ``namespace``; it will not come back by itself."""
        self._left.add(namespace)
        return frames(Packet(Kind.DISCONNECT, namespace))

    def forget(self, namespace: str) -> tuple[Acknowledged, ...]:
        """The client is no longer in ``namespace``; the callbacks to call with None."""
        member = self._members.pop(namespace, None)
        return () if member is None else tuple(member.owed.values())


def frames(packet: Packet) -> Frames:
    """A packet ready to be sent to any number of clients."""
    return Frames(*encode(packet))
