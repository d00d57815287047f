"""The measure of the server's CPU calls services directly, and nobody runs it every day."""

from __future__ import annotations

import re

from tests.bench.rows import AT_ONCE, Size, report


def test_the_measure_of_rows_runs_and_names_its_four_figures() -> None:
    said = report(Size(rounds=1, sends=AT_ONCE, lists=1, events=1, listeners=1))
    assert len(re.findall(r"[1-9]\d*(?:\.\d)? (?:µs|ns)", said)) == 4, said
