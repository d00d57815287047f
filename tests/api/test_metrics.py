"""``/metrics``: behind its own token, in a format that Prometheus reads, and true."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests import scenario
from tests.scenario import problem
from tests.server import ROOT, Server

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
