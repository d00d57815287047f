"""Two processes behind each proxy whose configuration is documented."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.node import NodeClient
from tests.ports import held_port
from tests.proxy import FILES, Proxy, documented
from tests.redis_server import RedisServer
from tests.scenario import EventStream, frame, guest, operator, socket_of
from tests.server import Server


@pytest.fixture(scope="module")
def pair(redis_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """Two processes of one installation."""
    folder = tmp_path_factory.mktemp("proxies")
    with RedisServer(redis_server, folder / "redis") as redis:
        env = {"REDIS_URL": redis.url, "TRUSTED_PROXIES": "127.0.0.1"}
        with Server(folder / "data", env=env) as one, Server(folder / "data", env=env) as two:
            yield one, two


@pytest.fixture(params=sorted(FILES))
def proxy(request: pytest.FixtureRequest, pair: tuple[Server, Server], tmp_path: Path) -> Iterator[Server]:
    """The proxy, running as its documented file says but for the ports and places; used as the server that it shows."""
    shown = Server(tmp_path / "data")
    shown.port = held_port(shown)
    text = documented(request.param, {8000: pair[0].port, 8001: pair[1].port, 8080: shown.port})
    with Proxy(request.param, text, tmp_path, shown.port):
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
