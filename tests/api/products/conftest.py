"""A server with a shop, another shop and a user, and the platform's settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.api.products.catalogue import (
    SETTINGS,
)
from tests.scenario import Json, as_json, operator
from tests.server import PASSWORD, Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """One address makes all the calls of these tests, which the limits would stop."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=["--rate-limits", "off"]) as running:
        yield running


@pytest.fixture(scope="module")
def shop(server: Server) -> Iterator[httpx.Client]:
    """The shop of the demo."""
    with operator(server, "shop@example.com") as client:
        yield client


@pytest.fixture(scope="module")
def user(server: Server) -> Iterator[httpx.Client]:
    """A customer with an account."""
    with operator(server, "user@example.com") as client:
        yield client


@pytest.fixture(scope="module")
def other_shop(server: Server, maria: httpx.Client) -> Iterator[httpx.Client]:
    """Another shop."""
    account = {"email": "hats@example.com", "name": "Шляпы", "role": "shop", "password": PASSWORD + "-of-hats"}
    assert maria.post("/api/v1/accounts", json=account).status_code == 201
    token = server.login(account["email"], account["password"])
    with server.client(headers={"Authorization": f"Bearer {token}"}) as client:
        yield client


@pytest.fixture
def settings(maria: httpx.Client) -> Iterator[Callable[..., Json]]:
    """Sets the platform's settings for one test."""

    def put(**values: object) -> Json:
        answer = maria.put(SETTINGS, json=values)
        assert answer.status_code == 200, answer.text
        return as_json(answer)

    yield put
    put()
