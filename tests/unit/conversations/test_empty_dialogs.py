"""Dialogs in which nobody has said anything, below HTTP: when they go, and what an older database had in its inbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from replyx.auth import VisitorActor
from replyx.conversations import assistants, empty_dialogs, visitors
from replyx.conversations.assistants import NewAssistant
from replyx.conversations.dialog_rows import access
from replyx.conversations.dialog_rules import ChatRules, Said
from replyx.conversations.messages import add_message
from replyx.conversations.visitors import Arrival
from replyx.database import models
from replyx.database.migrations.m0021_empty_dialogs import empty_dialogs as take_out
from replyx.delivery.store import Store, Transaction

HOUR_MS = 3_600_000


class House:
    """A store with one assistant, and a time that passes only when told to."""

    def __init__(self, directory: Path) -> None:
        self.now = 1_000_000.0
        self.store = Store.open(directory / "replyx.db", lambda: self.now)
        self.store.change(lambda tx: assistants.create(tx, NewAssistant("Лавка")))

    def arrive(self, guest_id: str) -> tuple[int, int]:
        """The ids of a visitor and of her dialog."""
        visitor_id, dialog, _ = self.store.change(lambda tx: visitors.arrive(tx, 1, None, Arrival(guest_id)))
        return visitor_id, dialog.id

    def say(self, visitor_id: int, dialog_id: int) -> None:
        """Send a message as its visitor does."""
        anna = VisitorActor(visitor_id, 1, "widget", ())

        def unit(tx: Transaction) -> None:
            add_message(tx, ChatRules(), anna, access(tx, anna, dialog_id), Said("Привет", None))

        self.store.change(unit)

    def prune(self) -> int:
        """Drop what has been empty for an hour."""
        oldest = int(self.now * 1000) - HOUR_MS
        return self.store.change(lambda tx: empty_dialogs.prune(tx, oldest))

    def ids(self, table: str) -> list[int]:
        """What is there."""
        return [row[0] for row in self.rows(f"SELECT id FROM {table} ORDER BY id")]

    def rows(self, sql: str) -> list[Any]:
        """The rows of a query."""
        found: list[Any] = self.store.query(lambda rows: rows.execute(sql).fetchall())
        return found


@pytest.fixture
def house(tmp_path: Path) -> Any:
    """A house of its own."""
    opened = House(tmp_path)
    yield opened
    models.database.close()


def test_empty_dialogs_go_with_their_visitors_once_nobody_has_come_back_for_a_time(house: House) -> None:
    anna, vera, olga = (house.arrive(name * 16) for name in "avo")
    house.say(*anna)
    house.now += 3000
    assert house.arrive("v" * 16) == vera
    house.now += 700
    assert house.prune() == 1
    assert house.prune() == 0
    assert house.ids("dialog") == [anna[1], vera[1]]
    assert house.ids("visitor") == [anna[0], vera[0]]
    house.now += 1e6
    assert house.prune() == 1
    assert house.ids("dialog") == [anna[1]]
    assert house.arrive("o" * 16) > olga  # a number is nobody else's, ever


def test_many_go_piece_by_piece(house: House) -> None:
    def fill(tx: Transaction) -> None:
        for number in range(empty_dialogs.PIECE + 3):
            visitors.arrive(tx, 1, None, Arrival(f"{number:032}"))

    house.store.change(fill)
    house.now += 3601
    assert [house.prune() for _ in range(3)] == [empty_dialogs.PIECE, 3, 0]


def test_caches_hear_that_a_visitor_is_gone(house: House) -> None:
    house.arrive("a" * 16)
    house.now += 3601
    house.prune()
    assert [row[0] for row in house.rows("SELECT topics FROM event")] == ["directory"]


def test_the_migration_takes_out_what_nobody_has_touched(house: House) -> None:
    ids = [house.arrive(name * 16)[1] for name in "abcd"]
    changes = ("", ", handler = 'manager'", ", status = 'closed'", ", last_message_id = 1")
    for dialog_id, change in zip(ids, changes, strict=True):
        sql = f"UPDATE dialog SET activity = 7{change} WHERE id = {dialog_id}"
        house.store.change(lambda tx, sql=sql: tx.execute(sql))
    with models.database.obj.connection_context():
        take_out(models.database.obj)
    assert [row[0] for row in house.rows("SELECT activity FROM dialog ORDER BY id")] == [0, 7, 7, 7]
