"""Tickets over Socket.IO through cuts, kill -9 and crowds: nothing is lost and nothing comes twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import socketio  # type: ignore[import-untyped]
from websockets.asyncio.client import connect as websocket

from tests.interop.node import NodeClient
from tests.interop.ticket_clients import TICKETS, all_heard, ask, connect, contents, heard, join, new_ticket, post, said
from tests.postgres import Cluster
from tests.scenario import as_json, eventually, operator
from tests.server import Server
from tests.stored import stored

TRANSPORTS = pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]], ids="+".join)
AWAY: dict[str, Any] = {"reconnectionDelay": 1500, "randomizationFactor": 0}  # long enough for others to speak
PATIENCE_S = 40.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that is killed again and again, and may be sent much."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=["--rate-limits", "off"]) as running:
        yield running


@pytest.fixture(scope="module")
def killable(postgres: Path) -> Iterator[Cluster]:
    """A PostgreSQL that nobody else uses."""
    with Cluster(postgres) as running:
        yield running


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    """Somebody else."""
    with server.client() as client:
        yield client


def cut(client: NodeClient) -> None:
    """Cut the client's connection."""
    client.do("drop")
    client.until("disconnect")


class TestRecovery:
    @TRANSPORTS
    def test_a_client_gets_what_it_missed_in_the_tickets_it_had_joined_also_after_kill_9(
        self, newest: NodeClient, server: Server, transports: list[str]
    ) -> None:
        with server.client() as http:
            tickets = [new_ticket(http) for _ in range(3)]
            connect(newest, server.url, transports=transports, **AWAY)
            for ticket_id in tickets:
                ask(newest, "join_ticket", {"ticketId": ticket_id})
            ask(newest, "leave_ticket", {"ticketId": tickets[2]})
            post(http, tickets[0], "1")
            assert contents(newest, 1) == ["1"]
            cut(newest)
            post(http, tickets[0], "2")
            post(http, tickets[2], "не для него")
        server.restart_after_kill()
        with server.client() as http:
            post(http, tickets[1], "3")
            assert newest.until("connect")["recovered"] is True
            post(http, tickets[0], "4")
        assert all_heard(newest, 4) == ["1", "2", "3", "4"]
        assert ask(newest, "send_message", said(tickets[0], "5"))["ok"] is True
        assert all_heard(newest, 5) == ["1", "2", "3", "4", "5"]
        assert len([each for each in newest.happened if each.get("name") == "ticket:history"]) == 3

    def test_what_the_history_held_does_not_come_again(
        self, newest: NodeClient, server: Server, http: httpx.Client
    ) -> None:
        early, late = new_ticket(http), new_ticket(http)
        connect(newest, server.url, **AWAY)
        join(newest, early)
        for number in range(5):
            post(http, late, f"{number}")
        assert join(newest, late) == [f"{number}" for number in range(5)]
        cut(newest)
        post(http, late, "5")
        assert newest.until("connect")["recovered"] is True
        assert contents(newest, 1) == ["5"]
        assert heard(newest) == ["5"]

    @TRANSPORTS
    def test_a_client_that_is_far_behind_is_caught_up_in_order(
        self, newest: NodeClient, server: Server, http: httpx.Client, transports: list[str]
    ) -> None:
        """What it missed is many times what one connection may leave unsent."""
        ticket_id = new_ticket(http)
        connect(newest, server.url, transports=transports, **AWAY)
        join(newest, ticket_id)
        cut(newest)
        wanted = [f"{number} " + "x" * 3000 for number in range(150)]
        for text in wanted:
            post(http, ticket_id, text)
        assert all_heard(newest, len(wanted)) == wanted

    def test_events_that_come_while_a_client_upgrades_come_once_and_in_order(
        self, client: NodeClient, server: Server, http: httpx.Client
    ) -> None:
        ticket_id = new_ticket(http)
        connect(client, server.url)
        join(client, ticket_id)
        wanted = [str(number) for number in range(80)]
        for text in wanted:
            post(http, ticket_id, text)
        assert all_heard(client, 80) == wanted
        if not any(each["on"] == "upgrade" for each in client.happened):
            client.until("upgrade")
        post(http, ticket_id, "after")
        assert all_heard(client, 81) == [*wanted, "after"]

    @pytest.mark.parametrize("transport", ["websocket", "polling"])
    def test_a_client_that_returns_while_the_database_is_away_tries_again_by_itself(
        self, newest: NodeClient, killable: Cluster, tmp_path: Path, transport: str
    ) -> None:
        env = {"DATABASE_URL": killable.database_of(tmp_path)}
        with Server(tmp_path / "data", env=env) as server, server.client() as http:
            ticket_id = new_ticket(http)
            connect(newest, server.url, transports=[transport])
            join(newest, ticket_id)
            killable.kill()
            cut(newest)
            for _ in range(3):
                newest.until("open")
            killable.start()
            assert newest.until("connect")["recovered"] is True
            eventually(lambda: http.get("/health").status_code == 200, "the database is back")
            post(http, ticket_id, "снова здесь")
            assert all_heard(newest, 1) == ["снова здесь"]
        assert [each for each in newest.happened if each["on"] == "connect_error" and each.get("data")] == []

    def test_an_operator_gets_each_notice_that_was_missed(
        self, newest: NodeClient, server: Server, http: httpx.Client
    ) -> None:
        joined, elsewhere = new_ticket(http), new_ticket(http)
        connect(newest, server.url, auth={"token": server.login("manager@example.com")}, **AWAY)
        join(newest, joined)
        cut(newest)
        post(http, elsewhere, "а")
        post(http, joined, "б")
        assert newest.until("connect")["recovered"] is True
        post(http, elsewhere, "в")
        assert contents(newest, 3, "ticket:new_message") == ["а", "б", "в"]
        assert heard(newest) == ["б"]

    def test_a_client_that_was_cut_off_before_its_history_arrived_gets_it_when_it_returns(
        self, newest: NodeClient, server: Server, http: httpx.Client
    ) -> None:
        """The offset that the client brings is older than the join, though the pid has joined."""
        ticket_id = new_ticket(http)
        post(http, ticket_id, "в истории")

        async def joined_and_lost() -> tuple[str, str]:
            client = socketio.AsyncClient(reconnection=False)
            packets: list[Any] = []
            handle = client._handle_connect

            async def connected(namespace: str, data: Any) -> None:
                packets.append(data)  # python-socketio keeps no pid
                await handle(namespace, data)

            client._handle_connect = connected
            await client.connect(server.url, transports=["websocket"])
            await client.call("join_ticket", {"ticketId": ticket_id})
            await client.disconnect()
            pid: str = packets[0]["pid"]
            return pid, pid.partition("~")[2]

        pid, offset = asyncio.run(asyncio.wait_for(joined_and_lost(), PATIENCE_S))
        post(http, ticket_id, "потом")
        newest.connect(server.url, auth={"pid": pid, "offset": offset})
        history = newest.event("ticket:history")[0]
        assert [message["content"] for message in history["messages"]] == ["в истории", "потом"]
        post(http, ticket_id, "живое")
        assert contents(newest, 1) == ["живое"]
        assert heard(newest) == ["живое"]

    @pytest.mark.parametrize("email", [None, "manager@example.com"], ids=["user", "operator"])
    def test_a_client_whose_joins_are_no_longer_known_is_told_so_and_joins_again(
        self, newest: NodeClient, server: Server, http: httpx.Client, email: str | None
    ) -> None:
        """A stock client that believes it was recovered does not join again, and would hear nothing from then on."""
        ticket_id, elsewhere = new_ticket(http), new_ticket(http)
        auth = {} if email is None else {"auth": {"token": server.login(email)}}
        connect(newest, server.url, **auth, **AWAY)
        join(newest, ticket_id)
        post(http, ticket_id, "раз")
        assert contents(newest, 1) == ["раз"]
        cut(newest)
        with stored(server.data_dir) as rows:
            rows.execute("DELETE FROM socket_room")
        post(http, elsewhere, "мимо")
        assert newest.until("connect")["recovered"] is False
        assert join(newest, ticket_id) == ["раз"]
        post(http, ticket_id, "два")
        assert all_heard(newest, 2) == ["раз", "два"]
        if email is not None:  # what is not joined goes on without a gap
            assert heard(newest, "ticket:new_message") == ["раз", "мимо", "два"]
        cut(newest)
        post(http, ticket_id, "три")
        assert newest.until("connect")["recovered"] is True
        assert all_heard(newest, 3) == ["раз", "два", "три"]

    @pytest.mark.parametrize("pid", ["", "made-up", "x" * 32 + ".1~0000-1", "x" * 32 + ".99999999999~00-1"])
    def test_a_pid_that_is_none_of_ours_begins_anew(
        self, newest: NodeClient, server: Server, http: httpx.Client, pid: str
    ) -> None:
        ticket_id = new_ticket(http)
        connect(newest, server.url, auth={"pid": pid, "offset": "0000-999999"})
        join(newest, ticket_id)
        post(http, ticket_id, "раз")
        assert contents(newest, 1) == ["раз"]


class TestJoiningFromACursor:
    def test_what_was_missed_comes_once_and_no_history(
        self, newest: NodeClient, server: Server, http: httpx.Client
    ) -> None:
        ticket_id = new_ticket(http)
        post(http, ticket_id, "старое")
        cursor = as_json(http.get(f"{TICKETS}/{ticket_id}/messages"))["cursor"]
        for number in range(5):
            post(http, ticket_id, f"{number}")
        connect(newest, server.url, **AWAY)
        joined = ask(newest, "join_ticket", {"ticketId": ticket_id, "cursor": cursor})
        assert (joined["ok"], joined["resumed"]) == (True, True)
        assert all_heard(newest, 5) == [f"{number}" for number in range(5)]
        cut(newest)
        post(http, ticket_id, "5")
        assert newest.until("connect")["recovered"] is True
        assert all_heard(newest, 6) == [f"{number}" for number in range(6)]
        assert not [each for each in newest.happened if each.get("name") == "ticket:history"]

    @pytest.mark.parametrize("cursor", ["0000-1", "999999999999"])
    def test_a_cursor_that_cannot_be_followed_brings_the_history(
        self, newest: NodeClient, server: Server, http: httpx.Client, cursor: str
    ) -> None:
        ticket_id = new_ticket(http)
        post(http, ticket_id, "раз")
        connect(newest, server.url)
        assert join(newest, ticket_id, cursor=cursor) == ["раз"]

    def test_joining_while_others_speak_leaves_no_gap_and_no_double(
        self, newest: NodeClient, server: Server, http: httpx.Client
    ) -> None:
        """Each join takes another moment of the traffic for the seam between history and live events."""
        ticket_id = new_ticket(http)
        total = 120

        async def speak() -> None:
            async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as other:
                for number in range(total):
                    answer = await other.post(f"{TICKETS}/{ticket_id}/messages", json={"content": f"{number}"})
                    assert answer.status_code == 201

        async def join_late(after: int) -> list[str]:
            texts: list[str] = []
            client = socketio.AsyncClient(reconnection=False)
            told = asyncio.Event()

            def hear(*messages: Any) -> None:
                texts.extend(each["content"] for each in messages)
                if f"{total - 1}" in texts:
                    told.set()

            client.on("ticket:history", lambda data, *_: hear(*data["messages"]))
            client.on("message:new", lambda data, *_: hear(data))
            await client.connect(server.url, transports=["websocket"])
            await asyncio.sleep(after / 100)  # where in the traffic it joins; any moment must do
            await client.call("join_ticket", {"ticketId": ticket_id})
            async with asyncio.timeout(PATIENCE_S):
                await told.wait()
            await client.disconnect()
            return texts

        async def test() -> list[list[str]]:
            async with asyncio.TaskGroup() as group:
                group.create_task(speak())
                late = [group.create_task(join_late(number)) for number in range(12)]
            return [task.result() for task in late]

        for texts in asyncio.run(test()):
            assert texts == [f"{number}" for number in range(int(texts[0]), total)]


class TestCrowds:
    def test_1000_sockets_in_one_ticket_hear_each_message_once_and_in_order(
        self, server: Server, http: httpx.Client
    ) -> None:
        ticket_id = new_ticket(http)
        crowd = 1000

        async def listen(entering: asyncio.Semaphore, everyone_in: asyncio.Barrier) -> list[str]:
            address = f"{server.ws_url}/socket.io/?EIO=4&transport=websocket"
            async with entering:
                socket = await websocket(address, ping_interval=None, compression=None, open_timeout=PATIENCE_S)
                await socket.send("40")
                await socket.send(f'420["join_ticket",{{"ticketId":"{ticket_id}"}}]')
                while not str(await socket.recv()).startswith("430["):
                    pass
            await everyone_in.wait()
            said: list[str] = []
            while len(said) < 10:
                packet = str(await socket.recv())
                if packet == "2":
                    await socket.send("3")
                elif packet.startswith('42["message:new"'):
                    said.append(json.loads(packet[2:])[1]["content"])
            await socket.close()
            return said

        async def test() -> list[list[str]]:
            entering, everyone_in = asyncio.Semaphore(50), asyncio.Barrier(crowd + 1)
            async with asyncio.TaskGroup() as group, httpx.AsyncClient(base_url=server.url, timeout=30) as other:
                tasks = [group.create_task(listen(entering, everyone_in)) for _ in range(crowd)]
                await everyone_in.wait()
                for number in range(10):
                    answer = await other.post(f"{TICKETS}/{ticket_id}/messages", json={"content": f"{number}"})
                    assert answer.status_code == 201
            return [task.result() for task in tasks]

        assert asyncio.run(test()) == [[f"{number}" for number in range(10)]] * crowd

    def test_what_was_acknowledged_is_there_once_though_the_server_was_killed(self, server: Server) -> None:
        with server.client() as http:
            ticket_id = new_ticket(http)

        async def send_all(name: int, acknowledged: dict[str, int], under_way: asyncio.Event) -> None:
            client = socketio.AsyncClient(reconnection_delay=0.1, reconnection_delay_max=0.3)
            await client.connect(server.url, transports=["websocket"])
            for number in range(10):
                client_id = f"{name}-{number}"
                while client_id not in acknowledged:
                    wanted = said(ticket_id, client_id, clientId=client_id)
                    try:
                        answer = await client.call("send_message", wanted, timeout=2)
                    except (socketio.exceptions.TimeoutError, socketio.exceptions.BadNamespaceError):
                        await asyncio.sleep(0.05)  # not sent or not answered: the same again
                        continue
                    assert answer["ok"], answer
                    acknowledged[client_id] = answer["message"]["id"]
                    if len(acknowledged) >= 40:
                        under_way.set()
            await client.disconnect()

        async def test() -> dict[str, int]:
            acknowledged: dict[str, int] = {}
            under_way = asyncio.Event()
            async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
                for name in range(20):
                    group.create_task(send_all(name, acknowledged, under_way))
                await under_way.wait()
                await asyncio.to_thread(server.restart_after_kill)
            return acknowledged

        acknowledged = asyncio.run(test())
        with stored(server.data_dir) as rows:
            found = rows.execute(
                "SELECT client_id, m.id FROM message m JOIN ticket t ON t.dialog_id = m.dialog_id"
                " WHERE t.ticket_id = ?",
                (ticket_id,),
            ).fetchall()
        assert len(found) == 200
        assert dict(found) == acknowledged


def test_the_server_stops_while_clients_are_in_tickets(tmp_path: Path, newest: NodeClient) -> None:
    with Server(tmp_path / "data") as server:
        with server.client() as http:
            ticket_id = new_ticket(http)
        connect(newest, server.url)
        join(newest, ticket_id)
        with operator(server) as maria:
            eventually(lambda: maria.get("/api/sse/health").json()["connections"] == 1, "the client is counted")
        assert server.stop() == 0
    newest.until("disconnect")
    assert "Traceback" not in server.log
