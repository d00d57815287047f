"""What the API tests share: operators who are logged in."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests import scenario
from tests.server import Server


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    """A client without any credential."""
    with server.client() as client:
        yield client


@pytest.fixture(scope="module")
def maria(server: Server) -> Iterator[httpx.Client]:
    """An admin."""
    with scenario.operator(server, "admin@example.com") as client:
        yield client


@pytest.fixture(scope="module")
def boris(server: Server) -> Iterator[httpx.Client]:
    """A manager."""
    with scenario.operator(server, "manager@example.com") as client:
        yield client


@pytest.fixture
def anna(http: httpx.Client) -> scenario.Visitor:
    """A visitor of an assistant, with a dialog of her own."""
    return scenario.guest(http)
