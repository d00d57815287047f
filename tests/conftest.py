"""What all tests share: the real parts by fixture, and how property tests run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests import parts
from tests.postgres import Cluster
from tests.redis_server import RedisServer
from tests.server import Joint, Server
from tests.spreader import Spreader

pytest_plugins = ["tests.background", "tests.workers"]

# No deadline: how long an example takes says something about the machine, nothing about the code.
hypothesis.settings.register_profile("replyx", deadline=None)
hypothesis.settings.load_profile("replyx")

FROM_THE_TEST_EXTRA = "install the test extra"

# What servers run on: SQLite, PostgreSQL, and PostgreSQL with a Redis that joins two processes into one server.
KINDS = ("sqlite", "postgres", "two")

# Modules that run on more than SQLite, unless an option says what everything runs on.
ALSO_ON = {
    "postgres": ("api/test_page_bytes.py", "api/test_search.py", "api/test_search_index.py"),
    "two": (
        "api/test_claims.py",
        "api/test_dialogs.py",
        "api/test_handling.py",
        "api/test_login_limits.py",
        "api/test_bans.py",
        "api/test_messages.py",
        "api/test_session_ends.py",
    ),
}
LEFT_OUT = {
    "sqlite": ("is about the SQLite file", ("postgres", "two")),
    "one_process": ("is about a single process", ("two",)),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--database=postgres`` starts every server on PostgreSQL, ``--processes=2`` also in two processes."""
    parser.addoption("--database", choices=("sqlite", "postgres"), default="sqlite", help="what the servers run on")
    parser.addoption("--processes", choices=("1", "2"), default="1", help="2: each server is two, on PostgreSQL")


def kind_for_all(config: pytest.Config) -> str:
    """What the options say that servers run on."""
    return "two" if config.getoption("--processes") == "2" else str(config.getoption("--database"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the modules of :data:`ALSO_ON` on what it says."""
    path = str(metafunc.definition.path)
    others = [kind for kind, modules in ALSO_ON.items() if path.endswith(modules)]
    if others and kind_for_all(metafunc.config) == "sqlite":
        metafunc.parametrize("database", ["sqlite", *others], indirect=True, scope="module")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what its marker says is not for what it would run on."""
    default = kind_for_all(config)
    for item in items:
        variant = getattr(item, "callspec", None)
        kind = variant.params.get("database", default) if variant else default
        for marker, (reason, kinds) in LEFT_OUT.items():
            if kind in kinds and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason))


@pytest.fixture(scope="session")
def cluster(postgres: Path) -> Iterator[Cluster]:
    """A PostgreSQL server for the tests."""
    with Cluster(postgres) as running:
        yield running


@pytest.fixture(scope="session")
def joint(redis_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joint]:
    """A Redis and a spreader for all servers of two processes; each server's messages are signed with its own key."""
    with RedisServer(redis_server, tmp_path_factory.mktemp("joint")) as redis, Spreader() as spreader:
        yield Joint(redis.url, spreader)


@pytest.fixture(scope="module", autouse=True)
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """What the servers of this module run on, a word of :data:`KINDS`."""
    found: str = getattr(request, "param", kind_for_all(request.config))
    if found != "sqlite":
        Server.database_of = request.getfixturevalue("cluster").database_of
    if found == "two":
        Server.joint = request.getfixturevalue("joint")
    yield found
    Server.database_of = Server.joint = None


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
    return parts.require_program("chromium")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """A demo server for the tests of one module; they must not depend on each other's data."""
    with Server(tmp_path_factory.mktemp("server") / "data") as running:
        yield running
