"""The Engine.IO sessions of one process: who has one, when each is due, and which request belongs to which."""

from __future__ import annotations

import asyncio
import heapq
import logging
import math
import secrets
import time
from collections.abc import Callable
from typing import Protocol

from tornado.httputil import HTTPServerRequest

from handlers.socketio_crowd import Crowd
from replyx.limits import address_key
from replyx.process.held import Held
from replyx.socketio.application import RequestInfo
from replyx.socketio.engineio_errors import Refusal, Refused
from replyx.socketio.engineio_ports import EngineSettings, Poll, WebSocket
from replyx.socketio.engineio_session import EngineSession, State

log = logging.getLogger("replyx.socketio")

STEPS = 20  # of the wheel in one ping timeout: a ping is at most this part of its timeout late
LONGEST_STEP_S = 1.0

Admits = Callable[[HTTPServerRequest], bool]
Spend = Callable[[HTTPServerRequest], None]


class Program(Protocol):
    """What a session carries. ``closed`` is called exactly once; the calls of ``message`` come one after the other."""

    async def message(self, data: str | bytes) -> None:
        """A message arrived."""
        ...

    def drained(self) -> None:
        """The session's sink has room again."""
        ...

    def upgraded(self) -> None:
        """The session has another sink."""
        ...

    def closed(self, reason: str) -> None:
        """The session is over."""
        ...


Connect = Callable[[EngineSession, RequestInfo, float], Program]


class Wheel:
    """Calls what is due: one timer for all sessions, however many there are."""

    def __init__(self, step_s: float, clock: Callable[[], float], due: Callable[[Link, float], None]) -> None:
        self._step_s = step_s
        self._clock = clock
        self._due = due
        self._slots: dict[int, dict[Link, None]] = {}
        self._numbers: list[int] = []
        self._passed = -1
        self._stopped = False
        self._timer: asyncio.TimerHandle | None = None

    def place(self, link: Link, deadline: float) -> None:
        """Call for ``link`` at ``deadline`` or up to a step later, and no longer at any other time."""
        # Never a slot that has passed: whatever a deadline says, a turn of the wheel comes to its end.
        number = max(math.ceil(max(deadline, 0.0) / self._step_s), self._passed + 1) if deadline < math.inf else None
        if number == link.slot:
            return
        if link.slot is not None:
            self._slots.get(link.slot, {}).pop(link, None)
        link.slot = number
        if number is None:
            return
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = {}
            heapq.heappush(self._numbers, number)
            if self._numbers[0] == number:
                self._arm()
        slot[link] = None

    def stop(self) -> None:
        """Call no more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        self._slots.clear()
        self._numbers.clear()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._numbers and not self._stopped:
            wait = self._numbers[0] * self._step_s - self._clock()
            self._timer = asyncio.get_running_loop().call_later(max(0.0, wait), self._turn)

    def _turn(self) -> None:
        now = self._clock()
        while self._numbers and self._numbers[0] * self._step_s <= now:
            self._passed = heapq.heappop(self._numbers)
            for link in self._slots.pop(self._passed):
                link.slot = None
                self._due(link, now)
        self._arm()


class Link:
    """A session, the program that it carries, and the turn in which its messages are worked off."""

    __slots__ = ("_server", "address", "program", "session", "slot", "turn")

    def __init__(self, server: EngineServer, request: HTTPServerRequest, now: float) -> None:
        self._server = server
        info = request_info(request)
        self.address = info.address
        self.session = EngineSession(secrets.token_urlsafe(15), server.settings, self)
        self.program = server.connect(self.session, info, now)
        self.turn = asyncio.Lock()
        self.slot: int | None = None

    async def deliver(self, message: str | bytes) -> None:
        """Let the program work off one message, unless the session ended meanwhile."""
        async with self.turn:
            if not self.session.alive:
                return
            try:
                await self.program.message(message)
            except Exception:
                log.exception("a program failed over a message; its session ends")
                self.session.fail("server error")

    def settled(self) -> None:
        """Something happened to the session: the server forgets it or knows its deadline."""
        self._server.settled(self)

    # What the session says

    def flush_due(self) -> None:
        """Flush at the end of this turn of the loop, so that what one turn brings goes out together."""
        asyncio.get_running_loop().call_soon(self.session.flush)

    def drained(self) -> None:
        """The client has taken what waited."""
        self.program.drained()

    def upgraded(self) -> None:
        """The client has moved from polling to its WebSocket."""
        self.program.upgraded()

    def closed(self, reason: str) -> None:
        """The session is over; a fault of the application in its farewell stays its own."""
        try:
            self.program.closed(reason)
        except Exception:
            log.exception("a program failed over the end of its session")
        self.settled()


class EngineServer:
    """The sessions of one process. ``admits`` judges every request before anything else looks at it.

    ``spend`` is called with each request that would open a session, and may raise :class:`Refused`. ``held`` bounds
    what unfinished messages cost. ``clock`` gives seconds and never goes back.
    """

    def __init__(
        self,
        connect: Connect,
        settings: EngineSettings,
        *,
        admits: Admits = lambda request: True,
        spend: Spend = lambda request: None,
        held: Held | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.connect = connect
        self.held = held or Held()
        self.settings = settings
        self.now = clock
        self.admits = admits
        self._spend = spend
        self._crowd: Crowd[Link] = Crowd(settings.max_polling, settings.max_polling_of_address)
        self._links: dict[str, Link] = {}
        self._wheel = Wheel(min(LONGEST_STEP_S, settings.ping_timeout_s / STEPS), clock, self._due)
        self.stopping = False

    def __len__(self) -> int:
        return len(self._links)

    def link_of(self, request: HTTPServerRequest, *, upgrade: bool) -> Link | None:
        """The session that a request belongs to; None for one that may open a session. Raises :class:`Refused`."""
        if not self.admits(request):
            raise Refused(Refusal.FORBIDDEN)
        query = query_of(request)
        transport = query.get("transport")
        if transport not in ("polling", "websocket"):
            raise Refused(Refusal.TRANSPORT_UNKNOWN)
        sid = query.get("sid")
        link = self._known(sid) if sid else None
        if link is None and request.method != "GET":
            raise Refused(Refusal.BAD_METHOD)
        if upgrade != (transport == "websocket"):
            raise Refused(Refusal.BAD_REQUEST)
        if query.get("EIO") != "4":
            raise Refused(Refusal.VERSION_UNSUPPORTED)
        if link is None:
            self._let_in(request, upgrade)
        return link

    def open_polling(self, request: HTTPServerRequest, poll: Poll) -> Link:
        """Begin a session with a GET."""
        link = self._open(request)
        link.session.open_polling(poll, self.now())
        link.settled()
        return link

    def open_websocket(self, request: HTTPServerRequest, websocket: WebSocket) -> Link:
        """Begin a session with a WebSocket."""
        link = self._open(request)
        link.session.open_websocket(websocket, self.now())
        link.settled()
        return link

    def settled(self, link: Link) -> None:
        """Forget a session that is over, and know when any other is due."""
        if link.session.state is State.CLOSED:
            self._links.pop(link.session.sid, None)
        self._crowd.look(link)
        self._wheel.place(link, link.session.deadline)

    def close(self) -> None:
        """End every session, so that its client comes back later; open no other."""
        self.stopping = True
        for link in list(self._links.values()):
            link.session.close()
        self._wheel.stop()

    def _let_in(self, request: HTTPServerRequest, upgrade: bool) -> None:
        """Let a request open a session. What it costs is spent before the session exists. Raises :class:`Refused`."""
        if self.stopping:
            raise Refused(Refusal.FULL)
        self._spend(request)
        leaver = None if upgrade else self._crowd.leaver_for(address_of(request))
        if leaver is not None:
            leaver.session.fail("forced close")
            leaver.settled()

    def _open(self, request: HTTPServerRequest) -> Link:
        link = Link(self, request, self.now())
        self._links[link.session.sid] = link
        return link

    def _known(self, sid: str) -> Link:
        link = self._links.get(sid)
        if link is not None:
            self._due(link, self.now())  # the wheel comes up to a step late, a client on time
        if link is None or link.session.state is State.CLOSED:
            raise Refused(Refusal.SESSION_UNKNOWN)
        return link

    def _due(self, link: Link, now: float) -> None:
        link.session.tick(now)
        link.settled()


def address_of(request: HTTPServerRequest) -> str:
    """The client's address as limits know it."""
    return address_key(request.remote_ip or "0.0.0.0")


def query_of(request: HTTPServerRequest) -> dict[str, str]:
    """The query of a request, the last value of each name."""
    return {name: values[-1].decode("utf-8", "replace") for name, values in request.query_arguments.items() if values}


def request_info(request: HTTPServerRequest) -> RequestInfo:
    """What programs get to know of the request that opened a session."""
    return RequestInfo(address_of(request), request.headers, query_of(request))
