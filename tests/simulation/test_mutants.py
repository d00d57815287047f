"""The simulation can fail: every planted fault is found, with the same seed in every run."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.chaos.two_processes import LONG
from tests.simulation.machine import Simulation, prepared
from tests.simulation.mutants import MUTANTS
from tests.simulation.test_simulation import STORY

# Not shortened: what was found is of no interest here.
BUDGET = settings(STORY, max_examples=400, stateful_step_count=60, derandomize=True, phases=[Phase.generate])

# Found late: ``make test-long`` has the time.
RARE = {"a place that is taken back", "trust in a cursor ahead of the log"}


@pytest.mark.parametrize("name", [name for name in MUTANTS if LONG or name not in RARE])
def test_a_planted_fault_is_found(name: str) -> None:
    mutant = MUTANTS[name]

    class Mutated(Simulation):
        plan = mutant.plan

    with prepared(), pytest.MonkeyPatch.context() as patch:
        for target, attribute, replacement in mutant.patches:
            patch.setattr(target, attribute, replacement)
        with pytest.raises(AssertionError):
            run_state_machine_as_test(Mutated, settings=BUDGET)
