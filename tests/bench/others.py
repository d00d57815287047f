"""The peers that Python's package index does not bring: two on Node and nchan in nginx. What is missing is named."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from tests.bench.servers import NCHAN, PEERS, SOCKET_IO, WS, Peer, scratch

PACKAGES = ("ws@8", "socket.io@4")
NCHAN_MODULES = (
    Path("/usr/lib/nginx/modules/ngx_nchan_module.so"),
    Path("/usr/lib64/nginx/modules/ngx_nchan_module.so"),
)
# nginx allocates all connections at its start: more than any measurement opens, and no more.
MOST_CONNECTIONS = 12_000


@dataclass(frozen=True, slots=True)
class Others:
    """Where the parts of these peers are; None for what this machine does not have."""

    node: str | None = None
    packages: Path | None = None
    nginx: str | None = None
    module: Path | None = None

    def websockets(self, directory: Path) -> list[Peer]:
        """The peers that broadcast to WebSockets."""
        return [*self._on_node(directory, WS, "ws_app.js", "ws"), *self._nchan(directory)]

    def event_streams(self, directory: Path) -> list[Peer]:
        """The peers that broadcast to event streams."""
        return self._nchan(directory)

    def socket_io(self, directory: Path) -> list[Peer]:
        """The peers that speak Socket.IO."""
        return self._on_node(directory, SOCKET_IO, "socket_io_app.js", "socket.io")

    def _on_node(self, directory: Path, name: str, script: str, package: str) -> list[Peer]:
        if self.node is None or self.packages is None:
            return []
        return [Peer(name, [self.node, str(PEERS / script), "{port}", str(self.packages / package)], directory)]

    def _nchan(self, directory: Path) -> list[Peer]:
        if self.nginx is None or self.module is None:
            return []
        peer = Peer(NCHAN, [self.nginx, "-p", str(directory), "-c", str(directory / "nginx.conf")], directory)
        _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
        configuration = Template((PEERS / "nchan.conf").read_text(encoding="utf-8")).substitute(
            MODULE=self.module,
            USER="user root;" if os.geteuid() == 0 else "",
            FILES=min(descriptors, MOST_CONNECTIONS),
            DIRECTORY=directory,
            PORT=peer.port,
        )
        (directory / "nginx.conf").write_text(configuration, encoding="utf-8")
        return [peer]


@contextmanager
def found() -> Iterator[Others]:
    """What this machine has; the packages are installed anew, for as long as the context lasts."""
    with scratch() as directory:
        node, packages = _node(directory)
        nginx, module = _nginx()
        yield Others(node, packages, nginx, module)


def _node(directory: Path) -> tuple[str | None, Path | None]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        command = [
            npm,
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--prefix",
            str(directory),
        ]
        if subprocess.run([*command, *PACKAGES], check=False, timeout=120).returncode == 0:
            return node, directory / "node_modules"
    print(f"skipped: {WS}, {SOCKET_IO} (they need node, and npm with its registry)", file=sys.stderr)
    return None, None


def _nginx() -> tuple[str | None, Path | None]:
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    module = next((path for path in NCHAN_MODULES if path.is_file()), None)
    if nginx and module:
        return nginx, module
    print(f"skipped: {NCHAN} (on Debian: apt-get install nginx libnginx-mod-nchan)", file=sys.stderr)
    return None, None
