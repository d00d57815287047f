"""Rooms: names such as ``shop:123`` that clients give, to hear of what they show.

Everybody may join every room, so nothing is published to one that not everybody may know who knows its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

from replyx.errors import invalid
from replyx.faults import Fault

MAX_ROOMS = 100  # of one socket; each costs a catch-up one index range
ID = r"[^\s,\x00-\x20\x7f]{1,64}"  # a topic holds no space, and ?rooms= has commas between rooms
ROOM = rf"^[a-z][a-z0-9_-]{{0,31}}:{ID}\Z"
TOLD = 1000  # by name, every few seconds
REST = ""
MAX_NUMBER = 2**63

Room = Annotated[str, msgspec.Meta(pattern=ROOM)]

KINDS = {"shopId": "shop", "productId": "product", "orderId": "order"}

_ROOM = re.compile(ROOM)
_ID = re.compile(ID)


def listed(text: str) -> tuple[str, ...]:
    """The rooms of ``?rooms=``, separated by commas, each once. Raises :class:`Invalid`."""
    found = tuple(dict.fromkeys(part for part in text.split(",") if part))
    if len(found) > MAX_ROOMS or not all(_ROOM.fullmatch(room) for room in found):
        raise invalid("rooms", Fault.NOT_ROOMS, max=MAX_ROOMS)
    return found


def is_id(value: object) -> bool:
    """Whether ``value`` can name a shop, a product or an order: a whole number, or a text without spaces."""
    if isinstance(value, str):
        return _ID.fullmatch(value) is not None
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < MAX_NUMBER


def share(topics: Sequence[str]) -> dict[str, int]:
    """What a process tells the others of the rooms that are open in it, for :mod:`replyx.delivery.presence`.

    Rooms go by name, so that one which is open in two processes is counted once; past :data:`TOLD` by number alone.
    """
    return {**dict.fromkeys(topics[:TOLD], 1), REST: len(topics[TOLD:])}


def total(shares: Mapping[str, int]) -> int:
    """How many rooms are open in all processes, of which these are the shares summed by name."""
    return sum(1 for name in shares if name != REST) + shares.get(REST, 0)


def named_by(members: Mapping[str, object]) -> tuple[str, ...]:
    """The rooms that the ids in an event's ``members`` name."""
    found = ((kind, members.get(name)) for name, kind in KINDS.items())
    return tuple(f"{kind}:{value}" for kind, value in found if is_id(value))
