"""How far those who follow the log have come: a row for each, moved in the transaction that deals with the events."""

from __future__ import annotations

import logging

from replyx.database.models import LogPosition
from replyx.database.rows import Insert, replacing, value
from replyx.delivery import eventlog
from replyx.delivery.store import Snapshot, Transaction

log = logging.getLogger("replyx.eventlog")


_POSITION = value(LogPosition.position).where(f"{LogPosition.name} = ?")
_PUT = Insert(LogPosition, replacing(LogPosition.name, LogPosition.position))


def place(tx: Transaction, name: str) -> int:
    """The id up to which the follower ``name`` has dealt with everything. One that is new begins at the present.

    What retention has taken before its turn is reported and passed over.
    """
    position, lowest = _POSITION.one(tx, name), eventlog.floor(tx)
    if position is None:
        return move(tx, name, present(tx))
    if position >= lowest:
        return position
    log.error(
        "events %d to %d were pruned before %s had dealt with them: retention is shorter than the time for which"
        " no server ran",
        position + 1,
        lowest,
        name,
    )
    return lowest


def is_behind(rows: Snapshot, name: str) -> bool:
    """Whether the log has events that the follower ``name`` has not dealt with, or it has no place yet."""
    position = _POSITION.one(rows, name)
    return position is None or position < eventlog.top(rows)


def begin(tx: Transaction, name: str, followed: bool) -> int:
    """The place from which somebody who joins now is told: the present.

    Where nobody was told before (``followed`` is false) the follower ``name`` moves here, over what nobody was to hear.
    """
    return present(tx) if followed else move(tx, name, present(tx))


def move(tx: Transaction, name: str, position: int) -> int:
    """Put the follower ``name`` behind the event ``position``, which is returned."""
    _PUT.add(tx, name=name, position=position)
    return position


def present(tx: Transaction) -> int:
    """The id of the newest event, those of this transaction included."""
    return tx.next_event_id() - 1
