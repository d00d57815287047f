"""A way over TCP to a server of this machine, which tests may cut, and which may lose what servers say."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Collection
from types import TracebackType
from typing import Literal

from tests.server import ROOT


class Way:
    """A ``tests.chaos.passage`` of one of its kinds to ``target``; clients connect to ``port``."""

    def __init__(self, target: int, kind: Literal["plain", "postgres", "redis"] = "plain") -> None:
        self.target = target
        self.port = 0
        self._kind = kind

    def __enter__(self) -> Way:
        command = [sys.executable, "-m", "tests.chaos.passage", self._kind, str(self.target)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=10)

    def state(self, **change: int) -> dict[str, int]:
        """What was counted and what is set, after ``change``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(change), file=self._process.stdin, flush=True)
        told: dict[str, int] = json.loads(self._process.stdout.readline())
        return told

    def cut(self) -> int:
        """Reset every connection at both ends; how many there were."""
        return self.state(cut=True)["cut"]


def reset_connections(ports: Collection[int]) -> int:
    """Reset every TCP connection of this process to ``ports``, whoever holds it; how many there were.

    What was not yet read is gone, and the server is told by RST: connect(2) with AF_UNSPEC dissolves a connection.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    unspecified = bytes(16)
    cut = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            with socket.socket(fileno=os.dup(int(name))) as connection:
                if connection.family == socket.AF_INET and connection.getpeername()[1] in ports:
                    cut += libc.connect(connection.fileno(), unspecified, len(unspecified)) == 0
        except OSError:
            continue  # closed meanwhile, or not connected
    return cut
