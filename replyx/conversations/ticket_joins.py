"""Which tickets a Socket.IO client has joined, and how much of each it has: what recovery after a cut needs to know.

Stock clients bring back two things, the ``pid`` that they were given when they connected and the ``offset``, the
string at the end of the last event that they saw. The ``pid`` cannot name tickets that are joined later, and every
client of a ticket gets the same bytes and so the same offset: so the tickets stand in a table, written before the
client hears that it has joined. A ``pid`` is good for as long as the log goes back; its rows are then pruned.

An offset is the cursor of an event. What a join itself brings has ``<cursor>.<number>.<event>``: the client's place in
the log when it joined, the number of the join, and the last event that this has brought. So a client that is cut off
before the history of a ticket arrives gets it when it returns, and one that has it does not get it again.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from replyx.database.models import TicketJoin
from replyx.database.rows import Delete, Insert, select
from replyx.delivery import eventlog
from replyx.delivery.eventlog import Cursor, LoggedEvent
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.schemas.events import dialog_topic

PID = re.compile(r"[A-Za-z0-9_-]{32}\.([0-9]{1,12})~([0-9a-f]{1,16})-([0-9]{1,18})")
OFFSET = re.compile(r"([0-9a-f]{1,16})-([0-9]{1,18})(?:\.([0-9]{1,9})\.([0-9]{1,18}))?")


@dataclass(frozen=True, slots=True)
class Place:
    """How far a client has come: the log up to ``cursor``, then join ``number`` up to the event ``reached``."""

    cursor: Cursor
    number: int = 0
    reached: int = 0

    @classmethod
    def parse(cls, text: str) -> Place | None:
        """Read an offset; None for what is none of ours."""
        match = OFFSET.fullmatch(text)
        if match is None:
            return None
        return cls(Cursor(match[1], int(match[2])), int(match[3] or 0), int(match[4] or 0))

    def __str__(self) -> str:
        return f"{self.cursor}.{self.number}.{self.reached}" if self.number else str(self.cursor)


@dataclass(frozen=True, slots=True)
class Join:
    """A ticket that was joined as number ``number`` at the event ``position``.

    The join itself brings all up to ``floor``: the history, or what came behind the event ``after``.
    """

    dialog_id: int
    number: int
    position: int
    floor: int
    after: int | None

    @property
    def topic(self) -> str:
        """Where the ticket's events are published."""
        return dialog_topic(self.dialog_id)

    def is_known_to(self, place: Place) -> bool:
        """Whether a client that has come to ``place`` has all that its join brings."""
        began = (place.cursor.id, place.number) >= (self.position, self.number)
        return began and (self.after is None or not self.is_under_way_at(place))

    def is_under_way_at(self, place: Place) -> bool:
        """Whether ``place`` lies among the events that the join brings."""
        return (place.cursor.id, place.number) == (self.position, self.number)


@dataclass(frozen=True, slots=True)
class Returned:
    """A client that was here before, and its joins.

    No joins: it had joined no ticket, has left all, or they are no longer known. Nobody can tell these apart.
    """

    pid: str
    place: Place
    joins: tuple[Join, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a CONNECT says that its client is: the one that got ``pid`` at ``since``, and has come to ``place``."""

    pid: str
    since: int
    place: Place


def new_pid(began: Cursor, now: float) -> str:
    """A private id for a client that begins at ``began``."""
    return f"{secrets.token_urlsafe(24)}.{int(now)}~{began}"


def claim_of(auth: Mapping[str, Any]) -> Claim | None:
    """The claim in the ``auth`` of a CONNECT; None for a client that is new, or whose claim is none of ours."""
    pid, offset = auth.get("pid"), auth.get("offset")
    match = PID.fullmatch(pid) if isinstance(pid, str) else None
    if match is None:
        return None
    place = Place.parse(offset) if isinstance(offset, str) else Place(Cursor(match[2], int(match[3])))
    return Claim(match[0], int(match[1]), place) if place is not None else None


_JOINS = select(Join, TicketJoin).where(f"{TicketJoin.pid} = ?", f"ORDER BY {TicketJoin.number}")
_ADD = Insert(TicketJoin)
_DROP = Delete(TicketJoin, f"{TicketJoin.pid} = ? AND {TicketJoin.dialog_id} = ?")
_DROP_OLD = Delete(TicketJoin, f"{TicketJoin.joined_at} < ?")


class Joins:
    """The joined tickets of all Socket.IO clients, durable."""

    def __init__(self, store: Store, epoch: str, days: int) -> None:
        self._store = store
        self._epoch = epoch
        self._lifetime_s = days * 86400

    def new_pid(self, position: int, now: float) -> str:
        """A private id for a client that begins at the event ``position``."""
        return new_pid(Cursor(self._epoch, position), now)

    async def returning(self, auth: Mapping[str, Any], now: float) -> Returned | None:
        """The client that a CONNECT says it is; None for one that begins anew.

        That is also a client whose place this log cannot continue from: its application hears that it was not
        recovered, and joins again.
        """
        claim = claim_of(auth)
        if claim is None or claim.place.cursor.epoch != self._epoch or not 0 <= now - claim.since < self._lifetime_s:
            return None

        def query(rows: Snapshot) -> Returned | None:
            if not eventlog.floor(rows) <= claim.place.cursor.id <= eventlog.top(rows):
                return None
            return Returned(claim.pid, claim.place, tuple(_JOINS.all(rows, claim.pid)))

        return await self._store.read(query)

    async def join(self, pid: str, join: Join) -> None:
        """Remember a join; durable when this returns."""

        def unit(tx: Transaction) -> None:
            _DROP.drop(tx, pid, join.dialog_id)
            _ADD.add(
                tx,
                pid=pid,
                dialog_id=join.dialog_id,
                number=join.number,
                position=join.position,
                floor=join.floor,
                after=join.after,
                joined_at=tx.now_ms,
            )

        await self._store.commit(unit)

    async def leave(self, pid: str, dialog_id: int) -> None:
        """Forget a join; durable when this returns."""
        await self._store.commit(lambda tx: _DROP.drop(tx, pid, dialog_id))

    async def missed(self, dialog_id: int, after: int) -> tuple[Sequence[LoggedEvent], int] | None:
        """The events of a ticket behind ``after`` up to the returned top; None when they are too many or pruned."""

        def query(rows: Snapshot) -> tuple[Sequence[LoggedEvent], int] | None:
            newest = eventlog.top(rows)
            if not eventlog.floor(rows) <= after <= newest:
                return None
            page = eventlog.since(rows, after, frozenset({dialog_topic(dialog_id)}))
            return (page.events, newest) if page.reached >= newest else None

        return await self._store.read(query)


def prune(tx: Transaction, before_ms: int) -> None:
    """Forget the joins of clients that can no longer return."""
    _DROP_OLD.drop(tx, before_ms)
