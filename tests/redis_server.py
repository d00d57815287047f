"""A real Redis on a free port of this machine, which tests may kill, pause and start again."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import redis

from tests.ports import held_port

START_S = 20.0


class RedisServer:
    """A Redis process that keeps nothing. ``start`` after ``kill`` takes the same port again."""

    def __init__(self, program: Path, directory: Path, flags: Sequence[str] = ()) -> None:
        self._program = program
        self._directory = directory
        self._flags = list(flags)
        self._sentinel: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self.port = held_port(self, below=55_000)  # a node of a Cluster also takes the one 10,000 above

    def configure(self, text: str) -> None:
        """Run as a sentinel with this configuration, in place of the flags."""
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / "sentinel.conf"
        path.write_text(text)
        self._sentinel = [str(path), "--sentinel", "--logfile", str(self._directory / "redis.log")]

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        """What a server is given as ``REDIS_URL``."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> RedisServer:
        """Start, and return when it answers."""
        self._directory.mkdir(parents=True, exist_ok=True)
        command = [
            str(self._program),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        command += ["--dir", str(self._directory), "--logfile", str(self._directory / "redis.log"), *self._flags]
        if self._sentinel:
            command = [str(self._program), *self._sentinel]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + START_S
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return self
            except OSError:
                assert self._process.poll() is None, (self._directory / "redis.log").read_text()
                assert time.monotonic() < deadline, "Redis does not answer"
                time.sleep(0.02)

    def client(self) -> redis.Redis:
        """A client of this server."""
        return redis.Redis(host="127.0.0.1", port=self.port, socket_timeout=10)

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def pause(self) -> None:
        """SIGSTOP: connections stand, and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> RedisServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
