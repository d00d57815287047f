"""Starting and stopping: what is refused at the start, what the demo may do, and how clients are sent away."""

from __future__ import annotations

import json
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from replyx.settings import SETTINGS
from tests.handing_over import HAND_OVER
from tests.scenario import EventStream, as_json, closed_with, frame, guest, operator, problem, socket_of
from tests.server import ROOT, Process, Server, clean_environment
from tests.stored import stored

STOP_S = 10  # contract, section 8, as operators' supervisors count on it


def start(*flags: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the server as a user does, for as long as it takes to refuse."""
    command = [sys.executable, str(ROOT / "run.py"), *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd, env=env or {})


@dataclass(frozen=True)
class WayIn:
    """How others than this machine would reach a server: its ``flags``, the address of a ``socket`` passed on."""

    flags: tuple[str, ...] = ()
    socket: str = ""


WAYS_IN = [
    *(WayIn(("--host", host)) for host in ("0.0.0.0", "::", "192.0.2.1")),
    *(WayIn(("--public-url", url)) for url in ("https://chat.example", "http://192.168.1.5:8000")),
    *(WayIn(socket=address) for address in ("0.0.0.0", "::")),
    WayIn(("--workers", "2", "--redis-url", "redis://127.0.0.1:1"), socket="0.0.0.0"),
    WayIn(("--workers", "2", "--redis-url", "redis://127.0.0.1:1", "--public-url", "https://chat.example")),
]


def start_with(way_in: WayIn, *flags: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """As :func:`start`, with one way in; a socket is passed on as systemd does, while HOST is loopback."""
    given = ["--port", "0", *way_in.flags, *flags]
    environment = clean_environment(cwd / "data")
    if not way_in.socket:
        return start(*given, cwd=cwd, env=environment)
    family = socket.AF_INET6 if ":" in way_in.socket else socket.AF_INET
    with socket.create_server((way_in.socket, 0), family=family) as listener:
        number = listener.fileno()
        command = [sys.executable, "-c", HAND_OVER, str(number), str(ROOT / "run.py"), *given]
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=cwd,
            env=environment,
            pass_fds=[number],
        )


class TestHelp:
    def test_it_lists_every_setting_with_its_variable_and_default(self, tmp_path: Path) -> None:
        ran = start("--help", cwd=tmp_path)
        assert ran.returncode == 0
        text = " ".join(ran.stdout.split())
        for setting in SETTINGS:
            assert f"{setting.flag} " in text
            assert f"env {setting.env};" in text
        for name in (
            "HOST",
            "PORT",
            "DATA_DIR",
            "DATABASE_URL",
            "REDIS_URL",
            "PUBLIC_URL",
            "CORS_ORIGINS",
            "TRUSTED_PROXIES",
            "INTERNAL_SECRET",
            "JWT_SECRET",
            "LOG_LEVEL",
            "LOG_FORMAT",
            "LOG_FILE",
            "RATE_LIMITS",
        ):
            assert f"env {name};" in text, "the contract names it"
        for flag in ("--host", "--port", "--data-dir", "--demo", "--workers", "--env-file"):
            assert flag in text


class TestWrongSettings:
    @pytest.mark.parametrize(
        ("flag", "value", "right"),
        [
            ("--port", "http", "0 to 65535"),
            ("--port", "65536", "0 to 65535"),
            ("--log-level", "loud", "debug"),
            ("--log-format", "xml", "json"),
            ("--public-url", "chat.example", "https://"),
            ("--cors-origins", "https://a.example/path", "https://"),
            ("--trusted-proxies", "proxy", "10.0.0"),
            ("--database-url", "mysql://x", "postgresql://"),
            ("--redis-url", "http://x", "redis://"),
            ("--rate-limits", "maybe", "off"),
            ("--workers", "0", "1"),
            ("--workers", "2", "REDIS_URL"),
            ("--jwt-secret", "short", "32"),
            ("--retention-days", "0", "1"),
        ],
    )
    def test_one_is_refused_by_name_with_what_would_be_right(
        self, tmp_path: Path, flag: str, value: str, right: str
    ) -> None:
        ran = start(flag, value, "--data-dir", str(tmp_path / "data"), cwd=tmp_path)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert flag in ran.stderr
        secret = next(setting.secret for setting in SETTINGS if setting.flag == flag)
        assert (value in ran.stderr) is not secret
        assert right in ran.stderr
        assert "Traceback" not in ran.stderr
        assert not (tmp_path / "data").exists()

    def test_by_environment_it_is_named_as_the_variable(self, tmp_path: Path) -> None:
        ran = start(cwd=tmp_path, env={"PORT": "http", "LOG_LEVEL": "loud"})
        assert ran.returncode == 2
        assert "PORT 'http'" in ran.stderr
        assert "LOG_LEVEL 'loud'" in ran.stderr, "everything wrong at once"

    def test_in_a_file_it_is_named_with_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "replyx.env").write_text("PORT=http\nINTERAL_SECRET=x\nhello\n")
        ran = start("--env-file", "replyx.env", cwd=tmp_path)
        assert ran.returncode == 2
        assert "PORT in replyx.env 'http'" in ran.stderr
        assert "INTERNAL_SECRET is one" in ran.stderr
        assert "line 3" in ran.stderr
        assert start("--env-file", "missing.env", cwd=tmp_path).returncode == 2

    def test_an_unknown_flag_is_refused(self, tmp_path: Path) -> None:
        ran = start("--prot", "80", cwd=tmp_path)
        assert ran.returncode == 2
        assert "--prot" in ran.stderr

    @pytest.mark.parametrize("way_in", WAYS_IN)
    @pytest.mark.parametrize("flags", [["--demo"], ["--rate-limits", "off"]])
    def test_what_is_dangerous_is_for_loopback_only(self, tmp_path: Path, way_in: WayIn, flags: list[str]) -> None:
        ran = start_with(way_in, "--data-dir", str(tmp_path / "data"), *flags, cwd=tmp_path)
        assert (ran.returncode, "loopback" in ran.stderr, "Traceback" in ran.stderr) == (2, True, False)
        assert re.search(flags[0].removeprefix("--").replace("-", "[-_]"), ran.stderr, re.IGNORECASE)
        assert not (tmp_path / "data").exists()

    def test_a_port_that_is_taken_is_a_plain_message(self, tmp_path: Path) -> None:
        with Server(tmp_path / "first") as running:
            ran = start("--demo", "--port", str(running.port), "--data-dir", str(tmp_path / "second"), cwd=tmp_path)
        assert ran.returncode == 2
        assert "Traceback" not in ran.stderr
        assert str(running.port) in ran.stderr

    def test_a_database_of_a_newer_version_is_left_alone(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        with Server(data):
            pass
        with stored(data) as database:
            changed = database.execute("UPDATE installation SET value = '999' WHERE key = 'schema_version'")
            assert changed.rowcount == 1
        ran = start("--data-dir", str(data), "--port", "0", cwd=tmp_path, env=clean_environment(data))
        assert ran.returncode == 2
        assert "newer" in ran.stderr
        assert "Traceback" not in ran.stderr


class TestDemo:
    def test_it_starts_again_as_it_is_with_and_without_the_flag(self, tmp_path: Path) -> None:
        with Server(tmp_path / "data") as demo:
            with demo.client() as http:
                answer = http.post(
                    "/api/widget/dialogs/1/messages",
                    params={"assistant_id": 3, "guest_id": "test"},
                    json={"text": "bleibt"},
                )
                assert answer.status_code == 201
            assert "INTERNAL_SECRET=" in demo.log
            for flag in (True, False):
                assert demo.stop() == 0
                demo.demo = flag
                demo.start()
                with operator(demo) as maria:
                    items = as_json(maria.get("/api/dialogs/1/messages"))["items"]
                    assert [item["text"] for item in items] == ["bleibt"]
                    accounts = as_json(maria.get("/api/v1/accounts"))["items"]
                    assert len(accounts) == 4

    def test_it_holds_what_the_documents_take_for_granted(self, tmp_path: Path) -> None:
        with Server(tmp_path / "data") as demo, operator(demo) as maria:
            dialog = as_json(maria.get("/api/dialogs/1"))["dialog"]
            assert dialog["assistant_id"] == 3
            assert [each["id"] for each in as_json(maria.get("/api/assistants"))["items"]] == [1, 2, 3, 4]
            roles = {each["email"]: each["role"] for each in as_json(maria.get("/api/v1/accounts"))["items"]}
            assert roles == {f"{role}@example.com": role for role in ("admin", "manager", "user", "shop")}
            for role in roles.values():
                demo.login(f"{role}@example.com")

    def test_it_begins_in_a_directory_of_its_own(self, tmp_path: Path) -> None:
        """What ran in the same place with the same command, but for the flag, would be an installation for others."""
        if Server.database_of:
            pytest.skip("the directory holds no database")
        lines: list[str] = []
        process = Process(lines)
        process.launch(["--demo"], clean_environment(tmp_path / "data-demo"), tmp_path)
        process.accepts()
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        assert [path.name for path in tmp_path.iterdir()] == ["data-demo"]

    def test_what_it_filled_is_refused_where_others_reach_it_and_goes_on_here(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        with Server(data):
            pass
        for way_in in (WAYS_IN[0], WAYS_IN[3], WAYS_IN[5], WAYS_IN[-1]):  # each kind once
            ran = start_with(way_in, "--data-dir", str(data), cwd=tmp_path)
            named = way_in.socket or way_in.flags[-1]
            assert (ran.returncode, "listening" in ran.stdout, "Traceback" in ran.stderr) == (2, False, False), ran
            refusal = next(line for line in ran.stderr.splitlines() if line.startswith("replyx: "))
            assert named in refusal, refusal
            assert f"--data-dir {tmp_path / 'data-live'}" in refusal
        with Server(data, demo=False, env={"PUBLIC_URL": "http://localhost:1"}) as again:
            again.login()

    def test_the_way_out_of_that_refusal_begins_an_installation_without_the_demo(self, tmp_path: Path) -> None:
        with Server(tmp_path / "data-live", demo=False, env={"PUBLIC_URL": "https://chat.example"}) as real:
            assert "First start: open https://chat.example/admin" in real.log
            with real.client() as http:
                known = {"email": "admin@example.com", "password": "password"}
                problem(http.post("/api/v1/auth/login", json=known), 401, "login_failed")

    def test_it_is_refused_on_a_directory_with_other_data(self, tmp_path: Path) -> None:
        used = tmp_path / "used"
        with Server(used, demo=False):
            pass
        with stored(used) as database:
            database.execute("INSERT INTO assistant (name, greeting, created_at) VALUES ('x', '', 0)")
        foreign = tmp_path / "foreign"
        foreign.mkdir()
        (foreign / "holiday.jpg").write_bytes(b"x")
        for data in (used, foreign):
            ran = start("--demo", "--port", "0", "--data-dir", str(data), cwd=tmp_path, env=clean_environment(data))
            assert ran.returncode == 2
            assert "empty data directory" in ran.stderr
        assert [path.name for path in foreign.iterdir()] == ["holiday.jpg"]


class TestFiles:
    def test_secrets_are_for_the_owner_alone_and_stay(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        with Server(data) as server:
            token = server.login()
            secrets = (data / "secrets.json").read_text()
            for word in re.findall(r'"([A-Za-z0-9+/=_-]{30,})"', secrets):
                assert word not in server.log or f"INTERNAL_SECRET={word}" in server.log
        assert stat.S_IMODE((data / "secrets.json").stat().st_mode) == 0o600
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        with Server(data) as again, again.client() as http:
            assert http.get("/api/v1/auth/me", params={"token": token}).status_code == 200

    def test_a_damaged_file_of_secrets_is_a_plain_message(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        data.mkdir()
        (data / "secrets.json").write_text("{")
        ran = start("--data-dir", str(data), "--port", "0", cwd=tmp_path)
        assert ran.returncode == 2
        assert "secrets.json is damaged" in ran.stderr
        assert "Traceback" not in ran.stderr

    def test_json_lines_are_json(self, tmp_path: Path) -> None:
        with Server(tmp_path / "data", env={"LOG_FORMAT": "json"}) as server, server.client() as http:
            http.get("/health", params={"token": "eyJhbGciOiJIUzI1NiJ9"})
        lines = [json.loads(line) for line in server.lines if line.startswith("{")]
        (request,) = [line for line in lines if line.get("path") == "/health"]
        assert (request["method"], request["status"]) == ("GET", 200)
        assert {"time", "level", "logger", "message", "ms", "request_id"} <= request.keys()


class TestStopping:
    def test_sigterm_sends_every_client_away_and_exits_in_time(self, tmp_path: Path) -> None:
        with Server(tmp_path / "data") as server, server.client() as http:
            visitor = guest(http)
            token = {"token": server.login()}
            path = f"/api/dialogs/{visitor.dialog_id}/events"
            with (
                EventStream(server, path, visitor.query) as stream,
                EventStream(server, "/api/inbox/events", token) as inbox,
                socket_of(server, visitor.ws()) as connection,
            ):
                assert frame(connection)["type"] == "connected"
                since = time.monotonic()
                assert server.stop() == 0
                took = time.monotonic() - since
                for each in (stream, inbox):
                    assert each.rest() == []
                    assert each.retry is not None
                    assert 0 < each.retry <= 5000
                assert closed_with(connection) == 1012
        assert took < STOP_S
        assert not [line for line in server.lines if " ERROR " in line or "Traceback" in line]

    def test_a_client_that_does_not_read_does_not_hold_it_up(self, tmp_path: Path) -> None:
        with Server(tmp_path / "data") as server, server.client() as http, socket.socket() as stalled:
            visitor = guest(http)
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stalled.connect(("127.0.0.1", server.port))
            target = f"/api/dialogs/{visitor.dialog_id}/events?{httpx.QueryParams(dict(visitor.query))}"
            stalled.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert stalled.recv(15) == b"HTTP/1.1 200 OK"
            for _ in range(60):
                visitor.say(http, "x" * 9_000)
            since = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - since < STOP_S

    def test_what_was_acknowledged_before_the_stop_is_there_after_it(self, tmp_path: Path) -> None:
        with Server(tmp_path / "data") as server:
            with server.client() as http:
                visitor = guest(http)
                sent = [visitor.say(http, str(number))["message"]["id"] for number in range(20)]
            assert server.stop() == 0
            server.start()
            with server.client() as http:
                page = as_json(http.get(visitor.url(), params=dict(visitor.query)))
                assert [item["id"] for item in page["items"]] == sent

    def test_a_new_database_tells_old_cursors_to_reload(self, tmp_path: Path) -> None:
        with Server(tmp_path / "one") as one, one.client() as http:
            cursor = guest(http).cursor
        with Server(tmp_path / "two") as two, two.client() as http:
            visitor = guest(http)
            query = {**visitor.query, "last_event_id": cursor}
            with EventStream(two, f"/api/dialogs/{visitor.dialog_id}/events", query) as stream:
                assert stream.next().data == {"type": "resync", "reason": "epoch"}
            problem(http.get(f"/api/dialogs/{visitor.dialog_id}/events"), 401)
            assert http.get("/health").status_code == httpx.codes.OK
