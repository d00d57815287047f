"""How tests are shared out over workers, seen in a run of pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]

SCENE = """
import os, pathlib, pytest

@pytest.mark.parametrize("number", range(20))
def test_it(number):
    print("\\udc80")  # what no worker could tell as it is
    with pathlib.Path(os.environ["WHO"]).open("a") as who:
        who.write(f"{__file__} {os.environ['PYTEST_XDIST_WORKER']}\\n")
"""


def test_chaos_is_one_workers_and_each_other_file_too_but_not_all_have_the_same(tmp_path: Path) -> None:
    files = [f"tests/{name}.py" for name in ("chaos/test_a", "chaos/test_b", "unit/test_a", "unit/test_b")]
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(SCENE)
    who = tmp_path / "who"
    plain = ["-c", "/dev/null", "--rootdir", tmp_path, "--import-mode", "importlib", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *plain, "-p", "tests.workers", "-n", "2", "--dist", "loadfile", *files]
    env = {**os.environ, "WHO": str(who), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert "80 passed" in done.stdout, done.stdout + done.stderr
    workers = defaultdict(set)
    for line in who.read_text().splitlines():
        file, worker = line.split()
        workers[str(Path(file).relative_to(tmp_path))].add(worker)
    assert workers["tests/chaos/test_a.py"] == workers["tests/chaos/test_b.py"]
    assert [len(workers[file]) for file in files] == [1] * 4
    assert set.union(*workers.values()) == {"gw0", "gw1"}
