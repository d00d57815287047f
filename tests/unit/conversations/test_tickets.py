"""Tickets below HTTP: the clock of their targets, what reaches the log, and the migration that brought them.

The store is the real one; only its time is made.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyx import accounts
from replyx.auth import AccountActor, Speaker, TicketActor
from replyx.conversations import dialog_rows, ticket_rows
from replyx.conversations.dialog_rows import access
from replyx.conversations.dialog_rules import Said
from replyx.conversations.messages import add_message
from replyx.conversations.sla import Policy
from replyx.conversations.sla_watch import SlaWatch
from replyx.conversations.ticket_rows import DONE, Wanted
from replyx.conversations.ticket_rules import TicketRules
from replyx.database import models
from replyx.database.migrations import m0001_initial, migrate
from replyx.database.sqlite import Sqlite
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import DialogNotFound
from replyx.schemas.dialogs import Dialog
from replyx.schemas.tickets import NewTicket, Ticket, TicketChange

MONDAY = datetime(2025, 9, 1, 9, tzinfo=UTC).timestamp()
MINUTE, HOUR = 60.0, 3600.0
RULES = TicketRules(Policy())
BORIS = AccountActor(1, "boris@example.com", "Борис", "manager", "session", MONDAY + 1e6)


class Desk:
    """A store with one operator, and a time that passes only when told to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = MONDAY
        self.open()
        self.store.change(lambda tx: accounts.insert(tx, BORIS.email, BORIS.name, BORIS.role, "x"))

    def open(self) -> None:
        """Open the store, as a start of the server does."""
        self.store = Store.open(self.path, lambda: self.now)

    def close(self) -> None:
        """Close this thread's connection."""
        models.database.close()

    def new(self, **fields: Any) -> Ticket:
        """Open a ticket."""
        new = NewTicket(**{"subject": "Пальто", "description": "", **fields})
        return self.store.change(lambda tx: RULES.open(tx, new))

    def want(self, ticket: Ticket, by: Speaker | None = BORIS, **wanted: Any) -> Ticket:
        """Change a ticket as its service does."""

        def unit(tx: Transaction) -> Ticket:
            RULES.bring(tx, ticket.dialog_id, by, Wanted(**wanted))
            return ticket_rows.load(tx, ticket.dialog_id)

        return self.store.change(unit)

    def say(self, ticket: Ticket, speaker: Speaker) -> Ticket:
        """Send a message as either service does."""
        said = Said("Добрый день", None)
        self.store.change(lambda tx: add_message(tx, RULES, speaker, access(tx, speaker, ticket.dialog_id), said))
        return self.load(ticket)

    def load(self, ticket: Ticket) -> Ticket:
        """The ticket as it is now."""
        return self.store.query(lambda rows: ticket_rows.load(rows, ticket.dialog_id))

    def dialog(self, ticket: Ticket) -> Dialog:
        """The ticket's dialog as it is now."""
        return self.store.query(lambda rows: dialog_rows.load(rows, ticket.dialog_id))

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        """What the log holds behind an id."""

        def query(rows: Snapshot) -> list[dict[str, Any]]:
            found = rows.execute("SELECT payload FROM event WHERE id > ? ORDER BY id", (after,)).fetchall()
            return [msgspec.json.decode(payload) for (payload,) in found]

        return self.store.query(query)

    def history(self, ticket: Ticket) -> list[TicketChange]:
        """Every line of the ticket's history."""
        where = f"{models.TicketChange.dialog_id} = ?"
        changes = ticket_rows.CHANGES.where(where, f"ORDER BY {models.TicketChange.id}")
        return self.store.query(lambda rows: changes.all(rows, ticket.dialog_id))

    def watch(self) -> int:
        """One look of the watch, in a process of its own as it were: the store is opened anew for it."""
        self.close()
        self.open()

        async def look() -> int:
            self.store.start(asyncio.get_running_loop())
            marked = await SlaWatch(self.store, RULES, lambda: self.now).look()
            await self.store.close()
            return marked

        marked = asyncio.run(look())
        self.open()
        return marked


def holder(ticket: Ticket) -> TicketActor:
    """Whoever has the ticket's id."""
    return TicketActor(ticket.id, ticket.dialog_id, "user")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk on a Monday at nine."""
    opened = Desk(tmp_path / "replyx.db")
    yield opened
    opened.close()


def marks(desk: Desk, ticket: Ticket) -> list[tuple[str, str | None]]:
    """The lines that the clock wrote, in order."""
    return [(line.field, line.after) for line in desk.history(ticket) if line.actor == "SYSTEM"]


class TestTargets:
    def test_both_targets_are_marked_before_and_after_each_once(self, desk: Desk) -> None:
        ticket = desk.new(priority="URGENT")
        assert (ticket.response_due_at, ticket.resolution_due_at) == (
            "2025-09-01T09:15:00.000Z",
            "2025-09-01T13:00:00.000Z",
        )
        seen = []
        for minutes in (1, 11, 12, 13, 15, 16, 180, 181, 240, 600):
            desk.now = MONDAY + minutes * MINUTE + 1
            before = len(desk.events())
            desk.watch()
            assert desk.watch() == 0  # whoever looks again finds nothing
            new = desk.events()[before:]
            seen.append((minutes, desk.load(ticket).sla, [event["type"] for event in new]))
        published = ["dialog:updated", "ticket:updated"]
        assert seen == [
            (1, None, []),
            (11, None, []),
            (12, "due_soon", published),
            (13, "due_soon", []),
            (15, "breached", published),
            (16, "breached", []),
            # The worse mark stands while the resolution comes near; its own lines are in the history all the same.
            (180, "breached", []),
            (181, "breached", []),
            (240, "breached", []),
            (600, "breached", []),
        ]
        assert marks(desk, ticket) == [
            ("responseSla", "due_soon"),
            ("responseSla", "breached"),
            ("resolutionSla", "due_soon"),
            ("resolutionSla", "breached"),
        ]

    def test_an_operators_answer_ends_the_first_target_and_a_bots_does_not(self, desk: Desk) -> None:
        ticket = desk.new(priority="HIGH")
        after_bot = desk.say(ticket, TicketActor(ticket.id, ticket.dialog_id, "assistant"))
        assert after_bot.first_response_at is None
        desk.now += 50 * MINUTE
        desk.watch()
        assert desk.load(ticket).sla == "due_soon"
        answered = desk.say(ticket, BORIS)
        assert (answered.sla, answered.response_due_at) == (None, None)
        assert answered.first_response_at == "2025-09-01T09:50:00.000Z"
        desk.now += 20 * MINUTE
        desk.watch()
        assert marks(desk, ticket) == [("responseSla", "due_soon")]

    def test_an_answer_that_comes_too_late_leaves_the_breach_in_the_history(self, desk: Desk) -> None:
        ticket = desk.new(priority="HIGH")
        desk.now += 2 * HOUR
        assert desk.say(ticket, BORIS).sla is None
        assert marks(desk, ticket) == [("responseSla", "breached")]

    def test_the_clock_stands_while_the_ticket_waits_for_the_customer(self, desk: Desk) -> None:
        ticket = desk.new(priority="HIGH")
        desk.now += HOUR
        assert desk.want(ticket, status="WAITING").resolution_due_at is None
        desk.now += 2 * HOUR
        resumed = desk.say(ticket, holder(ticket))
        assert (resumed.status, resumed.resolution_due_at) == ("OPEN", "2025-09-02T11:00:00.000Z")

    def test_a_ticket_that_is_opened_again_has_all_its_time_again(self, desk: Desk) -> None:
        ticket = desk.new(priority="HIGH")
        desk.now += 3 * HOUR
        resolved = desk.want(ticket, status="RESOLVED")
        assert (resolved.resolved_at, resolved.resolution_due_at) == ("2025-09-01T12:00:00.000Z", None)
        desk.now += HOUR
        again = desk.say(ticket, holder(ticket))
        assert (again.status, again.resolved_at, again.resolution_due_at) == ("OPEN", None, "2025-09-02T13:00:00.000Z")

    def test_a_new_priority_moves_the_due_times_from_where_they_were_counted(self, desk: Desk) -> None:
        ticket = desk.new(priority="LOW")
        desk.now += 5 * MINUTE
        urgent = desk.want(ticket, priority="URGENT")
        assert (urgent.response_due_at, urgent.resolution_due_at, urgent.sla) == (
            "2025-09-01T09:15:00.000Z",
            "2025-09-01T13:00:00.000Z",
            None,
        )
        desk.now += HOUR
        assert desk.want(ticket, status="IN_PROGRESS").sla == "breached"


class TestChanges:
    def test_a_change_that_changes_nothing_leaves_no_trace(self, desk: Desk) -> None:
        ticket = desk.new()
        before = len(desk.events())
        assert desk.want(ticket, status="OPEN", priority="MEDIUM", assignee_id=None) == ticket
        assert (desk.history(ticket), desk.events()[before:]) == ([], [])

    def test_only_the_user_opens_a_ticket_again(self, desk: Desk) -> None:
        ticket = desk.new()
        desk.want(ticket, status="CLOSED")
        assert desk.say(ticket, BORIS).status == "CLOSED"
        assert desk.say(ticket, TicketActor(ticket.id, ticket.dialog_id, "assistant")).status == "CLOSED"
        assert desk.say(ticket, holder(ticket)).status == "OPEN"
        assert [(line.after, line.actor) for line in desk.history(ticket)] == [("CLOSED", "AGENT"), ("OPEN", "USER")]

    def test_the_holder_of_one_ticket_is_nobody_in_another(self, desk: Desk) -> None:
        mine, other = desk.new(), desk.new()
        with pytest.raises(DialogNotFound):
            desk.say(mine, holder(other))
        assert desk.say(other, holder(other)).id == other.id

    def test_a_failed_change_leaves_nothing_behind(self, desk: Desk) -> None:
        ticket = desk.new()
        before = len(desk.events())
        with pytest.raises(Exception, match="no operator"):
            desk.want(ticket, status="CLOSED", assignee_id=999)
        assert (desk.load(ticket), desk.history(ticket), desk.events()[before:]) == (ticket, [], [])


STEPS = st.one_of(
    st.tuples(st.just("status"), st.sampled_from(["OPEN", "IN_PROGRESS", "WAITING", "RESOLVED", "CLOSED"])),
    st.tuples(st.just("priority"), st.sampled_from(["LOW", "MEDIUM", "HIGH", "URGENT"])),
    st.tuples(st.just("assignee_id"), st.sampled_from([1, None])),
    st.tuples(st.just("say"), st.sampled_from(["user", "manager", "assistant"])),
    st.tuples(st.just("dialog"), st.sampled_from(["close", "reopen", "takeover", "release"])),
    st.tuples(st.just("pass"), st.integers(1, 100)),
)
COLUMNS: dict[str, dict[str, object]] = {
    "close": {"status": "closed"},
    "reopen": {"status": "open"},
    "takeover": {"handler": "manager", "assignee_id": 1},
    "release": {"handler": "assistant", "assignee_id": None},
}


def step(desk: Desk, ticket: Ticket, what: str, value: Any) -> None:
    """One thing that may happen to a ticket."""
    if what == "pass":
        desk.now += value * HOUR
        desk.want(ticket, by=None)  # what the watch does
    elif what == "say":
        speaker: Speaker = BORIS if value == "manager" else TicketActor(ticket.id, ticket.dialog_id, value)
        desk.say(ticket, speaker)
    elif what == "dialog":
        desk.store.change(lambda tx: RULES.change(tx, ticket.dialog_id, BORIS, **COLUMNS[value]))
    else:
        desk.want(ticket, **{what: value})


@given(steps=st.lists(STEPS, max_size=8))
def test_whatever_happens_the_last_events_tell_the_state_and_the_dialog_is_closed_exactly_when_the_ticket_is_done(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any]]
) -> None:
    desk = Desk(tmp_path_factory.mktemp("desk") / "replyx.db")
    ticket = desk.new()
    for what, value in steps:
        step(desk, ticket, what, value)
        state, dialog = desk.load(ticket), desk.dialog(ticket)
        told = {event["type"]: event for event in desk.events()}
        announced = msgspec.convert(told["ticket:updated"]["ticket"], Ticket)
        # A message moves updated_at alone, and is an event of its own.
        assert msgspec.structs.replace(announced, updated_at=state.updated_at) == state
        card = msgspec.convert(told["dialog:updated"]["dialog"], Dialog).ticket
        assert card == dialog.ticket
        assert (dialog.status == "closed") == (state.status in DONE) == (state.resolved_at is not None)
        assert dialog.handler == "manager"
        assert (state.resolution_due_at is None) == (state.status in DONE | {"WAITING"})
    desk.close()


class TestMigration:
    def test_a_database_of_version_1_keeps_its_messages_and_takes_tickets(self, tmp_path: Path) -> None:
        path = tmp_path / "replyx.db"
        old = Sqlite(path)
        with old.connection_context(), old.atomic():
            m0001_initial.initial(old)
            old.execute_sql("INSERT INTO installation (key, value) VALUES ('schema_version', '1')")
            old.execute_sql(
                "INSERT INTO dialog (kind, status, handler, activity, unread, user_read, manager_read, created_at,"
                " updated_at) VALUES ('dialog', 'open', 'manager', 1, 0, 0, 0, 1, 1)"
            )
            old.execute_sql("INSERT INTO message (dialog_id, sender, text, created_at) VALUES (1, 'user', 'привет', 1)")
        desk = Desk(path)
        row = desk.store.query(lambda rows: rows.execute("SELECT text, message_type FROM message").fetchone())
        assert tuple(row) == ("привет", "TEXT")
        assert desk.new().dialog_id == 2
        desk.close()
        assert (tmp_path / "replyx.db.before-2").exists()

    def test_the_models_and_the_migrations_make_the_same_tables(self, tmp_path: Path) -> None:
        path = tmp_path / "replyx.db"
        database = Sqlite(path)
        with database.connection_context():
            migrate(database)
        with sqlite3.connect(path) as raw:
            made = {
                table: {
                    (name, bool(required)) for _, name, _, required, _, _ in raw.execute(f"PRAGMA table_info({table})")
                }
                for (table,) in raw.execute("SELECT name FROM pragma_table_list WHERE type = 'table'")
                if not table.startswith("sqlite_")
            }
        declared = {
            table._meta.table_name: {(field.column_name, not field.null) for field in table._meta.sorted_fields}
            for table in models.TABLES
        }
        assert made == declared
