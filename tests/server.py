"""Starts the real server as users start it, as a process of its own on a free port, and stops or kills it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import httpx

ROOT = Path(__file__).resolve().parent.parent
START_S = 30
PASSWORD = "password"


class Server:
    """A ReplyX process. ``start`` after ``kill`` takes the same port and data again, as a supervisor would.

    ``database_of`` gives each data directory a ``DATABASE_URL``; None, the default, leaves SQLite in the directory.
    """

    database_of: ClassVar[Callable[[Path], str] | None] = None

    def __init__(
        self, data_dir: Path, *, demo: bool = True, flags: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> None:
        self.data_dir = data_dir
        self.demo = demo
        self.flags = list(flags)
        self.env = dict(env or {})
        self.port = 0
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> Server:
        """Start, and return when it accepts connections. Raises AssertionError with its output otherwise."""
        command = [sys.executable, str(ROOT / "run.py"), "--port", str(self.port), "--data-dir", str(self.data_dir)]
        if self.demo:
            command.append("--demo")
        env = clean_environment(self.data_dir) | self.env
        self.process = subprocess.Popen(
            [*command, *self.flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            env=env,
            cwd=self.data_dir.parent,
        )
        listening = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(self.process, listening), daemon=True)
        self._reader.start()
        started = listening.wait(START_S) and self.process.poll() is None
        assert started, "the server did not start:\n" + "\n".join(self.lines[-50:])
        return self

    def stop(self) -> int:
        """SIGTERM, as a supervisor does; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self._wait()

    def kill(self) -> None:
        """kill -9: nothing is flushed, nobody is told."""
        assert self.process is not None
        self.process.kill()
        self._wait()

    def restart_after_kill(self) -> None:
        """kill -9 and start again on the same port."""
        self.kill()
        self.start()

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

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
        """Everything that the process has printed."""
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
        if self.running:
            self.stop()

    def _wait(self) -> int:
        assert self.process is not None
        try:
            status = self.process.wait(15)
        finally:
            if self.process.poll() is None:
                self.process.kill()
        assert self._reader is not None
        self._reader.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def _read(self, process: subprocess.Popen[str], listening: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.lines.append(line.rstrip("\n"))
            if found := re.search(r"listening on http://\S+:(\d+)", line):
                self.port = int(found[1])
                listening.set()
        listening.set()


def clean_environment(data_dir: Path) -> dict[str, str]:
    """The environment of a program of ReplyX: whatever else the machine has set must not change what is tested."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") if name in os.environ}
    return kept | ({"DATABASE_URL": Server.database_of(data_dir)} if Server.database_of else {})
