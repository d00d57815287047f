"""Migrations: each runs once, a copy is kept, the models say what the tables are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from peewee import BooleanField, Database, Field, IntegerField, IntegrityError, Model, TextField

from replyx.database import migrations, models
from replyx.database.migrations import MIGRATIONS, SchemaTooNew, m0015_guest_digests, migrate
from replyx.database.migrations.m0015_guest_digests import guest_digests
from replyx.database.migrations.m0020_emails import emails
from replyx.database.sqlite import Sqlite
from replyx.database.tables import catalog_of
from replyx.guest_ids import digest

NEWEST = len(MIGRATIONS)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Sqlite]:
    opened = Sqlite(tmp_path / "replyx.db")
    opened.connect()
    yield opened
    opened.close()


def version(database: Database) -> int:
    return int(database.execute_sql("SELECT value FROM installation WHERE key = 'schema_version'").fetchone()[0])


def test_an_empty_database_gets_every_version_and_a_second_start_changes_nothing(database: Sqlite) -> None:
    migrate(database)
    assert version(database) == NEWEST
    before = list(database.connection().iterdump())
    migrate(database)
    assert list(database.connection().iterdump()) == before


def test_a_newer_schema_is_refused_and_left_alone(database: Sqlite) -> None:
    migrate(database)
    database.execute_sql(f"UPDATE installation SET value = '{NEWEST + 1}' WHERE key = 'schema_version'")
    before = list(database.connection().iterdump())
    with pytest.raises(SchemaTooNew, match=f"version {NEWEST + 1}"):
        migrate(database)
    assert list(database.connection().iterdump()) == before


def test_a_copy_is_kept_before_a_database_with_data_is_changed(
    database: Sqlite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def another(database: Database) -> None:
        database.execute_sql("CREATE TABLE another (id INTEGER)")

    migrate(database)
    assert list(tmp_path.glob("*.before-*")) == [], "a new database has nothing to keep"
    database.execute_sql("INSERT INTO installation (key, value) VALUES ('precious', 'data')")
    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, another))
    migrate(database)
    assert version(database) == NEWEST + 1
    assert database.table_exists("another")
    copy = sqlite3.connect(tmp_path / f"replyx.db.before-{NEWEST + 1}")
    assert copy.execute("SELECT value FROM installation WHERE key = 'precious'").fetchone() == ("data",)
    assert copy.execute("SELECT value FROM installation WHERE key = 'schema_version'").fetchone() == (str(NEWEST),)
    assert copy.execute("SELECT 1 FROM sqlite_master WHERE name = 'another'").fetchone() is None
    copy.close()


def test_a_migration_that_fails_leaves_the_version_before_it(database: Sqlite, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(database: Database) -> None:
        database.execute_sql("CREATE TABLE half (id INTEGER)")
        raise RuntimeError("as the test wants it")

    migrate(database)
    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, broken))
    with pytest.raises(RuntimeError):
        migrate(database)
    assert version(database) == NEWEST
    assert not database.table_exists("half")


def test_each_database_has_an_epoch_of_its_own(tmp_path: Path) -> None:
    epochs = set()
    for name in ("a", "b"):
        opened = Sqlite(str(tmp_path / name))
        with opened.connection_context():
            migrate(opened)
            epochs.add(opened.execute_sql("SELECT value FROM installation WHERE key = 'epoch'").fetchone()[0])
    assert len(epochs) == 2


def kind(field: Field) -> set[str]:
    """The column types that may hold a field."""
    if isinstance(field, TextField):
        return {"TEXT"}
    if isinstance(field, IntegerField | BooleanField):
        return {"INTEGER", "BIGINT"}
    raise AssertionError(f"{field.name}: a field of a kind that no table has yet")


def columns(database: Sqlite, table: str) -> dict[str, tuple[str, bool]]:
    """Type and nullability by column, as the migrated table has them."""
    found: list[Any] = database.execute_sql(f"PRAGMA table_info({table})").fetchall()
    return {name: (type, not not_null) for _, name, type, not_null, _, _ in found}


def indexes(database: Sqlite, table: str) -> set[tuple[tuple[str, ...], bool]]:
    """Columns and uniqueness of each index that is not the primary key's."""
    return {
        (tuple(index.columns), bool(index.unique))
        for index in database.get_indexes(table)
        if not index.name.startswith("sqlite_autoindex")
    }


def declared_indexes(model: type[Model]) -> set[tuple[tuple[str, ...], bool]]:
    """The same, as the model declares it."""
    single = {
        ((field.column_name,), bool(field.unique))
        for field in model._meta.sorted_fields
        if (field.index or field.unique) and not field.primary_key
    }
    several = {(tuple(names), unique) for names, unique in model._meta.indexes}
    return single | several


@pytest.mark.parametrize("model", models.TABLES, ids=lambda model: model._meta.table_name)
def test_the_model_is_the_migrated_table(database: Sqlite, model: type[Model]) -> None:
    migrate(database)
    table = model._meta.table_name
    real = columns(database, table)
    assert list(real) == [field.column_name for field in model._meta.sorted_fields]
    for field in model._meta.sorted_fields:
        type, nullable = real[field.column_name]
        assert type in kind(field), field.name
        assert nullable == field.null, field.name
    assert indexes(database, table) == declared_indexes(model)
    keys = {key.name for key in model._meta.get_primary_keys()}
    assert set(database.get_primary_keys(table)) == keys


def test_every_table_has_a_model(database: Sqlite) -> None:
    migrate(database)
    tables = {table.name for table in catalog_of(database).in_order_of_references()}
    assert tables == {model._meta.table_name for model in models.TABLES}


def test_guest_ids_of_before_become_digests_and_stay_unique(database: Sqlite, monkeypatch: pytest.MonkeyPatch) -> None:
    at = MIGRATIONS.index(guest_digests)
    monkeypatch.setattr(migrations, "MIGRATIONS", MIGRATIONS[:at])
    monkeypatch.setattr(m0015_guest_digests, "AT_ONCE", 2)
    migrate(database)
    database.execute_sql("INSERT INTO assistant (name, greeting, created_at) VALUES ('a', '', 0)")
    ids = ["test", "a" * 16, "b", "c-d_e", "x" * 64]
    for each in ids:
        database.execute_sql("INSERT INTO visitor (assistant_id, guest_id, created_at) VALUES (1, ?, 0)", (each,))
    monkeypatch.setattr(migrations, "MIGRATIONS", MIGRATIONS)
    migrate(database)
    found = [row[0] for row in database.execute_sql("SELECT guest_digest FROM visitor ORDER BY id")]
    assert found == [digest(each) for each in ids]
    with pytest.raises(IntegrityError):
        database.execute_sql(
            "INSERT INTO visitor (assistant_id, guest_digest, created_at) VALUES (1, ?, 0)", (digest("test"),)
        )


def test_addresses_of_accounts_get_their_one_spelling_and_what_clashes_stays_and_is_named(
    database: Sqlite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(migrations, "MIGRATIONS", MIGRATIONS[: MIGRATIONS.index(emails)])
    migrate(database)
    before = ["anna@xn--mnchen-3ya.example", "anna@münchen.example", "bo\u200bris@example.com", "no address", "<b@c.d>"]
    for email in before:
        columns = "email, name, role, password_hash, active, created_at"
        database.execute_sql(f"INSERT INTO account ({columns}) VALUES (?, '', 'user', '', 1, 0)", (email,))
    monkeypatch.setattr(migrations, "MIGRATIONS", MIGRATIONS)
    migrate(database)
    found = [row[0] for row in database.execute_sql("SELECT email FROM account ORDER BY id")]
    assert found == [*before[:2], "boris@example.com", "no address", "b@c.d"]
    assert "accounts 2 and 1 have the same e-mail address" in caplog.text
