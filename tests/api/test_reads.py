"""Reading is limited by who reads, and a large answer counts for more; nobody else waits for it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.api.tickets import ticket
from tests.scenario import guest, operator, problem
from tests.server import Server

LARGE = "я" * 10_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own: what is used up here is missed elsewhere."""
    with Server(tmp_path_factory.mktemp("server") / "data") as running:
        yield running


@pytest.fixture
def person(server: Server) -> Iterator[httpx.Client]:
    """Somebody without an account."""
    with server.client() as client:
        yield client


def reads_until_refused(client: httpx.Client, url: str, **query: str) -> int:
    """How many reads were answered before one was refused."""
    for count in range(1_000):
        answer = client.get(url, params=query)
        if answer.status_code != 200:
            problem(answer, 429, "too_many_requests")
            assert int(answer.headers["retry-after"]) >= 1
            return count
    raise AssertionError("never refused")


def test_a_visitor_reads_as_a_person_does_and_others_do_not_wait_for_one_that_does_not(
    server: Server, person: httpx.Client
) -> None:
    anna, vera = guest(person), guest(person)
    anna.say(person, "Здравствуйте")
    assert reads_until_refused(person, anna.url(), **anna.query) >= 200
    assert person.head(anna.url(), params=dict(anna.query)).status_code == 429
    assert anna.say(person, "Писать можно и дальше")
    assert person.get(vera.url(), params=dict(vera.query)).status_code == 200
    assert person.get("/health").status_code == 200
    with operator(server) as boris:
        assert boris.get(f"/api/dialogs/{anna.dialog_id}/messages").status_code == 200


def test_large_answers_count_for_more(person: httpx.Client) -> None:
    anna = guest(person)
    for number in range(13):
        anna.say(person, LARGE, client_id=str(number))
    assert reads_until_refused(person, anna.url(), **anna.query) < 50


def test_a_tickets_history_counts_by_the_ticket(person: httpx.Client) -> None:
    mine, other = ticket.new(person), ticket.new(person)
    for number in range(13):
        ticket.say(person, mine, LARGE, clientId=str(number))
    assert reads_until_refused(person, ticket.url(mine, "/messages")) < 50
    assert person.get(ticket.url(other, "/messages")).status_code == 200
