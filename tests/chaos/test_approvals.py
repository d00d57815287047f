"""500 approvals reach 2,000 users, 50 shops and 5 admins, each its own events, while the server is killed amid them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import httpx

from replyx import accounts, session_rows
from replyx.delivery.store import Transaction
from replyx.schemas.products import NewProduct
from replyx.secrets_file import SecretsFile
from replyx.shop import products as shop_products
from replyx.tokens import Tokens, new_token_id
from tests.server import Server
from tests.stored import change, stored

USERS, SHOPS, ADMINS = 2_000, 50, 5
PER_SHOP = 10
PIECE = 50  # products approved by one request
KILLED_AFTER = 4  # requests
PATIENCE_S = 120.0
RETURN_S = 0.05
OPENING = 100  # handshakes at once
CURSOR = b'"cursor":"'
PING = b"\x89\x00"  # in no UTF-8 text
PONG = b"\x8a\x80\x00\x00\x00\x00"  # RFC 6455, 5.5.3: empty, masked by nothing


class Phone(asyncio.Protocol):
    """One connection. A million frames come: they are found by their ends, not decoded."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._buffer = bytearray()
        self._open = False
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._device.request())

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        if not self._open:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            assert buffer.startswith(b"HTTP/1.1 101 "), bytes(buffer)
            del buffer[: end + 4]
            self._open = True
        if PING in data:
            self.transport.write(PONG)
        last = buffer.rfind(CURSOR)
        end = buffer.find(b'"}', last) if last >= 0 else -1
        if end > 0:
            self._device.heard(bytes(buffer[: end + 2]))
            del buffer[: end + 2]


class Device:
    """A client that comes back with its cursor until it is left. ``ids`` are the approvals that it heard."""

    def __init__(self, server: Server, client_type: str, token: str) -> None:
        self.ids: list[int] = []
        self.owed: list[int] = []
        self.connections = 0
        self._server = server
        self._path = f"/ws/{client_type}?token={token}"
        self._cursor = b""

    def request(self) -> bytes:
        """The handshake, from where this client stands."""
        cursor = f"&cursor={self._cursor.decode()}" if self._cursor else ""
        return (
            f"GET {self._path}{cursor} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        ).encode()

    def heard(self, frames: bytes) -> None:
        """Every frame of these sockets has its event at its beginning and its cursor at its end."""
        cursors = [part[: part.index(b'"')] for part in frames.split(CURSOR)[1:]]
        greetings = frames.count(b'{"event":"connected"')
        assert frames.count(b'{"event":"product.approved"') + greetings == len(cursors), frames
        self.connections += greetings
        self.ids += [int(cursor.rpartition(b"-")[2]) for cursor in cursors[greetings:]]
        self._cursor = cursors[-1]

    async def follow(self, gate: asyncio.Semaphore) -> None:
        """Listen, through as many connections as it takes."""
        loop = asyncio.get_running_loop()
        while True:
            with suppress(OSError):
                async with gate:
                    phone = await asyncio.wait_for(
                        loop.create_connection(lambda: Phone(self), "127.0.0.1", self._server.port), PATIENCE_S
                    )
                try:
                    await phone[1].closed
                finally:
                    phone[0].abort()
            await asyncio.sleep(RETURN_S)


def tokens_of(server: Server) -> dict[str, list[str]]:
    """A token of the demo's user and admin, and one of each of the new shops; each shop has submitted its products."""
    keys = Tokens(SecretsFile(server.data_dir, ()).load().jwt_keys)

    def session(tx: Transaction, account_id: int, role: str) -> str:
        session_id = new_token_id()
        session_rows.add(tx, session_id, account_id, new_token_id(), tx.now_ms + 3_600_000)
        return keys.issue_access(account_id, role, session_id, time.time(), 3600)

    def unit(tx: Transaction) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {"shop": []}
        for role in ("user", "admin"):
            row = tx.execute("SELECT id FROM account WHERE email = ?", (f"{role}@example.com",)).fetchone()
            found[role] = [session(tx, row[0], role)]
        for number in range(SHOPS):
            shop = accounts.insert(tx, f"shop{number}@example.com", f"Shop {number}", "shop", "no login").id
            found["shop"].append(session(tx, shop, "shop"))
            for product in range(PER_SHOP):
                shop_products.submit(tx, shop, NewProduct(f"Product {number}/{product}", 100.0))
        return found

    return change(server, unit)


async def approve(http: httpx.AsyncClient, products: Sequence[int]) -> bool:
    """Approve many at once; False when the server was killed meanwhile."""
    try:
        answer = await http.post("/api/v1/admin/products/bulk-approve", json={"product_ids": list(products)})
    except httpx.TransportError:
        return False
    assert answer.status_code == 200, answer.text
    assert all(result["ok"] for result in answer.json()["results"])
    return True


async def until(devices: Sequence[Device], condition: Callable[[Device], bool], what: str) -> None:
    """Wait until ``condition`` holds for each of ``devices``."""
    deadline = time.monotonic() + PATIENCE_S
    while waiting := sum(not condition(device) for device in devices):
        assert time.monotonic() < deadline, f"{what}: {waiting} do not"
        await asyncio.sleep(0.02)


def owed(server: Server) -> dict[int, tuple[int, int]]:
    """Every approval of the log by its id: the product, and the shop whose it is."""
    with stored(server.data_dir) as database:
        rows = database.execute("SELECT id, payload FROM event ORDER BY id").fetchall()
    events = [(event_id, json.loads(payload)) for event_id, payload in rows]
    found = {each: event["data"] for each, event in events if event["type"] == "product.approved"}
    return {each: (data["product_id"], data["shop_id"]) for each, data in found.items()}


async def live_through(server: Server, tokens: dict[str, list[str]]) -> None:
    already = owed(server)
    users = [Device(server, "user", tokens["user"][0]) for _ in range(USERS)]
    shops = [Device(server, "shop", token) for token in tokens["shop"]]
    admins = [Device(server, "admin", tokens["admin"][0]) for _ in range(ADMINS)]
    everybody = [*users, *shops, *admins]
    gate = asyncio.Semaphore(OPENING)
    tasks = [asyncio.create_task(device.follow(gate)) for device in everybody]
    try:
        await until(everybody, lambda device: device.connections > 0, "everybody is connected")
        await approve_all(server, tokens["admin"][0], users)
        events = {each: what for each, what in owed(server).items() if each not in already}
        assert len({product for product, _ in events.values()}) == len(events) == SHOPS * PER_SHOP, "one event each"
        for device in (*users, *admins):
            device.owed = sorted(events)
        mine = {shop: sorted(each for each, what in events.items() if what[1] == shop) for _, shop in events.values()}
        for device, (_, ids) in zip(shops, sorted(mine.items()), strict=True):
            device.owed = ids
        await until(everybody, lambda device: len(device.ids) >= len(device.owed), "everybody has heard")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    wrong = [device for device in everybody if device.ids != device.owed]
    assert not wrong, f"{len(wrong)} heard something else, the first {wrong[0].ids} for {wrong[0].owed}"
    assert [len(device.owed) for device in (users[0], shops[0], admins[0])] == [500, 10, 500]
    assert all(device.connections > 1 for device in everybody), "the kill was in the middle"


async def approve_all(server: Server, token: str, users: Sequence[Device]) -> None:
    """An admin approves everything that waits.

    The server is killed when the first user hears of one piece and others do not yet; what the kill cut off is asked
    for again.
    """
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=PATIENCE_S) as http:
        with stored(server.data_dir) as database:
            rows = database.execute("SELECT id FROM product WHERE name LIKE 'Product %' ORDER BY id").fetchall()
        products = [row[0] for row in rows]
        pieces = [products[at : at + PIECE] for at in range(0, len(products), PIECE)]
        for number, piece in enumerate(pieces):
            if number == KILLED_AFTER:
                cut_off = asyncio.create_task(approve(http, piece))
                await until(users[:1], lambda user: len(user.ids) > KILLED_AFTER * PIECE, "the piece begins to arrive")
                server.restart_after_kill()
                await cut_off
            assert await approve(http, piece)


def test_each_client_gets_exactly_its_approvals_in_order_whatever_is_killed(tmp_path: Path) -> None:
    with Server(tmp_path / "data", flags=["--rate-limits", "off"]) as server:
        server.stop()  # what the shops submit is then older than any connection
        tokens = tokens_of(server)
        server.start()
        asyncio.run(live_through(server, tokens))
