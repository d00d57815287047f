"""An id of an account is for operators: a visitor learns an operator's name, over whatever way and at whatever time."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.scenario import (
    EventStream,
    Json,
    Visitor,
    as_json,
    frame,
    guest,
    new_widget,
    site_visitor,
    socket_of,
)
from tests.server import Server

TICKETS = "/api/support/tickets"


def accounts_in(value: object) -> Iterator[Json]:
    """Whatever stands for an operator anywhere in what a client got."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name in ("assignee", "assignedAgent") and member is not None:
                yield member
            yield from accounts_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from accounts_in(member)


def names_alone(value: object) -> bool:
    """Whether an operator stands there, without an id; a test that finds none has looked at nothing."""
    found = list(accounts_in(value))
    assert found, value
    return all(set(each) == {"name"} for each in found)


@pytest.fixture(params=["guest", "site"])
def visitor(request: pytest.FixtureRequest, http: httpx.Client, boris: httpx.Client) -> Visitor:
    """A visitor of either kind, whose dialog an operator has taken over."""
    found = guest(http) if request.param == "guest" else site_visitor(http, new_widget(boris)["token"])
    found.say(http, "Здравствуйте")
    assert boris.post(f"/api/dialogs/{found.dialog_id}/takeover").status_code == 200
    return found


def test_neither_stream_nor_replay_names_an_account(
    server: Server, visitor: Visitor, boris: httpx.Client, maria: httpx.Client
) -> None:
    events = f"/api/dialogs/{visitor.dialog_id}/events"
    with (
        EventStream(server, events, params=dict(visitor.query)) as live,
        EventStream(server, events, params={**visitor.query, "last_event_id": "0"}) as replayed,
        EventStream(server, events, headers={"Authorization": boris.headers["Authorization"]}) as operators,
        socket_of(server, visitor.ws()) as socket,
    ):
        frame(socket)
        displaced = maria.post(f"/api/dialogs/{visitor.dialog_id}/takeover", json={"displace": True})
        assert displaced.status_code == 200

        def last(data: Json) -> bool:
            return any(account["name"] == "Мария" for account in accounts_in(data))

        for stream in (live, replayed):
            assert names_alone([event.data for event in stream.until(last)])
        heard = [event.data for event in operators.until(last)]
        assert all(each["id"] > 0 for each in accounts_in(heard)), "operators need it"
        while (updated := frame(socket))["type"] != "dialog:updated":
            continue
        assert names_alone(updated)
    shown = as_json(maria.get(f"/api/dialogs/{visitor.dialog_id}"))
    assert all(each["id"] > 0 for each in accounts_in(shown))


def test_a_visitor_who_returns_is_told_the_name_alone(http: httpx.Client, boris: httpx.Client) -> None:
    widget = new_widget(boris)
    session = as_json(http.post("/api/site/session", json={"site_token": widget["token"]}))
    opened = as_json(http.post("/api/widget/dialogs", json={"assistant_id": 3}))
    for dialog in (session["dialog"], opened["dialog"]):
        assert boris.post(f"/api/dialogs/{dialog['id']}/takeover").status_code == 200
    again = {"site_token": widget["token"], "guest_id": session["guest_id"]}
    assert names_alone(as_json(http.post("/api/site/session", json=again)))
    again = {"assistant_id": 3, "guest_id": opened["guest_id"]}
    assert names_alone(as_json(http.post("/api/widget/dialogs", json=again)))


def test_whoever_holds_a_ticket_s_id_is_told_the_name_alone(http: httpx.Client, boris: httpx.Client) -> None:
    ticket = as_json(http.post(TICKETS, json={"subject": "Пальто", "description": "Не пришло."}))
    me = as_json(boris.get("/api/v1/auth/me"))["id"]
    assert boris.patch(f"{TICKETS}/{ticket['id']}", json={"assignee": me}).status_code == 200
    assert boris.post(f"/api/dialogs/{ticket['dialogId']}/messages", json={"text": "Ищем"}).status_code == 201
    assert names_alone(as_json(http.get(f"{TICKETS}/{ticket['id']}")))
    assert [each["id"] for each in accounts_in(as_json(boris.get(f"{TICKETS}/{ticket['id']}")))] == [me]
    nobody = http.get(f"{TICKETS}/{ticket['id']}", headers={"Authorization": "Bearer nonsense"})
    assert names_alone(as_json(nobody))
    said = as_json(http.get(f"{TICKETS}/{ticket['id']}/messages"))["items"]
    assert [(each["senderType"], each["senderId"]) for each in said if each["author"]] == [("AGENT", "manager")]
