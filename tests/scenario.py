"""Who takes part in the API tests, what they hear, and what a refusal looks like.

Every visitor is new and has a dialog of her own, so that no test sees another's traces.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, TypeVar

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.server import Server
from tests.stored import stored

T = TypeVar("T")
Json = dict[str, Any]

# How long something that must happen may take on a busy machine. Nothing waits this long when all is well.
PATIENCE_S = 15.0

ASSISTANT = 3

AHEAD = 100  # requests of a flood on their way at once; their answers fit into the buffers between both sides


@dataclass(frozen=True)
class Visitor:
    """A visitor with a dialog of her own; ``query`` is her whole credential at the addresses of her ``way``."""

    way: Literal["site", "widget"]
    dialog_id: int
    guest_id: str
    query: Mapping[str, str]
    cursor: str

    def url(self, tail: str = "messages") -> str:
        """An address of her dialog."""
        return f"/api/{self.way}/dialogs/{self.dialog_id}/{tail}"

    def ws(self) -> str:
        """The address of her socket, with her credential."""
        return f"/ws/{self.way}/dialogs/{self.dialog_id}?{httpx.QueryParams(dict(self.query))}"

    def say(self, http: httpx.Client, text: str, **fields: object) -> Json:
        """Send a message and return its answer."""
        answer = http.post(self.url(), params=dict(self.query), json={"text": text, **fields})
        assert answer.status_code in (200, 201), answer.text
        return as_json(answer)


def operator(server: Server, email: str = "admin@example.com") -> httpx.Client:
    """An HTTP client that is logged in with a bearer token."""
    return server.client(headers={"Authorization": f"Bearer {server.login(email)}"})


def token_of(person: httpx.Client) -> str:
    """The access token that ``person`` is logged in with."""
    return person.headers["Authorization"].removeprefix("Bearer ")


def guest(http: httpx.Client, assistant_id: int = ASSISTANT) -> Visitor:
    """A new visitor who turned to an assistant."""
    guest_id = str(uuid.uuid4())
    answer = http.post("/api/widget/dialogs", json={"assistant_id": assistant_id, "guest_id": guest_id})
    assert answer.status_code == 200, answer.text
    opened = as_json(answer)
    query = {"assistant_id": str(assistant_id), "guest_id": guest_id}
    return Visitor("widget", opened["dialog"]["id"], guest_id, query, opened["cursor"])


def site_visitor(http: httpx.Client, widget_token: str) -> Visitor:
    """A new visitor of a site that shows the widget."""
    answer = http.post("/api/site/session", params={"site_token": widget_token}, json={})
    assert answer.status_code == 200, answer.text
    opened = as_json(answer)
    query = {"site_token": opened["site_token"]}
    return Visitor("site", opened["dialog"]["id"], opened["guest_id"], query, opened["cursor"])


def new_widget(boris: httpx.Client, *domains: str, assistant_id: int = ASSISTANT, **fields: object) -> Json:
    """A widget made for one test."""
    answer = boris.post("/api/widgets", json={"assistant_id": assistant_id, "allowed_domains": list(domains), **fields})
    assert answer.status_code == 201, answer.text
    return as_json(answer)


def as_json(answer: httpx.Response) -> Json:
    """The answer's object."""
    body = answer.json()
    assert isinstance(body, dict)
    return body


def problem(answer: httpx.Response, status: int, code: str | None = None) -> Json:
    """The problem that an answer must be (RFC 9457), complete and of the right media type."""
    assert answer.status_code == status, f"{answer.request.method} {answer.request.url.path}: {answer.text[:500]}"
    assert answer.headers["content-type"] == "application/problem+json"
    if "content-length" in answer.headers:
        assert int(answer.headers["content-length"]) == len(answer.content)
    return problem_document(answer.content, status, code)


def problem_document(body: bytes | bytearray, status: int, code: str | None = None) -> Json:
    """The members that every problem has."""
    document = json.loads(body)
    assert isinstance(document, dict)
    for member in ("type", "title", "detail", "code"):
        assert isinstance(document.get(member), str), document
        assert document[member], document
    assert document["status"] == status, document
    assert document["type"].endswith(f"#{document['code']}"), document
    if code is not None:
        assert document["code"] == code, document
    assert "Traceback" not in body.decode()
    return document


def bad_field(answer: httpx.Response, field: str) -> None:
    """A 422 that names the wrong field."""
    document = problem(answer, 422, "invalid")
    named = [error["field"] for error in document["errors"]]
    assert field in named, document


@dataclass(frozen=True)
class Event:
    """One event of an SSE stream."""

    id: str | None
    data: Json


class EventStream:
    """An SSE connection as a browser has it. ``retry`` and ``last_id`` are what the server said last."""

    def __init__(
        self,
        server: Server,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._http = httpx.Client(base_url=server.url, timeout=PATIENCE_S)
        self._exit = contextlib.ExitStack()
        self._exit.callback(self._http.close)
        request = self._http.stream("GET", path, params=dict(params) if params else None, headers=dict(headers or {}))
        self.answer = self._exit.enter_context(request)
        self.retry: int | None = None
        self.last_id: str | None = None
        self.comments: list[str] = []
        if self.answer.status_code != 200:
            self.answer.read()
            return
        assert self.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        self._lines = _lines(self.answer)
        for line in self._lines:  # the opening block
            if not line:
                break
            self._field(line)

    def __iter__(self) -> Iterator[Event]:
        data, event_id = "", None
        for line in self._lines:
            if not line:
                if data:
                    yield Event(event_id, json.loads(data))
                data, event_id = "", None
                continue
            name, _, value = line.partition(": ")
            assert name in ("", "id", "data", "retry", ": heartbeat"), line
            self._field(line)
            data, event_id = (value if name == "data" else data), (value if name == "id" else event_id)

    def next(self) -> Event:
        """The next event."""
        return next(iter(self))

    def until(self, last: Callable[[Json], bool]) -> list[Event]:
        """The events up to and with the one that ``last`` knows."""
        found = []
        for event in self:
            found.append(event)
            if last(event.data):
                return found
        raise AssertionError(f"the stream ended after {found}")

    def rest(self) -> list[Event]:
        """Everything up to the stream's end; fails if it does not end."""
        return list(self)

    def _field(self, line: str) -> None:
        name, _, value = line.partition(": ")
        if name == "":
            self.comments.append(value)
        elif name == "retry":
            self.retry = int(value)
        elif name == "id":
            self.last_id = value

    def __enter__(self) -> EventStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()


def _lines(answer: httpx.Response) -> Iterator[str]:
    """Lines as the SSE format has them; Python's own splitting would also break at U+2028 and U+0085."""
    rest = b""
    for data in answer.iter_raw():
        *complete, rest = (rest + data).split(b"\n")
        yield from (line.decode() for line in complete)


@contextlib.contextmanager
def hearing(server: Server, boris: httpx.Client, dialog_id: int) -> Iterator[list[Json]]:
    """Fills the list with every event that operators hear in a dialog during the block, and nothing else.

    A typing notice after the block marks its end, so nobody waits for what must not come. Of several processes the one
    with the stream may hear of the notice first, so all of them hear the block's events before.
    """
    heard: list[Json] = []
    headers = {"Authorization": boris.headers["Authorization"]}
    with EventStream(server, f"/api/dialogs/{dialog_id}/events", headers=headers) as stream:
        yield heard
        settle(server)
        assert boris.post(f"/api/dialogs/{dialog_id}/typing", json={"typing": False}).status_code == 204
        events = stream.until(lambda data: data["type"] == "typing_stop" and data["sender"] == "manager")
        heard += [event.data for event in events[:-1]]


def socket_of(server: Server, path: str, **options: Any) -> ClientConnection:
    """A WebSocket to the server."""
    options = {"proxy": None, "compression": None, "open_timeout": PATIENCE_S, "close_timeout": PATIENCE_S, **options}
    connection: ClientConnection = connect(server.ws_url + path, **options)
    return connection


def frame(connection: ClientConnection) -> Json:
    """The next frame of a socket."""
    received = json.loads(connection.recv(PATIENCE_S))
    assert isinstance(received, dict)
    return received


def frame_of(connection: ClientConnection, kind: str) -> Json:
    """The next frame of a type, past any others."""
    while True:
        received = frame(connection)
        if received["type"] == kind:
            return received


def tell(bot: httpx.Client, kind: str, **data: object) -> None:
    """Broadcast as ``bot``, who has the secret in its headers, and be answered."""
    answer = bot.post("/api/internal/broadcast", json={"type": kind, **data})
    assert answer.status_code == 200, answer.text
    assert as_json(answer) == {"success": True, "message": "Broadcast sent", "type": kind}


def closed_with(connection: ClientConnection) -> int:
    """The code with which the server closes a socket, past whatever it still says."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            connection.recv(PATIENCE_S)
    assert connection.close_code not in (None, 1006), "the connection was cut, not closed"
    return int(connection.close_code or 0)


@dataclass(frozen=True)
class RawAnswer:
    """An HTTP answer as it came over a raw socket."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def raw(server: Server, *chunks: bytes, finish: bool = False) -> RawAnswer:
    """Send bytes, all of them, and then read one complete answer. A reset connection is an error here.

    ``finish`` closes the sending side, as a client does that has no more to say.
    """
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S * 2) as connection:
        for chunk in chunks:
            connection.sendall(chunk)
        if finish:
            connection.shutdown(socket.SHUT_WR)
        return read_answer(connection)


def flood(request: httpx.Request) -> Iterator[RawAnswer]:
    """The answers to ``request``, which is sent again and again over one connection, ahead of its answers.

    A limit refills while it is spent: a client that waited for each answer might never reach its end.
    """
    path, lines = request.url.raw_path, [b"%s: %s\r\n" % header for header in request.headers.raw]
    repeated = b"%s %s HTTP/1.1\r\n%s\r\n%s" % (request.method.encode(), path, b"".join(lines), request.read())
    address = (request.url.host, request.url.port or 80)
    with socket.create_connection(address, timeout=PATIENCE_S) as connection, connection.makefile("rb") as answers:
        while True:
            connection.sendall(repeated * AHEAD)
            for _ in range(AHEAD):
                first, *fields = iter(answers.readline, b"\r\n")
                headers = {name.lower(): value for name, value in (field.decode().split(": ", 1) for field in fields)}
                headers = {name: value.strip() for name, value in headers.items()}
                body = answers.read(int(headers.get("content-length", 0)))
                yield RawAnswer(int(first.split()[1]), headers, body)


def too_many(request: httpx.Request) -> None:
    """Repeat ``request`` until it is refused for their number, with the time to wait."""
    answers = (answer for answer in itertools.islice(flood(request), 20_000) if answer.status == 429)
    refused = next(answers)
    raw_problem(refused, 429, "too_many_requests")
    assert int(refused.headers["retry-after"]) >= 1


def read_answer(connection: socket.socket) -> RawAnswer:
    """One complete answer with a Content-Length."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection, received)
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += _more(connection, received)
    return RawAnswer(int(first.split(" ")[1]), headers, body)


def _more(connection: socket.socket, before: bytes) -> bytes:
    data = connection.recv(65536)
    assert data, f"the connection ended inside an answer: {before[-300:]!r}"
    return data


def raw_problem(answer: RawAnswer, status: int, code: str | None = None) -> Json:
    """As :func:`problem`."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    return problem_document(answer.body, status, code)


def settle(server: Server) -> None:
    """Wait until every process of a server of several has told its clients what is in the log by now."""
    if len(server.processes) == 1:
        return
    with stored(server.data_dir) as rows:
        (top,) = rows.execute("SELECT top FROM counter").fetchone()
    for process in server.processes:
        eventually(lambda port=process.port: _place_of(port) >= top, "a process is where the log is")  # type: ignore[misc]


def _place_of(port: int) -> int:
    """The id of the event up to which the process at ``port`` has told its clients everything."""
    with connect(f"ws://127.0.0.1:{port}/ws", proxy=None, compression=None) as connection:
        return int(frame(connection)["cursor"].rpartition("-")[2])


def eventually(find: Callable[[], T | None], what: str, patience_s: float = PATIENCE_S) -> T:
    """What ``find`` finds, as soon as it finds something that is not false."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        found = find()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"never came: {what}")
