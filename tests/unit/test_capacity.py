"""The arithmetic of docs/scaling.md: nothing is asked for more than its share, and the next limit shows."""

from __future__ import annotations

import dataclasses

import pytest

from tests.bench import capacity
from tests.bench.capacity import Measured, needed

FIGURES = Measured(
    send_us=250,
    delivery_us=3,
    connection_kb=6,
    socket_kb=4,
    intake_us={100: 200, 1000: 80, 5000: 30},
    log_events=10_000,
    redis_deliveries=1_000_000,
    redis_bytes=560,
    delivered_bytes=500,
    event_bytes=700,
    message_bytes=350,
)


@pytest.mark.parametrize("clients", [1, 10_000, 1_000_000, 100_000_000])
def test_what_is_planned_fits(clients: int) -> None:
    found = needed(clients, FIGURES)
    assert found.fits
    assert found.logs * found.processes * capacity.CONNECTIONS >= clients


def test_ten_thousand_clients_need_one_process_and_no_redis() -> None:
    found = needed(10_000, FIGURES)
    assert (found.logs, found.processes, found.redis) == (1, 1, 0)


@pytest.mark.parametrize(
    ("slower", "value"), [("log_events", 1000), ("redis_deliveries", 10_000), ("intake_us", {1000: 300})]
)
def test_a_part_that_carries_less_makes_more_logs_necessary(slower: str, value: object) -> None:
    assert needed(1_000_000, FIGURES).logs == 1
    assert needed(1_000_000, dataclasses.replace(FIGURES, **{slower: value})).logs > 1


def test_sends_that_cost_more_make_more_processes_necessary() -> None:
    assert needed(1_000_000, FIGURES).processes == 20
    assert needed(1_000_000, dataclasses.replace(FIGURES, send_us=20_000)).processes > 20


def test_reading_others_events_costs_what_lies_between_the_measured_rates() -> None:
    assert FIGURES.reading(0) == 0
    assert FIGURES.reading(100) == pytest.approx(0.02)
    assert FIGURES.reading(550) == pytest.approx(0.05)
    assert FIGURES.reading(10_000) == pytest.approx(0.3)


def test_a_row_that_the_page_on_performance_does_not_have_is_named() -> None:
    with pytest.raises(SystemExit, match="no row 'nothing'"):
        capacity.of_performance("nothing")
