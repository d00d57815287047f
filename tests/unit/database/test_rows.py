"""SQL from the models, and rows read by name: what a record gets from each kind of column, and what is refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from msgspec import UNSET, UnsetType

from replyx.database.migrations import migrate
from replyx.database.models import (
    Account,
    Assistant,
    Counter,
    Dialog,
    Installation,
    Lease,
    Product,
    Session,
    Visitor,
    Widget,
)
from replyx.database.rows import (
    Insert,
    Made,
    Part,
    Rows,
    Update,
    computed,
    exists,
    replacing,
    select,
    stated,
    unless_taken,
    value,
)
from replyx.database.sqlite import Sqlite

NOON = 1_757_160_000_000  # 2025-09-06, 12:00 UTC


class Person(msgspec.Struct, frozen=True):
    """Of one table: a flag, a time as text, a time as a number."""

    id: int
    role: Literal["admin", "user"]
    active: bool
    created_at: str


class Name(msgspec.Struct, frozen=True):
    """A part of another record."""

    name: str


class Who(msgspec.Struct, frozen=True):
    """A part that may have nothing."""

    id: int
    name: str | None


@dataclass(frozen=True, slots=True)
class Talk:
    """Of several tables: parts that may be absent, and a column that is made."""

    id: int
    assignee: Name | None
    visitor: Who | UnsetType
    status: str
    created_at: int
    last_message_id: int | None
    length: int


@dataclass(frozen=True, slots=True)
class Place:
    """JSON, and a column of another name."""

    widget_id: int
    domains: tuple[str, ...]
    locale: str | None


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Rows]:
    database = Sqlite(tmp_path / "replyx.db")
    database.connect()
    migrate(database)
    yield database.connection()
    database.close()


def assistant(rows: Rows) -> int:
    return Insert(Assistant).numbered(rows, name="Support", greeting="Hello!", created_at=NOON)


def person(rows: Rows, name: str = "Мария", **other: object) -> int:
    given = {"email": f"{name}@example.com", "role": "admin", "password_hash": "x", "active": True, "created_at": NOON}
    return Insert(Account).numbered(rows, name=name, **(given | other))


def test_a_model_and_its_fields_stand_in_sql_by_their_names() -> None:
    assert f"{Lease} {Lease.expires_at} {Dialog.id}" == "lease lease.expires_at dialog.id"


def test_a_record_of_one_table_gets_flags_and_times_as_its_fields_say(rows: Rows) -> None:
    number = person(rows, active=False)
    people = select(Person, Account)
    assert people.all(rows) == [Person(number, "admin", False, "2025-09-06T12:00:00.000Z")]
    assert people.where(f"{Account.role} = ?").one(rows, "user") is None
    assert people.where(f"{Account.id} = ?").only(rows, number).active is False


def test_a_record_of_several_tables_has_its_parts_or_what_stands_for_them(rows: Rows) -> None:
    anna = Insert(Visitor).numbered(rows, assistant_id=assistant(rows), guest_digest="g", created_at=NOON)
    given = {"kind": "dialog", "status": "open", "handler": "manager", "created_at": NOON, "updated_at": NOON}
    first = Insert(Dialog).numbered(rows, activity=1, assignee_id=person(rows), **given)
    second = Insert(Dialog).numbered(rows, activity=2, visitor_id=anna, **given)
    talks = select(
        Talk,
        Dialog,
        f"LEFT JOIN {Account} ON {Account.id} = {Dialog.assignee_id}"
        f" LEFT JOIN {Visitor} ON {Visitor.id} = {Dialog.visitor_id}",
        assignee=Part(Name, Account).or_else(None),
        visitor=Part(Who, Visitor).or_else(UNSET),
        status=Made(str.upper, Dialog.status),
        length=f"LENGTH({Dialog.status})",
    )
    assert talks.all(rows) == [
        Talk(first, Name("Мария"), UNSET, "OPEN", NOON, None, 4),
        Talk(second, None, Who(anna, None), "OPEN", NOON, None, 4),
    ]


def test_json_becomes_what_the_field_holds(rows: Rows) -> None:
    given = {"name": "", "theme": "#000000", "type": "floating", "position": "bottom-left", "created_at": NOON}
    number = Insert(Widget).numbered(
        rows, assistant_id=assistant(rows), domains='["a.example"]', deleted=False, **given
    )
    assert select(Place, Widget, widget_id=Widget.id).all(rows) == [Place(number, ("a.example",), None)]


def test_single_values_and_questions(rows: Rows) -> None:
    assert not exists(Account)(rows)
    one, two = person(rows, "one"), person(rows, "two", active=False)
    assert value(Account.id).where("TRUE", f"ORDER BY {Account.id} DESC").all(rows) == [two, one]
    assert value(Account.active).where(f"{Account.id} = ?").one(rows, two) is False
    assert value(Account.id).where(f"{Account.email} = ?").one(rows, "nobody") is None
    assert computed(int, "COUNT(*)", Account).only(rows) == 2
    assert stated(str, "SELECT 'said'").only(rows) == "said"
    named = exists(Account, f"{Account.name} = ?")
    assert named(rows, "two")
    assert not named(rows, "three")


def test_an_insert_says_what_becomes_of_a_row_that_is_there(rows: Rows) -> None:
    add = Insert(Account, unless_taken(Account.email))
    given = {"email": "a@b", "name": "A", "role": "user", "password_hash": "x", "active": True, "created_at": NOON}
    assert add.numbered_if_new(rows, **given) == 1
    assert add.numbered_if_new(rows, **given) is None
    put = Insert(Installation, replacing(Installation.key, Installation.value))
    put.add(rows, key="demo", value="one")
    put.add(rows, key="demo", value="two")
    assert value(Installation.value).where(f"{Installation.key} = ?").one(rows, "demo") == "two"


def test_an_update_changes_what_is_named_and_counts_the_rows(rows: Rows) -> None:
    one = person(rows, "one")
    person(rows, "two")
    change = Update(Account, f"{Account.id} = ?", f"name = name || '!', {Account.created_at.name} = 0")
    assert change.change(rows, one, role="user", active=False) == 1
    assert change.change(rows, 99) == 0
    assert select(Person, Account).where(f"{Account.id} = ?").only(rows, one) == Person(
        one, "user", False, "1970-01-01T00:00:00.000Z"
    )
    assert value(Account.name).where(f"{Account.role} = 'admin'").all(rows) == ["two"]


def test_values_with_quotes_stay_values(rows: Rows) -> None:
    nasty = "'); DROP TABLE account; --"
    number = person(rows, nasty)
    assert Update(Account, f"{Account.id} = ?").change(rows, number, name=nasty + '"') == 1
    assert value(Account.name).all(rows) == [nasty + '"']


def test_a_column_that_is_no_more_is_found_when_the_module_is_imported() -> None:
    class Unknown(msgspec.Struct):
        nickname: str

    with pytest.raises(TypeError, match=r"Unknown\.nickname has no column"):
        select(Unknown, Account)
    with pytest.raises(TypeError, match="Person has no fields"):
        select(Person, Account, nickname=Account.name)
    with pytest.raises(AttributeError):
        getattr(Account, "nickname")  # noqa: B009 - mypy would not let it pass


def test_a_field_that_its_column_cannot_fill_is_found_when_the_module_is_imported() -> None:
    class Certain(msgspec.Struct):
        moderation_notes: str

    class Number(msgspec.Struct):
        id: str

    class Flag(msgspec.Struct):
        active: int

    class Listed(msgspec.Struct):
        domains: str

    for shape, table in ((Certain, Product), (Number, Session), (Number, Account), (Flag, Account), (Listed, Widget)):
        if (shape, table) == (Number, Session):  # a session's id is text
            assert select(shape, table).sql == "SELECT session.id FROM session"
            continue
        with pytest.raises(TypeError, match="cannot be"):
            select(shape, table)


def test_a_name_that_is_no_column_is_refused_before_the_database_hears_of_it(rows: Rows) -> None:
    with pytest.raises(TypeError, match="nickname"):
        person(rows, nickname="M")
    with pytest.raises(TypeError, match="email"):
        Insert(Account).add(rows, name="A", role="user", password_hash="x", active=True, created_at=NOON)
    with pytest.raises(TypeError, match=r"account has no columns \['nickname'\]"):
        Update(Account, f"{Account.id} = ?").change(rows, 1, nickname="M")
    assert not exists(Account)(rows)


def test_the_row_that_must_be_there_is_there(rows: Rows) -> None:
    assert value(Counter.top).where(f"{Counter.id} = 1").only(rows) == 0
    with pytest.raises(sqlite3.OperationalError):
        stated(int, "SELECT 1 FROM nowhere").only(rows)
