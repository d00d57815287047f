"""Several writers of one SQLite file take turns, as processes that share it do."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest

from replyx.database.sqlite import Sqlite
from replyx.database.turns import Turns

WORK_S = 0.005
TURNS = 40


def write(database: Sqlite) -> None:
    """A transaction that takes its time."""
    connection = database.connection()
    database.begin_writing(connection)
    connection.execute("UPDATE counter SET top = top + 1")
    time.sleep(WORK_S)
    connection.execute("COMMIT")


def test_who_writes_all_the_time_lets_the_other_in(tmp_path: Path) -> None:
    file = tmp_path / "replyx.db"
    with sqlite3.connect(file) as made:
        made.execute("CREATE TABLE counter (top INTEGER)")
        made.execute("INSERT INTO counter VALUES (0)")
    made.close()
    ended, began = threading.Event(), threading.Event()

    def greedy() -> None:
        busy = Sqlite(file)
        with busy.connection_context():
            while not ended.is_set():
                write(busy)
                began.set()

    thread = threading.Thread(target=greedy)
    thread.start()
    modest = Sqlite(file)
    try:
        began.wait(10)
        with modest.connection_context():
            (before,) = modest.execute_sql("SELECT top FROM counter").fetchone()
            for _ in range(TURNS):
                write(modest)
            (after,) = modest.execute_sql("SELECT top FROM counter").fetchone()
    finally:
        ended.set()
        thread.join()
    # One for one; SQLite alone lets the greedy one write some twenty times for each of the other's.
    assert after - before <= 3 * TURNS


def test_a_place_that_is_taken_is_waited_for_and_then_refused(tmp_path: Path) -> None:
    one, other = Turns(tmp_path / "replyx.db"), Turns(tmp_path / "replyx.db")
    with (
        one.next(time.monotonic()),
        pytest.raises(sqlite3.OperationalError, match="locked"),
        other.next(time.monotonic() + 0.05),
    ):
        pass
    with other.next(time.monotonic()):
        pass


def test_a_disk_that_cannot_hold_the_place_fails_as_the_database_does(tmp_path: Path) -> None:
    with (
        pytest.raises(sqlite3.OperationalError, match="unable to open"),
        Turns(tmp_path / "gone" / "replyx.db").next(0),
    ):
        pass
