"""Bans of visitors and addresses: what they refuse on every way in, whom they leave alone, and how they end."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import httpx
import pytest
from socketio import SimpleClient

from tests.scenario import (
    PATIENCE_S,
    EventStream,
    Json,
    Visitor,
    as_json,
    bad_field,
    frame,
    frame_of,
    guest,
    new_widget,
    problem,
    site_visitor,
    socket_of,
)
from tests.server import Server
from tests.stored import stored

TICKET = {"subject": "Пальто", "description": "Не пришло."}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """Believes what a proxy on this machine says of addresses, so that every test has its own."""
    flags = ["--rate-limits", "off", "--trusted-proxies", "127.0.0.0/8"]
    with Server(tmp_path_factory.mktemp("server") / "data", flags=flags) as running:
        yield running


def at(server: Server, address: str) -> httpx.Client:
    """A client at an address."""
    return server.client(headers={"X-Forwarded-For": address})


def ban(boris: httpx.Client, dialog_id: int, target: str, **fields: object) -> Json:
    """A ban of a test."""
    answer = boris.post(f"/api/dialogs/{dialog_id}/ban", json={"target": target, **fields})
    assert answer.status_code == 201, answer.text
    return as_json(answer)


def refused(client: httpx.Client, visitor: Visitor) -> None:
    """A message of the visitor is refused by a ban."""
    problem(client.post(visitor.url(), params=dict(visitor.query), json={"text": "ещё"}), 403, "banned")


def bans(maria: httpx.Client) -> list[Json]:
    """Every ban, the newest last."""
    items: list[Json] = as_json(maria.get("/api/bans", params={"limit": 200}))["items"]
    return items


class TestVisitor:
    @pytest.mark.parametrize("way", ["widget", "site"])
    def test_a_banned_visitor_reads_on_and_writes_nothing_from_any_address(
        self, server: Server, http: httpx.Client, boris: httpx.Client, way: str
    ) -> None:
        anna = guest(http) if way == "widget" else site_visitor(http, new_widget(boris)["token"])
        vera = guest(http)
        first = anna.say(http, "первое", client_id="c1")
        with socket_of(server, anna.ws()) as socket:
            assert frame(socket)["type"] == "connected"
            ban(boris, anna.dialog_id, "visitor", reason="Спам")
            refused(http, anna)
            with at(server, "203.0.113.9") as elsewhere:
                refused(elsewhere, anna)
            problem(http.post(anna.url("typing"), params=dict(anna.query), json={}), 403, "banned")
            socket.send(json.dumps({"type": "message", "text": "ещё", "client_id": "c2"}))
            error = frame_of(socket, "error")
            assert (error["code"], error["client_id"]) == ("banned", "c2")
            boris.post(f"/api/dialogs/{anna.dialog_id}/messages", json={"text": "Хватит."}).raise_for_status()
            assert frame_of(socket, "message:new")["message"]["text"] == "Хватит."
        repeated = anna.say(http, "первое", client_id="c1")
        assert (repeated["duplicate"], repeated["message"]["id"]) == (True, first["message"]["id"])
        history = as_json(http.get(anna.url(), params=dict(anna.query)))["items"]
        assert [message["text"] for message in history] == ["первое", "Хватит."]
        with EventStream(server, f"/api/dialogs/{anna.dialog_id}/events", anna.query):
            pass  # a banned visitor may listen anew
        assert vera.say(http, "Здравствуйте")["duplicate"] is False

    def test_the_holder_of_a_banned_ticket_writes_nothing_over_http_nor_socket_io(
        self, server: Server, http: httpx.Client, boris: httpx.Client
    ) -> None:
        ticket = as_json(http.post("/api/support/tickets", json=TICKET))
        url = f"/api/support/tickets/{ticket['id']}/messages"
        assert http.post(url, json={"content": "Где?"}).status_code == 201
        ban(boris, ticket["dialogId"], "visitor")
        problem(http.post(url, json={"content": "Где?"}), 403, "banned")
        with contextlib.closing(SimpleClientOf(server)) as client:
            assert client.ask("join_ticket", ticketId=ticket["id"])["ok"] is True
            said = client.ask("send_message", ticketId=ticket["id"], senderType="USER", content="Где?")
            assert (said["ok"], said["code"]) == (False, "banned")
            said = client.ask("typing", ticketId=ticket["id"], isTyping=True)
            assert (said["ok"], said["code"]) == (False, "banned")
        answer = boris.post(f"/api/dialogs/{ticket['dialogId']}/messages", json={"text": "В пути"})
        assert answer.status_code == 201


class TestAddress:
    @pytest.mark.parametrize(
        ("banned", "same", "another"),
        [
            ("203.0.113.7", "203.0.113.7", "203.0.113.8"),
            ("203.0.113.17", "::ffff:203.0.113.17", "::ffff:203.0.113.18"),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::5", "2001:db8:1:3::1"),
        ],
    )
    def test_everybody_at_a_banned_address_is_refused_and_nobody_else(
        self, server: Server, http: httpx.Client, boris: httpx.Client, banned: str, same: str, another: str
    ) -> None:
        with at(server, banned) as there, at(server, same) as neighbour, at(server, another) as elsewhere:
            anna, vera, olga = guest(there), guest(neighbour), guest(elsewhere)
            anna.say(there, "первое")
            assert ban(boris, anna.dialog_id, "address")["address"] in (banned, "2001:db8:1:2::/64")
            refused(there, anna)
            refused(neighbour, vera)
            problem(neighbour.post("/api/widget/dialogs", json={"assistant_id": 3}), 403, "banned")
            widget = new_widget(boris)["token"]
            problem(neighbour.post("/api/site/session", params={"site_token": widget}, json={}), 403, "banned")
            problem(neighbour.post("/api/support/tickets", json=TICKET), 403, "banned")
            again = neighbour.post("/api/widget/dialogs", params=dict(vera.query), json={})
            assert as_json(again)["dialog"]["id"] == vera.dialog_id
            assert olga.say(elsewhere, "Здравствуйте")["duplicate"] is False
            assert anna.say(elsewhere, "с другого адреса")["duplicate"] is False
            sent = neighbour.post(
                f"/api/dialogs/{vera.dialog_id}/messages",
                json={"text": "ответ"},
                headers={"Authorization": boris.headers["Authorization"]},
            )
            assert sent.status_code == 201, "an operator at that address goes on"

    def test_an_address_that_nobody_knows_cannot_be_banned(
        self, server: Server, http: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        with stored(server.data_dir) as rows:
            rows.execute("UPDATE dialog SET address = NULL WHERE id = ?", (anna.dialog_id,))
        answer = boris.post(f"/api/dialogs/{anna.dialog_id}/ban", json={"target": "address"})
        problem(answer, 409, "address_unknown")


class TestEnd:
    def test_an_admin_sees_a_ban_and_lifts_it(
        self, http: httpx.Client, maria: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        made = ban(boris, anna.dialog_id, "visitor", reason="  Спам ", hours=24)
        assert (made["reason"], made["created_by"], made["dialog_id"]) == ("Спам", "Борис", anna.dialog_id)
        assert made["created_at"] < made["expires_at"]
        assert bans(maria)[-1] == made
        refused(http, anna)
        assert maria.delete(f"/api/bans/{made['id']}").status_code == 204
        problem(maria.delete(f"/api/bans/{made['id']}"), 404, "ban_not_found")
        assert made not in bans(maria)
        anna.say(http, "Спасибо")

    def test_a_ban_ends_by_itself(self, server: Server, http: httpx.Client, boris: httpx.Client, anna: Visitor) -> None:
        made = ban(boris, anna.dialog_id, "visitor", hours=1)
        detail = as_json(http.post(anna.url(), params=dict(anna.query), json={"text": "ещё"}))["detail"]
        assert made["expires_at"] in detail
        with stored(server.data_dir) as rows:
            rows.execute("UPDATE ban SET expires_at = expires_at - 3600000 WHERE id = ?", (made["id"],))
        anna.say(http, "Можно?")

    def test_operators_ban_and_admins_alone_look_and_lift(
        self, http: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        made = ban(boris, anna.dialog_id, "visitor")
        problem(boris.get("/api/bans"), 403, "forbidden")
        problem(boris.delete(f"/api/bans/{made['id']}"), 403, "forbidden")
        problem(http.post(f"/api/dialogs/{anna.dialog_id}/ban", json={"target": "visitor"}), 401)

    @pytest.mark.parametrize(
        ("field", "value"), [("target", "everybody"), ("hours", 0), ("hours", 10**9), ("reason", "x" * 201)]
    )
    def test_a_wrong_ban_is_named(self, boris: httpx.Client, anna: Visitor, field: str, value: object) -> None:
        bad_field(boris.post(f"/api/dialogs/{anna.dialog_id}/ban", json={"target": "visitor", field: value}), field)
        problem(boris.post("/api/dialogs/999999/ban", json={"target": "visitor"}), 404, "dialog_not_found")


class SimpleClientOf:
    """A stock Socket.IO client."""

    def __init__(self, server: Server) -> None:
        self._client = SimpleClient()
        self._client.connect(server.url, transports=["polling"], wait_timeout=PATIENCE_S)

    def ask(self, event: str, **asked: object) -> Json:
        """The answer to an event."""
        answer: Json = self._client.call(event, asked, timeout=PATIENCE_S)
        return answer

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
