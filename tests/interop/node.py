"""Stock JavaScript clients from npm, as processes that tests talk to."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

WAIT_S = 20.0
SCRIPT = Path(__file__).with_name("node_client.cjs")


def install(npm: Path, folder: Path, packages: Mapping[str, str]) -> str | None:
    """Install ``packages`` (name in the folder: package and version); what npm said when that failed."""
    wanted = [f"{name}@npm:{package}" for name, package in packages.items()]
    (folder / "package.json").write_text('{"private": true}')
    command = [str(npm), "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", *wanted]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False)
    return None if done.returncode == 0 else done.stdout + done.stderr


class NodeClient:
    """One socket.io-client. ``happened`` is all that it said so far."""

    def __init__(self, node: Path, module: Path) -> None:
        self.happened: list[dict[str, Any]] = []
        self._said: queue.Queue[dict[str, Any]] = queue.Queue()
        self._process = subprocess.Popen(
            [str(node), str(SCRIPT), str(module)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def do(self, deed: str, **told: Any) -> None:
        """Tell it what to do."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": deed, **told}) + "\n")
        self._process.stdin.flush()

    def connect(self, url: str, *, acknowledge: list[Any] | None = None, **options: Any) -> None:
        """Connect, with the client's own options."""
        self.do("connect", url=url, acknowledge=acknowledge or [], options={"reconnectionDelay": 50, **options})

    def until(self, on: str, **fields: Any) -> dict[str, Any]:
        """Wait for the next thing of this kind that has these fields. Raises AssertionError after a while."""
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                said = self._said.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {on} {fields}; what happened: {self.happened}") from None
            self.happened.append(said)
            if said["on"] == on and all(said.get(name) == value for name, value in fields.items()):
                return said

    def event(self, name: str) -> list[Any]:
        """The arguments of the next event of this name."""
        args: list[Any] = self.until("event", name=name)["args"]
        return args

    def ask(self, *args: Any) -> list[Any]:
        """Emit, and wait for the acknowledgement."""
        number = time.monotonic_ns()
        self.do("emit", args=args, ack=number)
        values: list[Any] = self.until("ack", ack=number)["values"]
        return values

    def __enter__(self) -> NodeClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        self._reader.join(5)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.put(json.loads(line))
