"""What is shipped, by the form that a person takes: made by ``make dist``, which ``make test-ship`` runs first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import browser, logins, stage
from tests.parts import require
from tests.server import ROOT, Process
from tests.ship.forms import Binary, Form, Wheel

__all__ = ["browser", "logins", "stage"]

RELEASE = ROOT / "dist"
REMEDY = "make dist"
PATTERNS = {"wheel": "replyx-*.whl", "onedir": "replyx-*.tar.xz", "onefile": "replyx-*-linux-*[!z]"}


@pytest.fixture(scope="session", params=PATTERNS)
def form(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Form]:
    """One form of the release, installed; every server of the test is started from it."""
    found = next(iter(sorted(RELEASE.glob(PATTERNS[request.param]))), None)
    release: Path = require(f"the release as {request.param}", found, REMEDY)
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "wheel":
        installed: Form = Wheel(folder, release)
    else:
        require("a user who may mount", release if os.geteuid() == 0 else None, "run as root, in a container say")
        for parent in (folder, *folder.parents[:3]):
            parent.chmod(parent.stat().st_mode | 0o011)  # the user without rights comes this way to its data
        installed = Binary(folder, release)
    before = Process.program
    Process.program = installed.program()
    yield installed
    Process.program = before
