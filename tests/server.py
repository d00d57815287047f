"""Starts the real server as users start it, in processes of its own on ports of their own, and stops or kills it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import httpx

from tests.ports import held_port
from tests.spreader import Gate, Spreader

ROOT = Path(__file__).resolve().parent.parent
START_S = 30
PASSWORD = "password"


@dataclass(frozen=True)
class Joint:
    """What makes one server of two processes: the Redis between them, and the spreader before them."""

    redis_url: str
    spreader: Spreader


class Process:
    """One process of a server. What it prints is added to ``lines``."""

    def __init__(self, lines: list[str]) -> None:
        self.port = 0
        self.popen: subprocess.Popen[str] | None = None
        self._lines = lines
        self._reader: threading.Thread | None = None
        self._listening = threading.Event()

    def launch(self, arguments: Sequence[str], env: Mapping[str, str], directory: Path) -> None:
        """Start it, on its port of before if it had one; do not wait for it."""
        self.port = self.port or held_port(self)
        command = [sys.executable, str(ROOT / "run.py"), "--port", str(self.port), *arguments]
        self.popen = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            env=dict(env),
            cwd=directory,
        )
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(self.popen, self._listening), daemon=True)
        self._reader.start()

    def accepts(self) -> None:
        """Wait until it accepts connections. Raises AssertionError with what was printed if it does not."""
        started = self._listening.wait(START_S) and self.running
        assert started, "the server did not start:\n" + "\n".join(self._lines[-50:])

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self.popen is not None and self.popen.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.popen is not None
        self.popen.send_signal(number)

    def wait(self) -> int:
        """Wait until it has ended; the exit status. It is killed if it does not end."""
        assert self.popen is not None
        try:
            status = self.popen.wait(15)
        finally:
            if self.popen.poll() is None:
                self.popen.kill()
        assert self._reader is not None
        self._reader.join(5)
        assert self.popen.stdout is not None
        self.popen.stdout.close()
        return status

    def _read(self, process: subprocess.Popen[str], listening: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._lines.append(line.rstrip("\n"))
            if found := re.search(r"listening on http://\S+:(\d+)", line):
                self.port = int(found[1])
                listening.set()
        listening.set()


class Server:
    """A ReplyX server. ``start`` after ``kill`` takes the same port and data again, as a supervisor would.

    ``database_of`` gives each data directory a ``DATABASE_URL``; None, the default, leaves SQLite in the directory.
    With a ``joint`` the server is two processes behind one port, started, stopped and killed together, unless it is
    told its ``REDIS_URL``: then it is one of the processes of a test that counts them itself.
    """

    database_of: ClassVar[Callable[[Path], str] | None] = None
    joint: ClassVar[Joint | None] = None

    def __init__(
        self, data_dir: Path, *, demo: bool = True, flags: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> None:
        self.data_dir = data_dir
        self.demo = demo
        self.flags = list(flags)
        self.env = dict(env or {})
        self.lines: list[str] = []
        joint = None if "REDIS_URL" in self.env else Server.joint
        self._joint = joint
        self._gate = Gate(joint.spreader) if joint else None
        self.port = self._gate.port if self._gate else 0
        self.processes = [Process(self.lines) for _ in range(2 if joint else 1)]

    def start(self) -> Server:
        """Start, and return when it accepts connections. Raises AssertionError with its output otherwise."""
        arguments = ["--data-dir", str(self.data_dir), *(["--demo"] if self.demo else []), *self.flags]
        env = clean_environment(self.data_dir)
        if self._joint:
            env |= {"REDIS_URL": self._joint.redis_url, "PUBLIC_URL": f"http://localhost:{self.port}"}
        else:
            self.processes[0].port = self.port
        for process in self.processes:
            first = not process.port
            process.launch(arguments, env | self.env, self.data_dir.parent)
            if first:
                process.accepts()  # the first makes the database and the secrets
        for process in self.processes:
            process.accepts()
        if self._gate:
            self._wait_until_joined()
            self._gate.ports = [process.port for process in self.processes]
            self._gate.open()
        else:
            self.port = self.processes[0].port
        return self

    def stop(self) -> int:
        """SIGTERM, as a supervisor does; the exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9: nothing is flushed, nobody is told."""
        self._end(signal.SIGKILL)

    def restart_after_kill(self) -> None:
        """kill -9 and start again on the same port."""
        self.kill()
        self.start()

    @property
    def process(self) -> subprocess.Popen[str] | None:
        """The process, the first one if there are two."""
        return self.processes[0].popen

    @property
    def running(self) -> bool:
        """Whether all of it lives."""
        return all(process.running for process in self.processes)

    @property
    def url(self) -> str:
        """The server's origin."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """The server's origin for WebSockets."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """Everything that it has printed."""
        return "\n".join(self.lines)

    def client(self, **options: Any) -> httpx.Client:
        """An HTTP client of this server."""
        return httpx.Client(base_url=self.url, timeout=30, **options)

    def login(self, email: str = "admin@example.com", password: str = PASSWORD) -> str:
        """An access token of a demo account."""
        with self.client() as http:
            answer = http.post("/api/v1/auth/login", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if any(process.running for process in self.processes):
            self.stop()

    def _end(self, number: signal.Signals) -> int:
        if self._gate:
            self._gate.close()
        for process in self.processes:
            process.signal(number)
        return next(filter(None, [process.wait() for process in self.processes]), 0)

    def _wait_until_joined(self) -> None:
        """Typing notices and counts of before would stay within their process."""
        deadline = time.monotonic() + START_S
        for process in self.processes:
            health = f"http://127.0.0.1:{process.port}/api/sse/health"
            while not httpx.get(health, timeout=30).json()["bus"]["connected"]:
                assert time.monotonic() < deadline, "the processes are not joined:\n" + "\n".join(self.lines[-50:])
                time.sleep(0.02)


def clean_environment(data_dir: Path) -> dict[str, str]:
    """The environment of a program of ReplyX: whatever else the machine has set must not change what is tested."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") if name in os.environ}
    return kept | ({"DATABASE_URL": Server.database_of(data_dir)} if Server.database_of else {})
