"""The log, the bus, the hubs and their clients under every fault: nobody loses an event, nobody hears one twice."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.machine import Simulation, prepared

SHORT = 60
STORY = settings(deadline=None, suppress_health_check=list(HealthCheck))


def steps_of(stories: int, length: int) -> int:
    """Live through many stories; returns how many steps that took."""
    with prepared():
        Simulation.steps = 0
        # The short run tells the same stories each time; a long one looks for new ones.
        told = settings(STORY, max_examples=stories, stateful_step_count=length, derandomize=stories <= SHORT)
        run_state_machine_as_test(Simulation, settings=told)
    return Simulation.steps


def test_every_client_hears_each_event_once_and_in_order_under_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    steps = steps_of(int(os.environ.get("REPLYX_STORIES", SHORT)), 50)
    with capsys.disabled():
        print(f"simulated {steps:,} steps")
