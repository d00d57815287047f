"""Guest ids: long enough for new visitors, guessed by nobody, and stored by nobody."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator

import httpx
import pytest

from replyx import guest_ids
from tests.scenario import ASSISTANT, as_json, bad_field, guest, problem
from tests.server import Server
from tests.stored import change, stored

numbers = itertools.count(1)
OPEN = "/api/widget/dialogs"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """Behind a trusted proxy, so that each client may come from an address of its own."""
    with Server(tmp_path_factory.mktemp("server") / "data", env={"TRUSTED_PROXIES": "127.0.0.1"}) as running:
        yield running


@pytest.fixture
def stranger(server: Server) -> Iterator[httpx.Client]:
    """Somebody at an address that no other test has (RFC 5737)."""
    with server.client(headers={"X-Forwarded-For": f"192.0.2.{next(numbers)}"}) as client:
        yield client


def history(client: httpx.Client, dialog_id: int, guest_id: str) -> httpx.Response:
    """The dialog, asked for with a guest id."""
    query = {"assistant_id": ASSISTANT, "guest_id": guest_id}
    return client.get(f"/api/widget/dialogs/{dialog_id}/messages", params=query)


def shorten(server: Server, guest_id: str) -> str:
    """Give a visitor an id as short as they could be before."""
    short = f"old-{next(numbers)}"
    digests = (guest_ids.digest(short), guest_ids.digest(guest_id))
    change(
        server, lambda tx: tx.execute("UPDATE visitor SET guest_digest = ? WHERE guest_digest = ?", digests) and None
    )
    return short


@pytest.mark.parametrize("guest_id", ["x", "a" * 15, "anna"])
def test_a_new_visitor_needs_sixteen_characters(stranger: httpx.Client, maria: httpx.Client, guest_id: str) -> None:
    widget = as_json(maria.post("/api/widgets", json={"assistant_id": ASSISTANT}))
    bad_field(stranger.post(OPEN, json={"assistant_id": ASSISTANT, "guest_id": guest_id}), "guest_id")
    bad_field(stranger.post(OPEN, params={"assistant_id": ASSISTANT, "guest_id": guest_id}, json={}), "guest_id")
    session = {"site_token": widget["token"], "guest_id": guest_id}
    bad_field(stranger.post("/api/site/session", json=session), "guest_id")


def test_sixteen_characters_do_and_so_does_the_demos_own(stranger: httpx.Client) -> None:
    for guest_id in (uuid.uuid4().hex[:16], "test"):
        for assistant_id in (ASSISTANT, 1):
            answer = stranger.post(OPEN, json={"assistant_id": assistant_id, "guest_id": guest_id})
            assert answer.status_code == 200, answer.text
            assert as_json(answer)["guest_id"] == guest_id


def test_a_visitor_with_a_short_id_of_before_goes_on(server: Server, stranger: httpx.Client) -> None:
    anna = guest(stranger)
    short = shorten(server, anna.guest_id)
    opened = as_json(stranger.post(OPEN, json={"assistant_id": ASSISTANT, "guest_id": short}))
    assert opened["dialog"]["id"] == anna.dialog_id
    assert history(stranger, anna.dialog_id, short).status_code == 200


def test_guessing_ends_in_a_pause_that_keeps_no_visitor_out(server: Server, stranger: httpx.Client) -> None:
    anna, dina = guest(stranger), guest(stranger)
    short = shorten(server, anna.guest_id)
    for number in range(400):
        answer = history(stranger, anna.dialog_id, f"g{number}")
        if answer.status_code == 429:
            break
        problem(answer, 404, "dialog_not_found")
    problem(answer, 429, "too_many_requests")
    problem(history(stranger, anna.dialog_id, short), 429, "too_many_requests")
    problem(stranger.post(OPEN, json={"assistant_id": ASSISTANT, "guest_id": "h"}), 429, "too_many_requests")
    problem(history(stranger, dina.dialog_id, str(uuid.uuid4())), 429, "too_many_requests")
    assert history(stranger, dina.dialog_id, dina.guest_id).status_code == 200, "nobody can guess this one"
    with server.client(headers={"X-Forwarded-For": "203.0.113.9"}) as elsewhere:
        assert history(elsewhere, anna.dialog_id, short).status_code == 200


def test_the_database_does_not_hold_them(server: Server, stranger: httpx.Client) -> None:
    anna = guest(stranger)
    anna.say(stranger, "Hello")
    found = []
    with stored(server.data_dir) as database:
        for table in ("visitor", "dialog", "event", "message"):
            rows = str(database.execute(f"SELECT * FROM {table}").fetchall())
            found += [table] if anna.guest_id in rows else []
            if table == "visitor":
                assert guest_ids.digest(anna.guest_id) in rows
    assert found == []
