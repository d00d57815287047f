"""Socket.IO 5 from outside, packet by packet: the coverage of the protocol authors' suite and what it leaves out."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from tests.interop.process import ServerProcess

PATH = "/socket.io/?EIO=4&transport="
WAIT_S = 10


def run(test: Any) -> None:
    """Run one test's coroutine."""
    asyncio.run(asyncio.wait_for(test, WAIT_S))


def websocket(server: ServerProcess, **options: Any) -> connect:
    """A WebSocket client of Socket.IO."""
    return connect(server.ws_url + PATH + "websocket", ping_interval=None, **options)


async def heard(socket: ClientConnection) -> str | bytes:
    """The next frame that is no ping; pings are answered."""
    while (frame := await socket.recv()) == "2":
        await socket.send("3")
    return frame


async def enter(socket: ClientConnection) -> None:
    """Open the session and enter the main namespace."""
    assert str(await socket.recv()).startswith("0{")
    await socket.send("40")
    assert str(await heard(socket)).startswith("40{")
    assert await heard(socket) == '42["auth",{}]'


async def closed(socket: ClientConnection) -> list[str | bytes]:
    """Wait for the server to close; what it still said."""
    said = []
    with suppress(ConnectionClosedError):
        async for frame in socket:
            said.append(frame)
    await socket.wait_closed()
    return said


# Connecting


@pytest.mark.parametrize(
    ("packet", "answer", "auth"),
    [
        ("40", "40", '42["auth",{}]'),
        ('40{"token":"123"}', "40", '42["auth",{"token":"123"}]'),
        ("40/custom,", "40/custom,", '42/custom,["auth",{}]'),
        ("40/custom", "40/custom,", '42/custom,["auth",{}]'),
        ('40/custom,{"token":"abc"}', "40/custom,", '42/custom,["auth",{"token":"abc"}]'),
    ],
)
def test_a_client_enters_a_namespace_with_its_payload(echo: ServerProcess, packet: str, answer: str, auth: str) -> None:
    async def test() -> None:
        async with websocket(echo) as socket:
            await socket.recv()
            await socket.send(packet)
            entered = str(await heard(socket))
            assert entered.startswith(answer + "{")
            fields = json.loads(entered.removeprefix(answer))
            assert list(fields) == ["sid"]
            assert isinstance(fields["sid"], str)
            assert await heard(socket) == auth

    run(test())


def test_the_id_that_others_may_know_is_not_the_id_of_the_session(echo: ServerProcess) -> None:
    async def test() -> None:
        async with websocket(echo) as socket:
            session = json.loads(str(await socket.recv())[1:])["sid"]
            await socket.send("40")
            assert json.loads(str(await heard(socket))[2:])["sid"] != session

    run(test())


@pytest.mark.parametrize(
    ("packet", "answer"),
    [
        ("40/random", '44/random,{"message":"Invalid namespace"}'),
        ('40/random,{"a":1}', '44/random,{"message":"Invalid namespace"}'),
        ('40{"refuse":true}', '44{"message":"Not authorized","data":{"status":401}}'),
        ('40/custom,{"refuse":true}', '44/custom,{"message":"Not authorized","data":{"status":401}}'),
    ],
)
def test_a_refused_client_hears_why_and_may_try_again(echo: ServerProcess, packet: str, answer: str) -> None:
    async def test() -> None:
        async with websocket(echo) as socket:
            await socket.recv()
            await socket.send(packet)
            assert await heard(socket) == answer
            await socket.send("40")
            assert str(await heard(socket)).startswith("40{")

    run(test())


@pytest.mark.parametrize(
    "packet",
    [
        "4abc",
        "4",
        "42",
        '42["message"]',
        "41",
        "43[]",
        "40[]",
        "40null",
        '40"x"',
        "401",
        '44{"message":"x"}',
        "47",
        b"x",
    ],
)
def test_a_client_that_does_not_connect_first_is_closed(echo: ServerProcess, packet: str | bytes) -> None:
    async def test() -> None:
        async with websocket(echo) as socket:
            await socket.recv()
            await socket.send(packet)
            assert await closed(socket) == []

    run(test())


def test_a_client_that_enters_no_namespace_in_time_is_closed_though_it_answers_pings() -> None:
    async def test(server: ServerProcess) -> None:
        async with websocket(server) as idle, websocket(server) as busy:
            await enter(busy)
            assert str(await idle.recv()).startswith("0{")
            with suppress(ConnectionClosedError):
                async for frame in idle:
                    assert frame == "2"
                    await idle.send("3")
            await busy.send('42["message"]')
            assert await heard(busy) == '42["message-back"]'

    with ServerProcess("tests.interop.echo_server", "--connect-timeout", "0.7", "--ping-timeout", "5") as server:
        run(test(server))


def test_a_client_is_in_a_namespace_only_once(echo: ServerProcess) -> None:
    async def test() -> None:
        async with websocket(echo) as socket:
            await enter(socket)
            await socket.send("40")
            await closed(socket)

    run(test())


# Leaving


def test_leaving_the_last_namespace_keeps_the_session(echo: ServerProcess) -> None:
    async def test() -> None:
        async with websocket(echo) as socket:
            await enter(socket)
            await socket.send("41")
            assert await socket.recv() == "2"

    run(test())


def test_leaving_one_namespace_keeps_the_other(echo: ServerProcess) -> None:
    async def test() -> None:
        async with websocket(echo) as socket:
            await enter(socket)
            await socket.send("40/custom")
            assert str(await heard(socket)).startswith("40/custom,{")
            assert await heard(socket) == '42/custom,["auth",{}]'
            await socket.send("41/custom")
            await socket.send('42["message","message to main namespace"]')
            assert await heard(socket) == '42["message-back","message to main namespace"]'
            await socket.send("40/custom,")
            assert str(await heard(socket)).startswith("40/custom,{")

    run(test())


def test_a_client_that_is_shown_out_is_told_and_what_it_sent_meanwhile_passes(echo: ServerProcess) -> None:
    async def test() -> None:
        async with websocket(echo) as socket:
            await enter(socket)
            await socket.send('427["show-me-out",false]')
            await socket.send('42["message","too late"]')
            assert await heard(socket) == "41"
            await socket.send("40")
            assert str(await heard(socket)).startswith("40{")

    run(test())


def test_a_client_can_be_made_to_come_back(echo: ServerProcess) -> None:
    async def test() -> None:
        async with websocket(echo) as socket:
            await enter(socket)
            await socket.send('42["show-me-out",true]')
            assert "41" not in await closed(socket)

    run(test())


# Messages


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (['42["message",1,"2",{"3":[true]}]'], ['42["message-back",1,"2",{"3":[true]}]']),
        (['42["message"]'], ['42["message-back"]']),
        (['42["message","\\ud83d"]'], ['42["message-back","\ufffd"]']),
        (
            ['452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', b"\1\2\3", b"\4\5\6"],
            ['452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', b"\1\2\3", b"\4\5\6"],
        ),
        (['42456["message-with-ack",1,"2",{"3":[false]}]'], ['43456[1,"2",{"3":[false]}]']),
        (['420["message-with-ack"]'], ["430[]"]),
        (['421["nobody listens to this"]'], ["431[]"]),
        (
            ['452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', b"\1", b""],
            ['462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', b"\1", b""],
        ),
    ],
)
def test_events_come_back_and_are_acknowledged(
    echo: ServerProcess, sent: list[str | bytes], received: list[str | bytes]
) -> None:
    async def test() -> None:
        async with websocket(echo) as socket:
            await enter(socket)
            for frame in sent:
                await socket.send(frame)
            assert [await heard(socket) for _ in received] == received

    run(test())


@pytest.mark.parametrize(
    "frames",
    [
        ["4abc"],
        ["42{}"],
        ["42[]"],
        ["42"],
        ['42[null,"x"]'],
        ['42["connect"]'],
        ['42["disconnect"]'],
        ['42abc["message-with-ack",1,"2",{"3":[false]}]'],
        ['4299999999999999999["message"]'],
        ['42["message"'],
        ["42" + "[" * 5000],
        ["43"],
        ["43[]"],
        ["431{}"],
        ['41{"a":1}'],
        ['44{"message":"x"}'],
        ['42/unknown,["message"]'],
        ["41/custom"],
        [b"no packet before it"],
        ['450-["message"]'],
        ['45["message"]'],
        ['45999-["message"]'],
        ['451-["message",{"_placeholder":true,"num":1}]', b"x"],
        ['451-["message",{"_placeholder":true,"num":-1}]', b"x"],
        ['451-["message",{"_placeholder":true,"num":"0"}]', b"x"],
        ['451-["message",{"_placeholder":true,"num":0}]', '42["message"]'],
        ['42["message"]', b"x"],
    ],
)
def test_a_bad_packet_closes_the_connection(echo: ServerProcess, frames: list[str | bytes]) -> None:
    async def test() -> None:
        async with websocket(echo) as socket:
            await enter(socket)
            with suppress(ConnectionClosedError):
                for frame in frames:
                    await socket.send(frame)
            await closed(socket)

    run(test())


def test_the_server_asks_and_the_client_acknowledges(patient_echo: ServerProcess) -> None:
    async def test() -> None:
        async with websocket(patient_echo) as socket:
            await enter(socket)
            await socket.send('42["ask-me","how?"]')
            assert await heard(socket) == '420["question","how?"]'
            await socket.send('430["well"]')
            await socket.send('430["an answer to nothing, which is no harm"]')
            await socket.send('421["what-did-i-say"]')
            assert await heard(socket) == '431[["well"]]'
            await socket.send('42["ask-me","and now?"]')
            assert await heard(socket) == '421["question","and now?"]'
            await socket.send("41")
            await socket.send("40")
            await heard(socket), await heard(socket)
            await socket.send('422["what-did-i-say"]')
            assert await heard(socket) == "432[null]"

    run(test())


# Over polling


def test_the_whole_conversation_works_over_polling(echo: ServerProcess) -> None:
    async def test() -> None:
        async with httpx.AsyncClient(base_url=echo.url, timeout=WAIT_S) as http:
            session = f"{PATH}polling&sid={json.loads((await http.get(PATH + 'polling')).text[1:])['sid']}"
            await http.post(session, content=b"40")
            entered, greeting = (await http.get(session)).text.split("\x1e")
            assert entered.startswith("40{")
            assert greeting == '42["auth",{}]'
            event = b'451-["message",{"_placeholder":true,"num":0}]\x1ebAQID'
            assert (await http.post(session, content=event)).text == "ok"
            back = (await http.get(session)).text
            assert back == '451-["message-back",{"_placeholder":true,"num":0}]\x1ebAQID'
            assert (await http.post(session, content=b"42{}")).text == "ok"
            assert (await http.get(session)).json()["code"] == 1

    run(test())


def test_what_is_said_in_one_turn_comes_with_one_poll(echo: ServerProcess) -> None:
    async def test() -> None:
        async with httpx.AsyncClient(base_url=echo.url, timeout=WAIT_S) as http:
            session = f"{PATH}polling&sid={json.loads((await http.get(PATH + 'polling')).text[1:])['sid']}"
            waiting = asyncio.create_task(http.get(session))
            await asyncio.sleep(0.02)
            await http.post(session, content=b"40")
            assert len((await waiting).text.split("\x1e")) == 2

    run(test())


# Origins and slow readers


def test_a_preflight_names_what_a_page_may_send(patient_echo: ServerProcess) -> None:
    answer = httpx.options(patient_echo.url + PATH + "polling", headers={"Origin": "https://shop.example"})
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST"


def test_a_client_that_sends_and_does_not_read_is_not_read_either(patient_echo: ServerProcess) -> None:
    async def test() -> None:
        async with websocket(patient_echo, max_queue=1) as socket:
            await enter(socket)
            event = '42["message","' + "x" * 100_000 + '"]'
            sent = 0
            with suppress(TimeoutError):
                for sent in range(400):  # noqa: B007
                    await asyncio.wait_for(socket.send(event), 1)
            socket.transport.abort()
            assert sent < 399, "40 MB, more than all buffers on the way: the server read on"

    run(test())


def test_a_foreign_page_is_refused_before_the_handshake_on_both_transports() -> None:
    async def test(server: ServerProcess) -> None:
        async with websocket(server, origin="https://good.example") as socket:
            await enter(socket)
        with pytest.raises(InvalidStatus) as refused:
            await websocket(server, origin="https://evil.example")
        assert refused.value.response.status_code == 403
        assert json.loads(refused.value.response.body) == {"code": 4, "message": "Forbidden"}
        async with httpx.AsyncClient(base_url=server.url) as http:
            good = await http.get(PATH + "polling", headers={"Origin": "https://good.example"})
            assert good.headers["Access-Control-Allow-Origin"] == "https://good.example"
            evil = await http.get(PATH + "polling", headers={"Origin": "https://evil.example"})
            assert (evil.status_code, evil.json()["code"]) == (403, 4)
            assert "Access-Control-Allow-Origin" not in evil.headers

    with ServerProcess("tests.interop.echo_server", "--refuse-origin", "https://evil.example") as server:
        run(test(server))


def test_a_client_that_takes_nothing_costs_a_bounded_amount_and_then_its_session(patient_echo: ServerProcess) -> None:
    async def test() -> None:
        async with httpx.AsyncClient(base_url=patient_echo.url, timeout=WAIT_S) as http:
            session = f"{PATH}polling&sid={json.loads((await http.get(PATH + 'polling')).text[1:])['sid']}"
            await http.post(session, content=b"40")
            await http.post(session, content=b'42["flood",20,1000]')
            assert len((await http.get(session)).text.split("\x1e")) == 22
            await http.post(session, content=b'42["flood",2000,1000]')
            assert (await http.get(session)).json()["code"] == 1

    run(test())
