"""``/metrics``: behind its own token, in a format that Prometheus reads, and true."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from replyx import __version__
from replyx.database.migrations import MIGRATIONS
from tests import scenario
from tests.scenario import problem
from tests.server import ROOT, Server, replyx

TOKEN = "metrics-" + "t" * 32


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("metrics") / "data", env={"METRICS_TOKEN": TOKEN}) as running:
        yield running


def scraped(http: httpx.Client) -> dict[str, float]:
    """Every sample by its name, with its labels behind a name that has some."""
    answer = http.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.mark.one_process("each process tells its own figures")
def test_figures_follow_what_happens(server: Server, http: httpx.Client) -> None:
    before = scraped(http)
    anna = scenario.guest(http)
    with scenario.socket_of(server, anna.ws()) as socket:
        assert scenario.frame(socket)["type"] == "connected"
        anna.say(http, "Есть размер 42?")
        assert scenario.frame_of(socket, "message:new")
        assert http.get("/nothing-here").status_code == 404
        after = scraped(http)
    assert after["replyx_connections dialog"] == before.get("replyx_connections dialog", 0) + 1
    assert after["replyx_log_position"] >= before["replyx_log_position"] + 2
    assert after["replyx_commits_total"] >= before["replyx_commits_total"] + 2
    assert after["replyx_changes_total"] >= before["replyx_changes_total"] + 2
    assert after["replyx_http_requests_total 4xx"] == before.get("replyx_http_requests_total 4xx", 0) + 1
    answered = sum(value for name, value in after.items() if name.startswith("replyx_http_requests_total"))
    assert after["replyx_http_request_seconds_count"] == answered
    assert after["replyx_store_failing"] == 0
    assert after["replyx_bus_connected local"] == 1
    assert after["process_resident_memory_bytes"] > 1_000_000


@pytest.mark.sqlite
@pytest.mark.one_process("each process tells its own figures")
def test_what_an_operator_of_the_server_asks_is_told(server: Server, http: httpx.Client, tmp_path: Path) -> None:
    before = scraped(http)
    assert before["replyx_messages_total user"] >= before["replyx_limited_total setup_code"] == 0
    assert before["replyx_http_requests_total 5xx"] == 0, "a rate needs a value before the first"
    anna = scenario.guest(http)
    anna.say(http, "Кто-нибудь здесь?")
    wrong = {"email": "boris@example.com", "password": "wrong"}
    failed = 0
    while http.post("/api/v1/auth/login", json=wrong).status_code == 401:
        failed += 1
    after = scraped(http)
    assert after["replyx_messages_total user"] == before["replyx_messages_total user"] + 1
    assert after["replyx_logins_failed_total"] == before["replyx_logins_failed_total"] + failed
    assert after["replyx_limited_total login_account"] == 1
    assert after["replyx_dialogs_waiting"] == before["replyx_dialogs_waiting"] + 1
    assert after[f"replyx_build_info {__version__}"] == 1
    assert after["replyx_schema_version"] == len(MIGRATIONS)
    assert after["replyx_database_bytes"] > 100_000
    assert after["replyx_disk_free_bytes"] > 0
    assert after["replyx_last_backup_timestamp_seconds"] == 0
    with scenario.operator(server) as maria:
        assert maria.post(f"/api/dialogs/{anna.dialog_id}/messages", json={"text": "Да"}).status_code == 201
    assert replyx(server.data_dir, "backup", str(tmp_path / "copy")).returncode == 0
    answered = scraped(http)
    assert answered["replyx_dialogs_waiting"] == before["replyx_dialogs_waiting"]
    assert answered["replyx_messages_total manager"] == after["replyx_messages_total manager"] + 1
    assert answered["replyx_last_backup_timestamp_seconds"] > after["process_start_time_seconds"] - 1


@pytest.mark.one_process("the other may have the delivery")
def test_a_delivery_that_waits_for_its_receiver_is_seen(server: Server, http: httpx.Client) -> None:
    with scenario.operator(server) as maria:
        hook = {"url": "https://nowhere.invalid/hook", "events": ["message"]}
        made = maria.post("/api/v1/webhooks", json=hook)
        assert made.status_code == 201, made.text
        scenario.guest(http).say(http, "Есть кто?")
        scenario.eventually(lambda: scraped(http)["replyx_webhook_attempts_total pending"] > 0, "a try")
        assert scraped(http)["replyx_webhook_queue"] >= 1
        assert scraped(http)["replyx_webhook_queue_seconds"] < 3600
        maria.delete(f"/api/v1/webhooks/{made.json()['id']}")


def test_every_alert_and_every_panel_asks_for_what_there_is(server: Server, http: httpx.Client) -> None:
    folder = ROOT / "docs" / "monitoring"
    rules = re.findall(r"^ +expr: (.+)$", (folder / "alerts.yml").read_text(encoding="utf-8"), re.MULTILINE)
    board = json.loads((folder / "dashboard.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert min(len(rules), len(asked)) > 10
    with scenario.socket_of(server, scenario.guest(http).ws()) as socket:
        assert scenario.frame(socket)["type"] == "connected"
        there = scraped(http)
    names = {name.partition(" ")[0] for name in there}
    values = {label for name in there for label in name.split(" ")[1:]} | {"replyx"}  # the job's name
    wanted = " ".join(rules + asked)
    assert set(re.findall(r"\b(?:replyx|process)_\w+", wanted)) - names == set()
    assert set(re.findall(r'\w="([^"]+)"', wanted)) - values == set()


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer " + "x" * 40}, {"Authorization": f"Basic {TOKEN}"}])
def test_nobody_reads_them_without_the_token(http: httpx.Client, headers: dict[str, str]) -> None:
    problem(http.get("/metrics", headers=headers), 401)


def test_an_admin_is_no_monitor(server: Server) -> None:
    with scenario.operator(server) as maria:
        problem(maria.get("/metrics"), 401, "credential_invalid")


def test_they_are_off_without_a_token(tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        Server(tmp_path_factory.mktemp("off") / "data", env={"METRICS_TOKEN": "short"}) as without,
        without.client() as http,
    ):
        problem(http.get("/metrics", headers={"Authorization": "Bearer short"}), 503, "metrics_off")


def test_every_metric_has_its_line_in_the_documentation(http: httpx.Client) -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    names = {name.partition(" ")[0] for name in scraped(http) if name.startswith("replyx_")}
    told = {name for name in names if f"`{name}`" in page}
    assert {name for name in names - told if not name.startswith("replyx_http_request_seconds_")} == set()
