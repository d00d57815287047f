"""nginx, HAProxy and Caddy as people run them: with a configuration of docs/proxies, whole or spoilt."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from tests import parts
from tests.scenario import eventually
from tests.server import ROOT

FILES = {"nginx": "nginx.conf", "haproxy": "haproxy.cfg", "caddy": "Caddyfile"}
_FLAGS = {
    "nginx": ["-e", "stderr", "-g", "daemon off;", "-p", "{folder}", "-c", "{file}"],
    "haproxy": ["-db", "-f", "{file}"],
    "caddy": ["run", "--adapter", "caddyfile", "--config", "{file}"],
}


def documented(name: str, ports: Mapping[int, int]) -> str:
    """The documented configuration of a proxy, with ``ports`` of this test for the ones it names."""
    text = (ROOT / "docs" / "proxies" / FILES[name]).read_text()
    for port, real in ports.items():
        assert f":{port}" in text
        text = text.replace(f":{port}", f":{real}")
    return text


class Proxy:
    """A proxy of that ``name`` with a configuration, its files in ``folder``; it runs inside the ``with``."""

    def __init__(self, name: str, text: str, folder: Path, port: int) -> None:
        self._program = parts.require_program(name)
        self._folder = folder
        self._port = port
        self._file = folder / FILES[name]
        self._command = [str(self._program), *(flag.format(folder=folder, file=self._file) for flag in _FLAGS[name])]
        self._stack = ExitStack()
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "".join(f"{kind}_temp_path {folder};" for kind in kinds)
        text = text.replace("/var/log/nginx", str(folder)).replace("http {", "http {" + places, 1)
        self._file.write_text(text.replace("worker_processes", f"pid {folder}/nginx.pid;\nworker_processes", 1))

    def __enter__(self) -> Proxy:
        printed = self._stack.enter_context((self._folder / "printed").open("w"))
        environment = {"HOME": str(self._folder)}
        process = subprocess.Popen(self._command, stdout=printed, stderr=printed, env=environment)
        self._stack.callback(process.wait, 15)
        self._stack.callback(process.terminate)

        def answers() -> bool:
            assert process.poll() is None, (self._folder / "printed").read_text()
            with socket.socket() as connection:
                return connection.connect_ex(("127.0.0.1", self._port)) == 0

        try:
            eventually(answers, "the proxy accepts connections")
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
