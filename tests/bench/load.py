"""Runs ``load.c``, the client that loads a server and counts what arrives, on the core that the server does not use."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.servers import LOAD_CORE, Failed, Process

SOURCE = Path(__file__).with_name("load.c")
RUN_S = 300
BUSY = 0.9  # a load that used more of its core than this measured itself


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of the load counted. ``load_cpu`` is the share of its core that the load used."""

    messages: int
    deliveries: int
    open_s: float
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    load_cpu: float

    @property
    def sends_per_s(self) -> float:
        """Messages that were answered, and delivered everywhere, per second."""
        return self.messages / self.seconds

    @property
    def deliveries_per_s(self) -> float:
        """Events that arrived at a subscriber, per second."""
        return self.deliveries / self.seconds


class Load:
    """The compiled load client."""

    def __init__(self, binary: Path) -> None:
        self._binary = str(binary)

    def run(self, server: Process, *options: object, token: str | None = None) -> Run:
        """One run with the options that the head of ``load.c`` lists. Raises :class:`Failed` when a count is wrong."""
        done = subprocess.run(
            self._command(server, options, token), capture_output=True, text=True, timeout=RUN_S, preexec_fn=_pin
        )
        if done.returncode:
            raise Failed(f"the load on {server.name} failed: {done.stdout}{done.stderr}\n{server.log[-2000:]}")
        counted = json.loads(done.stdout)
        return Run(**{name: counted[name] for name in Run.__slots__})

    @contextlib.contextmanager
    def holding(self, server: Process, *options: object, token: str | None = None) -> Iterator[None]:
        """Keep subscribers connected for as long as the context lasts."""
        command = self._command(server, (*options, "hold", 1), token)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=_pin) as process:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise Failed(f"the load could not connect to {server.name}\n{server.log[-2000:]}")
            yield
            assert process.stdin is not None
            process.stdin.close()

    def _command(self, server: Process, options: tuple[object, ...], token: str | None) -> list[str]:
        header: list[Any] = ["header", f"Authorization: Bearer {token}"] if token else []
        return [self._binary, "127.0.0.1", str(server.port), *map(str, [*header, *options])]


@contextlib.contextmanager
def compiled() -> Iterator[Load]:
    """The load client, made with the machine's own C compiler. Raises :class:`Failed` when there is none."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise Failed("a C compiler is needed for the load client; on Debian: apt-get install gcc libc6-dev")
    with tempfile.TemporaryDirectory(prefix="replyx-load-") as directory:
        binary = Path(directory) / "load"
        subprocess.run([compiler, "-O2", "-o", str(binary), str(SOURCE)], check=True)
        yield Load(binary)


def _pin() -> None:
    os.sched_setaffinity(0, {LOAD_CORE})
