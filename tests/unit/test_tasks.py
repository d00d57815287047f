"""A background task that ends by itself: it stops the process, and in pytest the test that runs fails by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SCENES = """
import asyncio
from replyx import tasks

async def raises():
    raise LookupError("the reason")

async def returns():
    pass

async def begin(work):
    task = tasks.start(work())
    try:
        await asyncio.sleep(3600)  # what a test does meanwhile must not hold the news back
    finally:
        await tasks.stop([task])

def test_a_task_that_raises():
    asyncio.run(begin(raises))

def test_a_task_that_returns():
    asyncio.run(begin(returns))

def test_that_comes_after():
    pass
"""


def test_pytest_names_the_test_whose_task_ended_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "test_scenes.py").write_text(SCENES)
    plain = ["-c", "/dev/null", "-q", "-rfp", "-p", "tests.background", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *plain, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    failed = [line.rpartition("::")[2].split()[0] for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert failed == ["test_a_task_that_raises", "test_a_task_that_returns"]
    # the lines of the errors themselves: whether the summary repeats them is the terminal's affair
    errors = [line for line in done.stdout.splitlines() if line.startswith("E ")]
    assert sum("SystemExit: a background task ended" in line for line in errors) == 2
    assert "LookupError: the reason" in done.stdout


@pytest.mark.parametrize("work", ["raises", "returns"])
def test_a_process_whose_task_ended_gets_a_sigterm(work: str, tmp_path: Path) -> None:
    scene = tmp_path / "scene.py"
    scene.write_text(SCENES + f"\nasyncio.run(begin({work}))\n")
    done = subprocess.run([sys.executable, scene], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -15
    assert "a background task ended, the server stops" in done.stderr
