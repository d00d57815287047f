"""Missing parts: a loud failure where CI runs, a skip that names the part elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import parts

ROOT = Path(__file__).parents[2]


def test_a_missing_part_fails_under_ci_and_is_skipped_by_name_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="Redis is missing: install it"):
        parts.require("Redis", None, "install it")
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match="Redis is missing: install it"):
        parts.require("Redis", None, "install it")


def test_a_part_that_is_there_is_handed_on() -> None:
    assert parts.require("Python", Path(sys.executable), "") == Path(sys.executable)


def test_the_parts_of_the_test_extra_are_here_and_run(redis_server: Path, postgres: Path, node: Path) -> None:
    for program in (redis_server, postgres, node):
        subprocess.run([program, "--version"], check=True, capture_output=True)
    assert (postgres.parent / "initdb").exists()


@pytest.mark.parametrize(("ci", "status"), [("true", 1), ("", 0)])
def test_a_machine_that_can_have_no_programs_is_told_which_in_a_few_lines(ci: str, status: int, tmp_path: Path) -> None:
    nowhere = {
        "PATH": str(tmp_path / "bin"),
        "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path),
        "PLAYWRIGHT_DOWNLOAD_HOST": "http://127.0.0.1:9",  # nobody listens on the discard port
        "CI": ci,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.install"],
        cwd=ROOT,
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    needs, tried, refused, missing = done.stderr.splitlines()
    assert needs == "The system's packages need root and apt-get"
    assert tried.endswith("-m playwright install chromium")
    assert refused.startswith("Error: ")
    assert missing == "Missing, so their tests cannot run: " + ", ".join(parts.PROGRAMS)


def test_a_program_in_a_folder_that_a_users_path_leaves_out_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "sbin" / "nginx"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert parts.program("nginx") == program
