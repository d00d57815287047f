"""Texts that show nothing, names on more than one line, and half characters: the same answer on every way in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import socketio

from tests.api.tickets import ticket as tickets
from tests.scenario import (
    ASSISTANT,
    Json,
    Visitor,
    as_json,
    frame_of,
    guest,
    hearing,
    new_widget,
    operator,
    problem,
    socket_of,
)
from tests.server import Server

NOTHING = ["\u200b", "ㅤ", "́⃣", "\u202e\u202c", "⠀ \ufeff", "\x1b\x07", "\U000e0041️", " \xad\t"]
SECRET = "the secret of a bot that tells of orders"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """Each text opens dialogs and tickets of its own, which the limit on one address would stop."""
    flags = ["--rate-limits", "off"]
    with Server(tmp_path_factory.mktemp("server") / "data", flags=flags, env={"INTERNAL_SECRET": SECRET}) as running:
        yield running


@pytest.fixture(scope="module")
def shop(server: Server) -> Iterator[httpx.Client]:
    """The shop of the demo."""
    with operator(server, "shop@example.com") as client:
        yield client


def not_a_text(answer: httpx.Response, field: str) -> None:
    """The refusal of a text that shows nothing, or of one that is empty once it is cleaned."""
    (error,) = problem(answer, 422, "invalid")["errors"]
    assert (error["field"], error["code"]) == (field, "not_a_text"), error


async def emitted(server: Server, said: Json) -> Any:
    """What a Socket.IO client is answered."""
    async with socketio.AsyncSimpleClient() as client:
        await client.connect(server.url, transports=["websocket"])
        return await client.call("send_message", said)


@pytest.mark.parametrize("text", NOTHING, ids=ascii)
class TestATextThatShowsNothingIsRefused:
    def test_in_a_message(self, http: httpx.Client, boris: httpx.Client, anna: Visitor, text: str) -> None:
        not_a_text(http.post(anna.url(), params=dict(anna.query), json={"text": text}), "text")
        not_a_text(boris.post(f"/api/dialogs/{anna.dialog_id}/messages", json={"text": text}), "text")
        dialog = as_json(boris.get(f"/api/dialogs/{anna.dialog_id}"))["dialog"]
        assert (dialog["unread"], dialog["last_message"]) == (0, None)

    def test_over_a_socket(self, server: Server, anna: Visitor, text: str) -> None:
        with socket_of(server, anna.ws()) as connection:
            connection.send(json.dumps({"type": "message", "text": text, "client_id": "c"}))
            refused = frame_of(connection, "error")
            assert (refused["client_id"], refused["errors"][0]["code"]) == ("c", "not_a_text")
            connection.send(json.dumps({"type": "message", "text": "seen", "client_id": "d"}))
            assert frame_of(connection, "ack")["message"]["text"] == "seen"

    def test_in_a_ticket(self, server: Server, http: httpx.Client, text: str) -> None:
        opened = tickets.new(http)
        not_a_text(http.post(tickets.url(opened, "/messages"), json={"content": text}), "content")
        for field in ("subject", "title"):
            not_a_text(http.post(tickets.TICKETS, json={field: text, "description": "d"}), field)
        not_a_text(http.post(tickets.TICKETS, json={"subject": "s", "description": text}), "description")
        said = {"ticketId": opened["id"], "senderType": "USER"}
        for wrong in ({"senderId": "u", "content": text}, {"senderId": text, "content": "c"}):
            answer = asyncio.run(emitted(server, {**said, **wrong, "messageType": "TEXT"}))
            assert (answer["ok"], answer["errors"][0]["code"]) == (False, "not_a_text")

    def test_in_a_name(self, server: Server, http: httpx.Client, maria: httpx.Client, text: str) -> None:
        token = new_widget(maria)["token"]
        not_a_text(http.post("/api/site/session", json={"site_token": token, "name": text}), "name")
        not_a_text(http.post("/api/widget/dialogs", json={"assistant_id": ASSISTANT, "name": text}), "name")
        not_a_text(maria.post("/api/assistants", json={"name": text}), "name")
        not_a_text(maria.post("/api/assistants", json={"name": "a", "greetings": {"en": text}}), "greetings[...]")
        not_a_text(maria.post("/api/widgets", json={"assistant_id": ASSISTANT, "name": text}), "name")
        not_a_text(maria.post("/api/widgets", json={"assistant_id": ASSISTANT, "titles": {"ru": text}}), "titles[...]")
        account = {"email": "new@example.com", "password": "a password of its own", "name": text}
        not_a_text(maria.post("/api/v1/accounts", json=account), "name")
        (own,) = (
            each for each in as_json(maria.get("/api/v1/accounts"))["items"] if each["email"] == "manager@example.com"
        )
        not_a_text(maria.patch(f"/api/v1/accounts/{own['id']}", json={"name": text}), "name")

    def test_in_a_shop(self, server: Server, maria: httpx.Client, text: str) -> None:
        with operator(server, "shop@example.com") as shop:
            not_a_text(shop.post("/api/v1/products", json={"name": text, "price": 1}), "name")
            not_a_text(
                shop.post("/api/v1/products", json={"name": "n", "price": 1, "description": text}), "description"
            )
            product = as_json(shop.post("/api/v1/products", json={"name": "n", "price": 1}))
        address = f"/api/v1/admin/products/{product['id']}"
        for verdict in ("approve", "reject"):
            not_a_text(maria.post(f"{address}/{verdict}", json={"moderation_notes": text}), "moderation_notes")
        not_a_text(maria.put("/api/v1/admin/settings", json={"platform_name": text}), "platform_name")

    def test_in_what_bots_and_webhooks_say(self, server: Server, maria: httpx.Client, text: str) -> None:
        told = {"type": "order_status", "orderId": 7, "status": text}
        with server.client(headers={"x-internal-secret": SECRET}) as bot:
            not_a_text(bot.post("/api/internal/broadcast", json=told), "status")
        hook = {"url": "https://example.com/hook", "events": ["message"], "description": text}
        not_a_text(maria.post("/api/v1/webhooks", json=hook), "description")


ON_LINES = "Re:\r\n\u202eAnna\u2028 \u2067B\u2069\t"
ON_ONE = "Re: Anna B"


def test_names_and_subjects_are_one_line_that_reads_in_one_direction(
    http: httpx.Client, maria: httpx.Client, shop: httpx.Client
) -> None:
    visitor = as_json(http.post("/api/widget/dialogs", json={"assistant_id": ASSISTANT, "name": ON_LINES}))
    assert visitor["dialog"]["visitor"]["name"] == ON_ONE
    assert tickets.new(http, subject=ON_LINES)["subject"] == ON_ONE
    assert as_json(maria.post("/api/assistants", json={"name": ON_LINES}))["name"] == ON_ONE
    widget = new_widget(maria, name=ON_LINES, titles={"en": ON_LINES})
    assert (widget["name"], widget["titles"]) == (ON_ONE, {"en": ON_ONE})
    product = as_json(shop.post("/api/v1/products", json={"name": ON_LINES, "price": 1, "description": ON_LINES}))
    assert (product["name"], product["description"]) == (ON_ONE, ON_LINES.strip())


@pytest.mark.parametrize(
    "text", ["\u200b.", "👨\u200d👩\u200d👧", "\u202eabc\u202c", "1\ufe0f\u20e3", "की", "\ue000", "a\x1bb"], ids=ascii
)
def test_a_message_that_shows_something_is_kept_as_it_was_written(http: httpx.Client, anna: Visitor, text: str) -> None:
    assert anna.say(http, text)["message"]["text"] == text


@pytest.mark.parametrize(
    ("text", "half"),
    [("\\ud83d", "U+D83D"), ("a\\ude00b", "U+DE00"), ("\\\\\\ud83d", "U+D83D"), ("\\ud83d\\ud83d\\ude00", "U+D83D")],
)
def test_half_a_character_is_named(server: Server, http: httpx.Client, anna: Visitor, text: str, half: str) -> None:
    body = f'{{"text": "{text}", "type": "message", "client_id": "c"}}'
    headers = {"Content-Type": "application/json"}
    refused = problem(http.post(anna.url(), params=dict(anna.query), content=body, headers=headers), 400, "malformed")
    (error,) = refused["errors"]
    assert (error["code"], error["params"]) == ("character_not_allowed", {"character": half})
    with socket_of(server, anna.ws()) as connection:
        connection.send(body)
        frame = frame_of(connection, "error")
        assert (frame["code"], frame["errors"][0]["params"]) == ("malformed", {"character": half})


def test_what_is_not_json_for_another_reason_names_no_character(http: httpx.Client, anna: Visitor) -> None:
    headers = {"Content-Type": "application/json"}
    for body in (b'{"text": "\\\\ud83d"', b'{"text": "\\ud83d', b'{"text": "\xff"}'):
        answer = http.post(anna.url(), params=dict(anna.query), content=body, headers=headers)
        assert "errors" not in problem(answer, 400, "malformed")
    assert anna.say(http, "\\ud83d")["message"]["text"] == "\\ud83d"


class TestAVisitorsName:
    def named(self, http: httpx.Client, way: dict[str, Any], **told: object) -> Any:
        """The visitor as the dialog shows her after she has come again."""
        address = "/api/site/session" if "site_token" in way else "/api/widget/dialogs"
        return as_json(http.post(address, json={**way, **told}))["dialog"]["visitor"]["name"]

    @pytest.mark.parametrize("way", ["site", "widget"])
    def test_null_takes_it_back_and_leaving_it_out_does_not(
        self, http: httpx.Client, maria: httpx.Client, way: str
    ) -> None:
        who = guest(http).guest_id
        come: Json = {"assistant_id": ASSISTANT} if way == "widget" else {"site_token": new_widget(maria)["token"]}
        come["guest_id"] = who
        steps: list[tuple[dict[str, object], object]] = [
            *(({}, None), ({"name": "Анна"}, "Анна"), ({}, "Анна"), ({"page": "https://shop.example/"}, "Анна")),
            *(
                ({"name": "Anna"}, "Anna"),
                ({"name": None}, None),
                ({}, None),
                ({"name": "A"}, "A"),
                ({"name": " "}, None),
            ),
        ]
        for told, shown in steps:
            assert self.named(http, come, **told) == shown, told

    def test_operators_hear_of_another_name_and_of_nothing_else(
        self, server: Server, http: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        anna.say(http, "Здравствуйте")
        come = {"assistant_id": ASSISTANT, "guest_id": anna.guest_id}
        with hearing(server, boris, anna.dialog_id) as heard:
            for name in ("Анна", "Анна", None, None):
                self.named(http, come, name=name)
            self.named(http, come)
        assert [event["dialog"]["visitor"]["name"] for event in heard] == ["Анна", None]
