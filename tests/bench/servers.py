"""The servers that are measured: each a process of its own on loopback, pinned to one core."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PEERS = Path(__file__).resolve().parent / "peers"
START_S = 30
STOP_S = 15
PASSWORD = "password"

REPLYX = "ReplyX"
STARLETTE = "Starlette + uvicorn"
TORNADO = "Tornado"
WS = "ws on Node"
SOCKET_IO = "Socket.IO on Node"
NCHAN = "nchan"

# The first core serves and the second one loads. On a machine with one core nothing is pinned, and the figures are low.
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]


class Failed(Exception):
    """A server or a load did not do what was asked of it."""


def _prepare() -> None:
    """Between fork and exec: one core, and as many descriptors as the machine gives."""
    os.sched_setaffinity(0, {SERVER_CORE})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Process:
    """A server process. ``log`` holds what it printed."""

    def __init__(self, name: str, command: Sequence[str], directory: Path, env: Mapping[str, str]) -> None:
        self.name = name
        self.directory = directory
        self.port = 0
        self.started_s = 0.0
        self._command = list(command)
        self._env = env
        self._log = directory / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return when it answers over HTTP; ``started_s`` is how long that took."""
        began = time.perf_counter()
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") if name in os.environ}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**kept, "PYTHONPYCACHEPREFIX": str(self.directory / "bytecode"), **self._env},
                preexec_fn=_prepare,
            )
        while not self._answers():
            if self._process.poll() is not None or time.perf_counter() - began > START_S:
                self.stop()
                raise Failed(f"{self.name} did not start:\n{self.log[-3000:]}")
            time.sleep(0.002)
        self.started_s = time.perf_counter() - began

    def stop(self) -> None:
        """SIGTERM, then SIGKILL for one that does not go."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S)
            return
        self._process.kill()
        self._process.wait()

    @property
    def log(self) -> str:
        """Everything that the process has printed."""
        return self._log.read_text("utf-8", "replace")

    def rss_kb(self) -> float:
        """Resident memory of the process and its children in KB (proc(5), statm)."""
        pages = sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in self._pids())
        return pages * os.sysconf("SC_PAGE_SIZE") / 1024

    def cpu_s(self) -> float:
        """CPU seconds that the process and its children have used."""
        return sum(cpu_s(each) for each in self._pids())

    def _pids(self) -> list[int]:
        assert self._process is not None
        pid = self._process.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def call(self, method: str, path: str, body: object = None, token: str | None = None) -> Any:
        """One HTTP request; the decoded answer. Raises :class:`Failed` for anything but 2xx."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise Failed(f"{method} {path}: {answer.status} {data[:500]!r}")
        return json.loads(data) if data else None

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/health")
            connection.getresponse().read()
            connection.close()
            return True
        return False


class ReplyX(Process):
    """This server on its demo data, with the limits of single clients off, as ``RATE_LIMITS=off`` is meant."""

    def __init__(
        self,
        directory: Path,
        *,
        log_level: str = "info",
        flags: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        starter: Sequence[str] = (sys.executable, "run.py"),
    ) -> None:
        data = directory / "data"
        command = [*starter, "--demo", "--port", "0", "--data-dir", str(data), *flags]
        super().__init__(REPLYX, command, directory, {"RATE_LIMITS": "off", "LOG_LEVEL": log_level, **(env or {})})
        self.database = data / "replyx.db"

    def start(self) -> None:
        """As :meth:`Process.start`, on whatever port is free now."""
        self.port = 0
        super().start()

    def login(self) -> str:
        """An operator's access token."""
        answer = self.call("POST", "/api/v1/auth/login", {"email": "admin@example.com", "password": PASSWORD})
        return str(answer["access_token"])

    def dialogs(self, count: int) -> int:
        """Open ``count`` dialogs of new visitors, with ids in a row; the first id."""
        ids = [int(self.call("POST", "/api/widget/dialogs", {"assistant_id": 3})["dialog"]["id"]) for _ in range(count)]
        if ids != list(range(ids[0], ids[0] + count)):
            raise Failed("the dialogs' ids are not in a row")
        return ids[0]

    def ticket(self) -> str:
        """The id of a new ticket."""
        return str(self.call("POST", "/api/support/tickets", {"subject": "Bench", "description": "Bench"})["id"])

    def _answers(self) -> bool:
        if not self.port:
            listening = re.search(r"listening on http://\S+:(\d+)", self.log)
            if listening is None:
                return False
            self.port = int(listening[1])
        return super()._answers()


def cpu_s(pid: int) -> float:
    """CPU seconds of a process, in the kernel and outside (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Peer(Process):
    """Another server, on a port that was free a moment ago."""

    def __init__(self, name: str, command: Sequence[str], directory: Path) -> None:
        port = free_port()
        named = [part.replace("{port}", str(port)) for part in command]
        super().__init__(name, named, directory, {"PEER_DATABASE": str(directory / "peer.db")})
        self.port = port


def starlette(directory: Path) -> Peer:
    """Starlette on uvicorn with uvloop and httptools, no access log, no compression, no pings."""
    uvicorn = [sys.executable, "-m", "uvicorn", "tests.bench.peers.starlette_app:app"]
    options = ["--port", "{port}", "--loop", "uvloop", "--http", "httptools", "--log-level", "warning"]
    plain = ["--no-access-log", "--ws-per-message-deflate", "false", "--ws-ping-interval", "0", "--backlog", "4096"]
    return Peer(STARLETTE, [*uvicorn, *options, *plain], directory)


def tornado(directory: Path) -> Peer:
    """Stock Tornado on uvloop, without an access log."""
    return Peer(TORNADO, [sys.executable, "-m", "tests.bench.peers.tornado_app", "{port}"], directory)


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(process: Process) -> Iterator[Process]:
    """``process``, started, and stopped at the end."""
    process.start()
    try:
        yield process
    finally:
        process.stop()


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A directory for one server's files; it must be on a disk for a flush to mean anything."""
    with tempfile.TemporaryDirectory(prefix="replyx-bench-") as name:
        yield Path(name)
