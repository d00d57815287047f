"""The lines that people copied from the guides for apps and bots run as they stand, address and token filled in."""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests import parts
from tests.interop import node as npm_clients
from tests.scenario import PATIENCE_S, Json, as_json, eventually, operator
from tests.server import Server

SECRET = "the secret of the tests of bots, long enough for it"
PACKAGES = {"wscat": "wscat@6", "ws": "ws@8", "axios": "axios@1"}

LOGIN = """
TOKEN=$(curl -X POST http://localhost:8000/api/v1/auth/login \\
  -H "Content-Type: application/json" \\
  -d '{"email":"user@example.com","password":"password"}' \\
  | jq -r '.access_token')
"""
WSCAT = 'wscat -c "ws://localhost:8000/ws/user?token=YOUR_JWT_TOKEN"'
STATS = "curl http://localhost:8000/ws/stats"
BROADCAST = """
curl -X POST http://localhost:3000/api/internal/broadcast \\
  -H "Content-Type: application/json" \\
  -H "x-internal-secret: your-secret-here" \\
  -d '{"type":"product_added","shopId":123,"productId":456}'
"""
APP = """
const token = await AsyncStorage.getItem('jwt_token');
const ws = new WebSocket(`ws://YOUR_BACKEND_URL/ws/user?token=${token}`);

ws.onopen = () => {
  console.log('✅ Подключено к WebSocket');
};

ws.onmessage = (event) => {
  const data = JSON.parse(event.data);
  
  if (data.event === 'product.approved') {
    // 🎉 Новый товар одобрен!
    const product = data.data;
    showNotification(`Новый товар: ${product.product_name}`);
    refreshProductsList();
  }
};

ws.onerror = (error) => {
  console.error('❌ WebSocket ошибка:', error);
};

ws.onclose = () => {
  console.log('🔌 WebSocket отключен');
  // Переподключение через 5 секунд
  setTimeout(() => reconnectWebSocket(), 5000);
};
"""  # noqa: W293 - as it stands in the guide
# What the platform and the rest of such an app bring; the app's own code stands inside.
PLATFORM = """
import Socket from 'ws';
globalThis.WebSocket = Socket;
console.error = () => {};
const AsyncStorage = { getItem: async () => process.env.TOKEN };
const showNotification = (text) => console.log(text);
const refreshProductsList = async () => {
  const answer = await fetch(`http://${process.env.SERVER}/api/v1/products?status=approved`);
  console.log('products:', (await answer.json()).items.map((product) => product.name).join(', '));
};
const reconnectWebSocket = async () => { APP };
await reconnectWebSocket();
"""
RECONNECT = """
function connectWebSocket(retryCount = 0) {
  const ws = new WebSocket(`ws://YOUR_URL/ws/user?token=${token}`);
  
  ws.onclose = () => {
    if (retryCount < 5) {
      const delay = Math.min(1000 * Math.pow(2, retryCount), 30000);
      setTimeout(() => connectWebSocket(retryCount + 1), delay);
    }
  };
}
"""  # noqa: W293 - as it stands in the guide
BOT = """
import axios from 'axios';

const BACKEND_URL = process.env.BACKEND_URL || 'http://localhost:3000';
const INTERNAL_SECRET = process.env.INTERNAL_SECRET;

/**
 * Отправить real-time update в WebApp через WebSocket
 * @param {string} type - Тип события
 * @param {object} data - Данные события
 */
export async function broadcastUpdate(type, data = {}) {
  if (!INTERNAL_SECRET) {
    console.warn('⚠️ INTERNAL_SECRET not set - skipping broadcast');
    return;
  }

  try {
    await axios.post(
      `${BACKEND_URL}/api/internal/broadcast`,
      { type, ...data },
      {
        headers: {
          'x-internal-secret': INTERNAL_SECRET
        },
        timeout: 2000
      }
    );
    console.log(`✅ Broadcast sent: ${type}`, data);
  } catch (error) {
    console.error(`❌ Broadcast failed: ${type}`, error.message);
  }
}
"""
HANDLERS = """
import { broadcastUpdate } from '../utils/broadcast.js';
const [shopId, productId, orderId, product, shop] = [123, 456, 9, { id: 456 }, { id: 123 }];
await broadcastUpdate('product_added', {
  shopId: shopId,
  productId: product.id
});
await broadcastUpdate('product_updated', {
  shopId: shop.id,
  productId: productId
});
await broadcastUpdate('product_deleted', {
  shopId: shop.id,
  productId: productId
});
await broadcastUpdate('order_status', {
  orderId: orderId,
  status: 'confirmed'
});
await broadcastUpdate('new_subscriber', {
  shopId: shopId
});
await broadcastUpdate('product_added', { shopId });
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A demo server with a secret for bots."""
    with Server(tmp_path_factory.mktemp("server") / "data", env={"INTERNAL_SECRET": SECRET}) as running:
        yield running


@pytest.fixture(scope="module")
def project(npm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ES modules with the clients that the guides name."""
    folder = tmp_path_factory.mktemp("project")
    problem = npm_clients.install(npm, folder, PACKAGES)
    parts.require("wscat, ws and axios", folder if problem is None else None, f"npm install: {problem}")
    package = folder / "package.json"
    package.write_text(json.dumps({**json.loads(package.read_text()), "type": "module"}))
    return folder


class Running:
    """A program that prints; what it has not yet been asked for waits."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.printed: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def line(self, words: str) -> str:
        """The next line with these words."""
        while words not in (line := self.printed.get(timeout=PATIENCE_S)):
            continue
        return line

    def end(self) -> None:
        """Stop it."""
        self.process.kill()
        self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed.put(line.rstrip("\n"))


@contextmanager
def running(*command: str, cwd: Path, env: Mapping[str, str]) -> Iterator[Running]:
    """A program, for as long as the block lasts."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=cwd,
        env=env,
    )
    started = Running(process)
    try:
        yield started
    finally:
        started.end()


def here(server: Server, text: str, **words: str) -> str:
    """A line of a guide with this server's address and these words."""
    own = f"localhost:{server.port}"
    known = {"localhost:8000": own, "localhost:3000": own, "YOUR_BACKEND_URL": own, "YOUR_URL": own} | words
    return re.sub("|".join(map(re.escape, known)), lambda found: known[found[0]], text)


def bash(line: str) -> str:
    """What a line prints."""
    jq = (
        ""
        if shutil.which("jq")
        else "jq() { python3 -c \"import json, sys; print(json.load(sys.stdin)['access_token'])\"; }\n"
    )
    ran = subprocess.run(["bash", "-c", jq + line], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def path_of(node: Path, project: Path) -> dict[str, str]:
    """An environment in which the project's programs are found."""
    return {"PATH": f"{project}/node_modules/.bin:{node.parent}:{os.environ['PATH']}", "NO_COLOR": "1"}


def logged_in(server: Server) -> str:
    """The token that the guide's first line finds."""
    return bash(here(server, LOGIN) + 'echo "$TOKEN"').strip()


def approve(server: Server, name: str) -> Json:
    """A shop submits a product, and an admin approves it."""
    with operator(server, "shop@example.com") as shop, operator(server) as admin:
        product = as_json(shop.post("/api/v1/products", json={"name": name, "price": 100}))
        decision = {"moderation_notes": "Отличный товар", "approval_fee": 5.0}
        answer = admin.post(f"/api/v1/admin/products/{product['id']}/approve", json=decision)
        assert answer.status_code == 200, answer.text
    return product


def test_wscat_shows_what_an_admin_approves(server: Server, node: Path, project: Path) -> None:
    token = logged_in(server)
    line = "exec " + here(server, WSCAT, YOUR_JWT_TOKEN=token)
    with running("bash", "-c", line, cwd=project, env=path_of(node, project)) as wscat:
        wscat.line('"event":"connected"')
        eventually(lambda: json.loads(bash(here(server, STATS)))["by_type"]["user"] >= 1, "the socket is counted")
        product = approve(server, "Красное платье")
        line = wscat.line('"event":"product.approved"')
    event = json.loads(line[line.index("{") : line.rindex("}") + 1])
    assert {name: event["data"][name] for name in ("moderation_status", "moderation_notes", "approval_fee")} == {
        "moderation_status": "approved",
        "moderation_notes": "Отличный товар",
        "approval_fee": 5.0,
    }
    assert event["data"].keys() == {
        *("product_id", "product_name", "shop_id", "shop_name"),
        *("moderation_status", "moderation_notes", "admin_id", "approval_fee"),
    }
    assert (event["data"]["product_id"], event["data"]["product_name"]) == (product["id"], "Красное платье")


def test_the_app_of_the_guide_notifies_and_returns_after_kill_9(server: Server, node: Path, project: Path) -> None:
    (project / "app.js").write_text(PLATFORM.replace("APP", here(server, APP)))
    env = {**path_of(node, project), "TOKEN": logged_in(server), "SERVER": f"localhost:{server.port}"}
    with running(str(node), "app.js", cwd=project, env=env) as app:
        app.line("✅ Подключено к WebSocket")
        approve(server, "Плащ")
        app.line("Новый товар: Плащ")
        assert "Плащ" in app.line("products:")
        server.restart_after_kill()
        app.line("🔌 WebSocket отключен")
        app.line("✅ Подключено к WebSocket")
        approve(server, "Пальто")
        app.line("Новый товар: Пальто")


def test_the_reconnect_loop_of_the_guide_finds_its_way_back(server: Server, node: Path, project: Path) -> None:
    platform = "import Socket from 'ws';\nglobalThis.WebSocket = class extends Socket {\n"
    platform += (
        "  constructor(url) { super(url); this.onerror = () => {}; this.onopen = () => console.log('open'); }\n};\n"
    )
    loop = here(server, RECONNECT)
    (project / "loop.js").write_text(f"{platform}const token = process.env.TOKEN;\n{loop}\nconnectWebSocket();\n")
    env = {**path_of(node, project), "TOKEN": logged_in(server)}
    with running(str(node), "loop.js", cwd=project, env=env) as app:
        app.line("open")
        server.restart_after_kill()
        app.line("open")


def test_the_bots_utility_reaches_the_web_app(server: Server, node: Path, project: Path) -> None:
    for path, code in {"utils/broadcast.js": BOT, "handlers/shop.js": HANDLERS}.items():
        (project / path).parent.mkdir(exist_ok=True)
        (project / path).write_text(code)
    listen = (
        "import WebSocket from 'ws';\nconst ws = new WebSocket(process.env.ADDRESS);\n"
        "ws.onmessage = (event) => console.log(event.data);\n"
    )
    (project / "webapp.js").write_text(listen)
    env = {**path_of(node, project), "ADDRESS": f"ws://localhost:{server.port}/ws"}
    with running(str(node), "webapp.js", cwd=project, env=env) as webapp:
        webapp.line('"type":"connected"')
        bot = {**path_of(node, project), "BACKEND_URL": f"http://localhost:{server.port}", "INTERNAL_SECRET": SECRET}
        ran = subprocess.run(
            [str(node), "handlers/shop.js"],
            cwd=project,
            env=bot,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        sent = [line for line in ran.stdout.splitlines() if line.startswith("✅ Broadcast sent: ")]
        assert len(sent) == 5, ran.stdout + ran.stderr
        assert ran.stderr == "❌ Broadcast failed: product_added Request failed with status code 422\n"
        heard = [json.loads(webapp.line('"type"')) for _ in range(5)]
    assert [event.pop("cursor") is not None for event in heard] == [True] * 5
    assert heard == [
        {"type": "product_added", "shopId": 123, "productId": 456},
        {"type": "product_updated", "shopId": 123, "productId": 456},
        {"type": "product_deleted", "shopId": 123, "productId": 456},
        {"type": "order_status", "orderId": 9, "status": "confirmed"},
        {"type": "new_subscriber", "shopId": 123},
    ]


def test_the_endpoints_own_line_answers_as_the_guide_says(server: Server) -> None:
    answer = json.loads(bash(here(server, BROADCAST, **{"your-secret-here": SECRET})))
    assert answer == {"success": True, "message": "Broadcast sent", "type": "product_added"}
    with server.client() as http:
        assert isinstance(http, httpx.Client)
        assert as_json(http.get("/health"))["status"] == "ok"
    stats = json.loads(bash(here(server, STATS)))
    assert stats.keys() == {"total", "by_type", "rooms"}
    assert {"user", "shop", "admin"} <= stats["by_type"].keys()
