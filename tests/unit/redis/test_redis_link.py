"""Connections to every kind of Redis there is: each is a real one here."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import uvloop
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as Disconnected

from replyx.redis.address import RedisAddress
from replyx.redis.link import UNREACHABLE, RedisLink
from tests import parts
from tests.chaos.way import Way
from tests.redis_server import RedisServer
from tests.scenario import eventually

RIGHTS = "resetchannels &ws:* +publish +subscribe +ping +hello +client|setname +client|reply"


def link(url: str) -> RedisLink:
    return RedisLink(RedisAddress.parse(url), "replyx-test")


async def heard(link_of_subscriber: RedisLink, link_of_publisher: RedisLink) -> bytes:
    """What a subscriber hears when something is published."""
    async with asyncio.timeout(20):
        subscriber = await link_of_subscriber.open()
        publisher = await link_of_publisher.open()
        try:
            await subscriber.send_command("SUBSCRIBE", "ws:dialog:1")
            await said(subscriber)
            await publisher.send_command("PUBLISH", "ws:dialog:1", "here")
            await said(publisher)
            message = await said(subscriber)
        finally:
            for connection in (subscriber, publisher):
                await connection.disconnect(nowait=True)
    assert isinstance(message, list)
    return bytes(message[2])


async def said(connection: AbstractConnection) -> object:
    return await connection.read_response(disable_decoding=True)


def talk(url: str, other: str | None = None) -> bytes:
    """What comes through from one connection to another."""
    return asyncio.run(heard(link(url), link(other or url)))


@contextmanager
def several(program: Path, directory: Path, count: int, *flags: str) -> Iterator[list[RedisServer]]:
    """So many servers."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(RedisServer(program, directory / f"{number}", flags=flags)) for number in range(count)
        ]


def test_a_server_with_a_user_who_may_do_no_more_than_the_page_on_scaling_says(
    redis_server: Path, tmp_path: Path
) -> None:
    assert RIGHTS in (Path(__file__).parents[3] / "docs" / "scaling.md").read_text()
    with RedisServer(redis_server, tmp_path) as server, server.client() as client:
        client.execute_command("ACL", "SETUSER", "replyx", "on", ">p@ss", *RIGHTS.split(" "))
        client.execute_command("ACL", "SETUSER", "default", "off")
        assert talk(f"redis://replyx:p%40ss@127.0.0.1:{server.port}/0") == b"here"
        for refused in (f"redis://replyx:wrong@127.0.0.1:{server.port}", f"redis://127.0.0.1:{server.port}"):
            with pytest.raises(UNREACHABLE):
                talk(refused)


async def publish_for_ever(connection: AbstractConnection) -> None:
    async with asyncio.timeout(20):
        while True:
            await asyncio.sleep(0.01)
            await connection.send_command("PUBLISH", "ws:dialog:1", "gone", check_health=False)


def test_a_connection_that_was_reset_says_so_when_it_is_written_to(redis_server: Path, tmp_path: Path) -> None:
    """On the server's own loop, which closes its transport before anybody reads the error."""

    async def run(way: Way) -> None:
        connection = await link(f"redis://127.0.0.1:{way.port}").open()
        try:
            assert way.cut() == 1
            with pytest.raises(Disconnected):
                await publish_for_ever(connection)
        finally:
            await connection.disconnect(nowait=True)

    with (
        RedisServer(redis_server, tmp_path) as server,
        Way(server.port) as way,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(run(way))


class TlsDoor:
    """What stands before a Redis that knows no TLS: TLS outside, plain inside."""

    def __init__(self, port: int, certificate: Path, key: Path) -> None:
        self.target = port
        self.port = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)

    async def __aenter__(self) -> TlsDoor:
        self._server = await asyncio.start_server(self._through, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _through(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        far, far_out = await asyncio.open_connection("127.0.0.1", self.target)
        with suppress(OSError):
            await asyncio.gather(_copied(near, far_out), _copied(far, near_out))


async def _copied(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
    target.close()


def test_tls_with_the_certificate_that_was_named_and_no_other(redis_server: Path, tmp_path: Path) -> None:
    openssl = parts.require_program("openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = [
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        key,
        "-out",
        certificate,
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    subprocess.run(
        [openssl, "req", "-x509", *made, "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True
    )

    async def through(server: RedisServer) -> None:
        async with TlsDoor(server.port, certificate, key) as door:
            address = f"rediss://localhost:{door.port}/0"
            named = link(f"{address}?ssl_ca_certs={certificate}")
            assert await heard(named, named) == b"here"
            unchecked = link(f"{address}?ssl_cert_reqs=none&ssl_check_hostname=false")
            assert await heard(unchecked, named) == b"here"
            for refused in (address, f"rediss://127.0.0.1:{door.port}/0?ssl_ca_certs={certificate}"):
                with pytest.raises(UNREACHABLE):
                    await heard(link(refused), named)

    with RedisServer(redis_server, tmp_path / "redis") as server:
        asyncio.run(through(server))


def test_a_unix_socket(redis_server: Path, tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    with RedisServer(redis_server, tmp_path / "redis", flags=["--unixsocket", str(path), "--requirepass", "secret"]):
        assert talk(f"unix://:secret@{path}") == b"here"


def test_any_node_of_a_cluster_and_the_next_when_one_is_gone(redis_server: Path, tmp_path: Path) -> None:
    with several(redis_server, tmp_path, 2, "--cluster-enabled", "yes") as nodes:
        with nodes[0].client() as client:
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[1].port)
        for node in nodes:
            with node.client() as client:
                eventually(lambda client=client: b"cluster_known_nodes:2" in raw_info(client), "they have met")  # type: ignore[misc]
        one, two = (f"redis+cluster://127.0.0.1:{node.port}" for node in nodes)
        # The bus between the nodes is up a little after they have met.
        eventually(lambda: came_through(one, two), "a message goes from node to node")
        nodes[0].kill()
        both = link(f"redis+cluster://127.0.0.1:{nodes[0].port},127.0.0.1:{nodes[1].port}")

        async def second_try() -> None:
            with pytest.raises(UNREACHABLE):
                await both.open()
            await (await both.open()).disconnect(nowait=True)

        asyncio.run(second_try())


def raw_info(client: object) -> bytes:
    answer = client.execute_command("CLUSTER INFO")  # type: ignore[attr-defined]
    return b"cluster_known_nodes:" + str(answer["cluster_known_nodes"]).encode() if isinstance(answer, dict) else answer


def came_through(one: str, two: str) -> bool:
    async def attempt() -> bytes:
        async with asyncio.timeout(1):
            return await heard(link(one), link(two))

    try:
        return asyncio.run(attempt()) == b"here"
    except TimeoutError:
        return False


def test_the_server_that_the_sentinels_name_also_after_a_failover(redis_server: Path, tmp_path: Path) -> None:
    with RedisServer(redis_server, tmp_path / "old") as old, RedisServer(redis_server, tmp_path / "new") as new:
        with new.client() as client:
            client.replicaof("127.0.0.1", str(old.port))
            eventually(lambda: client.info("replication")["master_link_status"] == "up", "the replica follows")
        sentinel = RedisServer(redis_server, tmp_path / "sentinel")
        sentinel.configure(
            f"port {sentinel.port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {old.port} 1\n"
            "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 5000\n"
        )
        with sentinel:
            named = link(f"redis+sentinel://127.0.0.1:{sentinel.port}/main")
            assert asyncio.run(port_of(named)) == old.port
            with sentinel.client() as client:
                eventually(lambda: client.execute_command("SENTINEL REPLICAS", "main"), "the replica is known")
            old.kill()
            deadline = time.monotonic() + 30
            while asyncio.run(port_of(named)) != new.port:
                assert time.monotonic() < deadline, "no failover"
                time.sleep(0.1)
            url = f"redis+sentinel://127.0.0.1:{sentinel.port}/main"
            assert talk(url) == b"here"
            with pytest.raises(UNREACHABLE):
                talk(f"redis+sentinel://127.0.0.1:{sentinel.port}/other")


async def port_of(named: RedisLink) -> int:
    """The port of the server that a link leads to; 0 where it leads nowhere."""
    try:
        connection = await named.open()
    except UNREACHABLE:
        return 0
    port: int = connection.port  # type: ignore[attr-defined]
    await connection.disconnect(nowait=True)
    return port


def test_a_server_that_does_not_answer_is_given_up_in_time(redis_server: Path, tmp_path: Path) -> None:
    with RedisServer(redis_server, tmp_path, flags=["--requirepass", "secret"]) as server:
        server.pause()
        try:
            with pytest.raises(UNREACHABLE):
                talk(f"redis://:secret@127.0.0.1:{server.port}")
        finally:
            server.resume()
