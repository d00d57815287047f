"""``replyx listen``: prints what a client hears, and comes back with its cursor whatever happens to the connection."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import sys
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from replyx.cli.actions import Action
from replyx.errors import CLOSE_CODES
from replyx.schemas.events import CLIENT_TYPES
from replyx.settings import Settings

TOKEN = "REPLYX_TOKEN"  # noqa: S105 - the variable's name
WEBAPP = "webapp"
TYPES = (*CLIENT_TYPES, WEBAPP)

CONNECT_S = 20.0
PING_S = 25.0  # a network that is gone says nothing; a ping that stays without answer for so long does
LONGEST_WAIT_S = 30.0
TORNADO_TIMEOUT = 599
FINAL = frozenset(code.code for code in CLOSE_CODES if not code.reconnect)
STATUS = {4400: 400, 4401: 401, 4403: 403, 4404: 404}
WHY = {
    400: "The server could not read the request: look at --cursor and --rooms.",
    401: "The token is missing, wrong or no longer good. Get a new one, as with: replyx token EMAIL",
    403: "The token is good, but not for this. Its role must be the --type.",
    404: "There is nothing at this address. Look at --url.",
}


class Final(Exception):
    """The server will not have this client, however often it comes."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", help="the server's address (default: the one of these settings)")
    parser.add_argument("--token", help=f"access token; better in the environment as {TOKEN}, where no list shows it")
    parser.add_argument("--type", choices=TYPES, help="whose events (default: user with a token, else webapp)")
    parser.add_argument("--rooms", default="", help="rooms to hear, separated by commas, such as shop:1,order:9")
    parser.add_argument("--cursor", help="the place to go on from, as an earlier run has shown it")
    parser.add_argument("--json", action="store_true", help="print each event as one line of JSON")


def _run(given: argparse.Namespace, settings: Settings) -> int:
    """Print until Ctrl-C, which is status 0; 1 when the server refuses for good."""
    token = given.token or os.environ.get(TOKEN, "")
    kind = given.type or ("user" if token else WEBAPP)
    base = urlsplit(given.url or settings.base_url(settings.port))
    if base.scheme not in ("http", "https", "ws", "wss") or not base.netloc:
        print("replyx: --url must be like https://chat.example", file=sys.stderr)
        return 2
    scheme = "wss" if base.scheme in ("https", "wss") else "ws"
    address = f"{scheme}://{base.netloc}{base.path.rstrip('/')}/ws/{kind}"
    try:
        asyncio.run(Listener(address, token, given.rooms, given.cursor, given.json).listen())
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:  # whoever read our output has seen enough, as in: replyx listen | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Final as refusal:
        print(f"replyx: {refusal}", file=sys.stderr)
        return 1
    return 0


@dataclass
class Listener:
    """Follows one address for ever. ``cursor`` moves with every event; ``failures`` since one came make it wait."""

    address: str
    token: str
    rooms: str
    cursor: str | None
    as_json: bool
    failures: int = 0

    async def listen(self) -> None:
        """Print events. Raises :class:`Final` when coming back makes no sense."""
        while True:
            why = await self._connection()
            wait = random.uniform(0.1, min(LONGEST_WAIT_S, 2.0**self.failures))  # noqa: S311 - no secret
            self.failures = min(self.failures + 1, 10)
            self._note(f"{why}; again in {wait:.1f} s")
            await asyncio.sleep(wait)

    async def _connection(self) -> str:
        """One connection from its handshake to its end; why it ended."""
        try:
            link = await websocket_connect(self._request(), ping_interval=PING_S, ping_timeout=PING_S)
        except HTTPClientError as refusal:
            if 400 <= refusal.code < 500 and refusal.code not in (408, 429):
                raise Final(WHY.get(refusal.code, f"The server refused with {refusal.code}.")) from None
            return "no answer" if refusal.code == TORNADO_TIMEOUT else f"the server answered {refusal.code}"
        except (OSError, ValueError) as failure:
            return f"no connection ({failure})"
        try:
            return await self._read(link)
        finally:
            link.close()

    async def _read(self, link: WebSocketClientConnection) -> str:
        said = ""
        while (message := await link.read_message()) is not None:
            frame = json.loads(message)
            name = frame.get("event") or frame.get("type")
            self.cursor = frame.get("cursor", self.cursor)
            if name == "error":
                data = frame.get("data", frame)
                said = f" {data.get('detail', '')}"
                continue
            self.failures = 0
            if name == "connected":
                self._note(f"connected to {self.address}, cursor {self.cursor}")
            else:
                self._show(name, frame, str(message))
        code = link.close_code
        if code in FINAL:
            raise Final(f"{WHY[STATUS[code]]}{said} ({code})")
        return f"the connection ended ({code or 'cut'})"

    def _request(self) -> HTTPRequest:
        query = {"rooms": self.rooms, "cursor": self.cursor}
        asked = urlencode({name: value for name, value in query.items() if value})
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return HTTPRequest(f"{self.address}?{asked}", headers=headers, connect_timeout=CONNECT_S)

    def _show(self, name: str, frame: dict[str, Any], message: str) -> None:
        if self.as_json:
            print(message, flush=True)
            return
        data = frame.get("data", {key: value for key, value in frame.items() if key not in ("type", "cursor")})
        when = frame.get("timestamp", "")
        shown = json.dumps(data, ensure_ascii=False)
        print(" ".join(filter(None, (when, name, shown, self.cursor))), flush=True)

    def _note(self, words: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            print(words, file=sys.stderr, flush=True)


ACTION = Action("print the events that a client hears", _arguments, _run)
