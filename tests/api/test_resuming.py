"""Coming back with a cursor, in whatever way a client says so: nothing is missed in silence."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.scenario import EventStream, Visitor, frame, frame_of, problem, socket_of
from tests.server import Server

SPELLINGS = (
    *("cursor", "Cursor", "last_event_id", "lastEventId", "lasteventid", "lastEventID", "LastEventId"),
    *("Last-Event-ID", "last-event-id", "LAST_EVENT_ID", "evs_last_event_id"),
)
UNKNOWN = (
    *("lastEvent", "eventId", "event_id", "last_id", "lastId", "since", "after", "from", "offset", "resume_from"),
    *("cursors", "startCursor", "last-seen", "last_message_id", "position"),
)


def missed(http: httpx.Client, anna: Visitor) -> str:
    """A cursor from before a message."""
    cursor: str = http.get(anna.url(), params=dict(anna.query)).json()["cursor"]
    anna.say(http, "missed")
    return cursor


def url(anna: Visitor, query: str) -> str:
    return f"/api/dialogs/{anna.dialog_id}/events?{httpx.QueryParams(dict(anna.query))}&{query}"


@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_in_use_is_understood(server: Server, http: httpx.Client, anna: Visitor, name: str) -> None:
    cursor = missed(http, anna)
    with EventStream(server, url(anna, f"{name}={cursor}")) as stream:
        assert stream.next().data["message"]["text"] == "missed"
    with socket_of(server, f"{anna.ws()}&{name}={cursor}") as connection:
        assert frame_of(connection, "message:new")["message"]["text"] == "missed"


@pytest.mark.parametrize(
    "query", ["cursor=x&cursor={}", "lastEventId=1&cursor={}", "cursor=7&last_event_id={}&cursor="]
)
def test_of_several_the_last_counts(server: Server, http: httpx.Client, anna: Visitor, query: str) -> None:
    query = query.format(missed(http, anna))
    with EventStream(server, url(anna, query)) as stream:
        assert stream.next().data["message"]["text"] == "missed"
    with socket_of(server, f"{anna.ws()}&{query}") as connection:
        assert frame_of(connection, "message:new")["message"]["text"] == "missed"


def test_a_browsers_header_is_newer_than_its_address(server: Server, http: httpx.Client, anna: Visitor) -> None:
    old = missed(http, anna)
    new = missed(http, anna)
    with EventStream(server, url(anna, f"lastEventId={old}"), headers={"Last-Event-ID": new}) as stream:
        assert stream.next().id != str(int(old.rpartition("-")[2]) + 1)
        assert stream.last_id != old
    with EventStream(server, url(anna, f"lastEventId={old}"), headers={"Last-Event-ID": ""}) as stream:
        assert stream.next().data["message"]["text"] == "missed"


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_can_only_be_meant_as_a_cursor_is_refused(server: Server, anna: Visitor, name: str) -> None:
    with EventStream(server, url(anna, f"{name}=120")) as stream:
        document = problem(stream.answer, 400, "cursor_malformed")
        assert name in document["detail"]
        assert "last_event_id" in document["detail"]
    with socket_of(server, f"{anna.ws()}&{name}=120") as connection:
        assert frame(connection)["code"] == "cursor_malformed"


def test_a_cursor_under_any_name_is_refused(server: Server, anna: Visitor) -> None:
    with EventStream(server, url(anna, f"c={anna.cursor}")) as stream:
        problem(stream.answer, 400, "cursor_malformed")


@pytest.mark.parametrize(
    "query", ["_=1700000000", "t=abc-1", "v=2", "cursor=", "lang=ru", "last_event_id=&lastEventId="]
)
def test_what_means_something_else_is_none(server: Server, anna: Visitor, query: str) -> None:
    with EventStream(server, url(anna, query)) as stream:
        assert stream.answer.status_code == 200
    with socket_of(server, f"{anna.ws()}&{query}") as connection:
        assert frame(connection)["type"] == "connected"


def test_a_stream_is_not_to_be_changed_on_its_way(server: Server, anna: Visitor) -> None:
    """A proxy that compresses would hold the events back (RFC 9111, 5.2.2.6)."""
    with EventStream(server, url(anna, "")) as stream:
        assert "no-transform" in stream.answer.headers["cache-control"].split(", ")


def test_json_may_begin_with_a_byte_order_mark(server: Server, http: httpx.Client, anna: Visitor) -> None:
    """RFC 8259, 8.1 lets it be ignored."""
    body = b"\xef\xbb\xbf" + json.dumps({"text": "\ufeffmarked"}).encode()
    answer = http.post(anna.url(), params=dict(anna.query), content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 201
    with socket_of(server, anna.ws()) as connection:
        connection.send("\ufeff" + json.dumps({"type": "ping"}))
        assert frame_of(connection, "pong")
