"""What every handler shares: request ids, admission, origins, problems as answers, JSON in and out."""

from __future__ import annotations

import functools
import itertools
import logging
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

import msgspec
from tornado.httputil import HTTPHeaders, format_timestamp
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler

from handlers.access import Access, Gate, Presented
from handlers.browsers import BrowserHandler
from handlers.decoding import convert, decode, decoder_of
from handlers.http_exchange import Exchange
from handlers.http_parser import BodyRule, HttpLimits
from handlers.reading import Reading
from replyx.auth import AccountActor, Actor, VisitorActor
from replyx.errors import (
    Forbidden,
    InternalError,
    Malformed,
    MethodNotAllowed,
    NotFound,
    Problem,
    Stopping,
    UnsupportedMediaType,
    UpgradeRequired,
)
from replyx.limits import address_key
from replyx.process import logs
from replyx.services import Services

log = logging.getLogger("replyx.handlers")

S = TypeVar("S", bound=msgspec.Struct)

HEADERS = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
REQUESTS = itertools.count(secrets.randbits(60))  # names of requests: no secret, and none twice in the logs
DIALOG_PATH = re.compile(r"/(api|ws)/(?:site/|widget/)?dialogs/([0-9]+)(/.*)?")


@dataclass(frozen=True)
class Operation:
    """What one method of one route takes and gives: the source of validation and of ``/openapi.json``."""

    summary: str
    body: type[msgspec.Struct] | None = None
    query: type[msgspec.Struct] | None = None
    answers: dict[int, Any] = field(default_factory=dict)
    problems: tuple[type[Problem], ...] = ()
    media_type: str = "application/json"
    access: Access | None = None


Method = Callable[..., Awaitable[object]]
Handled = Callable[..., Awaitable[None]]


def operation(
    summary: str,
    *,
    body: type[msgspec.Struct] | None = None,
    query: type[msgspec.Struct] | None = None,
    answers: dict[int, Any] | None = None,
    problems: tuple[type[Problem], ...] = (),
    media_type: str = "application/json",
    access: Access | None = None,
) -> Callable[[Method], Handled]:
    """Declare a method of a handler.

    The method is called with the path's numbers and tokens, then the decoded query and body where they are declared.
    What it returns is the answer; the first of ``answers`` is its status unless the method sets another.
    """
    declared = Operation(summary, body, query, answers or {204: None}, problems, media_type, access)

    def decorate(method: Method) -> Handled:
        @functools.wraps(method)
        async def call(self: Handler, *path: str, **tokens: str) -> None:
            arguments: list[object] = [*map(int, path), *tokens.values()]
            if query is not None:
                arguments.append(self.query(query))
            if body is not None:
                arguments.append(self.body(body))
            self.set_status(next(iter(declared.answers)))
            answer = await method(self, *arguments)
            if not self._finished:
                self.answer(answer)

        call.operation = declared  # type: ignore[attr-defined]
        return call

    return decorate


class Handler(BrowserHandler):
    """A route's handler. ``access`` comes from the route table; ``actor`` is set once the request was admitted."""

    gate: Gate
    actor: Actor | None = None
    request_id: str = ""
    counts_reads = True  # monitors and what has rules of its own do not
    reading: Reading | None = None

    def initialize(self, services: Services, gate: Gate, access: Access) -> None:
        """Tornado's hook before each request."""
        self.services = services
        self.gate = gate
        self.access = access

    def clear(self) -> None:
        """Begin an answer, or begin it anew for a refusal, with the headers that every answer has.

        All at once, in 3 µs: Tornado's own, with a call per header and a date made for each request, takes 9.
        """
        self.request_id = self.request_id or f"{next(REQUESTS):016x}"
        date = http_date(int(time.time()))
        self._headers = HTTPHeaders({**HEADERS, "Date": date, "X-Request-Id": self.request_id})
        self._write_buffer = []
        self.set_status(200)
        if self.allowed_origin is not None:
            self.allow_origin(self.allowed_origin)

    async def prepare(self) -> None:
        """Admit the request or refuse it, before its body is looked at."""
        if self.services.streams.stopping:
            raise Stopping("The server is restarting. Try again.", retry_after=2)
        if self.request.method == "OPTIONS":
            return
        await self.admit()

    async def admit(self) -> None:
        """Find the actor and check where the call comes from. Raises the problem that refuses it."""
        presented = Presented(self.request)
        self.check_origin_of(None, certain=False)
        access = self.rule()
        try:
            if self.counts_reads and self.request.method in ("GET", "HEAD"):
                self.reading = Reading(self.services.limits, self.address, self.now)
            actor = await self.gate.admit(access, presented, self, self.now)
        except Problem:
            self.show_refusal_to_page()
            raise
        self.check_origin_of(actor, certain=access is not Access.WIDGET)
        if isinstance(actor, AccountActor) and presented.by_cookie and self.request.method not in ("GET", "HEAD"):
            self.check_xsrf()
        if self.reading is not None:
            self.reading.by(actor, self.now)
        self.actor = replace(actor, address=self.address) if isinstance(actor, VisitorActor) else actor

    def rule(self) -> Access:
        """Who may call this method: its own declaration, else the route's."""
        method = "get" if self.request.method == "HEAD" else (self.request.method or "").lower()
        declared = getattr(getattr(self, method, None), "operation", None)
        return (declared.access if declared else None) or self.access

    async def presented_account(self) -> AccountActor | None:
        """On a route for anyone, the account whose credential came along, if any; a bad one is refused."""
        presented = Presented(self.request)
        if presented.token is None and presented.cookie is None:
            return None
        actor = await self.gate.admit(Access.ACCOUNT, presented, self, self.now)
        if presented.by_cookie and self.request.method not in ("GET", "HEAD"):
            self.check_xsrf()
        assert isinstance(actor, AccountActor)
        return actor

    # Who and where from

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self.services.clock()

    @property
    def address(self) -> str:
        """The client's address as limits know it."""
        return address_key(self.request.remote_ip or "0.0.0.0")

    @property
    def account(self) -> AccountActor:
        """The actor on routes for accounts."""
        assert isinstance(self.actor, AccountActor)
        return self.actor

    @property
    def speaker(self) -> Actor:
        """The actor on routes that need one."""
        assert self.actor is not None
        return self.actor

    def of(self, way: str) -> str:
        """The address of the same call for another kind of client."""
        match = DIALOG_PATH.fullmatch(self.request.path)
        if match is None:
            return {"operator": "/api/dialogs", "site": "/api/site/session", "widget": "/api/widget/dialogs"}[way]
        tail = match[3] or ""
        prefix = "" if way == "operator" or tail == "/events" else f"{way}/"
        query = {
            "operator": "token=…",
            "site": "site_token=…",
            "widget": "assistant_id=…&guest_id=…",
        }[way]
        return f"/{match[1]}/{prefix}dialogs/{match[2]}{tail}?{query}"

    def limit(self, rule: str, key: str, cost: int = 1) -> None:
        """Spend from a limit. Raises :class:`TooManyRequests`."""
        self.services.limits.spend(rule, key, self.now, cost)

    def spend_send(self) -> None:
        """See :func:`spend_send`."""
        spend_send(self.services, self.speaker, self.address)

    async def head(self, *path: str, **tokens: str) -> None:
        """As GET, whose body Tornado then leaves out (RFC 9110, 9.3.2)."""
        if "HEAD" not in self.methods():
            raise HTTPError(405)
        get: Handled = getattr(type(self), "get")  # noqa: B009 - its type is Tornado's, which need not be awaited
        await get(self, *path, **tokens)

    # JSON in and out

    def query(self, shape: type[S]) -> S:
        """The query string as ``shape``. Raises :class:`Invalid` naming the field that is wrong."""
        return convert({name: self.get_query_argument(name) for name in self.request.query_arguments}, shape)

    def body(self, shape: type[S]) -> S:
        """The JSON body as ``shape``. Raises :class:`Malformed` for what is not JSON, :class:`Invalid` otherwise."""
        content_type = self.request.headers.get("Content-Type", "application/json").partition(";")[0].strip().lower()
        is_json = content_type == "application/json" or content_type.endswith("+json")
        if self.request.body and not is_json:
            raise UnsupportedMediaType(f"Send Content-Type: application/json, not {content_type[:100]}.")
        decoder: msgspec.json.Decoder[S] = decoder_of(shape)
        return decode(self.request.body or b"{}", decoder)

    def incoming(self) -> AsyncIterator[bytes]:
        """The body on a route that takes it as it comes; see :meth:`Exchange.body` for what it raises."""
        connection = self.request.connection
        assert isinstance(connection, Exchange)
        return connection.body()

    def answer(self, body: object) -> None:
        """Finish with ``body`` as JSON, or without one."""
        if body is None:
            self.clear_header("Content-Type")
            self.finish()
        else:
            data = msgspec.json.encode(body)
            if self.reading is not None:
                self.reading.answered(len(data), self.now)
            self.finish(data)

    # Refusals

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with the problem of the exception in ``exc_info``, or of the bare status."""
        problem = self.problem_of(kwargs["exc_info"][1] if "exc_info" in kwargs else None, status_code)
        self.set_status(problem.status)
        self.set_header("Content-Type", "application/problem+json")
        self.set_header("Cache-Control", "no-store")
        if problem.retry_after is not None:
            self.set_header("Retry-After", str(problem.retry_after))
        if isinstance(problem, UpgradeRequired):
            self.set_header("Upgrade", "websocket")  # RFC 9110, 15.5.22
            self.set_header("Connection", "upgrade")  # RFC 9110, 7.8
            self.set_header("Sec-WebSocket-Version", "13")  # RFC 6455, 4.4
        if isinstance(problem, MethodNotAllowed):
            self.set_header("Allow", ", ".join(self.methods()))
        self.finish(msgspec.json.encode(problem.document()))

    def problem_of(self, error: BaseException | None, status: int) -> Problem:
        """The problem that answers ``error``; what the server did not foresee stays in its log."""
        if isinstance(error, Problem):
            return error
        if isinstance(error, HTTPError):
            status = error.status_code
        if status == 404:
            return NotFound(f"There is nothing at {self.request.path[:200]}.")
        if status == 405:
            return MethodNotAllowed(f"{self.request.path[:200]} takes {', '.join(self.methods())}.")
        if status == 403:
            return Forbidden("The request was refused.")
        if 400 <= status < 500:
            return Malformed("The request could not be read.")
        return InternalError(f"The server failed. Its log has more under the request id {self.request_id}.")

    @classmethod
    def methods(cls) -> list[str]:
        """The methods that this handler takes."""
        names = ("get", "post", "put", "patch", "delete")
        found = [name.upper() for name in names if hasattr(getattr(cls, name), "operation")]
        return [*found, *(["HEAD"] if "GET" in found else []), "OPTIONS"]

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log what nobody foresaw; a refusal has its line already."""
        if isinstance(value, Problem | HTTPError | StreamClosedError):
            return  # an answer, or a client that left: the request's own line says what there is to say
        log.error("request %s failed", self.request_id, exc_info=(typ, value, tb))  # type: ignore[arg-type]


@functools.lru_cache(maxsize=2)
def http_date(second: int) -> str:
    """The ``Date`` of an answer (RFC 9110, 5.6.7), made once a second."""
    return format_timestamp(second)


def spend_send(services: Services, actor: Actor, address: str) -> None:
    """Count a message against its speaker, and a visitor's against the address too. Raises :class:`TooManyRequests`."""
    limits, now = services.limits, services.clock()
    if isinstance(actor, VisitorActor):
        limits.spend("visitor_send", str(actor.visitor_id), now)
        limits.spend("address_send", address, now)
    else:
        limits.spend("operator_send", str(actor.account_id), now)


USUAL_BODY = BodyRule(HttpLimits().body_bytes)  # 10,000 characters, each escaped as two \uXXXX, fit
SMALL_BODY = BodyRule(16 * 1024)  # a few short fields; the longest password, each character escaped, fits


class Route(NamedTuple):
    """One line of the route table; ``{name}`` in ``path`` is a whole number, ``{name:token}`` a URL-safe id.

    ``body`` bounds what a request may bring; with ``streams`` the handler takes it by :meth:`Handler.incoming`.
    """

    path: str
    handler: type[Handler]
    access: Access
    body: BodyRule = USUAL_BODY


class NothingHere(Handler):
    """The answer of every address that is not in the route table."""

    async def prepare(self) -> None:
        """Refuse before any credential is looked at."""
        raise NotFound(f"There is nothing at {self.request.path[:200]}.")


def log_request(handler: RequestHandler) -> None:
    """One line for each request, without its query: credentials travel there."""
    if isinstance(handler, Handler):
        handler.services.requests.observe(handler.get_status(), handler.request.request_time())
    logs.request_line(
        request_id=handler.request_id if isinstance(handler, Handler) else "-",
        method=handler.request.method or "-",
        path=handler.request.path,
        status=handler.get_status(),
        ms=handler.request.request_time() * 1000,
        remote_ip=handler.request.remote_ip or "-",
    )
