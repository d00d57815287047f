"""How far those who follow the log have come: a row for each, moved in the transaction that deals with the events."""

from __future__ import annotations

import logging

from replyx.delivery import eventlog
from replyx.delivery.store import Transaction

log = logging.getLogger("replyx.eventlog")


def place(tx: Transaction, name: str) -> int:
    """The id up to which the follower ``name`` has dealt with everything; it must have begun.

    What retention has taken before its turn is reported and passed over.
    """
    row = tx.execute("SELECT position FROM log_position WHERE name = ?", (name,)).fetchone()
    position, lowest = int(row[0]), eventlog.floor(tx)
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


def move(tx: Transaction, name: str, position: int) -> int:
    """Put the follower ``name`` behind the event ``position``, which is returned."""
    tx.execute(
        "INSERT INTO log_position (name, position) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET position = EXCLUDED.position",
        (name, position),
    )
    return position


def present(tx: Transaction) -> int:
    """The id of the newest event, those of this transaction included."""
    return tx.next_event_id() - 1
