"""What the tests of tickets share: their addresses, and a ticket of its own for each test."""

from __future__ import annotations

import httpx

from tests.scenario import Json, as_json

TICKETS = "/api/support/tickets"
SECRET = "a-secret-of-the-bots-that-is-long-enough"


def new(http: httpx.Client, **fields: object) -> Json:
    """A ticket of its own for one test."""
    answer = http.post(TICKETS, json={"subject": "Пальто", "description": "Не пришло.", **fields})
    assert answer.status_code == 201, answer.text
    return as_json(answer)


def url(ticket: Json, tail: str = "") -> str:
    """An address of the ticket."""
    return f"{TICKETS}/{ticket['id']}{tail}"


def say(http: httpx.Client, ticket: Json, content: str, **fields: object) -> Json:
    """Send a message and return it."""
    answer = http.post(url(ticket, "/messages"), json={"content": content, **fields})
    assert answer.status_code in (200, 201), answer.text
    message: Json = as_json(answer)["message"]
    return message


def change(boris: httpx.Client, ticket: Json, **fields: object) -> Json:
    """The ticket after an operator's change."""
    answer = boris.patch(url(ticket), json=fields)
    assert answer.status_code == 200, answer.text
    return as_json(answer)


def types(events: list[Json]) -> list[str]:
    """What kinds of events these are."""
    return [str(event["type"]) for event in events]
