"""Two processes joined by Redis, as their clients see them: one server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets.sync.client as sync
from redis.client import PubSub

from replyx.redis.announcer import PROCESSES
from tests.chaos.traffic import GUEST, truth
from tests.redis_server import RedisServer
from tests.scenario import closed_with, eventually, frame, frame_of
from tests.server import Server

HEARD_S = 10.0
SOCKET = f"/ws/widget/dialogs/1?{GUEST}"
MESSAGES = f"/api/widget/dialogs/1/messages?{GUEST}"


@pytest.fixture(scope="module")
def redis(redis_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The Redis between them."""
    with RedisServer(redis_server, tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(scope="module")
def both(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """Two processes on one database."""
    data = tmp_path_factory.mktemp("both") / "data"
    env = {"REDIS_URL": redis.url}
    with Server(data, env=env) as one, Server(data, env=env) as two:
        for server in (one, two):
            eventually(lambda server=server: bus(server)["connected"], "the process is joined")  # type: ignore[misc]
        yield one, two


def health(server: Server) -> dict[str, Any]:
    with server.client() as http:
        found: dict[str, Any] = http.get("/api/sse/health").json()
    return found


def bus(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = health(server)["bus"]
    return found


@contextmanager
def opened(server: Server, path: str) -> Iterator[sync.ClientConnection]:
    """A WebSocket that has had its first frame."""
    with sync.connect(server.ws_url + path, compression=None, proxy=None) as link:
        assert frame(link)["type"] == "connected"
        yield link


def frames_to(link: sync.ClientConnection, kind: str) -> list[dict[str, Any]]:
    """What comes, up to and with the next frame of a kind."""
    heard = [frame(link)]
    while heard[-1]["type"] != kind:
        heard.append(frame(link))
    return heard


def say(server: Server, text: str, **fields: object) -> httpx.Response:
    with server.client() as http:
        return http.post(MESSAGES, json={"text": text, **fields})


def test_a_message_to_one_process_reaches_a_client_of_the_other(both: tuple[Server, Server]) -> None:
    for near, far in (both, both[::-1]):
        with opened(far, SOCKET) as link:
            message = say(near, "через Redis").json()["message"]
            assert frame_of(link, "message:new")["message"] == message


def test_typing_reaches_clients_of_the_other_process_and_not_the_one_who_types(both: tuple[Server, Server]) -> None:
    near, far = both
    token = near.login()
    with opened(near, SOCKET) as anna, opened(far, f"/ws/dialogs/1?token={token}") as boris:
        anna.send('{"type": "typing_start"}')
        assert frame_of(boris, "typing_start")["sender"] == "user"
        anna.send('{"type": "message", "text": "сказано"}')
        assert "typing_start" not in [each["type"] for each in frames_to(anna, "ack")]


def test_one_client_id_sent_to_both_processes_at_once_is_one_message(both: tuple[Server, Server]) -> None:
    async def send_at_once() -> list[dict[str, Any]]:
        async with httpx.AsyncClient(timeout=30) as http:
            draft = {"text": "once", "client_id": "at-once"}
            sends = [http.post(both[number % 2].url + MESSAGES, json=draft) for number in range(20)]
            return [answer.json() for answer in await asyncio.gather(*sends)]

    answers = asyncio.run(send_at_once())
    assert [answer["duplicate"] for answer in answers].count(False) == 1
    assert len({answer["message"]["id"] for answer in answers}) == 1
    assert len(truth(both[0].data_dir).messages["at-once"]) == 1


def test_a_session_that_ends_at_one_process_closes_its_sockets_at_the_other(both: tuple[Server, Server]) -> None:
    near, far = both
    token = near.login("manager@example.com")
    with opened(far, f"/ws/dialogs/1?token={token}") as link, near.client() as http:
        assert http.post("/api/v1/auth/logout", headers={"Authorization": f"Bearer {token}"}).status_code < 300
        assert closed_with(link) == 4401
    with far.client() as http:
        assert http.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_failed_logins_at_one_process_count_at_the_other(both: tuple[Server, Server]) -> None:
    near, far = both
    guess = {"email": "nobody@example.com", "password": "wrong"}

    async def guess_often() -> list[int]:
        async with httpx.AsyncClient(base_url=near.url, timeout=30) as http:
            answers = await asyncio.gather(*(http.post("/api/v1/auth/login", json=guess) for _ in range(20)))
        return [answer.status_code for answer in answers]

    assert set(asyncio.run(guess_often())) == {401, 429}
    with far.client() as http:
        tried = [http.post("/api/v1/auth/login", json=guess).status_code for _ in range(5)]
        assert tried.count(429) >= 3, "here are ten tries to spare, unless they were spent at the other process"
        other = http.post("/api/v1/auth/login", json={**guess, "email": "else@example.com"})
        assert other.status_code == 401, "another account is not touched"


def test_streams_are_counted_over_both_processes_and_a_dead_one_counts_no_longer(
    both: tuple[Server, Server], redis: RedisServer
) -> None:
    one, two = both
    eventually(lambda: health(one)["connections"] == 0, "earlier streams are gone")
    with opened(one, SOCKET), opened(two, SOCKET), opened(two, SOCKET):
        for server in both:
            eventually(lambda server=server: health(server)["connections"] == 3, "all are counted")  # type: ignore[misc]
        two.kill()
        eventually(lambda: health(one)["connections"] == 1, "the dead process counts no longer")
    two.start()
    eventually(lambda: bus(two)["connected"], "it is back")


def test_redis_shows_the_traffic_of_each_dialog_on_its_own_channel(
    both: tuple[Server, Server], redis: RedisServer
) -> None:
    with redis.client() as client, client.pubsub() as watch:
        watch.psubscribe("ws:dialog:*")
        assert watch.get_message(timeout=HEARD_S)["type"] == "psubscribe"
        say(both[0], "на виду")
        seen = watch.get_message(timeout=HEARD_S)
    assert seen["channel"] == b"ws:dialog:1"
    body = json.loads(seen["data"])
    assert body["kind"] == "event"
    assert body["topics"][0] == "dialog:1"
    assert body["payload"]["message"]["text"] == "на виду"


def forged(real: bytes) -> list[bytes]:
    """What somebody might publish who can reach Redis and has seen the message that announces a send.

    All that a process says at its pace goes out as one message, so other pieces may stand beside the announcement.
    """
    message = json.loads(real)
    [said] = [piece for piece in message["said"] if piece.get("payload", {}).get("type") == "message:new"]
    payload = {"type": "message:new", "dialog_id": 1, "message": "forged"}
    event = {**said, "id": said["id"] + 1, "payload": payload}
    typing = {"kind": "ephemeral", "topics": ["dialog:1"], "payload": {"type": "typing_start", "forged": True}}

    def changed(**fields: object) -> bytes:
        return json.dumps({**message, **fields}, separators=(",", ":")).encode()

    return [
        *(b"", b"\x00\xff\xfe", b"{}", b"[]", b"null", b'"' * 1000, b"[" * 100_000, b"1" * 5_000_000, b'{"v":2}'),
        real[:-1],
        changed(v=1),
        changed(v="2"),
        changed(epoch="00000000"),
        changed(mac=""),
        changed(mac="ё" * 32),
        changed(said=[event]),
        changed(said=[said, event]),
        changed(said=[typing]),
        changed(said=[event], **{"from": "somebody"}),
    ]


def test_what_others_publish_is_not_believed_and_harms_nobody(both: tuple[Server, Server], redis: RedisServer) -> None:
    one, two = both
    with opened(one, SOCKET) as near, opened(two, SOCKET) as far, redis.client() as client, client.pubsub() as watch:
        watch.subscribe(PROCESSES)
        watch.get_message(timeout=HEARD_S)
        say(one, "настоящее")
        real = message_with(watch, "настоящее")
        for link in (near, far):
            assert frame_of(link, "message:new")["message"]["text"] == "настоящее"
        for message in forged(real):
            assert client.publish(PROCESSES, message) >= 2, "both processes hear it"
        for _ in range(3):
            client.publish(PROCESSES, real)  # a true one again is a repeat
        say(two, "после")
        for link in (near, far):
            heard = frames_to(link, "message:new")
            assert "forged" not in json.dumps(heard)
            assert heard[-1]["message"]["text"] == "после"
    for server in both:
        assert bus(server) == {"kind": "redis", "connected": True}
        complaints = [line for line in server.lines if "left aside" in line]
        assert 3 <= len(complaints) <= 10, complaints
        assert not any("настоящее" in line for line in complaints)


def test_a_notice_that_somebody_publishes_again_is_heard_once(both: tuple[Server, Server], redis: RedisServer) -> None:
    """Signatures do not tell that a message was there before; recorded, typing could go on for ever."""
    near, far = both
    with redis.client() as client, client.pubsub() as watch, opened(near, SOCKET) as anna, opened(far, SOCKET) as boris:
        watch.subscribe(PROCESSES)
        eventually(lambda: watch.get_message(timeout=0.1), "the watch has begun")
        anna.send('{"type": "typing_start"}')
        recorded = message_with(watch, "typing_start")
        assert frame_of(boris, "typing_start")["sender"] == "user"
        for _ in range(3):
            client.publish(PROCESSES, recorded)
        say(near, "after what was published again")
        assert "typing_start" not in [each["type"] for each in frames_to(boris, "message:new")]


def message_with(watch: PubSub, text: str) -> bytes:
    """The first message between processes that holds ``text``; in between they tell each other their counts."""
    while True:
        message = watch.get_message(timeout=HEARD_S)
        assert message is not None
        if text.encode() in (data := bytes(message["data"])):
            return data


def test_without_redis_a_process_serves_its_own_and_hears_the_other_by_the_log(
    both: tuple[Server, Server], redis: RedisServer
) -> None:
    one, two = both
    with opened(one, SOCKET) as near, opened(two, SOCKET) as far:
        redis.kill()
        try:
            for server in both:
                eventually(lambda server=server: not bus(server)["connected"], "the loss is noticed")  # type: ignore[misc]
            message = say(one, "без Redis").json()["message"]
            for link in (near, far):
                assert frame_of(link, "message:new")["message"] == message
            with opened(two, SOCKET):
                assert health(two)["status"] == "ok"
        finally:
            redis.start()
        for server in both:
            eventually(lambda server=server: bus(server)["connected"], "they are joined again")  # type: ignore[misc]
        message = say(two, "снова с Redis").json()["message"]
        for link in (near, far):
            assert frame_of(link, "message:new")["message"] == message
