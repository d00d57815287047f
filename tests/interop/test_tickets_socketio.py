"""Tickets with unmodified Socket.IO clients against the real server: every event, over every transport."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosedOK

from replyx.secrets_file import SecretsFile
from replyx.tokens import Tokens
from tests.interop.node import NodeClient
from tests.interop.ticket_clients import TICKETS, all_heard, ask, connect, contents, heard, join, new_ticket, post, said
from tests.scenario import PATIENCE_S, as_json, eventually, operator, socket_of
from tests.server import Server

TRANSPORTS = pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]], ids="+".join)
MAX_PAYLOAD = 262_144  # docs/api.md
SECRET = "a-secret-of-the-bots-that-is-long-enough"


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    """Somebody who has no credential."""
    with server.client() as client:
        yield client


@pytest.fixture
def other(node: Path, modules: Path) -> Iterator[NodeClient]:
    """A second client."""
    with NodeClient(node, modules / "newest") as started:
        yield started


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The demo's data without its mode: here a page does not choose whom it speaks as."""
    data = tmp_path_factory.mktemp("strict") / "data"
    with Server(data):
        pass
    with Server(data, demo=False, env={"INTERNAL_SECRET": SECRET}) as running:
        yield running


def running_out(server: Server, token: str) -> str:
    """A token of the same session as ``token`` that is good for two seconds more."""
    tokens = Tokens(SecretsFile(server.data_dir).load().jwt_keys)
    now = time.time()
    claims = tokens.read_access(token, now)
    return tokens.issue_access(claims.account_id, "manager", claims.session_id, now, 2)


class TestConversation:
    @TRANSPORTS
    def test_the_seeds_lines_work_over_every_transport(
        self, client: NodeClient, server: Server, http: httpx.Client, transports: list[str]
    ) -> None:
        ticket_id = new_ticket(http)
        post(http, ticket_id, "до")
        connect(client, server.url, transports=transports)
        assert join(client, ticket_id) == ["до"]
        client.do("emit", args=["send_message", said(ticket_id, "Привет!")])
        message = client.event("message:new")[0]
        assert {name: message[name] for name in ("ticketId", "senderId", "senderType", "content", "messageType")} == {
            "ticketId": ticket_id,
            "senderId": "user1",
            "senderType": "USER",
            "content": "Привет!",
            "messageType": "TEXT",
        }
        assert isinstance(message["id"], int)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", message["createdAt"])

    def test_every_event_answers_its_callback(self, newest: NodeClient, server: Server, http: httpx.Client) -> None:
        ticket_id = new_ticket(http)
        connect(newest, server.url)
        joined = ask(newest, "join_ticket", {"ticketId": ticket_id})
        assert (joined["ok"], joined["ticket"]["id"], joined["resumed"]) == (True, ticket_id, False)
        assert re.fullmatch(r"[0-9a-f]+-[0-9]+", joined["cursor"])
        first = ask(newest, "send_message", said(ticket_id, "раз", clientId="c1"))
        assert (first["ok"], first["duplicate"], first["message"]["content"]) == (True, False, "раз")
        again = ask(newest, "send_message", said(ticket_id, "раз", clientId="c1"))
        assert (again["ok"], again["duplicate"], again["message"]) == (True, True, first["message"])
        assert ask(newest, "typing", {"ticketId": ticket_id, "isTyping": True}) == {"ok": True}
        assert ask(newest, "leave_ticket", {"ticketId": ticket_id}) == {"ok": True}
        post(http, ticket_id, "после")
        assert ask(newest, "leave_ticket", {"ticketId": ticket_id}) == {"ok": True}
        assert heard(newest) == ["раз"]

    def test_all_ways_of_sending_come_in_one_order(
        self, newest: NodeClient, other: NodeClient, server: Server, http: httpx.Client
    ) -> None:
        ticket_id = new_ticket(http)
        dialog_id = as_json(http.get(f"{TICKETS}/{ticket_id}"))["dialogId"]
        connect(newest, server.url, transports=["websocket"])
        connect(other, server.url, transports=["polling"])
        join(newest, ticket_id)
        join(other, ticket_id)
        with operator(server) as maria:
            for number in range(8):
                ask(newest, "send_message", said(ticket_id, f"сокет {number}"))
                post(http, ticket_id, f"REST {number}")
                ask(other, "send_message", said(ticket_id, f"опрос {number}", senderType="AGENT"))
                answer = maria.post(f"/api/dialogs/{dialog_id}/messages", json={"text": f"панель {number}"})
                assert answer.status_code == 201
        page = as_json(http.get(f"{TICKETS}/{ticket_id}/messages"))["items"]
        expected = [message["content"] for message in page]
        assert len(expected) == 32
        for client in (newest, other):
            assert all_heard(client, 32) == expected

    def test_typing_reaches_the_others_and_not_its_sender(
        self, newest: NodeClient, other: NodeClient, server: Server, http: httpx.Client
    ) -> None:
        ticket_id = new_ticket(http)
        for client, transports in ((newest, ["polling"]), (other, ["websocket"])):
            connect(client, server.url, transports=transports)
            join(client, ticket_id)
        for typist, listener in ((newest, other), (other, newest)):
            typist.do("emit", args=["typing", {"ticketId": ticket_id, "isTyping": True}])
            told = listener.event("typing")
            assert told == [{"ticketId": ticket_id, "senderType": "USER", "isTyping": True}]
            ask(typist, "typing", {"ticketId": ticket_id, "isTyping": False})
            assert listener.event("typing")[0]["isTyping"] is False
        assert sum(each.get("name") == "typing" for each in newest.happened) == 2
        assert sum(each.get("name") == "typing" for each in other.happened) == 2

    def test_the_typing_of_a_client_that_goes_is_taken_back(
        self, newest: NodeClient, other: NodeClient, server: Server, http: httpx.Client
    ) -> None:
        ticket_id = new_ticket(http)
        connect(newest, server.url, transports=["websocket"])
        join(newest, ticket_id)
        for transports in (["polling"], ["websocket"]):
            connect(other, server.url, transports=transports)
            join(other, ticket_id)
            ask(other, "typing", {"ticketId": ticket_id, "isTyping": True})
            assert newest.event("typing")[0]["isTyping"] is True
            other.do("drop")
            assert newest.event("typing")[0] == {"ticketId": ticket_id, "senderType": "USER", "isTyping": False}

    def test_a_change_of_the_ticket_is_heard(self, newest: NodeClient, server: Server, http: httpx.Client) -> None:
        ticket_id = new_ticket(http)
        connect(newest, server.url)
        join(newest, ticket_id)
        with operator(server) as maria:
            assert maria.patch(f"{TICKETS}/{ticket_id}", json={"priority": "URGENT"}).status_code == 200
        assert newest.event("ticket:updated")[0]["ticket"]["priority"] == "URGENT"


class TestOperators:
    def test_an_operator_is_told_of_every_ticket_and_hears_a_joined_one_as_well(
        self, newest: NodeClient, server: Server, http: httpx.Client
    ) -> None:
        joined, elsewhere = new_ticket(http), new_ticket(http)
        connect(newest, server.url, auth={"token": server.login("manager@example.com")})
        join(newest, joined)
        post(http, elsewhere, "другой")
        post(http, joined, "этот")
        post(http, joined, "конец")
        assert contents(newest, 3, "ticket:new_message") == ["другой", "этот", "конец"]
        assert contents(newest, 1) == ["конец"]
        assert heard(newest) == ["этот", "конец"]

    def test_whoever_is_no_operator_hears_of_no_other_ticket(
        self, newest: NodeClient, server: Server, http: httpx.Client
    ) -> None:
        joined, elsewhere = new_ticket(http), new_ticket(http)
        connect(newest, server.url, auth={"token": server.login("user@example.com")})
        join(newest, joined)
        post(http, elsewhere, "другой")
        post(http, joined, "этот")
        assert contents(newest, 1) == ["этот"]
        assert heard(newest, "ticket:new_message") == []

    def test_an_operator_who_logs_out_is_shown_out(self, newest: NodeClient, server: Server) -> None:
        token = server.login("manager@example.com")
        connect(newest, server.url, auth={"token": token})
        with server.client(headers={"Authorization": f"Bearer {token}"}) as http:
            assert http.post("/api/v1/auth/logout").status_code in (200, 204)
        assert newest.event("error")[0]["code"] == "credential_invalid"
        assert newest.until("disconnect")["reason"] == "io server disconnect"

    @pytest.mark.parametrize("how", ["disabled", "new password"])
    def test_an_operator_whose_session_is_ended_by_another_is_shown_out_and_stays_out(
        self, newest: NodeClient, server: Server, http: httpx.Client, how: str
    ) -> None:
        ticket_id = new_ticket(http)
        with operator(server) as admin:
            email = f"{how.replace(' ', '-')}@example.com"
            account = {"email": email, "name": "Ира", "role": "manager", "password": "a-long-password"}
            made = as_json(admin.post("/api/v1/accounts", json=account))
            connect(newest, server.url, auth={"token": server.login(email, "a-long-password")})
            join(newest, ticket_id)
            change = {"active": False} if how == "disabled" else {"password": "another-long-password"}
            assert admin.patch(f"/api/v1/accounts/{made['id']}", json=change).status_code == 200
        assert newest.event("error")[0]["code"] == "credential_invalid"
        assert newest.until("disconnect")["reason"] == "io server disconnect"
        newest.do("reconnect")
        assert newest.until("connect_error")["data"]["code"] == "credential_invalid"
        assert heard(newest) == []

    def test_an_agent_whose_token_runs_out_is_shown_out_and_a_new_token_goes_on_where_it_was(
        self, newest: NodeClient, other: NodeClient, server: Server, http: httpx.Client
    ) -> None:
        ticket_id = new_ticket(http)
        token = server.login("manager@example.com")
        connect(newest, server.url, auth={"token": running_out(server, token)})
        join(newest, ticket_id)
        connect(other, server.url)
        join(other, ticket_id)
        assert newest.event("error")[0]["code"] == "credential_invalid"
        assert newest.until("disconnect")["reason"] == "io server disconnect"
        assert ask(other, "send_message", said(ticket_id, "без агента"))["ok"] is True
        newest.do("reconnect")
        assert newest.until("connect_error")["data"]["code"] == "credential_expired"
        newest.do("reconnect", auth={"token": token})
        assert newest.until("connect")["recovered"] is True
        assert contents(newest, 1) == ["без агента"]
        assert ask(newest, "send_message", said(ticket_id, "снова", senderType="AGENT"))["ok"] is True
        assert all_heard(other, 2) == ["без агента", "снова"]

    @pytest.mark.parametrize("auth", [{"token": "nonsense"}, {"token": 7}, {"secret": "wrong"}], ids=str)
    def test_a_bad_credential_refuses_the_connection(
        self, newest: NodeClient, server: Server, auth: dict[str, object]
    ) -> None:
        newest.connect(server.url, auth=auth)
        refused = newest.until("connect_error")
        assert refused["data"]["code"] == "credential_invalid"


class TestSenders:
    @pytest.mark.parametrize("sender_type", ["USER", "AGENT", "BOT"])
    def test_in_the_demo_a_page_speaks_as_anyone(
        self, newest: NodeClient, server: Server, http: httpx.Client, sender_type: str
    ) -> None:
        ticket_id = new_ticket(http)
        connect(newest, server.url)
        answer = ask(newest, "send_message", said(ticket_id, "я", senderType=sender_type))
        assert answer["message"]["senderType"] == sender_type

    @pytest.mark.parametrize("sender_type", ["AGENT", "BOT"])
    def test_elsewhere_a_sender_needs_its_credential(
        self, newest: NodeClient, strict: Server, sender_type: str
    ) -> None:
        with strict.client() as http:
            ticket_id = new_ticket(http)
        connect(newest, strict.url)
        answer = ask(newest, "send_message", said(ticket_id, "я", senderType=sender_type))
        assert (answer["ok"], answer["code"]) == (False, "sender_not_allowed")
        assert ask(newest, "send_message", said(ticket_id, "я"))["ok"] is True

    def test_elsewhere_an_operator_is_the_agent_and_the_secret_the_bot(
        self, newest: NodeClient, other: NodeClient, strict: Server
    ) -> None:
        with strict.client() as http:
            ticket_id = new_ticket(http)
        connect(newest, strict.url, auth={"token": strict.login("manager@example.com")})
        connect(other, strict.url, auth={"secret": SECRET})
        agent = ask(newest, "send_message", said(ticket_id, "я", senderType="AGENT"))["message"]
        assert (agent["senderType"], bool(agent["author"])) == ("AGENT", True)
        assert ask(other, "send_message", said(ticket_id, "я", senderType="BOT"))["message"]["senderType"] == "BOT"


class TestBadInput:
    @pytest.mark.parametrize(
        ("name", "change", "code"),
        [
            ("send_message", {"ticketId": "nobody"}, "ticket_not_found"),
            ("send_message", {"ticketId": 7}, "invalid"),
            ("send_message", {"ticketId": None}, "invalid"),
            ("send_message", {"content": "x" * 10_001}, "invalid"),
            ("send_message", {"content": "  "}, "invalid"),
            ("send_message", {"content": {"hex": "00ff"}}, "invalid"),
            ("send_message", {"content": 5}, "invalid"),
            ("send_message", {"content": "a\x00b"}, "invalid"),
            ("send_message", {"senderType": "KING"}, "invalid"),
            ("send_message", {"messageType": "SONG"}, "invalid"),
            ("send_message", {"clientId": "x" * 65}, "invalid"),
            ("join_ticket", {"ticketId": "nobody"}, "ticket_not_found"),
            ("join_ticket", {"ticketId": ["a"]}, "invalid"),
            ("join_ticket", {"cursor": "nonsense"}, "cursor_malformed"),
            ("join_ticket", {"cursor": True}, "invalid"),
            ("leave_ticket", {"ticketId": "nobody"}, "ticket_not_found"),
            ("typing", {"isTyping": "yes"}, "invalid"),
            ("dance", {}, "malformed"),
        ],
        ids=str,
    )
    def test_what_is_wrong_is_refused_in_both_ways_and_the_socket_stays(
        self,
        shared: NodeClient,
        http: httpx.Client,
        name: str,
        change: dict[str, object],
        code: str,
    ) -> None:
        ticket_id = new_ticket(http)
        wanted = {**said(ticket_id, "x"), "isTyping": True, **change}
        answer = ask(shared, name, wanted)
        assert (answer["ok"], answer["code"], bool(answer["detail"])) == (False, code, True)
        shared.do("emit", args=[name, wanted])
        told = shared.event("error")[0]
        assert (told["code"], bool(told["message"])) == (code, True)
        for _ in range(2):  # a good frame makes up for a refused one
            assert ask(shared, "send_message", said(ticket_id, "жив"))["ok"] is True

    @pytest.mark.parametrize("args", [[], ["text"], [None], [{}, {}], [[1]], [{"hex": "00"}]], ids=str)
    def test_arguments_that_are_no_object_are_malformed(self, shared: NodeClient, args: list[object]) -> None:
        assert shared.ask("join_ticket", *args)[0]["code"] == "malformed"

    @pytest.mark.parametrize("field", ["ticketId", "content"])
    def test_a_missing_field_is_named(self, shared: NodeClient, field: str) -> None:
        wanted = said("nobody", "x")
        del wanted[field]
        assert ask(shared, "send_message", wanted)["errors"][0]["field"] == field

    def test_who_sends_too_fast_is_told_so_and_the_socket_stays(
        self, newest: NodeClient, server: Server, http: httpx.Client
    ) -> None:
        ticket_id = new_ticket(http)
        connect(newest, server.url)
        for number in range(210):
            newest.do("emit", args=["send_message", said(ticket_id, f"{number}")])
        assert newest.event("error")[0]["code"] == "too_many_requests"
        answer = ask(newest, "send_message", said(ticket_id, "ещё"))
        assert answer["code"] == "too_many_requests"
        assert answer["retryAfter"] >= 1
        assert ask(newest, "leave_ticket", {"ticketId": ticket_id})["ok"] is True

    @TRANSPORTS
    def test_who_goes_on_too_fast_loses_the_connection_and_comes_back_by_itself(
        self, newest: NodeClient, server: Server, http: httpx.Client, transports: list[str]
    ) -> None:
        ticket_id = new_ticket(http)
        connect(newest, server.url, transports=transports)
        join(newest, ticket_id)
        for number in range(400):
            newest.do("emit", args=["send_message", said(ticket_id, f"{number}")])
        assert newest.until("disconnect")["reason"] in ("transport close", "forced close")
        refused = [each for each in newest.happened if each["on"] == "event" and each["name"] == "error"]
        assert {each["args"][0]["code"] for each in refused} == {"too_many_requests"}
        assert newest.until("connect")["recovered"] is True

    @TRANSPORTS
    def test_who_goes_on_with_what_is_wrong_is_shown_out_and_stays_out(
        self, newest: NodeClient, server: Server, transports: list[str]
    ) -> None:
        connect(newest, server.url, transports=transports)
        for _ in range(19):
            assert ask(newest, "dance", {})["code"] == "malformed"
        newest.do("emit", args=["dance", {}])
        assert newest.until("disconnect")["reason"] == "io server disconnect"
        refused = [each for each in newest.happened if each["on"] == "event" and each["name"] == "error"]
        assert len(refused) == 20

    def test_a_body_full_of_what_is_wrong_is_read_only_so_far(self, server: Server, http: httpx.Client) -> None:
        session = entered(http)
        http.post(session, content=b"\x1e".join([b'42["dance",{}]'] * 10_000))
        told = http.get(session).text.split("\x1e")
        assert len([each for each in told if each.startswith('42["error"')]) == 20
        assert told[-1] == "41"
        assert http.get(session).text == "1"
        assert http.get(session).json()["code"] == 1

    @pytest.mark.parametrize("namespace", ["/", "/nowhere"])
    def test_who_asks_again_and_again_to_be_let_in_loses_the_connection(
        self, http: httpx.Client, namespace: str
    ) -> None:
        opened = http.get("/socket.io/?EIO=4&transport=polling")
        session = f"/socket.io/?EIO=4&transport=polling&sid={json.loads(opened.text[1:])['sid']}"
        asked = '40{"token":"made up"}' if namespace == "/" else f"40{namespace},"
        http.post(session, content="\x1e".join([asked] * 100).encode())
        told = http.get(session).text.split("\x1e")
        assert len([each for each in told if each.startswith("44")]) == 20
        assert http.get(session).text == "1"
        assert http.get(session).json()["code"] == 1


@pytest.fixture(scope="module")
def shared(node: Path, modules: Path, server: Server) -> Iterator[NodeClient]:
    """One client for all bad input, which must survive it."""
    with NodeClient(node, modules / "newest") as started:
        connect(started, server.url, transports=["websocket"])
        yield started
        assert not [each for each in started.happened if each["on"] == "disconnect"]

    def test_a_payload_over_the_limit_ends_the_connection_and_nothing_of_it_counts(self, http: httpx.Client) -> None:
        ticket_id = new_ticket(http)
        session = entered(http)
        kept = packet("send_message", said(ticket_id, "до"))
        assert http.post(session, content=kept).text == "ok"
        refused = http.post(
            session, content=kept + b"\x1e" + packet("send_message", said(ticket_id, "x" * MAX_PAYLOAD))
        )
        assert (refused.status_code, refused.json()["code"]) == (413, 3)
        assert http.get(session).json()["code"] == 1
        assert texts(http, ticket_id) == ["до"]

    def test_a_poll_beside_a_poll_ends_the_connection_and_nothing_else(
        self, server: Server, http: httpx.Client
    ) -> None:
        ticket_id = new_ticket(http)
        session = entered(http)
        http.post(session, content=packet("send_message", said(ticket_id, "до")))
        first, second = asyncio.run(side_by_side(server, session))
        assert first.text == "1"
        assert (second.status_code, second.json()["code"]) == (400, 3)
        assert http.get(session).json()["code"] == 1
        assert texts(http, ticket_id) == ["до"]

    def test_a_second_upgrade_is_closed_and_the_conversation_goes_on(self, server: Server, http: httpx.Client) -> None:
        ticket_id = new_ticket(http)
        address = entered(http).replace("polling", "websocket")
        with socket_of(server, address) as socket:
            socket.send("2probe")
            assert socket.recv(PATIENCE_S) == "3probe"
            socket.send("5")
            with socket_of(server, address) as second, pytest.raises(ConnectionClosedOK):
                second.recv(PATIENCE_S)
            socket.send(packet("send_message", said(ticket_id, "жив")).decode())
            eventually(lambda: texts(http, ticket_id) == ["жив"], "the message")


def entered(http: httpx.Client) -> str:
    """The address of a new polling session that is in the namespace and has heard so."""
    opened = http.get("/socket.io/?EIO=4&transport=polling")
    session = f"/socket.io/?EIO=4&transport=polling&sid={json.loads(opened.text[1:])['sid']}"
    assert http.post(session, content=b"40").text == "ok"
    assert http.get(session).text.startswith("40{")
    return session


def packet(name: str, body: dict[str, object]) -> bytes:
    """An event without a callback, as a frame or as a part of a payload."""
    return b"42" + json.dumps([name, body], ensure_ascii=False).encode()


def texts(http: httpx.Client, ticket_id: str) -> list[str]:
    """What has been said in a ticket."""
    page = as_json(http.get(f"/api/support/tickets/{ticket_id}/messages"))
    return [message["content"] for message in page["items"]]


async def side_by_side(server: Server, session: str) -> list[httpx.Response]:
    """Two polls of one session, the second while the first waits."""
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as client:
        first = asyncio.create_task(client.get(session))
        await asyncio.sleep(0.02)
        second = await client.get(session)
        return [await first, second]
