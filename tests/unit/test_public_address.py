"""The address that the server ran with last."""

from __future__ import annotations

from pathlib import Path

import pytest

from replyx import public_address
from replyx.delivery.store import Store


def test_the_address_is_kept_and_the_newest_one_counts(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "replyx.db", lambda: 0.0)
    assert store.query(public_address.last) is None
    for address in ("http://localhost:8000", "https://chat.example", "https://chat.example"):
        public_address.remember(store, address)
        assert store.query(public_address.last) == address
    store.disconnect()


def test_a_database_that_takes_nothing_keeps_no_server_from_starting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store.open(tmp_path / "replyx.db", lambda: 0.0)
    public_address.remember(store, "https://chat.example")
    store.query(lambda rows: rows.execute("PRAGMA query_only = ON"))
    public_address.remember(store, "https://chat.example")
    assert "could not be kept" not in caplog.text
    public_address.remember(store, "https://new.example")
    assert "could not be kept" in caplog.text
    assert store.query(public_address.last) == "https://chat.example"
    store.disconnect()
