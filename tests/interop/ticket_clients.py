"""What the tests of tickets over Socket.IO share: tickets by REST, and what stock clients make of them."""

from __future__ import annotations

from typing import Any

import httpx

from tests.interop.node import NodeClient
from tests.scenario import Json, as_json

TICKETS = "/api/support/tickets"


def new_ticket(http: httpx.Client, **fields: object) -> str:
    """The id of a ticket of its own for one test."""
    answer = http.post(TICKETS, json={"subject": "Пальто", "description": "Не пришло.", **fields})
    assert answer.status_code == 201, answer.text
    ticket_id: str = as_json(answer)["id"]
    return ticket_id


def post(http: httpx.Client, ticket_id: str, content: str, **fields: object) -> Json:
    """Send a message by REST and return it."""
    answer = http.post(f"{TICKETS}/{ticket_id}/messages", json={"content": content, **fields})
    assert answer.status_code in (200, 201), answer.text
    message: Json = as_json(answer)["message"]
    return message


def said(ticket_id: str, content: str, **fields: object) -> Json:
    """The argument of ``send_message``, as the seed has it."""
    return {
        "ticketId": ticket_id,
        "senderId": "user1",
        "senderType": "USER",
        "content": content,
        "messageType": "TEXT",
        **fields,
    }


def connect(client: NodeClient, url: str, **options: Any) -> None:
    """Connect, and wait until it has."""
    client.connect(url, **options)
    client.until("connect")


def join(client: NodeClient, ticket_id: str, **fields: object) -> list[str]:
    """Join a ticket; the contents of its history."""
    client.do("emit", args=["join_ticket", {"ticketId": ticket_id, **fields}])
    history = client.event("ticket:history")[0]
    assert history["ticket"]["id"] == ticket_id
    return [message["content"] for message in history["messages"]]


def contents(client: NodeClient, count: int, name: str = "message:new") -> list[str]:
    """What the next ``count`` messages say."""
    return [client.event(name)[0]["content"] for _ in range(count)]


def heard(client: NodeClient, name: str = "message:new") -> list[str]:
    """What all messages said so far."""
    return [each["args"][0]["content"] for each in client.happened if each["on"] == "event" and each["name"] == name]


def all_heard(client: NodeClient, count: int) -> list[str]:
    """What all messages said, once there are ``count``."""
    while len(heard(client)) < count:
        client.until("event", name="message:new")
    return heard(client)


def ask(client: NodeClient, name: str, argument: object) -> Json:
    """Emit with a callback; what it was called with."""
    (answer,) = client.ask(name, argument)
    assert isinstance(answer, dict)
    return answer
