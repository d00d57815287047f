"""Coming back with a cursor: everything missed, in order, joined to what happens now."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import websockets.sync.client as sync

from replyx.delivery.recent import RECENT_EVENTS
from tests.chaos.traffic import (
    GUEST,
    HttpSender,
    Sender,
    Truth,
    WsSender,
    check_listener,
    fill,
    send_while,
    truth,
)
from tests.listeners import Carry, Listener, SseListener, WsListener, id_of
from tests.server import Server

MISSED = 10_000
LIVE = 300


@pytest.fixture(scope="module")
def missed(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """A server whose dialog 1 has ten thousand events behind it."""
    with Server(tmp_path_factory.mktemp("resume") / "data", env={"RATE_LIMITS": "off"}) as server:
        fill(server, MISSED)
        assert MISSED > 2 * RECENT_EVENTS, "the backlog must reach behind the events in memory"
        yield server


def sse(server: Server, cursor: str, carry: Carry) -> Listener:
    return SseListener(f"{server.url}/api/dialogs/1/events?{GUEST}", cursor=cursor, carry=carry)


def ws(server: Server, cursor: str) -> Listener:
    return WsListener(f"{server.ws_url}/ws/widget/dialogs/1?{GUEST}", cursor=cursor)


def epoch(server: Server) -> str:
    with sync.connect(f"{server.ws_url}/ws/widget/dialogs/1?{GUEST}", proxy=None) as link:
        cursor: str = json.loads(link.recv())["cursor"]
    return cursor.partition("-")[0]


async def hear(listeners: list[Listener], expected: list[list[int]]) -> None:
    async with AsyncExitStack() as stack:
        for listener in listeners:
            await stack.enter_async_context(listener)
        for listener, ids in zip(listeners, expected, strict=True):
            await check_listener(listener, ids)


def behind(server: Server, cursor: int, found: Truth) -> tuple[list[Listener], list[list[int]]]:
    """Every way to come back to dialog 1 with ``cursor``, and what each must hear."""
    named = f"{epoch(server)}-{cursor}"
    listeners = [
        sse(server, named, "header"),
        sse(server, named, "last_event_id"),
        sse(server, named, "cursor"),
        sse(server, str(cursor), "header"),
        ws(server, named),
        ws(server, str(cursor)),
    ]
    return listeners, [found.ids("dialog:1", after=cursor)] * len(listeners)


def test_ten_thousand_missed_events_are_replayed_in_order_on_both_transports(missed: Server) -> None:
    listeners, expected = behind(missed, 0, truth(missed.data_dir))
    assert len(expected[0]) >= MISSED
    asyncio.run(hear(listeners, expected))


@pytest.mark.parametrize("back", [RECENT_EVENTS + 1, RECENT_EVENTS, RECENT_EVENTS - 1, 100, 1, 0])
def test_a_cursor_on_either_side_of_the_events_in_memory_misses_nothing(missed: Server, back: int) -> None:
    found = truth(missed.data_dir)
    listeners, expected = behind(missed, found.top - back, found)
    assert len(expected[0]) == back
    asyncio.run(hear(listeners, expected))


def test_replay_joins_live_events_under_load_without_gap_or_repeat(missed: Server) -> None:
    asyncio.run(join_under_load(missed))


async def join_under_load(server: Server) -> None:
    token = server.login()
    senders: list[Sender] = [
        HttpSender(f"http-{number}", url=f"{server.url}/api/dialogs/1/messages?token={token}") for number in range(4)
    ]
    senders += [WsSender(f"ws-{number}", url=f"{server.ws_url}/ws/widget/dialogs/1?{GUEST}") for number in range(4)]
    top = truth(server.data_dir).top
    starts = [0, 1, top - RECENT_EVENTS - 50, top - RECENT_EVENTS, top - 500, top - 1, top]
    listeners = [sse(server, str(start), "header") for start in starts] + [ws(server, str(start)) for start in starts]

    async def join() -> None:
        for listener in listeners:
            await stack.enter_async_context(listener)
            await asyncio.sleep(0.05)
        for listener in listeners:
            await listener.until(lambda it: len(it.heard) > 0 and it.heard[-1].id > top + LIVE, "live events")

    async with AsyncExitStack() as stack:
        await send_while(senders, join)
        found = truth(server.data_dir)
        assert found.top > top + LIVE
        for listener, start in zip(listeners, starts * 2, strict=True):
            await check_listener(listener, found.ids("dialog:1", after=start))
            assert listener.connections == 1


def test_a_client_may_change_transports_with_one_cursor(missed: Server) -> None:
    asyncio.run(change_transports(missed))


async def change_transports(server: Server) -> None:
    """A listener stops somewhere in the replay, and the next one goes on over the other transport."""
    cursor = f"{epoch(server)}-0"
    heard: list[int] = []
    makers = [lambda at: sse(server, at, "header"), lambda at: ws(server, at), lambda at: sse(server, at, "cursor")]
    for number in range(12):
        listener = makers[number % 3](cursor)
        async with listener:
            await listener.until(lambda it: len(it.heard) > 40, "part of the replay")
        heard += listener.ids
        cursor = str(listener.cursor)
    assert heard == truth(server.data_dir).ids("dialog:1")[: len(heard)]


def test_the_inbox_brings_many_dialogs_in_the_order_of_their_ids(missed: Server) -> None:
    asyncio.run(hear_the_inbox(missed))


async def hear_the_inbox(server: Server) -> None:
    token = server.login()
    start = truth(server.data_dir).top
    senders: list[Sender] = []
    with server.client() as http:
        for number in range(8):
            guest = f"inbox-visitor-no-{number}"
            opened = http.post("/api/widget/dialogs", json={"assistant_id": 1 + number % 3, "guest_id": guest}).json()
            where = f"dialogs/{opened['dialog']['id']}"
            credential = f"assistant_id={1 + number % 3}&guest_id={guest}"
            senders.append(HttpSender(f"h{number}", url=f"{server.url}/api/widget/{where}/messages?{credential}"))
            senders.append(WsSender(f"w{number}", url=f"{server.ws_url}/ws/widget/{where}?{credential}"))
    url = f"{server.url}/api/inbox/events?token={token}"
    listeners = [SseListener(url, cursor=str(start), carry="header") for _ in range(3)]
    late = SseListener(url, cursor=str(start), carry="cursor")
    async with AsyncExitStack() as stack:
        for listener in listeners:
            await stack.enter_async_context(listener)
        await send_while(senders, lambda: asyncio.sleep(1))
        await stack.enter_async_context(late)
        expected = truth(server.data_dir).ids("inbox", after=start)
        for listener in [*listeners, late]:
            await check_listener(listener, expected)
            assert len({heard.event.get("dialog_id") for heard in listener.heard}) > 8


def lost_and_then_live(server: Server, cursor: str, reason: str) -> None:
    asyncio.run(hear_resync(server, cursor, reason))


async def hear_resync(server: Server, cursor: str, reason: str) -> None:
    """Both transports get one ``resync`` in place of what is gone, then what happens from now on."""
    url = f"{server.url}/api/widget/dialogs/1/messages?{GUEST}"
    listeners = [sse(server, cursor, "header"), ws(server, cursor)]
    async with AsyncExitStack() as stack:
        for listener in listeners:
            await stack.enter_async_context(listener)
            await listener.until(lambda it: len(it.resyncs) > 0, "resync")
        top = truth(server.data_dir).top
        for listener in listeners:
            assert listener.heard == []
            assert listener.cursor == f"{epoch(server)}-{top}"
        await send_while([HttpSender(f"after-{uuid.uuid4()}", url=url)], lambda: asyncio.sleep(0.2))
        expected = truth(server.data_dir).ids("dialog:1", after=top)
        assert expected
        for listener in listeners:
            await listener.until(lambda it: len(it.heard) >= len(expected), "live events")
            assert listener.ids == expected
            assert listener.resyncs == [reason]
            assert listener.connections == 1


def test_a_cursor_of_another_epoch_gets_one_resync_and_then_live_events(missed: Server) -> None:
    lost_and_then_live(missed, "0123456789abcdef-5", "epoch")


@pytest.mark.parametrize("named", [True, False])
def test_a_cursor_ahead_of_the_log_gets_one_resync_and_then_live_events(missed: Server, named: bool) -> None:
    cursor = truth(missed.data_dir).top + 1_000_000
    lost_and_then_live(missed, f"{epoch(missed)}-{cursor}" if named else str(cursor), "ahead")


def test_a_client_cut_off_before_its_resync_comes_back_as_it_came(missed: Server) -> None:
    """The opening carries an id before the resync does; it must not turn a lost cursor into one that is known."""
    strange = "0123456789abcdef-5"
    with missed.client() as http, http.stream("GET", f"/api/dialogs/1/events?{GUEST}&cursor={strange}") as answer:
        ids = (line.removeprefix("id: ") for line in answer.iter_lines() if line.startswith("id: "))
        assert next(ids) == strange
        assert next(ids) == f"{epoch(missed)}-{truth(missed.data_dir).top}"
    with sync.connect(f"{missed.ws_url}/ws/widget/dialogs/1?{GUEST}&cursor={strange}", proxy=None) as link:
        assert json.loads(link.recv())["cursor"] == strange


def test_a_cursor_older_than_retention_gets_one_resync_and_then_live_events(tmp_path: Path) -> None:
    env = {"RATE_LIMITS": "off", "RETENTION_EVENTS": "200"}
    with Server(tmp_path / "data", env=env) as server:
        fill(server, 500)
        server.stop()
        server.start()  # prunes right away
        lowest = pruned_to(server, 200)[0] - 1
        listeners, expected = behind(server, lowest, truth(server.data_dir))
        asyncio.run(hear(listeners, expected))
        assert len(expected[0]) == 200
        lost_and_then_live(server, f"{epoch(server)}-{lowest - 1}", "retention")
        lost_and_then_live(server, "1", "retention")


def pruned_to(server: Server, count: int) -> list[int]:
    """Wait until the log holds ``count`` events; their ids."""
    deadline = time.monotonic() + 20
    while len(ids := [id for id, _, _ in truth(server.data_dir).events]) > count:
        assert time.monotonic() < deadline, f"{len(ids)} events are left"
        time.sleep(0.05)
    return ids


def test_the_history_s_cursor_joins_the_stream_without_gap_or_repeat(missed: Server) -> None:
    asyncio.run(load_then_listen(missed))


async def load_then_listen(server: Server) -> None:
    """The way of the panel and the chat: read the history, connect with its cursor, under load, many times."""
    token = server.login()
    urls = [f"{server.url}/api/dialogs/1/messages?token={token}"] * 6
    senders = [HttpSender(f"busy-{number}", url=url, pause_s=0.005) for number, url in enumerate(urls)]
    joined: list[tuple[int, Listener]] = []

    async def join_often() -> None:
        for number in range(30):
            answer = await senders[0].client.get(f"{urls[0]}&limit=5")
            page = answer.json()
            url = f"{server.url}/api/dialogs/1/events?token={token}"
            listener = (
                SseListener(url, cursor=page["cursor"])
                if number % 2
                else WsListener(f"{server.ws_url}/ws/dialogs/1?token={token}", cursor=page["cursor"])
            )
            joined.append((page["items"][-1]["id"], await stack.enter_async_context(listener)))
            assert page["items"][-1]["text"]

    async with AsyncExitStack() as stack:
        await send_while(senders, join_often)
        found = truth(server.data_dir)
        told = [
            (event["message"]["id"], id)
            for id, topics, event in found.events
            if event["type"] == "message:new" and "dialog:1" in topics
        ]
        for last_message, listener in joined:
            expected = [id for message_id, id in told if message_id > last_message]
            await check_listener(listener, expected)
            assert listener.connections == 1
            assert id_of(str(listener.cursor)) == (expected[-1] if expected else found.top)
