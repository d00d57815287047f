"""A server of these tests as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import TracebackType

from tests.ports import held_port

ROOT = Path(__file__).resolve().parent.parent.parent


class ServerProcess:
    """``python -m module``: it prints where it listens, and stops when its input ends."""

    def __init__(self, module: str, *arguments: str) -> None:
        self.port = held_port(self)
        self._module = module
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start, on the same port as before."""
        command = [sys.executable, "-m", self._module, "--port", str(self.port), *self._arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert f"listening on http://127.0.0.1:{self.port}" in line, f"{self._module} said {line!r}"

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._end()

    def stop(self) -> None:
        """Let it end by itself."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._end()

    @property
    def url(self) -> str:
        """The server's origin."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """The server's origin for WebSockets."""
        return f"ws://127.0.0.1:{self.port}"

    def __enter__(self) -> ServerProcess:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self.stop()

    def _end(self) -> None:
        assert self._process is not None
        try:
            self._process.wait(10)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
