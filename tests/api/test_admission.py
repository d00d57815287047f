"""A right to listen that ends between the look at its credential and the stream that the credential opens."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.api.test_websockets import Wire, handshake
from tests.postgres import Cluster
from tests.scenario import (
    PATIENCE_S,
    Visitor,
    eventually,
    new_widget,
    operator,
    read_answer,
    settle,
    site_visitor,
    token_of,
)
from tests.server import Server

WAITING = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the server."""
    return tmp_path_factory.mktemp("server") / "data"


@pytest.fixture(scope="module")
def database_url(cluster: Cluster, data_dir: Path) -> str:
    """A PostgreSQL, whatever other servers run on: there a test can hold up a request in the middle."""
    return cluster.database_of(data_dir)


@pytest.fixture(scope="module")
def server(database_url: str, data_dir: Path) -> Iterator[Server]:
    """The server on this database."""
    with Server(data_dir, env={"DATABASE_URL": database_url}) as running:
        yield running


@contextmanager
def asked(server: Server, database_url: str, request: bytes, meanwhile: Callable[[], object]) -> Iterator[Wire]:
    """The client that sent ``request``: ``meanwhile`` happens when its credential is accepted and its dialog is not.

    Every request that looks a dialog up waits for the lock on that table, and none of those that end a right does.
    """
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
        with psycopg.connect(database_url) as holder, psycopg.connect(database_url, autocommit=True) as watch:
            holder.execute("LOCK TABLE dialog IN ACCESS EXCLUSIVE MODE")
            connection.sendall(request)
            eventually(lambda: watch.execute(WAITING).fetchone(), "the request waits for its dialog")
            meanwhile()
            holder.rollback()
        yield Wire(connection, read_answer(connection))


def closed_at_once(client: Wire) -> None:
    """The handshake, the greeting and the close that says why."""
    assert client.answer.status == 101
    assert client.event()["type"] == "connected"
    assert client.ended_with() == 4401


def log_out(server: Server, person: httpx.Client) -> None:
    """End the session, as every process knows by the time this returns."""
    assert person.post("/api/v1/auth/logout").status_code == 204
    settle(server)


def test_a_session_that_ends_meanwhile_has_its_socket_closed(server: Server, database_url: str, anna: Visitor) -> None:
    with operator(server, "manager@example.com") as boris:
        request = handshake(f"/ws/dialogs/{anna.dialog_id}?token={token_of(boris)}")
        with asked(server, database_url, request, lambda: log_out(server, boris)) as client:
            closed_at_once(client)


def test_a_session_that_ends_meanwhile_has_its_event_stream_ended(
    server: Server, database_url: str, http: httpx.Client, anna: Visitor
) -> None:
    with operator(server, "manager@example.com") as boris:
        anna.say(http, "before")  # what the cursor would bring
        path = f"/api/dialogs/{anna.dialog_id}/events?token={token_of(boris)}&last_event_id={anna.cursor}"
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        with asked(server, database_url, request, lambda: log_out(server, boris)) as client:
            assert client.answer.status == 200
            heard = client.answer.body + b"".join(iter(lambda: client.connection.recv(65536), b""))
            assert b"retry: " in heard
            assert b"data: " not in heard


def test_a_widget_that_is_deleted_meanwhile_has_its_visitors_socket_closed(
    server: Server, database_url: str, http: httpx.Client, maria: httpx.Client
) -> None:
    widget = new_widget(maria, "shop.example")
    anna = site_visitor(http, widget["token"])

    def delete() -> None:
        assert maria.delete(f"/api/widgets/{widget['id']}").status_code == 204
        settle(server)

    with asked(server, database_url, handshake(anna.ws()), delete) as client:
        closed_at_once(client)
