"""Engine.IO 4 from outside, with the coverage of the protocol authors' suite and what it leaves out.

The intervals are those of the suite: a ping every 300 ms, to be answered within 200 ms.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.protocol import State

from tests.interop.process import ServerProcess

POLLING = "/engine.io/?EIO=4&transport=polling"
WEBSOCKET = "/engine.io/?EIO=4&transport=websocket"
WAIT_S = 10


def run(test: Any) -> None:
    """Run one test's coroutine; nothing in it may wait longer than :data:`WAIT_S`."""
    asyncio.run(asyncio.wait_for(test, WAIT_S))


@pytest.fixture
def http(echo: ServerProcess) -> Any:
    """Makes clients of the echo server."""
    return lambda: httpx.AsyncClient(base_url=echo.url, timeout=WAIT_S)


async def open_session(http: httpx.AsyncClient) -> str:
    """The address of a new polling session."""
    opened = await http.get(POLLING)
    assert opened.status_code == 200
    return f"{POLLING}&sid={json.loads(opened.text[1:])['sid']}"


def websocket(echo: ServerProcess, path: str = WEBSOCKET) -> connect:
    """A plain WebSocket client."""
    return connect(echo.ws_url + path, open_timeout=WAIT_S, ping_interval=None, max_size=2**22)


async def closed(socket: ClientConnection) -> None:
    """Wait for the server to close."""
    with suppress(ConnectionClosedError):  # without a closing handshake
        async for _ in socket:
            pass
    await socket.wait_closed()


async def next_but_ping(socket: ClientConnection) -> str | bytes:
    """The next frame that is no ping; pings are answered."""
    while (frame := await socket.recv()) == "2":
        await socket.send("3")
    return frame


# Handshake


def test_a_get_opens_a_session_with_exactly_the_documented_fields(http: Any) -> None:
    async def test() -> None:
        async with http() as client:
            answer = await client.get(POLLING)
            assert answer.status_code == 200
            assert answer.text[0] == "0"
            fields = json.loads(answer.text[1:])
            sid = fields.pop("sid")
            assert isinstance(sid, str)
            assert len(sid) >= 20
            assert fields == {
                "upgrades": ["websocket"],
                "pingInterval": 300,
                "pingTimeout": 200,
                "maxPayload": 1_000_000,
            }

    run(test())


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/engine.io/?transport=polling", 5),
        ("GET", "/engine.io/?EIO=abc&transport=polling", 5),
        ("GET", "/engine.io/?EIO=3&transport=polling", 5),
        ("GET", "/engine.io/?EIO=4", 0),
        ("GET", "/engine.io/?EIO=4&transport=abc", 0),
        ("GET", "/engine.io/?EIO=4&transport=websocket", 3),
        ("POST", POLLING, 2),
        ("PUT", POLLING, 2),
        ("GET", POLLING + "&sid=unknown", 1),
        ("POST", POLLING + "&sid=unknown", 1),
    ],
)
def test_a_request_that_opens_nothing_is_refused_with_its_number(http: Any, method: str, path: str, code: int) -> None:
    async def test() -> None:
        async with http() as client:
            answer = await client.request(method, path)
            assert answer.status_code == 400
            assert answer.json()["code"] == code

    run(test())


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/engine.io/?transport=websocket", 5),
        ("/engine.io/?EIO=abc&transport=websocket", 5),
        ("/engine.io/?EIO=4", 0),
        ("/engine.io/?EIO=4&transport=abc", 0),
        ("/engine.io/?EIO=4&transport=polling", 3),
        (WEBSOCKET + "&sid=unknown", 1),
    ],
)
def test_a_websocket_that_opens_nothing_is_refused_before_its_handshake(
    echo: ServerProcess, path: str, code: int
) -> None:
    async def test() -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with websocket(echo, path):
                raise AssertionError("the handshake went through")
        assert refused.value.response.status_code == 400
        assert json.loads(refused.value.response.body)["code"] == code

    run(test())


def test_a_websocket_opens_a_session_that_offers_no_upgrade(echo: ServerProcess) -> None:
    async def test() -> None:
        async with websocket(echo) as socket:
            frame = await socket.recv()
            fields = json.loads(frame[1:])
            assert frame[0] == "0"
            assert set(fields) == {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}
            assert fields["upgrades"] == []

    run(test())


# Messages


@pytest.mark.parametrize("payload", ["4hello", "4test1\x1e4test2\x1e4test3", "4hello\x1ebAQIDBA==", "4€ 🎉"])
def test_polled_packets_come_back_in_one_payload(http: Any, payload: str) -> None:
    async def test() -> None:
        async with http() as client:
            session = await open_session(client)
            pushed = await client.post(session, content=payload.encode())
            assert (pushed.status_code, pushed.text) == (200, "ok")
            polled = await client.get(session)
            assert (polled.status_code, polled.text) == (200, payload)

    run(test())


@pytest.mark.parametrize("body", [b"abc", b"", b"4a\x1eabc", b"2", b"0{}", b"5", b"bA", b"4\xff", b"4a\x1e"])
def test_one_bad_packet_ends_a_polling_session_and_nothing_of_its_payload_counts(http: Any, body: bytes) -> None:
    async def test() -> None:
        async with http() as client:
            session = await open_session(client)
            pushed = await client.post(session, content=body)
            assert (pushed.status_code, pushed.json()["code"]) == (400, 3)
            polled = await client.get(session)
            assert (polled.status_code, polled.json()["code"]) == (400, 1)

    run(test())


def test_a_second_poll_beside_a_poll_ends_the_session(http: Any) -> None:
    async def test() -> None:
        async with http() as client:
            session = await open_session(client)
            first = asyncio.create_task(client.get(session))
            second = await asyncio.create_task(_soon(client.get(session + "&t=2")))
            assert (await first).text == "1"
            assert (second.status_code, second.json()["code"]) == (400, 3)
            assert (await client.get(session)).json()["code"] == 1

    run(test())


async def _soon(request: Any) -> httpx.Response:
    """Let the server see another request first; the suite waits as long."""
    await asyncio.sleep(0.02)
    response: httpx.Response = await request
    return response


def test_a_poll_that_is_given_up_ends_the_session(http: Any) -> None:
    async def test() -> None:
        async with http() as client:
            session = await open_session(client)
            with pytest.raises(httpx.ReadTimeout):
                await client.get(session, timeout=0.05)
            assert (await client.get(session)).json()["code"] == 1

    run(test())


def test_a_body_over_max_payload_is_refused_and_one_at_the_limit_is_not(http: Any) -> None:
    async def test() -> None:
        async with http() as client:
            session = await open_session(client)
            assert (await client.post(session, content=b"4" + b"x" * 999_999)).text == "ok"
            assert len((await client.get(session)).text) == 1_000_000
            refused = await client.post(session, content=b"4" + b"x" * 1_000_000)
            assert (refused.status_code, refused.json()["code"]) == (413, 3)
            assert (await client.get(session)).json()["code"] == 1

    run(test())


@pytest.mark.parametrize("data", ["4hello", b"\x01\x02\x03\x04", b"", "4", "4" + "я" * 40_000])
def test_a_websocket_message_comes_back(echo: ServerProcess, data: str | bytes) -> None:
    async def test() -> None:
        async with websocket(echo) as socket:
            await socket.recv()
            await socket.send(data)
            assert await next_but_ping(socket) == data

    run(test())


@pytest.mark.parametrize("data", ["abc", "", "9", "2", "0", "5", "bA"])
def test_a_bad_packet_closes_the_websocket(echo: ServerProcess, data: str) -> None:
    async def test() -> None:
        async with websocket(echo) as socket:
            await socket.recv()
            await socket.send(data)
            await closed(socket)

    run(test())


def test_a_websocket_message_over_max_payload_closes_it(echo: ServerProcess) -> None:
    async def test() -> None:
        async with websocket(echo) as socket:
            await socket.recv()
            with suppress(ConnectionClosed):  # it may be closed before everything was sent
                await socket.send("4" + "x" * 1_000_000)
            await closed(socket)
            assert socket.state is State.CLOSED

    run(test())


# Heartbeat


def test_a_polling_client_is_pinged_as_long_as_it_answers(http: Any) -> None:
    async def test() -> None:
        async with http() as client:
            session = await open_session(client)
            for _ in range(3):
                assert (await client.get(session)).text == "2"
                assert (await client.post(session, content=b"3")).text == "ok"

    run(test())


def test_a_polling_client_that_does_not_answer_a_ping_is_forgotten(http: Any) -> None:
    async def test() -> None:
        async with http() as client:
            session = await open_session(client)
            await asyncio.sleep(0.5)  # interval and timeout, to the millisecond: a client may come back right then
            assert (await client.get(session)).json()["code"] == 1

    run(test())


def test_a_websocket_client_is_pinged_as_long_as_it_answers(echo: ServerProcess) -> None:
    async def test() -> None:
        async with websocket(echo) as socket:
            await socket.recv()
            for _ in range(3):
                assert await socket.recv() == "2"
                await socket.send("3")

    run(test())


def test_a_websocket_client_that_does_not_answer_a_ping_is_closed(echo: ServerProcess) -> None:
    async def test() -> None:
        async with websocket(echo) as socket:
            await closed(socket)

    run(test())


# Closing


def test_a_close_packet_ends_the_waiting_poll_and_the_session(http: Any) -> None:
    async def test() -> None:
        async with http() as client:
            session = await open_session(client)
            waiting = asyncio.create_task(client.get(session))
            assert (await _soon(client.post(session, content=b"1"))).text == "ok"
            assert (await waiting).text == "6"
            assert (await client.get(session)).json()["code"] == 1

    run(test())


def test_messages_before_a_close_packet_still_count(http: Any) -> None:
    async def test() -> None:
        async with http() as client:
            session = await open_session(client)
            waiting = asyncio.create_task(client.get(session))
            await _soon(client.post(session, content=b"4last words\x1e1\x1e4unheard"))
            assert (await waiting).text == "4last words"
            assert (await client.get(session)).json()["code"] == 1

    run(test())


def test_a_close_packet_closes_the_websocket(echo: ServerProcess) -> None:
    async def test() -> None:
        async with websocket(echo) as socket:
            await socket.recv()
            await socket.send("1")
            await closed(socket)

    run(test())


# Upgrade


def test_a_session_moves_to_a_websocket_without_losing_a_message(echo: ServerProcess, http: Any) -> None:
    async def test() -> None:
        async with http() as client:
            session = await open_session(client)
            await client.post(session, content=b"4before\x1ebAQID")
            async with websocket(echo, session.replace("polling", "websocket")) as socket:
                await socket.send("2probe")
                assert await socket.recv() == "3probe"
                assert (await client.get(session)).text == "4before\x1ebAQID"
                assert (await client.get(session)).text == "6"
                await client.post(session, content=b"4between\x1ebBAUG")
                await socket.send("5")
                assert [await next_but_ping(socket), await next_but_ping(socket)] == ["4between", b"\x04\x05\x06"]
                await socket.send("4hello")
                assert await next_but_ping(socket) == "4hello"

    run(test())


def test_a_poll_that_waits_is_released_by_the_probe(echo: ServerProcess, http: Any) -> None:
    async def test() -> None:
        async with http() as client:
            session = await open_session(client)
            waiting = asyncio.create_task(client.get(session))
            async with websocket(echo, session.replace("polling", "websocket")) as socket:
                await socket.send("2probe")
                assert await socket.recv() == "3probe"
                assert (await waiting).text == "6"

    run(test())


@pytest.mark.parametrize("probe_awaited", [True, False])
def test_after_the_upgrade_polling_is_refused_and_the_session_goes_on(
    echo: ServerProcess, http: Any, probe_awaited: bool
) -> None:
    async def test() -> None:
        async with http() as client:
            session = await open_session(client)
            async with websocket(echo, session.replace("polling", "websocket")) as socket:
                await socket.send("2probe")
                if probe_awaited:
                    assert await socket.recv() == "3probe"
                await socket.send("5")
                polled = await client.get(session)
                assert (polled.status_code, polled.json()["code"]) == (400, 3)
                assert (await client.post(session, content=b"4x")).json()["code"] == 3
                if not probe_awaited:
                    assert await socket.recv() == "3probe"
                await socket.send("4hello")
                assert await next_but_ping(socket) == "4hello"

    run(test())


@pytest.mark.parametrize("first", ["probes", "upgraded", "opened it"])
def test_a_second_websocket_is_closed_after_its_handshake_and_the_session_goes_on(
    echo: ServerProcess, http: Any, first: str
) -> None:
    """A refusal in the handshake would be an error that Node's client throws; the reference server closes."""

    async def test() -> None:
        async with http() as client:
            polling = await open_session(client)
            session = WEBSOCKET if first == "opened it" else polling.replace("polling", "websocket")
            async with websocket(echo, session) as socket:
                if first == "opened it":
                    session = f"{WEBSOCKET}&sid={json.loads((await socket.recv())[1:])['sid']}"
                else:
                    await socket.send("2probe")
                    await socket.recv()
                if first == "upgraded":
                    await socket.send("5")
                async with websocket(echo, session) as second:
                    await closed(second)
                    assert second.close_code == 1000
                if first == "probes":
                    await socket.send("5")
                await socket.send("4hello")
                assert await next_but_ping(socket) == "4hello"

    run(test())


@pytest.mark.parametrize("word", ["4hello", "5", "2", "abc", "2probes"])
def test_a_websocket_that_does_not_probe_is_closed_and_polling_goes_on(
    echo: ServerProcess, http: Any, word: str
) -> None:
    async def test() -> None:
        async with http() as client:
            session = await open_session(client)
            async with websocket(echo, session.replace("polling", "websocket")) as socket:
                await socket.send(word)
                await closed(socket)
            await client.post(session, content=b"4still here")
            assert (await client.get(session)).text == "4still here"

    run(test())
