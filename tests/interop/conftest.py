"""The servers and the stock clients of the interoperability tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import parts
from tests.interop import node as npm_clients
from tests.interop.process import ServerProcess

# The newest 4.x, and the first that is not a beta of 4: before connection state recovery, before maxPayload.
CLIENTS = {"newest": "socket.io-client@4", "early": "socket.io-client@4.0.1"}


@pytest.fixture(scope="module", params=["tornado", "replyx"])
def echo(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """The echo application with the settings of the protocol authors' suites, on Tornado's HTTP server and on ours."""
    with ServerProcess("tests.interop.echo_server", *(["--stock"] if request.param == "tornado" else [])) as server:
        yield server


@pytest.fixture(scope="module")
def patient_echo() -> Iterator[ServerProcess]:
    """The echo application with a heartbeat that stalls on a busy machine do not end."""
    with ServerProcess("tests.interop.echo_server", "--ping-interval", "2", "--ping-timeout", "10") as server:
        yield server


@pytest.fixture(scope="session")
def npm(node: Path) -> Path:
    """Path of npm."""
    beside = node.with_name("npm")
    return parts.require("npm", beside if beside.exists() else parts.in_path("npm"), "it comes with Node")


@pytest.fixture(scope="session")
def modules(npm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder ``node_modules`` with the clients under their names in :data:`CLIENTS`."""
    folder = tmp_path_factory.mktemp("npm")
    problem = npm_clients.install(npm, folder, CLIENTS)
    installed = folder / "node_modules"
    return parts.require("socket.io-client", installed if problem is None else None, f"npm install: {problem}")


@pytest.fixture(params=sorted(CLIENTS))
def client(request: pytest.FixtureRequest, node: Path, modules: Path) -> Iterator[npm_clients.NodeClient]:
    """A stock client, each version in turn."""
    with npm_clients.NodeClient(node, modules / request.param) as started:
        yield started


@pytest.fixture
def newest(node: Path, modules: Path) -> Iterator[npm_clients.NodeClient]:
    """The newest stock client."""
    with npm_clients.NodeClient(node, modules / "newest") as started:
        yield started
