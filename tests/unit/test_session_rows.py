"""The rows of sessions: they go when their time is over, and nothing else goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from replyx import accounts, session_rows
from replyx.database import models
from replyx.database.migrations.m0013_session_ends import session_ends
from replyx.database.rows import Insert, value
from replyx.delivery.store import Store, Transaction

HOUR_MS = 3_600_000
_ADD_DEVICE = Insert(models.PushDevice)
_SESSIONS = value(models.Session.id)
_DEVICES = value(models.PushDevice.session_id)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "replyx.db", time.time)
    opened.change(lambda tx: accounts.insert(tx, "boris@example.com", "Boris", "manager", "x"))
    yield opened
    opened.disconnect()


def begin(tx: Transaction, name: str, left_ms: int) -> None:
    """A session that is over in so many milliseconds, with a device."""
    session_rows.add(tx, name, 1, "refresh", tx.now_ms + left_ms)
    keys = {"p256dh": "00", "auth": "00", "locale": "en"}
    _ADD_DEVICE.add(
        tx, account_id=1, session_id=name, endpoint=f"https://push.example/{name}", created_at=tx.now_ms, **keys
    )


def test_sessions_that_are_over_go_with_their_devices_and_the_others_stay(store: Store) -> None:
    over = session_rows.PRUNED_AT_ONCE + 1

    def unit(tx: Transaction) -> None:
        for number in range(over):
            begin(tx, f"over-{number}", -number - 1)
        begin(tx, "ended", HOUR_MS)
        begin(tx, "live", HOUR_MS)
        session_rows.end(tx, ["ended"])

    store.change(unit)
    time.sleep(0.002)  # what ended in this very millisecond is over from the next one on
    pieces = 1
    while store.change(session_rows.prune):
        pieces += 1
    assert pieces == 2, "a piece at a time"
    assert store.query(_SESSIONS.all) == store.query(_DEVICES.all) == ["live"]


def test_sessions_of_an_older_version_live_on_and_ended_ones_go(store: Store) -> None:
    """A refresh did not move the time of its session, so one in use could look as if it were over."""

    def unit(tx: Transaction) -> None:
        begin(tx, "refreshed", -HOUR_MS)
        begin(tx, "ended", HOUR_MS)
        tx.execute("UPDATE session SET ended = TRUE WHERE id = 'ended'")

    store.change(unit)
    store.change(lambda tx: tx.execute("DROP INDEX session_expires_at"))
    database = store._database
    with database.atomic():
        session_ends(database)
    store.change(session_rows.prune)
    assert store.query(_SESSIONS.all) == ["refreshed"]
    assert store.change(lambda tx: session_rows.live(tx, "refreshed"))
