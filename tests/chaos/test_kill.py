"""kill -9 under load: what was acknowledged is there, once, and everybody hears it once and in order."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from tests.chaos.traffic import (
    GUEST,
    HttpSender,
    Sender,
    WsSender,
    check_listener,
    check_log,
    check_senders,
    send_while,
    truth,
)
from tests.chaos.two_processes import LONG
from tests.listeners import Listener, SseListener, WsListener, id_of
from tests.server import Server

ROUNDS = 20 if LONG else 8
SENDERS = 32
LIVES_S = (0.25, 0.4, 0.55)


def senders_of(server: Server, token: str) -> list[Sender]:
    """Visitors and operators, over HTTP and WebSocket, a quarter each."""
    made: list[Sender] = []
    for number in range(SENDERS // 4):
        made += [
            HttpSender(f"guest-http-{number}", url=f"{server.url}/api/widget/dialogs/1/messages?{GUEST}"),
            HttpSender(f"staff-http-{number}", url=f"{server.url}/api/dialogs/1/messages?token={token}"),
            WsSender(f"guest-ws-{number}", url=f"{server.ws_url}/ws/widget/dialogs/1?{GUEST}"),
            WsSender(f"staff-ws-{number}", url=f"{server.ws_url}/ws/dialogs/1?token={token}"),
        ]
    return made


def listeners_of(server: Server, token: str) -> list[Listener]:
    """Every transport and every way of carrying the cursor."""
    return [
        SseListener(f"{server.url}/api/dialogs/1/events?{GUEST}", carry="header"),
        SseListener(f"{server.url}/api/dialogs/1/events?token={token}", carry="last_event_id"),
        SseListener(f"{server.url}/api/inbox/events?token={token}", carry="header"),
        WsListener(f"{server.ws_url}/ws/widget/dialogs/1?{GUEST}"),
        WsListener(f"{server.ws_url}/ws/dialogs/1?token={token}"),
    ]


async def kill_again_and_again(server: Server) -> None:
    for number in range(ROUNDS):
        await asyncio.sleep(LIVES_S[number % len(LIVES_S)])
        await asyncio.to_thread(server.restart_after_kill)


TAKEOVERS = 1  # the operator among the senders takes the dialog over with the first message


async def under_fire(server: Server) -> None:
    token = server.login()
    senders = senders_of(server, token)
    listeners = listeners_of(server, token)
    async with AsyncExitStack() as stack:
        for listener in listeners:
            await stack.enter_async_context(listener)
            await listener.connected()
        (began,) = {id_of(str(listener.cursor)) for listener in listeners}
        await send_while(senders, lambda: kill_again_and_again(server))
        found = truth(server.data_dir)
        expected = found.ids("dialog:1", after=began)
        for listener in listeners:
            await check_listener(listener, expected)
    check_log(found)
    check_senders(found, senders)
    acknowledged = sum(len(sender.acknowledged) for sender in senders)
    assert sum(map(len, found.messages.values())) == acknowledged
    assert len(expected) == acknowledged + TAKEOVERS
    assert all(listener.connections > ROUNDS // 2 for listener in listeners), "the kills were felt"
    assert sum(sender.failures for sender in senders) > 0, "the kills were felt"
    print(
        f"\n{ROUNDS} kills, {acknowledged} messages acknowledged to {SENDERS} senders,"
        f" {sum(sender.failures for sender in senders)} sends cut off,"
        f" {sum(sender.duplicates for sender in senders)} of them already stored;"
        f" {len(listeners)} listeners heard {len(expected)} events each in"
        f" {sum(listener.connections for listener in listeners)} connections"
    )


def test_a_killed_server_loses_nothing_it_acknowledged_and_nobody_hears_a_message_twice(tmp_path: Path) -> None:
    with Server(tmp_path / "data", env={"RATE_LIMITS": "off"}) as server:
        asyncio.run(under_fire(server))
