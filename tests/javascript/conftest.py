"""The tests that are written in JavaScript, each as a test of this run: ``node --test`` plays a file, once."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import parts

HERE = Path(__file__).parent
NAME = re.compile(r"^test\(\s*'([^']+)'", re.MULTILINE)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Files called ``*.test.js``."""
    return Script.from_parent(parent, path=file_path) if file_path.name.endswith(".test.js") else None


class Script(pytest.File):
    """A file of tests."""

    told: dict[str, dict[str, Any]] | None = None

    def collect(self) -> Iterator[pytest.Item]:
        """The tests by their names, which stand at the beginning of a line."""
        text = self.path.read_text("utf-8")
        names = NAME.findall(text)
        assert len(set(names)) == text.count("test('"), f"{self.path.name} has a name twice, or one that cannot be read"
        for name in names:
            yield Case.from_parent(self, name=name)

    def outcomes(self) -> dict[str, dict[str, Any]]:
        """What came of each test of the file, by name."""
        if self.told is None:
            node = parts.require("Node", parts.node(), "install the test extra")
            told = ("--test-reporter", str(HERE / "reporter.js"), "--test-reporter-destination", "stdout")
            command = [str(node), "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", "--test", *told, str(self.path)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
            self.told = {line["name"]: line for line in lines}
            if not self.told:
                raise AssertionError(done.stdout + done.stderr)
        return self.told


class Case(pytest.Item):
    """One test."""

    def runtest(self) -> None:
        """Look what came of it."""
        assert isinstance(self.parent, Script)
        outcomes = self.parent.outcomes()
        assert self.name in outcomes, f"{self.name} did not run; there were {sorted(outcomes)}"
        if outcomes[self.name]["skipped"]:
            pytest.skip("as the file says")
        if not outcomes[self.name]["passed"]:
            pytest.fail(outcomes[self.name]["why"], pytrace=False)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where it stands."""
        return self.path, None, self.name
