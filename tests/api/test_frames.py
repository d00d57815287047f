"""Frames and cursors that nobody should send: each is answered, and the socket or the server goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.scenario import EventStream, Visitor, as_json, closed_with, frame, problem, socket_of
from tests.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Nearly every test opens a dialog of its own, which the limit on one address would stop."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=["--rate-limits", "off"]) as running:
        yield running


@pytest.fixture(autouse=True)
def _the_server_still_works(server: Server, http: httpx.Client) -> Iterator[None]:
    """After whatever a test did, the server answers, and nothing failed inside."""
    before = len(server.lines)
    yield
    assert as_json(http.get("/health"))["status"] == "ok"
    assert [line for line in server.lines[before:] if " ERROR " in line or "Traceback" in line] == []


class TestCursors:
    @pytest.mark.parametrize("cursor", ["x", "-1", "1-", "-", "zz-1", "1-2-3", "1.5", "9" * 40, "а-1", "1\u0661"])
    def test_a_malformed_cursor_is_refused(self, server: Server, anna: Visitor, cursor: str) -> None:
        path = f"/api/dialogs/{anna.dialog_id}/events"
        with EventStream(server, path, {**anna.query, "last_event_id": cursor}) as stream:
            problem(stream.answer, 400, "cursor_malformed")
        if cursor.isascii():
            with EventStream(server, path, anna.query, {"Last-Event-ID": cursor}) as stream:
                problem(stream.answer, 400, "cursor_malformed")
        with socket_of(server, f"{anna.ws()}&{httpx.QueryParams({'cursor': cursor})}") as connection:
            assert frame(connection)["code"] == "cursor_malformed"
            assert closed_with(connection) == 4400

    def test_a_cursor_of_the_future_or_of_another_epoch_is_told_to_reload(self, server: Server, anna: Visitor) -> None:
        path = f"/api/dialogs/{anna.dialog_id}/events"
        for cursor in ("999999999", "0123-1"):
            with EventStream(server, path, {**anna.query, "last_event_id": cursor}) as stream:
                assert stream.next().data["type"] == "resync"
            with socket_of(server, f"{anna.ws()}&cursor={cursor}") as connection:
                assert [frame(connection)["type"] for _ in range(2)] == ["connected", "resync"]

    def test_an_empty_cursor_is_none(self, server: Server, http: httpx.Client, anna: Visitor) -> None:
        path = f"/api/dialogs/{anna.dialog_id}/events"
        anna.say(http, "vorher")
        with EventStream(server, path, {**anna.query, "last_event_id": ""}) as stream:
            anna.say(http, "nachher")
            assert stream.next().data["message"]["text"] == "nachher"


class TestFrames:
    @pytest.mark.parametrize(
        ("sent", "code"),
        [
            (b'{"type":"ping"}', "malformed"),
            ("{", "malformed"),
            ("", "malformed"),
            ("[1]", "invalid"),
            ('"ping"', "invalid"),
            ("{}", "invalid"),
            ('{"type":"fly"}', "invalid"),
            ('{"type":7}', "invalid"),
            ('{"type":"message"}', "invalid"),
            ('{"type":"message","text":7}', "invalid"),
            ('{"type":"message","text":" "}', "invalid"),
            ('{"type":"message","text":"x","client_id":""}', "invalid"),
            ('{"type":"message","text":"x","sender":"manager"}', "sender_not_allowed"),
            ('{"type":"read","up_to":"x"}', "invalid"),
            ('{"type":"ping","more":' + "[" * 100_000, "malformed"),
        ],
    )
    def test_an_unreadable_frame_is_answered_and_the_socket_stays(
        self, server: Server, anna: Visitor, sent: str | bytes, code: str
    ) -> None:
        with socket_of(server, anna.ws()) as connection:
            assert frame(connection)["type"] == "connected"
            connection.send(sent)
            error = frame(connection)
            assert (error["type"], error["code"]) == ("error", code)
            assert error["detail"]
            connection.send('{"type":"ping"}')
            assert frame(connection)["type"] == "pong"

    def test_an_error_names_the_message_that_it_refuses(self, server: Server, anna: Visitor) -> None:
        with socket_of(server, anna.ws()) as connection:
            frame(connection)
            connection.send(json.dumps({"type": "message", "text": "", "client_id": "c-9"}))
            assert frame(connection)["client_id"] == "c-9"

    def test_a_frame_over_the_limit_closes_with_1009(self, server: Server, anna: Visitor) -> None:
        with socket_of(server, anna.ws()) as connection:
            frame(connection)
            connection.send(json.dumps({"type": "message", "text": "x" * 300_000}))
            assert closed_with(connection) == 1009

    def test_fragments_over_the_limit_close_with_1009(self, server: Server, anna: Visitor) -> None:
        with socket_of(server, anna.ws()) as connection:
            frame(connection)
            connection.send("x" * 50_000 for _ in range(8))
            assert closed_with(connection) == 1009

    def test_repeated_abuse_closes_the_socket(self, server: Server, anna: Visitor) -> None:
        with socket_of(server, anna.ws()) as connection:
            frame(connection)
            for _ in range(20):
                connection.send("{")
            assert closed_with(connection) == 4400

    @pytest.mark.parametrize("story", ["19 bad, 1 good, 1 bad", "25 good, 19 bad", "12 bad, 9 good, 16 bad"])
    def test_a_good_frame_makes_up_for_one_bad_frame_before_it(self, server: Server, anna: Visitor, story: str) -> None:
        """At twenty bad frames that no good one made up for the socket closes, and not before."""
        frames = {"bad": "{", "good": '{"type":"ping"}'}
        with socket_of(server, anna.ws()) as connection:
            assert frame(connection)["type"] == "connected"
            for part in story.split(", "):
                count, kind = part.split()
                for _ in range(int(count)):
                    connection.send(frames[kind])
                    assert frame(connection)["type"] == {"bad": "error", "good": "pong"}[kind]
            connection.send(frames["bad"])
            assert frame(connection)["type"] == "error"
            assert closed_with(connection) == 4400

    def test_a_text_frame_that_is_not_utf_8_ends_the_connection_alone(self, server: Server, anna: Visitor) -> None:
        with socket_of(server, anna.ws()) as bystander, socket_of(server, anna.ws()) as connection:
            assert frame(bystander)["type"] == frame(connection)["type"] == "connected"
            connection.send(b"\xff\xfe", text=True)
            with pytest.raises(ConnectionClosed):
                frame(connection)
            bystander.send('{"type":"ping"}')
            assert frame(bystander)["type"] == "pong"

    def test_a_plain_request_to_a_socket_is_told_to_upgrade(self, http: httpx.Client, anna: Visitor) -> None:
        problem(http.get(anna.ws()), 426, "upgrade_required")
