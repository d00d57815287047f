"""The lines that people copied from the widget's quick reference run as they stand, host and tokens filled in."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.scenario import (
    EventStream,
    Json,
    as_json,
    eventually,
    frame,
    frame_of,
    guest,
    new_widget,
    site_visitor,
    socket_of,
    token_of,
)
from tests.server import Server

CREATE_WIDGET = """
curl -X POST "http://localhost:8000/api/widgets" \\
     -H "Authorization: Bearer ADMIN_JWT" \\
     -H "Content-Type: application/json" \\
     -d '{"assistant_id": 3}'
"""
EMBED = (
    '<script src="http://localhost:3000/widget.js?token=JWT_TOKEN&assistant_id=3&theme=%23ff0000&type=floating'
    '&host=http://localhost:3000" async></script>'
)
LISTEN = """
curl -N "http://localhost:8000/api/dialogs/1/events?assistant_id=3&guest_id=test"
"""
SEND = """
curl -X POST "http://localhost:8000/api/widget/dialogs/1/messages?assistant_id=3&guest_id=test" \\
     -H "Content-Type: application/json" \\
     -d '{"sender": "user", "text": "Тест"}'
"""
SSE_HEALTH = """
curl "http://localhost:8000/api/sse/health"
"""
LISTENING = (
    "/api/dialogs/{id}/events?token=JWT_TOKEN",
    "/api/dialogs/{id}/events?site_token=SITE_TOKEN",
    "/api/dialogs/{id}/events?assistant_id=ID&guest_id=GUID",
)
SENDING = (
    "/api/dialogs/{id}/messages?token=JWT_TOKEN",
    "/api/site/dialogs/{id}/messages?site_token=SITE_TOKEN",
    "/api/widget/dialogs/{id}/messages?assistant_id=ID&guest_id=GUID",
)


@pytest.fixture(scope="module")
def log_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server writes its log as well."""
    return tmp_path_factory.mktemp("log") / "replyx.log"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, log_file: Path) -> Iterator[Server]:
    """A demo server that keeps its log in a file."""
    with Server(tmp_path_factory.mktemp("server") / "data", env={"LOG_FILE": str(log_file)}) as running:
        yield running


def filled(server: Server, text: str, **words: object) -> str:
    """A line with this server's address and these words in the place of its own."""
    here = {"localhost:8000": f"localhost:{server.port}", "localhost:3000": f"localhost:{server.port}"}
    known = here | {word: str(value) for word, value in words.items()}
    return re.sub("|".join(map(re.escape, known)), lambda found: known[found[0]], text)


def run(line: str) -> Json:
    """What a line of bash prints, which must be a JSON object."""
    ran = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout)
    assert isinstance(answer, dict)
    return answer


@contextlib.contextmanager
def running(line: str) -> Iterator[Iterator[str]]:
    """The lines that a line of bash prints while it runs."""
    command = "exec " + line.strip()
    with subprocess.Popen(
        ["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield (each.rstrip("\n") for each in process.stdout)
        finally:
            process.kill()


def new_message(stream: EventStream) -> int:
    """The id of the next message on a stream."""
    return int(stream.until(lambda data: data["type"] == "message:new")[-1].data["message"]["id"])


def published(server: Server, message_id: int) -> list[str]:
    """The log lines that report a message's event."""
    return [line for line in server.lines if "publish_dialog_event" in line and line.endswith(f"message={message_id}")]


def test_the_widget_is_made(server: Server) -> None:
    made = run(filled(server, CREATE_WIDGET, ADMIN_JWT=server.login()))
    assert made["assistant_id"] == 3
    assert {"localhost", "127.0.0.1", "[::1]"} <= set(made["allowed_domains"])
    theme = made["theme"].replace("#", "%23")
    assert made["embed_code"] == filled(server, EMBED, JWT_TOKEN=made["token"], **{"%23ff0000": theme})


def test_the_stream_opens_and_brings_the_message_that_the_next_line_sends(server: Server) -> None:
    with running(filled(server, LISTEN)) as printed:
        assert [next(printed), next(printed)] == ["retry: 5000", ": heartbeat"]
        sent = run(filled(server, SEND))
        assert (sent["message"]["sender"], sent["message"]["text"], sent["dialog_id"]) == ("user", "Тест", 1)
        assert sent["duplicate"] is False
        data = (line.removeprefix("data: ") for line in printed if line.startswith("data: "))
        assert json.loads(next(data)) == {"type": "message:new", "dialog_id": 1, "message": sent["message"]}
        receipt = json.loads(next(data))
        assert (receipt["type"], receipt["message"]) == ("message_received", "Ваше сообщение получено")


def test_each_stream_of_the_table_hears_a_message_over_each_way_once(
    server: Server, http: httpx.Client, boris: httpx.Client
) -> None:
    token = token_of(boris)
    site = site_visitor(http, new_widget(boris)["token"])
    visitor = guest(http)
    words = {"JWT_TOKEN": token, "SITE_TOKEN": site.query["site_token"], "GUID": visitor.guest_id, "ID": 3}
    for dialog_id, streams, sends in (
        (site.dialog_id, LISTENING[:2], SENDING[:2]),
        (visitor.dialog_id, LISTENING[::2], SENDING[::2]),
    ):
        with contextlib.ExitStack() as stack:
            open_ = [
                stack.enter_context(EventStream(server, filled(server, path.replace("{id}", str(dialog_id)), **words)))
                for path in streams
            ]
            sent = []
            for path in sends:
                url = server.url + filled(server, path.replace("{id}", str(dialog_id)), **words)
                sent.append(
                    run(f"curl -sS {shlex.quote(url)} -H 'Content-Type: application/json' -d '{{\"text\": \"Тест\"}}'")
                )
            ids = [answer["message"]["id"] for answer in sent]
            for stream in open_:
                heard = [new_message(stream) for _ in ids]
                assert heard == ids


def test_every_way_of_sending_publishes_one_event(server: Server, http: httpx.Client, boris: httpx.Client) -> None:
    site, visitor = site_visitor(http, new_widget(boris)["token"]), guest(http)
    messages: list[tuple[int, str]] = []
    for person, words in ((site, "[WIDGET→ADMIN] [Site]"), (visitor, "[WIDGET→ADMIN] WIDGET")):
        messages.append((person.say(http, "по HTTP", client_id="h")["message"]["id"], words))
        assert person.say(http, "по HTTP", client_id="h")["duplicate"] is True
        with socket_of(server, person.ws()) as connection:
            frame(connection)
            connection.send('{"type": "message", "text": "по WebSocket", "client_id": "w"}')
            messages.append((frame_of(connection, "ack")["message"]["id"], words))
    answer = boris.post(f"/api/dialogs/{site.dialog_id}/messages", json={"text": "Ответ"})
    messages.append((as_json(answer)["message"]["id"], "[ADMIN→WIDGET] ADMIN"))
    last = messages[-1][0]
    eventually(lambda: published(server, last), "the log line of the last message")
    for message_id, words in messages:
        (line,) = published(server, message_id)
        assert words in line


@pytest.mark.parametrize("words", ["WIDGET", "SSE Manager", r"\[Site\]", r"\[WIDGET→ADMIN\]", "publish_dialog_event"])
def test_the_words_of_the_diagnostics_are_in_the_output_and_in_the_file(
    server: Server, http: httpx.Client, boris: httpx.Client, log_file: Path, words: str
) -> None:
    site_visitor(http, new_widget(boris)["token"]).say(http, "Тест")
    eventually(lambda: re.search(words, server.log), words)
    grep = f"grep -E {shlex.quote(words)} {shlex.quote(str(log_file))} | head -5"
    ran = subprocess.run(["bash", "-c", grep], capture_output=True, text=True, timeout=60, check=False)
    lines = ran.stdout.splitlines()
    assert lines
    eventually(lambda: set(lines) <= set(server.lines), "the file's lines in the output")


def test_the_log_holds_no_credential(server: Server, http: httpx.Client, boris: httpx.Client, log_file: Path) -> None:
    visitor = guest(http)
    visitor.say(http, "Тест")
    boris.get(f"/api/dialogs/{visitor.dialog_id}")
    assert visitor.guest_id not in log_file.read_text()
    assert "eyJ" not in log_file.read_text()


def test_the_stream_manager_says_how_it_is(server: Server, boris: httpx.Client, database: str) -> None:
    before = run(filled(server, SSE_HEALTH))
    assert before.keys() == {"status", "connections", "topics", "uptime_s", "bus"}
    kind = "redis" if database == "two" else "local"
    assert (before["status"], before["bus"]) == ("ok", {"kind": kind, "connected": True})
    headers = {"Authorization": boris.headers["Authorization"]}
    eventually(lambda: run(filled(server, SSE_HEALTH))["connections"] == 0, "the streams of other tests close")
    with EventStream(server, "/api/inbox/events", headers=headers):
        eventually(lambda: run(filled(server, SSE_HEALTH))["connections"] == 1, "the stream is counted")
        eventually(lambda: run(filled(server, SSE_HEALTH))["topics"] >= 1, "the process that has it tells its topic")
    eventually(lambda: run(filled(server, SSE_HEALTH))["connections"] == 0, "the closed stream is forgotten")
