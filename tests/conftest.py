"""What all tests share: the real parts by fixture, and how property tests run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests import parts
from tests.browser import install_browser
from tests.postgres import Cluster
from tests.server import Server

# No deadline: how long an example takes says something about the machine, nothing about the code.
hypothesis.settings.register_profile("replyx", deadline=None)
hypothesis.settings.load_profile("replyx")

FROM_THE_TEST_EXTRA = "install the test extra"

# These run on both databases; with --database=postgres, everything runs on PostgreSQL alone.
ON_BOTH = (
    "api/test_accounts.py",
    "api/test_dialogs.py",
    "api/test_messages.py",
    "api/test_products.py",
    "api/test_push.py",
    "api/test_search.py",
    "api/test_tickets.py",
    "chaos/test_kill.py",
    "chaos/test_resume.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--database=postgres`` starts every server on PostgreSQL."""
    parser.addoption("--database", choices=("sqlite", "postgres"), default="sqlite", help="what the servers run on")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the modules of :data:`ON_BOTH` on both databases."""
    if metafunc.config.getoption("--database") == "sqlite" and str(metafunc.definition.path).endswith(ON_BOTH):
        metafunc.parametrize("database", ["sqlite", "postgres"], indirect=True, scope="module")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the SQLite file where there is none."""
    default = config.getoption("--database")
    for item in items:
        variant = getattr(item, "callspec", None)
        kind = variant.params.get("database", default) if variant else default
        if kind == "postgres" and item.get_closest_marker("sqlite"):
            item.add_marker(pytest.mark.skip("is about the SQLite file"))


@pytest.fixture(scope="session")
def cluster(postgres: Path) -> Iterator[Cluster]:
    """A PostgreSQL server for the tests."""
    with Cluster(postgres) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """Which database the servers of this module run on."""
    kind: str = getattr(request, "param", request.config.getoption("--database"))
    if kind == "postgres":
        Server.database_of = request.getfixturevalue("cluster").database_of
    yield kind
    Server.database_of = None


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
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """A demo server for the tests of one module; they must not depend on each other's data."""
    with Server(tmp_path_factory.mktemp("server") / "data") as running:
        yield running
