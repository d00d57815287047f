"""Every credential at every address of a dialog: the right answer, or a problem that names the right address.

The story: a site's widget held a ``site_token``, its socket went to ``/ws/site/…`` and worked, its POST went to
``/api/widget/…`` and ended in ``net::ERR_CONNECTION_RESET``. Visitors could read and not write. So no pairing may
end in anything but a complete answer, and a wrong one must say where the call belongs.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.scenario import (
    EventStream,
    Visitor,
    as_json,
    bad_field,
    closed_with,
    frame,
    guest,
    new_widget,
    problem,
    problem_document,
    raw,
    raw_problem,
    site_visitor,
    socket_of,
    token_of,
)
from tests.server import PASSWORD, Server

TWO_MB = b'{"text": "' + b"x" * 2_000_000 + b'"}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The matrix opens more dialogs than one address may in a minute."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=["--rate-limits", "off"]) as running:
        yield running


@dataclass
class Credential:
    """What a request carries."""

    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Cast:
    """The dialogs of one site visitor and of one guest, and everything that anyone could hold."""

    site: Visitor
    guest: Visitor
    other: Visitor
    held: dict[str, Credential]


@pytest.fixture(scope="module")
def cast(server: Server, http: httpx.Client, boris: httpx.Client) -> Cast:
    """The people of the matrix."""
    token = token_of(boris)
    widget = new_widget(boris, "shoes.example")["token"]
    site, visitor, other = site_visitor(http, widget), guest(http), guest(http)
    session = site.query["site_token"]
    with server.client() as browser:
        browser.get("/admin")
        user = {"email": "manager@example.com", "password": PASSWORD}
        assert browser.post("/admin/session", json=user).status_code == 200
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        panel = Credential(headers={"Cookie": cookie, "X-XSRFToken": browser.cookies["_xsrf"]})
    held = {
        "operator, query": Credential({"token": token}),
        "operator, bearer": Credential(headers={"Authorization": f"Bearer {token}"}),
        "operator, cookie": panel,
        "site session": Credential({"site_token": session}),
        "site session, bearer": Credential(headers={"Authorization": f"Bearer {session}"}),
        "site session, token": Credential({"token": session}),
        "widget token": Credential({"site_token": widget}),
        "widget token and guest": Credential({"site_token": widget, "guest_id": site.guest_id}),
        "assistant and guest": Credential(dict(visitor.query)),
        "assistant": Credential({"assistant_id": "3"}),
        "guest": Credential({"guest_id": visitor.guest_id}),
        "nothing": Credential(),
    }
    return Cast(site, visitor, other, held)


OPERATORS = ("operator, query", "operator, bearer", "operator, cookie")
SITES = ("site session", "site session, bearer", "site session, token", "widget token and guest")
GOOD = "good"
# Who stands at which address: good, or status and what the detail must name ({id} is the dialog, {tail} the call).
AT_OPERATORS = (
    dict.fromkeys(OPERATORS, GOOD)
    | dict.fromkeys((*SITES, "widget token"), (403, "/{root}/site/dialogs/{id}{tail}?site_token="))
    | dict.fromkeys(
        ("assistant and guest", "assistant", "guest"),
        (403, "/{root}/widget/dialogs/{id}{tail}?assistant_id=…&guest_id="),
    )
    | {"nothing": (401, "Bearer")}
)
AT_SITES = (
    dict.fromkeys(SITES, GOOD)
    | dict.fromkeys(OPERATORS, (403, "/{root}/dialogs/{id}{tail}?token="))
    | dict.fromkeys(
        ("assistant and guest", "assistant", "guest"),
        (403, "/{root}/widget/dialogs/{id}{tail}?assistant_id=…&guest_id="),
    )
    | {"widget token": (401, "POST /api/site/session"), "nothing": (401, "POST /api/site/session")}
)
AT_WIDGETS = (
    {"assistant and guest": GOOD}
    | dict.fromkeys(OPERATORS, (403, "/{root}/dialogs/{id}{tail}?token="))
    | dict.fromkeys(("site session", "widget token"), (403, "/{root}/site/dialogs/{id}{tail}?site_token="))
    | dict.fromkeys(SITES[1:3], (403, "/{root}/site/dialogs/{id}{tail}?site_token="))
    | {"widget token and guest": (403, "/{root}/site/dialogs/{id}{tail}?site_token=")}
    | dict.fromkeys(("assistant", "guest", "nothing"), (401, "assistant_id and guest_id"))
)
AT_EVENTS = (
    dict.fromkeys((*OPERATORS, *SITES, "assistant and guest"), GOOD)
    | {"widget token": (401, "POST /api/site/session")}
    | dict.fromkeys(("assistant", "guest"), (401, "assistant_id and guest_id"))
    | {"nothing": (401, "")}
)
ADDRESSES = {"": AT_OPERATORS, "site/": AT_SITES, "widget/": AT_WIDGETS}
CALLS: dict[str, tuple[str, object, int]] = {
    "history": ("GET /messages", None, 200),
    "send": ("POST /messages", {"text": "Тест"}, 201),
    "typing": ("POST /typing", {"typing": True}, 204),
    "read": ("POST /read", {}, 200),
}
MATRIX = [
    pytest.param(prefix, who, verdict, id=f"{who} at {prefix or 'operators'}")
    for prefix, verdicts in ADDRESSES.items()
    for who, verdict in verdicts.items()
]


def own_dialog(cast: Cast, who: str) -> int:
    """The dialog that belongs to a credential."""
    return (cast.site if "site" in who or "widget" in who else cast.guest).dialog_id


def named(detail: str, words: str, root: str, dialog_id: int, tail: str) -> bool:
    """Whether a problem's detail says what it must."""
    return words.replace("{root}", root).replace("{id}", str(dialog_id)).replace("{tail}", tail) in detail


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("prefix", "who", "verdict"), MATRIX)
def test_a_call_is_served_or_sent_to_its_address(
    http: httpx.Client, cast: Cast, prefix: str, who: str, verdict: tuple[int, str] | str, call: str
) -> None:
    credential, dialog_id = cast.held[who], own_dialog(cast, who)
    line, body, good = CALLS[call]
    method, tail = line.split(" ")
    url = f"/api/{prefix}dialogs/{dialog_id}{tail}"
    answer = http.request(method, url, params=credential.query, headers=credential.headers, json=body)
    if isinstance(verdict, str):
        assert answer.status_code == good, answer.text
    else:
        detail = problem(answer, verdict[0])["detail"]
        assert named(detail, verdict[1], "api", dialog_id, tail), detail


@pytest.mark.parametrize(("who", "verdict"), AT_EVENTS.items())
def test_the_events_have_one_address_for_all(
    server: Server, cast: Cast, who: str, verdict: tuple[int, str] | str
) -> None:
    credential, dialog_id = cast.held[who], own_dialog(cast, who)
    with EventStream(server, f"/api/dialogs/{dialog_id}/events", credential.query, credential.headers) as stream:
        if isinstance(verdict, str):
            assert stream.answer.status_code == 200, stream.answer.text
            assert (stream.retry, stream.comments) == (5000, ["heartbeat"])
            assert stream.last_id
        else:
            assert verdict[1] in problem(stream.answer, verdict[0])["detail"]


@pytest.mark.parametrize(("prefix", "who", "verdict"), MATRIX)
def test_a_socket_is_served_or_told_its_address(
    server: Server, cast: Cast, prefix: str, who: str, verdict: tuple[int, str] | str
) -> None:
    """A browser cannot read a refused handshake, so the refusal is a frame and a close code."""
    credential, dialog_id = cast.held[who], own_dialog(cast, who)
    path = f"/ws/{prefix}dialogs/{dialog_id}?{httpx.QueryParams(credential.query)}"
    with socket_of(server, path, additional_headers=credential.headers) as connection:
        first = frame(connection)
        if isinstance(verdict, str):
            assert (first["type"], first["dialog_id"]) == ("connected", dialog_id)
            return
        assert first["type"] == "error"
        assert named(first["detail"], verdict[1], "ws", dialog_id, ""), first
        assert closed_with(connection) == 4000 + verdict[0]


def test_with_both_credentials_of_a_visitor_each_address_takes_its_own(http: httpx.Client, cast: Cast) -> None:
    both = {**cast.site.query, **cast.guest.query}
    for prefix, visitor in (("site/", cast.site), ("widget/", cast.guest)):
        for line, body, good in CALLS.values():
            method, tail = line.split(" ")
            answer = http.request(method, f"/api/{prefix}dialogs/{visitor.dialog_id}{tail}", params=both, json=body)
            assert answer.status_code == good, answer.text
    problem(http.get(f"/api/dialogs/{cast.site.dialog_id}/messages", params=both), 403, "wrong_endpoint")


@pytest.mark.parametrize("who", [*SITES, "assistant and guest"])
def test_another_visitors_dialog_is_not_there(server: Server, http: httpx.Client, cast: Cast, who: str) -> None:
    credential = cast.held[who]
    prefix = "widget/" if who == "assistant and guest" else "site/"
    for dialog_id in (cast.other.dialog_id, 999_999):
        for line, body, _ in CALLS.values():
            method, tail = line.split(" ")
            url = f"/api/{prefix}dialogs/{dialog_id}{tail}"
            answer = http.request(method, url, params=credential.query, headers=credential.headers, json=body)
            problem(answer, 404, "dialog_not_found")
        with EventStream(server, f"/api/dialogs/{dialog_id}/events", credential.query, credential.headers) as stream:
            problem(stream.answer, 404, "dialog_not_found")
        path = f"/ws/{prefix}dialogs/{dialog_id}?{httpx.QueryParams(credential.query)}"
        with socket_of(server, path, additional_headers=credential.headers) as connection:
            assert frame(connection)["code"] == "dialog_not_found"
            assert closed_with(connection) == 4404
    history = as_json(http.get(cast.other.url(), params=dict(cast.other.query)))
    assert history["items"] == []


def test_a_guest_of_one_assistant_is_a_stranger_to_another(http: httpx.Client, cast: Cast) -> None:
    query = {"assistant_id": "2", "guest_id": cast.guest.guest_id}
    problem(http.get(cast.guest.url(), params=query), 404, "dialog_not_found")
    for wrong in ("abc", "-1", "1e1", "9" * 40, ""):
        answer = http.get(cast.guest.url(), params=query | {"assistant_id": wrong})
        bad_field(answer, "assistant_id")


def url_of(cast: Cast, place: str) -> str:
    """An address with the credential that fits, or none, as a request line's target."""
    prefix, _, tail = place.rpartition("dialogs")
    visitor = cast.site if "site" in prefix else cast.guest
    held = visitor.query if "site" in prefix or "widget" in prefix else cast.held["operator, query"].query
    query = dict(held)
    return f"{prefix}dialogs/{visitor.dialog_id}{tail}?{httpx.QueryParams(query)}"


PLACES = [
    *(f"/api/{prefix}dialogs/{tail}" for prefix in ADDRESSES for tail in ("messages", "typing", "read")),
    "/api/dialogs/events",
    *(f"/ws/{prefix}dialogs" for prefix in ADDRESSES),
]


@pytest.fixture(scope="module")
def big_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two megabytes of JSON."""
    path = tmp_path_factory.mktemp("body") / "big.json"
    path.write_bytes(TWO_MB)
    return path


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("expect", ["", "-H 'Expect: 100-continue'", "-H 'Expect:'"])
def test_curl_gets_a_complete_refusal_of_two_megabytes(
    server: Server, cast: Cast, big_file: Path, place: str, expect: str
) -> None:
    url = server.url + url_of(cast, place)
    line = f"curl -sS -i --http1.1 {expect} -H 'Content-Type: application/json' --data-binary @{big_file} '{url}'"
    ran = subprocess.run(["bash", "-c", line], capture_output=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")
    head, _, body = ran.stdout.rpartition(b"\r\n\r\n")
    assert b"413 Request Entity Too Large" in head
    problem_document(body, 413, "body_too_large")


def posted(target: str, size: int, *fields: str) -> bytes:
    """The head of a POST."""
    lines = [f"POST {target} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *fields]
    return "\r\n".join([*lines, f"Content-Length: {size}", "", ""]).encode()


@pytest.mark.parametrize("place", PLACES)
def test_who_sends_two_megabytes_before_reading_is_answered_and_not_reset(
    server: Server, cast: Cast, place: str
) -> None:
    head = posted(url_of(cast, place), len(TWO_MB))
    raw_problem(raw(server, head, TWO_MB), 413, "body_too_large")


@pytest.mark.parametrize("place", PLACES)
def test_who_asks_before_sending_two_megabytes_is_spared_them(server: Server, cast: Cast, place: str) -> None:
    head = posted(url_of(cast, place), len(TWO_MB), "Expect: 100-continue")
    raw_problem(raw(server, head), 413, "body_too_large")


@pytest.mark.parametrize("place", PLACES)
def test_two_megabytes_in_chunks_are_refused_as_well(server: Server, cast: Cast, place: str) -> None:
    head = f"POST {url_of(cast, place)} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (TWO_MB[:1_000_000], TWO_MB[1_000_000:]))
    raw_problem(raw(server, head, chunks + b"0\r\n\r\n"), 413, "body_too_large")


def ask_as_curl(server: Server, target: str, body: bytes) -> tuple[int, bytes]:
    """POST with curl."""
    line = (
        f"curl -sS -w '\\n%{{http_code}}' -H 'Content-Type: application/json' --data-binary @- '{server.url}{target}'"
    )
    ran = subprocess.run(["bash", "-c", line], input=body, capture_output=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")
    answer, _, status = ran.stdout.rpartition(b"\n")
    return int(status), answer


def ask_raw(server: Server, target: str, body: bytes) -> tuple[int, bytes]:
    """POST over a socket, the whole body before the first byte of the answer is read."""
    answer = raw(server, posted(target, len(body)), body)
    return answer.status, answer.body


@pytest.mark.parametrize("ask", [ask_as_curl, ask_raw], ids=["curl", "socket"])
@pytest.mark.parametrize("prefix", ADDRESSES)
def test_a_refusal_of_the_credential_is_complete_although_its_body_is_not_read(
    server: Server, cast: Cast, prefix: str, ask: Callable[[Server, str, bytes], tuple[int, bytes]]
) -> None:
    body = json.dumps({"text": "x" * 200_000}).encode()
    refused = {who: verdict[0] for who, verdict in ADDRESSES[prefix].items() if isinstance(verdict, tuple)}
    assert refused
    for who, status in refused.items():
        if cast.held[who].headers:
            continue
        target = f"/api/{prefix}dialogs/{own_dialog(cast, who)}/messages?{httpx.QueryParams(cast.held[who].query)}"
        answered, document = ask(server, target, body)
        assert answered == status
        problem_document(document, status)


def test_the_incidents_own_line_is_answered(server: Server, cast: Cast) -> None:
    """What the widget of that day sent: its guest's id at the widget's address, and a body."""
    query = httpx.QueryParams(dict(cast.guest.query))
    target = f"/api/widget/dialogs/{cast.guest.dialog_id}/messages?{query}"
    status, body = ask_as_curl(server, target, b'{"text": "hello"}')
    assert (status, json.loads(body)["message"]["text"]) == (201, "hello")
