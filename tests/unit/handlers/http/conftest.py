"""The servers that the tests of the HTTP server ask, and the log that must stay quiet."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.unit.handlers.http.serving import Served, serving


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def loud(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """A test fails on any warning or error in the log, but for the messages that it put into this list."""
    expected: list[str] = []
    caplog.set_level(logging.INFO)
    yield expected
    logged = [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.WARNING]
    assert [m for m in logged if not any(e in m for e in expected)] == []


@pytest.fixture(scope="module")
def reference() -> Iterator[Served]:
    with serving(stock=True) as server:
        yield server


@pytest.fixture(scope="module")
def ours() -> Iterator[Served]:
    with serving() as server:
        yield server
