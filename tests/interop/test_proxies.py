"""Two processes behind each proxy whose configuration is documented."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import parts
from tests.interop.node import NodeClient
from tests.ports import held_port
from tests.redis_server import RedisServer
from tests.scenario import EventStream, eventually, frame, guest, operator, socket_of
from tests.server import ROOT, Server

PROXIES = {
    "nginx": ("nginx.conf", ["-e", "stderr", "-g", "daemon off;", "-p", "{folder}", "-c", "{file}"]),
    "haproxy": ("haproxy.cfg", ["-db", "-f", "{file}"]),
    "caddy": ("Caddyfile", ["run", "--adapter", "caddyfile", "--config", "{file}"]),
}


@pytest.fixture(scope="module")
def pair(redis_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """Two processes of one installation."""
    folder = tmp_path_factory.mktemp("proxies")
    with RedisServer(redis_server, folder / "redis") as redis:
        env = {"REDIS_URL": redis.url, "TRUSTED_PROXIES": "127.0.0.1"}
        with Server(folder / "data", env=env) as one, Server(folder / "data", env=env) as two:
            yield one, two


@pytest.fixture(params=sorted(PROXIES))
def proxy(request: pytest.FixtureRequest, pair: tuple[Server, Server], tmp_path: Path) -> Iterator[Server]:
    """The proxy, running as its documented file says but for the ports and places; used as the server that it shows."""
    program = parts.require_program(request.param)
    name, flags = PROXIES[request.param]
    shown = Server(tmp_path / "data")
    shown.port = held_port(shown)
    text = (ROOT / "docs" / "proxies" / name).read_text()
    for port, real in ((8000, pair[0].port), (8001, pair[1].port), (8080, shown.port)):
        assert f":{port}" in text
        text = text.replace(f":{port}", f":{real}")
    places = "".join(f"{kind}_temp_path {tmp_path};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    text = text.replace("/var/log/nginx", str(tmp_path)).replace("http {", "http {" + places, 1)
    text = text.replace("worker_processes", f"pid {tmp_path}/nginx.pid;\nworker_processes", 1)
    file = tmp_path / name
    file.write_text(text)
    command = [str(program), *(flag.format(folder=tmp_path, file=file) for flag in flags)]
    with (tmp_path / "printed").open("w") as printed, ExitStack() as stack:
        process = subprocess.Popen(command, stdout=printed, stderr=printed, env={"HOME": str(tmp_path)})
        stack.callback(process.wait, 15)
        stack.callback(process.terminate)

        def answers() -> bool:
            assert process.poll() is None, (tmp_path / "printed").read_text()
            with socket.socket() as connection:
                return connection.connect_ex(("127.0.0.1", shown.port)) == 0

        eventually(answers, "the proxy accepts connections")
        yield shown


def test_everything_goes_through_the_proxy(proxy: Server, newest: NodeClient) -> None:
    with operator(proxy) as boris, proxy.client() as http:
        visitor = guest(http)
        headers = {"Authorization": boris.headers["Authorization"]}
        with (
            EventStream(proxy, f"/api/dialogs/{visitor.dialog_id}/events", headers=headers) as stream,
            socket_of(proxy, visitor.ws()) as connection,
        ):
            visitor.say(http, "Здравствуйте")
            stream.until(lambda data: "Здравствуйте" in str(data))
            while "Здравствуйте" not in str(frame(connection)):
                continue
    newest.connect(proxy.url, transports=["polling", "websocket"])
    newest.until("connect")
    if not any(each["on"] == "upgrade" for each in newest.happened):
        newest.until("upgrade", transport="websocket")
