"""Stock clients against the echo application: socket.io-client from npm, newest and early, and python-socketio's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import socketio  # type: ignore[import-untyped]

from tests.interop.node import NodeClient
from tests.interop.process import ServerProcess

TRANSPORTS = (["websocket"], ["polling"], ["polling", "websocket"])


@pytest.mark.parametrize("transports", TRANSPORTS, ids="+".join)
def test_a_stock_client_talks_over_every_transport(
    client: NodeClient, patient_echo: ServerProcess, transports: list[str]
) -> None:
    client.connect(patient_echo.url, transports=transports, auth={"token": "123"}, acknowledge=["ok", {"hex": "ff"}])
    client.until("connect")
    assert client.event("auth") == [{"token": "123"}]
    if transports == ["polling", "websocket"] and not any(each["on"] == "upgrade" for each in client.happened):
        client.until("upgrade", transport="websocket")
    client.do("emit", args=["message", "привет 🎉", {"hex": "010203"}, [None, 1.5]])
    assert client.event("message-back") == ["привет 🎉", {"hex": "010203"}, [None, 1.5]]
    assert client.ask("message-with-ack", 1, {"hex": "00ff"}) == [1, {"hex": "00ff"}]
    client.do("emit", args=["ask-me", "how are you?"])
    assert client.event("question") == ["how are you?"]
    assert client.ask("what-did-i-say") == [["ok", {"hex": "ff"}]]


def test_no_message_is_lost_or_doubled_while_a_stock_client_upgrades(
    client: NodeClient, patient_echo: ServerProcess
) -> None:
    client.connect(patient_echo.url)
    client.until("connect")
    for number in range(300):
        client.do("emit", args=["message", number])
    assert [client.event("message-back")[0] for _ in range(300)] == list(range(300))
    if not any(each["on"] == "upgrade" for each in client.happened):
        client.until("upgrade")
    assert client.ask("message-with-ack", "after") == ["after"]
    assert not [each for each in client.happened if each["on"] == "disconnect"]


def test_a_stock_client_enters_another_namespace(client: NodeClient, patient_echo: ServerProcess) -> None:
    client.connect(patient_echo.url + "/custom", auth={"a": 1})
    assert client.event("auth") == [{"a": 1}]
    assert client.ask("message-with-ack", "x") == ["x"]


def test_a_stock_client_hears_why_it_is_refused(client: NodeClient, patient_echo: ServerProcess) -> None:
    client.connect(patient_echo.url, auth={"refuse": True})
    refused = client.until("connect_error")
    assert (refused["message"], refused["data"]) == ("Not authorized", {"status": 401})


def test_a_stock_client_hears_that_a_namespace_does_not_exist(client: NodeClient, patient_echo: ServerProcess) -> None:
    client.connect(patient_echo.url + "/nowhere")
    assert client.until("connect_error")["message"] == "Invalid namespace"


@pytest.mark.parametrize("transports", [["websocket"], ["polling"]], ids="+".join)
def test_a_stock_client_that_is_shown_out_stays_out_and_one_that_is_cut_off_returns(
    client: NodeClient, patient_echo: ServerProcess, transports: list[str]
) -> None:
    client.connect(patient_echo.url, transports=transports)
    client.until("connect")
    client.do("emit", args=["show-me-out", True])
    client.until("disconnect")
    client.until("connect")
    client.do("emit", args=["show-me-out", False])
    assert client.until("disconnect")["reason"] == "io server disconnect"


def test_a_stock_client_keeps_its_session_over_many_heartbeats(newest: NodeClient, echo: ServerProcess) -> None:
    newest.connect(echo.url, transports=["websocket"])
    newest.until("connect")
    for number in range(5):
        assert newest.ask("message-with-ack", number) == [number]
    assert not [each for each in newest.happened if each["on"] == "disconnect"]


def test_a_stock_client_splits_what_is_more_than_max_payload(newest: NodeClient, patient_echo: ServerProcess) -> None:
    newest.connect(patient_echo.url, transports=["polling"])
    newest.until("connect")
    for number in range(4):
        newest.do("emit", args=["message", number, "x" * 400_000])
    assert [newest.event("message-back")[0] for _ in range(4)] == [0, 1, 2, 3]


@pytest.mark.parametrize("transports", TRANSPORTS, ids="+".join)
def test_the_python_client_talks_over_every_transport(patient_echo: ServerProcess, transports: list[str]) -> None:
    heard: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()

    async def test() -> None:
        client = socketio.AsyncClient(reconnection=False)
        client.on("auth", lambda *args: heard.put_nowait(("auth", *args)))
        client.on("message-back", lambda *args: heard.put_nowait(("message-back", *args)))
        client.on("question", lambda *args: "fine")
        await client.connect(patient_echo.url, auth={"token": "abc"}, transports=transports)
        assert await heard.get() == ("auth", {"token": "abc"})
        await client.emit("message", ("привет", b"\x00\xff"))
        assert await heard.get() == ("message-back", "привет", b"\x00\xff")
        assert await client.call("message-with-ack", (1, b"\x01")) == (1, b"\x01")
        await client.emit("ask-me", "how?")
        await client.call("message-with-ack", "in order, so the question was heard")
        await client.disconnect()

    asyncio.run(asyncio.wait_for(test(), 20))
