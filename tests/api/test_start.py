"""What a start finds out, and clocks that are set while a server runs."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scenario import as_json
from tests.server import ROOT, Server, clean_environment

# Becomes the server without the right to write what its user may not (capabilities(7), CAP_DAC_OVERRIDE).
WITHOUT_PRIVILEGE = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(24, 1)  # PR_CAPBSET_DROP: what root may not have after the next exec
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""

# Put before everything else by PYTHONPATH: the wall clock goes by what stands in a file.
SET_CLOCK = """
import os, time
real = time.time
path = os.environ["CLOCK_FILE"]
time.time = lambda: real() + float(open(path).read())
"""


@pytest.mark.sqlite
@pytest.mark.parametrize("journal", [False, True], ids=["database alone", "journal too"])
def test_a_database_that_may_only_be_read_is_told_before_anybody_connects(tmp_path: Path, journal: bool) -> None:
    """`sudo replyx …` leaves files of root; the server once said that it listened, and refused the first write."""
    data = tmp_path / "data"
    Server(data).start().stop()
    reader = sqlite3.connect(data / "replyx.db")
    reader.execute("SELECT 1 FROM counter").fetchone()  # so that there is a journal
    files = [data / "replyx.db", *(data.glob("replyx.db-*") if journal else ())]
    for file in files:
        file.chmod(0o444)
    arguments = [str(ROOT / "run.py"), "--port", "0", "--demo", "--data-dir", str(data)]
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_PRIVILEGE, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment(data),
        check=False,
    )
    reader.close()
    assert ran.returncode == 2
    assert "replyx: the database cannot be" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "listening" not in ran.stdout
    for file in filter(Path.exists, files):
        file.chmod(0o600)
    with Server(data) as server, server.client() as http:
        assert http.get("/health").status_code == 200, "nothing was damaged"


@pytest.mark.one_process("both would have to be set")
def test_a_clock_that_is_set_back_changes_no_uptime(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SET_CLOCK)
    clock = tmp_path / "clock"
    clock.write_text("0")
    env = {"PYTHONPATH": str(tmp_path / "site"), "CLOCK_FILE": str(clock)}
    with Server(tmp_path / "data", env=env) as server, server.client() as http:
        for step in ("-172800", "172800"):
            (tmp_path / "next").write_text(step)
            (tmp_path / "next").rename(clock)
            for address in ("/health", "/api/sse/health"):
                assert 0 <= as_json(http.get(address))["uptime_s"] < 3600, address
