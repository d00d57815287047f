"""Connection state recovery with unmodified clients: nothing missed and nothing twice, whatever happens between."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.interop.node import NodeClient
from tests.interop.process import ServerProcess

Say = Callable[..., None]

BOTH = pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]], ids="+".join)
AWAY: dict[str, Any] = {"reconnectionDelay": 1500, "randomizationFactor": 0}  # long enough for a restart in between


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ServerProcess]:
    """The room application with a database of its own."""
    with ServerProcess("tests.interop.recovery_server", "--database", str(tmp_path / "room.db")) as server:
        yield server


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    """Somebody else."""
    with httpx.Client(timeout=20) as client:
        yield client


@pytest.fixture
def say(http: httpx.Client, room: ServerProcess) -> Say:
    """Lets somebody else say something in a room."""

    def post(*texts: str, room_name: str = "a") -> None:
        said = http.post(room.url + "/say", params={"room": room_name}, json=texts)
        assert said.status_code == 200

    return post


def heard(client: NodeClient, count: int) -> list[str]:
    """The next texts that the client hears; each comes with its offset."""
    texts = []
    for _ in range(count):
        said, offset = client.event("said")
        assert re.fullmatch(r"[0-9a-f]+-[0-9]+", offset)
        texts.append(said["text"])
    return texts


@BOTH
def test_a_client_gets_what_it_missed_also_after_kill_9(
    newest: NodeClient, room: ServerProcess, say: Say, transports: list[str]
) -> None:
    newest.connect(room.url, transports=transports, auth={"room": "a"}, **AWAY)
    assert newest.until("connect")["recovered"] is False
    say("one", "two")
    assert heard(newest, 2) == ["one", "two"]
    newest.do("drop")
    newest.until("disconnect")
    say("three")
    say("not for this client", room_name="b")
    room.kill()
    room.start()
    say("four")
    assert newest.until("connect")["recovered"] is True
    say("five")
    assert heard(newest, 3) == ["three", "four", "five"]
    assert newest.ask("say", "six") == ["durable"]
    assert [each["args"][0]["text"] for each in newest.happened if each["on"] == "event"].count("six") == 1


def test_a_client_that_never_heard_anything_misses_nothing_either(
    newest: NodeClient, room: ServerProcess, say: Say
) -> None:
    say("before its time")
    newest.connect(room.url, auth={"room": "a"}, **AWAY)
    newest.until("connect")
    room.kill()
    newest.until("disconnect")
    room.start()
    say("one")
    assert newest.until("connect")["recovered"] is True
    assert heard(newest, 1) == ["one"]


@BOTH
def test_a_client_that_is_far_behind_is_caught_up_in_order(
    newest: NodeClient, room: ServerProcess, say: Say, transports: list[str]
) -> None:
    newest.connect(room.url, transports=transports, auth={"room": "a"}, **AWAY)
    newest.until("connect")
    newest.do("drop")
    newest.until("disconnect")
    wanted = [f"{number} " + "x" * 3000 for number in range(400)]
    for start in range(0, 400, 50):
        say(*wanted[start : start + 50])
    assert heard(newest, 400) == wanted


def test_events_that_come_while_a_client_upgrades_come_once_and_in_order(
    client: NodeClient, room: ServerProcess, say: Say
) -> None:
    client.connect(room.url, auth={"room": "a"})
    client.until("connect")
    wanted = [str(number) for number in range(80)]
    for text in wanted:
        say(text)
    assert heard(client, 80) == wanted
    if not any(each["on"] == "upgrade" for each in client.happened):
        client.until("upgrade")
    say("after")
    assert heard(client, 1) == ["after"]


@pytest.mark.parametrize("offset", ["0000-999999", "nonsense", 7, None])
def test_a_claim_that_cannot_be_followed_does_no_harm(
    newest: NodeClient, room: ServerProcess, say: Say, offset: object
) -> None:
    newest.connect(room.url, auth={"room": "a", "pid": "made-up~also", "offset": offset})
    newest.until("connect")
    say("one")
    assert heard(newest, 1) == ["one"]
