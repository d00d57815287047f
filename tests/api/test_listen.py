"""``replyx listen``: what it prints, that it comes back, and when it gives up."""

from __future__ import annotations

import contextlib
import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.scenario import PATIENCE_S, tell
from tests.server import ROOT, Server

SECRET = "the secret of the tests of the listener, long enough"


class Listening:
    """A ``replyx listen`` of its own."""

    def __init__(self, cwd: Path, *arguments: str, token: str = "") -> None:
        command = [sys.executable, "-m", "replyx", "listen", *arguments]
        env = {"REPLYX_TOKEN": token, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=env
        )
        self.printed: queue.Queue[str] = queue.Queue()
        self.noted: queue.Queue[str] = queue.Queue()
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout, self.printed), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, self.noted), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: Iterator[str], into: queue.Queue[str]) -> None:
        for line in stream:
            into.put(line.rstrip("\n"))

    def note(self, words: str) -> str:
        """The next note with these words."""
        while words not in (line := self.noted.get(timeout=PATIENCE_S)):
            continue
        return line

    def event(self) -> str:
        """The next printed line."""
        return self.printed.get(timeout=PATIENCE_S)

    def ended(self) -> int:
        """The exit status."""
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        """End it, if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
        for reader in self._readers:
            reader.join(PATIENCE_S)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdout.close()
        self.process.stderr.close()


@contextlib.contextmanager
def listening(cwd: Path, *arguments: str, token: str = "") -> Iterator[Listening]:
    """Somebody who listens in a terminal."""
    running = Listening(cwd, *arguments, token=token)
    try:
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a secret for bots."""
    env = {"INTERNAL_SECRET": SECRET, "RATE_LIMITS": "off"}
    with Server(tmp_path_factory.mktemp("server") / "data", env=env) as running:
        yield running


@pytest.fixture(scope="module")
def bot(server: Server) -> Iterator[httpx.Client]:
    """A bot that has the secret."""
    with server.client(headers={"x-internal-secret": SECRET}) as client:
        yield client


def test_events_come_as_lines_and_what_was_missed_comes_after_kill_9(
    server: Server, bot: httpx.Client, tmp_path: Path
) -> None:
    with listening(tmp_path, "--url", server.url, "--rooms", "shop:1", "--json") as listener:
        listener.note("connected to")
        tell(bot, "new_subscriber", shopId=1)
        first = json.loads(listener.event())
        assert (first["type"], first["shopId"]) == ("new_subscriber", 1)
        server.kill()
        listener.note("again in")
        server.start()
        for shop in (2, 1, 2, 1):
            tell(bot, "new_subscriber", shopId=shop)
        later = [json.loads(listener.event()) for _ in range(2)]
        ids = [int(event["cursor"].rpartition("-")[2]) for event in (first, *later)]
        assert ids == [ids[0], ids[0] + 2, ids[0] + 4], "its room's events, in order, once"
        listener.process.send_signal(signal.SIGINT)
        assert listener.ended() == 0
        assert listener.printed.empty()


def test_a_person_reads_time_event_data_and_place(server: Server, maria: httpx.Client, tmp_path: Path) -> None:
    with listening(tmp_path, "--url", server.url, token=server.login("user@example.com")) as listener:
        cursor = listener.note("connected to").rpartition(" ")[2]
        settings = maria.get("/api/v1/admin/settings").json()
        assert maria.put("/api/v1/admin/settings", json=settings).status_code == 200
        line = listener.event()
        assert " settings.updated {" in line
        place = line.rpartition(" ")[2]
        assert place.startswith(cursor.partition("-")[0])
    with listening(tmp_path, "--url", server.url, "--cursor", cursor, token=server.login("user@example.com")) as again:
        assert again.event() == line, "from a place of an earlier run"


@pytest.mark.parametrize(
    ("arguments", "role", "words"),
    [
        (["--type", "user"], None, "(4401)"),
        (["--token", "x"], None, "(4401)"),
        (["--type", "shop"], "user", "(4403)"),
        (["--cursor", "x"], "user", "(4400)"),
        (["--rooms", "x"], None, "(4400)"),
    ],
)
def test_a_refusal_that_will_not_change_ends_it_with_a_sentence(
    server: Server, tmp_path: Path, arguments: list[str], role: str | None, words: str
) -> None:
    token = server.login(f"{role}@example.com") if role else ""
    with listening(tmp_path, "--url", server.url, *arguments, token=token) as listener:
        assert listener.ended() == 1
        assert words in listener.note("replyx: ")


def test_a_wrong_address_ends_it_with_a_sentence(server: Server, tmp_path: Path) -> None:
    with listening(tmp_path, "--url", f"{server.url}/elsewhere") as listener:
        assert listener.ended() == 1
        assert "--url" in listener.note("replyx: ")
    with listening(tmp_path, "--url", "localhost:8000") as listener:
        assert listener.ended() == 2


def test_the_token_of_the_environment_is_in_no_list_of_processes_and_no_log(server: Server, tmp_path: Path) -> None:
    token = server.login("shop@example.com")
    with listening(tmp_path, "--url", server.url, "--type", "shop", token=token) as listener:
        listener.note("connected to")
        assert token not in Path(f"/proc/{listener.process.pid}/cmdline").read_text()
        assert token not in server.log
