"""Packets of Socket.IO 5 inside Engine.IO messages.

``<kind>[<attachments>-][<namespace>,][<ack id>][JSON]``, and behind it one binary message for each attachment, whose
place in the JSON is held by ``{"_placeholder": true, "num": n}``. (Socket.IO protocol, "Packet encoding")
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NoReturn

import msgspec

from replyx.socketio.engineio_codec import BadPacket

MAIN = "/"
MAX_ATTACHMENTS = 10  # as the reference parser; each is bounded by the transport's largest message
MAX_ACK_ID = 2**53 - 1  # what JavaScript counts exactly

# Names that clients use for events of their own; a peer that sends them would forge those.
RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})

PACKET = re.compile(r"([0-6])(?:([0-9]{1,3})-)?(?:(/[^,]*)(?:,|\Z))?([0-9]{0,16})(.*)", re.DOTALL)
SURROGATE = re.compile("[\ud800-\udfff]")


class Kind(IntEnum):
    """Types of packets. The binary ones exist only on the wire."""

    CONNECT = 0
    DISCONNECT = 1
    EVENT = 2
    ACK = 3
    CONNECT_ERROR = 4
    BINARY_EVENT = 5
    BINARY_ACK = 6


PLAIN = {Kind.BINARY_EVENT: Kind.EVENT, Kind.BINARY_ACK: Kind.ACK}
WITH_BINARY = {plain: binary for binary, plain in PLAIN.items()}


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet. ``data`` is None where there is none; it may hold bytes in events and acknowledgements."""

    kind: Kind
    namespace: str = MAIN
    data: Any = None
    ack_id: int | None = None


def encode(packet: Packet) -> tuple[bytes, list[bytes]]:
    """The packet's text and its attachments. Raises ``ValueError`` for a namespace that cannot be told from its end."""
    attachments: list[bytes] = []
    kind, data = packet.kind, packet.data
    if kind in WITH_BINARY:
        builtins = msgspec.to_builtins(data, builtin_types=(bytes, bytearray, memoryview), str_keys=True)
        data = _taken_apart(builtins, attachments)
        if attachments:
            kind = WITH_BINARY[kind]
    text = f"{len(attachments)}-" if attachments else ""
    payload = b"" if data is None else msgspec.json.encode(data)
    return b"%d%s%s%s" % (kind, text.encode(), _prefix(packet.namespace, packet.ack_id), payload), attachments


def _prefix(namespace: str, ack_id: int | None) -> bytes:
    """What stands between a packet's type and its JSON. Raises ``ValueError``, see :func:`encode`."""
    if "," in namespace or not namespace.startswith(MAIN):
        raise ValueError("a namespace begins with a slash and holds no comma")
    place = "" if namespace == MAIN else f"{namespace},"
    return f"{place}{'' if ack_id is None else ack_id}".encode()


def _taken_apart(value: Any, attachments: list[bytes]) -> Any:
    """``value`` with a placeholder for each of its binary parts, which go into ``attachments``."""
    if isinstance(value, bytes | bytearray | memoryview):
        attachments.append(bytes(value))
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(value, dict):
        return {key: _taken_apart(part, attachments) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_taken_apart(part, attachments) for part in value]
    return value


class Decoder:
    """The packets of one client, from its messages in order."""

    __slots__ = ("_attachments", "_expected", "_max_attachments", "_packet")

    def __init__(self, max_attachments: int = MAX_ATTACHMENTS) -> None:
        self._max_attachments = max_attachments
        self._packet: Packet | None = None
        self._expected = 0
        self._attachments: list[bytes] = []

    def feed(self, message: str | bytes) -> Packet | None:
        """Take a message; the packet that it completes. Raises :class:`BadPacket`, after which nothing may follow."""
        if isinstance(message, bytes):
            return self._attach(message)
        if self._packet is not None:
            raise BadPacket("text where an attachment was due")
        packet, expected = _parse(message, self._max_attachments)
        if not expected:
            return packet
        self._packet, self._expected = packet, expected
        return None

    def _attach(self, message: bytes) -> Packet | None:
        packet = self._packet
        if packet is None:
            raise BadPacket("an attachment without its packet")
        self._attachments.append(message)
        if len(self._attachments) < self._expected:
            return None
        try:
            data = _put_together(packet.data, self._attachments)
        except RecursionError as error:
            raise BadPacket("nested too deeply") from error
        self._packet, self._attachments = None, []
        return Packet(packet.kind, packet.namespace, data, packet.ack_id)


def _parse(text: str, max_attachments: int) -> tuple[Packet, int]:
    """The packet in a text, and how many attachments will follow."""
    match = PACKET.fullmatch(text)
    if match is None:
        raise BadPacket("no Socket.IO packet")
    kind = Kind(int(match[1]))
    expected = int(match[2] or 0)
    if (kind in PLAIN) != (match[2] is not None and 0 < expected <= max_attachments):
        raise BadPacket("wrong number of attachments")
    ack_id = int(match[4]) if match[4] else None
    packet = Packet(PLAIN.get(kind, kind), match[3] or MAIN, _json(match[5]) if match[5] else None, ack_id)
    _check(packet)
    return packet, expected


def _check(packet: Packet) -> None:
    """Raise :class:`BadPacket` for data or an id that a packet of its kind cannot have."""
    data, ack_id = packet.data, packet.ack_id
    if packet.kind is Kind.EVENT:
        good = isinstance(data, list) and bool(data) and _is_name(data[0])
    elif packet.kind is Kind.ACK:
        good = isinstance(data, list) and ack_id is not None
    else:
        shapes: dict[Kind, tuple[type, ...]] = {
            Kind.CONNECT: (dict, type(None)),
            Kind.DISCONNECT: (type(None),),
            Kind.CONNECT_ERROR: (dict, str),
        }
        good = ack_id is None and isinstance(data, shapes[packet.kind])
    if not good or (ack_id is not None and ack_id > MAX_ACK_ID):
        raise BadPacket(f"wrong contents for {packet.kind.name}")


def _is_name(name: object) -> bool:
    return (isinstance(name, str) and name not in RESERVED) or (isinstance(name, int) and not isinstance(name, bool))


def _json(text: str) -> Any:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        value = _lenient_json(text)
    if value is None:
        raise BadPacket("null is no data")
    return value


def _lenient_json(text: str) -> Any:
    """JSON with half an emoji in it: a browser cuts strings between the two halves and sends what is left.

    Refusing it would end the connection, and the client would send it again after each reconnect.
    """
    if "\\u" not in text:
        raise BadPacket("no JSON")
    try:
        value = json.loads(text, parse_constant=_no_constant)
        return _whole(value)
    except (ValueError, RecursionError) as error:
        raise BadPacket("no JSON") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _whole(value: Any) -> Any:
    """``value`` with U+FFFD for each lone surrogate."""
    if isinstance(value, str):
        return SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole(part) for part in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(part) for key, part in value.items()}
    return value


def _put_together(value: Any, attachments: Sequence[bytes]) -> Any:
    """``value`` with the attachments in their places."""
    if isinstance(value, list):
        return [_put_together(part, attachments) for part in value]
    if not isinstance(value, dict):
        return value
    if value.get("_placeholder") is not True:
        return {key: _put_together(part, attachments) for key, part in value.items()}
    number = value.get("num")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(attachments):
        raise BadPacket("a placeholder without its attachment")
    return attachments[number]
