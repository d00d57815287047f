"""Connection state recovery with unmodified clients: nothing missed and nothing twice, whatever happens between."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.interop.node import NodeClient
from tests.interop.process import ServerProcess

BOTH = pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]], ids="+".join)
AWAY = {"reconnectionDelay": 1500, "randomizationFactor": 0}  # long enough for a restart in between


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ServerProcess]:
    """The room application with a database of its own."""
    with ServerProcess("tests.interop.recovery_server", "--database", str(tmp_path / "room.db")) as server:
        yield server


def say(server: ServerProcess, *texts: str, room: str = "a") -> None:
    """Let somebody else say something."""
    said = httpx.post(server.url + "/say", params={"room": room, "text": list(texts)})
    assert said.status_code == 200


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
    newest: NodeClient, room: ServerProcess, transports: list[str]
) -> None:
    newest.connect(room.url, transports=transports, auth={"room": "a"}, **AWAY)
    assert newest.until("connect")["recovered"] is False
    say(room, "one", "two")
    assert heard(newest, 2) == ["one", "two"]
    newest.do("drop")
    newest.until("disconnect")
    say(room, "three")
    say(room, "not for this client", room="b")
    room.kill()
    room.start()
    say(room, "four")
    assert newest.until("connect")["recovered"] is True
    say(room, "five")
    assert heard(newest, 3) == ["three", "four", "five"]
    assert newest.ask("say", "six") == ["durable"]
    assert [each["args"][0]["text"] for each in newest.happened if each["on"] == "event"].count("six") == 1


def test_a_client_that_never_heard_anything_misses_nothing_either(newest: NodeClient, room: ServerProcess) -> None:
    say(room, "before its time")
    newest.connect(room.url, auth={"room": "a"}, **AWAY)
    newest.until("connect")
    room.kill()
    newest.until("disconnect")
    room.start()
    say(room, "one")
    assert newest.until("connect")["recovered"] is True
    assert heard(newest, 1) == ["one"]


@BOTH
def test_a_client_that_is_far_behind_is_caught_up_in_order(
    newest: NodeClient, room: ServerProcess, transports: list[str]
) -> None:
    newest.connect(room.url, transports=transports, auth={"room": "a"}, **AWAY)
    newest.until("connect")
    newest.do("drop")
    newest.until("disconnect")
    wanted = [f"{number} " + "x" * 3000 for number in range(400)]
    for start in range(0, 400, 2):
        say(room, *wanted[start : start + 2])
    assert heard(newest, 400) == wanted


def test_events_that_come_while_a_client_upgrades_come_once_and_in_order(
    client: NodeClient, room: ServerProcess
) -> None:
    client.connect(room.url, auth={"room": "a"})
    client.until("connect")
    wanted = [str(number) for number in range(300)]
    for text in wanted:
        say(room, text)
    assert heard(client, 300) == wanted
    if not any(each["on"] == "upgrade" for each in client.happened):
        client.until("upgrade")
    say(room, "after")
    assert heard(client, 1) == ["after"]


@pytest.mark.parametrize("offset", ["0000-999999", "nonsense", 7, None])
def test_a_claim_that_cannot_be_followed_does_no_harm(newest: NodeClient, room: ServerProcess, offset: object) -> None:
    newest.connect(room.url, auth={"room": "a", "pid": "made-up~also", "offset": offset})
    newest.until("connect")
    say(room, "one")
    assert heard(newest, 1) == ["one"]
