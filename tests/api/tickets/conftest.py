"""Servers with tickets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.tickets.ticket import SECRET
from tests.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """Every test opens tickets of its own, which the limit on one address would stop."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=["--rate-limits", "off"]) as running:
        yield running


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """The demo's data without its mode: here a page does not choose whom it speaks as."""
    data = tmp_path_factory.mktemp("strict") / "data"
    with Server(data):
        pass
    with Server(data, demo=False, env={"INTERNAL_SECRET": SECRET}) as running:
        yield running
