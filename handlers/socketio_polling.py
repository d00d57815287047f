"""Engine.IO over HTTP long-polling: GET takes what the server has, or waits for it; POST brings what the client has."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from tornado.web import RequestHandler

from handlers.socketio_sessions import EngineServer, Link
from replyx.errors import InternalError
from replyx.socketio.engineio_errors import Refusal, Refused

PREFLIGHT_S = 600
RETRY_S = 5

# A poll beside a WebSocket that is about to become the transport. Frames that the client sent before the poll may be
# read after it, and the last of them decides whether polling is still allowed.
AUDITION_PAUSE_S = 0.01


class PollingHandler(RequestHandler):
    """One request of a polling client."""

    server: EngineServer
    link: Link | None = None
    allowed_origin: str | None = None

    def initialize(self, server: EngineServer) -> None:
        """``server`` keeps the sessions."""
        self.server = server

    def set_default_headers(self) -> None:
        """Nothing that a poll brings may be kept."""
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Vary", "Origin")
        if self.allowed_origin is not None:  # Tornado clears the headers before an error, and calls this again
            self.set_header("Access-Control-Allow-Origin", self.allowed_origin)

    async def prepare(self) -> None:
        """Find the session, or refuse the request before its body is looked at."""
        origin = self.request.headers.get("Origin")
        if origin is not None and self.server.admits(self.request):
            self.allowed_origin = origin
            self.set_header("Access-Control-Allow-Origin", origin)
        if self.request.method == "OPTIONS":
            return
        try:
            self.link = self.server.link_of(self.request, upgrade=False)
        except Refused as refused:
            refuse(self, refused.refusal, refused.retry_after)

    def compute_etag(self) -> str | None:
        """None: no two polls are alike."""
        return None  # no answer here is ever the same as another

    async def get(self) -> None:
        """Open a session, or take its packets."""
        poll = _Poll()
        if self.link is None:
            self.link = self.server.open_polling(self.request, poll)
        else:
            if self.link.session.auditioning:
                await asyncio.sleep(AUDITION_PAUSE_S)
            try:
                self.link.session.poll(poll, self.server.now())
            except Refused as refused:
                refuse(self, refused.refusal)
                return
            finally:
                self.link.settled()
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(await poll.answered)

    async def post(self) -> None:
        """Work off the client's packets, then say so."""
        link = self.link
        assert link is not None  # a POST cannot open a session
        try:
            messages = self.messages(link)
        except Refused as refused:
            refuse(self, refused.refusal)
            return
        finally:
            link.settled()
        for message in messages:
            await link.deliver(message)
        link.session.posted()
        link.settled()
        self.set_header("Content-Type", "text/html")  # not text/plain: some browsers would offer it as a download
        self.finish(b"ok")

    def messages(self, link: Link) -> list[str | bytes]:
        """The messages of the body. Raises :class:`Refused`."""
        body = self.request.body
        if len(body) > self.server.settings.max_payload:
            link.session.refuse_body()
            raise Refused(Refusal.TOO_LARGE)
        if self.request.headers.get("Content-Type", "").lower().startswith("application/octet-stream"):
            body = b""  # since version 4 every payload is text, binary data in it is base64
        return link.session.post(body, self.server.now())

    async def options(self) -> None:
        """A preflight (Fetch standard): the methods and headers that a page may use."""
        self.set_header("Access-Control-Allow-Methods", "GET, POST")
        self.set_header("Access-Control-Allow-Headers", "Authorization, Content-Type")
        self.set_header("Access-Control-Max-Age", str(PREFLIGHT_S))
        self.set_status(204)

    async def _no_such_method(self) -> None:
        refuse(self, Refusal.BAD_REQUEST)

    head = put = patch = delete = _no_such_method

    def on_connection_close(self) -> None:
        """The client went away before its answer was out."""
        if self.link is not None and self.request.method == "GET":
            self.link.session.poll_lost()
            self.link.settled()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Refuse as Engine.IO does, with a code and a message."""
        if status_code < 500:
            refuse(self, Refusal.BAD_REQUEST)
            return
        self.set_header("Content-Type", "application/problem+json")
        self.finish(msgspec.json.encode(InternalError("The server failed.").document()))


class _Poll:
    """A GET that waits."""

    __slots__ = ("answered",)

    def __init__(self) -> None:
        self.answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def answer(self, payload: bytes) -> None:
        """Status 200 with packets; into the void when the client has gone."""
        if not self.answered.done():
            self.answered.set_result(payload)


def refuse(handler: RequestHandler, refusal: Refusal, retry_after: int | None = None) -> None:
    """Answer with the number and the sentence of ``refusal``, and with when to try again where that may help."""
    handler.set_status(refusal.status)
    handler.set_header("Content-Type", "application/json")
    if refusal in (Refusal.FULL, Refusal.TOO_MANY):
        handler.set_header("Retry-After", str(retry_after or RETRY_S))
    handler.finish(refusal.body)
