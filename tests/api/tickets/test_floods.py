"""What one client may do to the Socket.IO server, and what others notice of it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
from websockets.sync.client import connect

from tests.api.tickets import ticket
from tests.server import Server
from tests.stored import stored

POLLING = "/socket.io/?EIO=4&transport=polling"
OPENED_AT_ONCE = 3000  # docs/operating.md, connect
JOINED_AT_ONCE = 250  # docs/operating.md, ticket_join


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """A server with its limits on, which these tests use up from addresses of their own."""
    with Server(tmp_path_factory.mktemp("limited") / "data") as running:
        yield running


def from_address(server: Server, address: str) -> httpx.Client:
    """A client that calls from another address of this machine."""
    return httpx.Client(base_url=server.url, transport=httpx.HTTPTransport(local_address=address), timeout=20)


async def flood(server: Server, address: str, count: int) -> list[httpx.Response]:
    """The answers to ``count`` requests for a session, sent over one connection as fast as it takes them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=(address, 0))
    request = f"GET {POLLING} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
    answers = []

    async def read() -> None:
        for _ in range(count):
            status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            headers = [tuple(line.split(": ", 1)) for line in lines if line]
            answer = httpx.Response(int(status.split(" ")[1]), headers=headers)
            answers.append(answer)
            await reader.readexactly(int(answer.headers["Content-Length"]))

    reading = asyncio.create_task(read())
    for _ in range(count // 50):
        writer.write(request * 50)
        await writer.drain()
    await reading
    writer.close()
    return answers


@pytest.mark.one_process("processes share what was spent a moment later, so a few more are let in")
def test_a_flood_of_sessions_is_refused_by_its_address_and_everybody_else_is_served(limited: Server) -> None:
    async def test() -> None:
        async with httpx.AsyncClient(
            base_url=limited.url, transport=httpx.AsyncHTTPTransport(local_address="127.0.0.3"), timeout=20
        ) as other:
            flooding = asyncio.create_task(flood(limited, "127.0.0.2", 6000))
            served = 0
            while not flooding.done():
                assert (await other.get(POLLING)).status_code == 200
                served += 1
            answered = Counter(answer.status_code for answer in await flooding)
            assert set(answered) == {200, 429}
            assert answered[200] >= OPENED_AT_ONCE
            assert served > 10
            assert all(int(each.headers["Retry-After"]) >= 1 for each in await flooding if each.status_code == 429)

    asyncio.run(test())


@pytest.mark.one_process("processes share what was spent a moment later, so a few more are let in")
def test_joins_again_and_again_are_refused_and_leave_no_rows(limited: Server) -> None:
    """A client joins and leaves the same ticket, each time with a commit, or begins anew, each time with a row."""
    with from_address(limited, "127.0.0.4") as http:
        ticket_id = ticket.new(http)["id"]
    taken = socket.create_connection(("127.0.0.1", limited.port), source_address=("127.0.0.4", 0))
    answers = []
    with connect(f"{limited.ws_url}/socket.io/?EIO=4&transport=websocket", sock=taken) as client:
        client.send("40")
        for number in range(JOINED_AT_ONCE + 10):
            client.send(f"42{number}" + json.dumps(["join_ticket", {"ticketId": ticket_id}]))
            while not (said := str(client.recv(20))).startswith("43"):
                if said == "2":
                    client.send("3")
            answers.append(json.loads(said[said.index("[") :])[0])
    assert all(answer["ok"] for answer in answers[:JOINED_AT_ONCE])
    refused = [answer for answer in answers if not answer["ok"]]
    assert {answer["code"] for answer in refused} == {"too_many_requests"}
    assert refused[0]["retryAfter"] >= 1
    with stored(limited.data_dir) as rows:
        assert rows.execute("SELECT COUNT(*) FROM socket_room").fetchone()[0] == 1
