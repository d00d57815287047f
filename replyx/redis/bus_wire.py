"""What processes say to each other over Redis: bytes to messages and back, without a socket.

A message is one JSON object that carries all that its sender had to say at that moment, as a list of pieces::

    {"v":3,"epoch":"5f3a0c21","from":"1f0c…","mac":"9b2e…","n":17,"at":1773050400.1,
     "said":[{"kind":"event","id":120,"topics":[…],"payload":{…}}]}

``mac`` is HMAC-SHA256 over epoch, sender, number, time and pieces, shortened to 128 bits (RFC 2104, section 5), under a
key made from the one that signs tokens. So nobody who merely reaches Redis can make up an event, and two installations
on one Redis do not hear each other: the bus may lose, repeat and swap, but never invents. What is said again counts
once (:mod:`replyx.redis.freshness`); only events of the log are passed on whatever their age, because their ids tell.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from replyx.delivery.eventlog import LoggedEvent
from replyx.redis.freshness import Freshness

VERSION = 3
MAC_CHARS = 32
MAX_BYTES = 4 * 1024 * 1024  # a message; the largest event is far below

_encode = msgspec.json.Encoder().encode

Name = Annotated[str, Meta(min_length=1, max_length=256)]
Topics = Annotated[tuple[Name, ...], Meta(min_length=1, max_length=64)]


class Garbage(Exception):
    """What arrived is no message of this installation; the text says why, and holds nothing of it."""


class StrangeKey(Garbage):
    """It comes from this database's line of events and is signed with a key that is not known here."""


class Stale(Garbage):
    """It was signed by a process of this installation, and says nothing that may be heard now."""


class Happened(msgspec.Struct, tag_field="kind", tag="event", frozen=True):
    """A committed event."""

    id: Annotated[int, Meta(ge=1, lt=1 << 53)]
    topics: Topics
    payload: Raw


class Passing(msgspec.Struct, tag_field="kind", tag="ephemeral", frozen=True):
    """An event without an id."""

    topics: Topics
    payload: Raw


class Share(msgspec.Struct, tag_field="kind", tag="counts", frozen=True):
    """How many clients the sender serves; ``leaving`` is its last word."""

    groups: dict[str, dict[str, int]]
    leaving: bool = False


class Spent(msgspec.Struct, tag_field="kind", tag="spent", frozen=True):
    """What the sender took from limits: rule, key and cost, below zero for what it gave back."""

    taken: list[tuple[str, str, int]]


Said = Happened | Passing | Share | Spent


class _Envelope(msgspec.Struct, frozen=True):
    v: int
    epoch: str
    sender: str = msgspec.field(name="from")
    mac: str = ""
    n: int = 0
    at: float = 0.0
    said: Raw = Raw(b"")


class BusWire:
    """Writes and reads the messages of the process called ``process``.

    ``keys`` are the installation's signing keys: the first signs, each verifies, as with tokens.
    """

    def __init__(self, process: str, epoch: str, keys: Sequence[bytes], clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._number = 0
        self._freshness = Freshness()
        self._keys = [hmac.digest(key, b"replyx bus", "sha256") for key in keys]
        self._epoch = epoch
        self._named = f"{epoch} {process} ".encode()
        self._head = f'{{"v":{VERSION},"epoch":"{epoch}","from":"{process}","mac":"'.encode()
        self._envelope = msgspec.json.Decoder(_Envelope)
        self._said: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[Said])

    def message(self, pieces: Iterable[bytes]) -> bytes:
        """What this process says in one message."""
        self._number += 1
        at = round(self._clock(), 3)
        text = b"[" + b",".join(pieces) + b"]"
        mac = _mac(self._keys[0], b"%b%d %.3f %b" % (self._named, self._number, at, text))
        return b'%b%b","n":%d,"at":%.3f,"said":%b}' % (self._head, mac.encode(), self._number, at, text)

    def is_own(self, data: bytes) -> bool:
        """Whether this process said it: Redis brings back to each subscriber what it published itself."""
        return data.startswith(self._head)

    def read(self, data: bytes) -> tuple[str, list[Said]]:
        """The sender and what it says. Raises :class:`Garbage` for whatever no process of this installation wrote.

        Of a message that came before, or is older than any that is on its way, nothing but events of the log is left.
        """
        if len(data) > MAX_BYTES:
            raise Garbage("a message is too large")
        try:
            envelope = self._envelope.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise Garbage("a message has another form") from None
        if envelope.v != VERSION:
            raise Garbage("a message is of another version")
        if envelope.epoch != self._epoch:
            raise Garbage("a message is of another installation")
        text = bytes(envelope.said)
        signed = f"{envelope.epoch} {envelope.sender} {envelope.n} {envelope.at:.3f} ".encode() + text
        if not any(
            hmac.compare_digest(_mac(key, signed), envelope.mac) for key in self._keys if envelope.mac.isascii()
        ):
            raise StrangeKey("a message is signed with another key")
        try:
            said: list[Said] = self._said.decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise Garbage("a message says what this version does not know") from None
        if not self._freshness.is_new(envelope.sender, envelope.n, envelope.at, self._clock()):
            said = [each for each in said if isinstance(each, Happened)]
            if not said:
                raise Stale("a message came again, or from a host whose clock is minutes off")
        return envelope.sender, said


def event(event: LoggedEvent) -> bytes:
    """The piece that announces a committed event."""
    return _encode(Happened(event.id, event.topics, Raw(event.payload)))


def ephemeral(topics: Iterable[str], payload: bytes) -> bytes:
    """The piece that carries an event without an id."""
    return _encode(Passing(tuple(topics), Raw(payload)))


def told(body: Share | Spent) -> bytes:
    """The piece that is no event."""
    return _encode(body)


def logged(body: Happened) -> LoggedEvent:
    """The event that a message announces."""
    return LoggedEvent(body.id, body.topics, bytes(body.payload))


def _mac(key: bytes, text: bytes) -> str:
    return hmac.digest(key, text, "sha256").hex()[:MAC_CHARS]
