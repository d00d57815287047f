"""The two databases: what a URL leads to, and how statements become PostgreSQL's."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from replyx.database import opening
from replyx.database.dialect import DatabaseUnusable, percent_placeholders
from replyx.database.opening import database_at
from replyx.database.postgres import Postgres
from replyx.database.sqlite import Sqlite
from replyx.delivery.store import Store


def test_a_url_leads_to_its_database_and_nothing_is_connected_yet(tmp_path: Path) -> None:
    sqlite = database_at(f"sqlite:///{tmp_path}/replyx.db")
    assert isinstance(sqlite, Sqlite)
    assert not (tmp_path / "replyx.db").exists()
    for scheme in ("postgresql", "postgres"):
        assert isinstance(database_at(f"{scheme}://nobody@127.0.0.1:1/nothing"), Postgres)


def test_a_missing_driver_is_a_message_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_psycopg(name: str) -> Any:
        return None if name == "psycopg" else object()

    monkeypatch.setattr(opening, "find_spec", without_psycopg)
    with pytest.raises(DatabaseUnusable, match=r"pip install 'replyx\[postgres\]'"):
        database_at("postgresql://nobody@127.0.0.1:1/nothing")


def test_a_url_that_is_not_understood_is_a_message_without_the_password() -> None:
    with pytest.raises(DatabaseUnusable, match="not understood") as refused:
        database_at("postgresql://user:s3cret@host/name?no_such_option=1")
    assert "s3cret" not in str(refused.value)


def test_values_and_percent_signs_are_told_apart() -> None:
    assert percent_placeholders("SELECT ? WHERE a LIKE '5%' AND b = ?") == "SELECT %s WHERE a LIKE '5%%' AND b = %s"


def test_an_sqlite_without_what_statements_need_is_refused_by_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian 11 and RHEL 9 have 3.34.1: the server said that it listened and refused every write."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.34.1")
    with pytest.raises(DatabaseUnusable, match=r"SQLite 3\.35 or newer is needed, this Python has 3\.34\.1"):
        Store.open(tmp_path / "replyx.db", lambda: 0)
    assert list(tmp_path.iterdir()) == []
