"""Finds a Chromium that starts, or installs one: ``python -m tests.browser.install_browser``.

Tried in this order: a browser of the system, Playwright's own download, the package of a Debian-like system
(as root). Ends with 1 under ``CI=true`` when none of them works; elsewhere the browser tests are skipped by name.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests import parts

REMEDY = "run 'python -m tests.browser.install_browser', or install chromium"


def find_browser() -> Path | None:
    """A Chromium that starts here: the system's, else the one that Playwright has downloaded."""
    return next((path for path in _candidates() if _starts(path)), None)


def _candidates() -> Iterator[Path]:
    for name in ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome"):
        if path := parts.in_path(name):
            yield path
    with sync_playwright() as playwright:
        yield Path(playwright.chromium.executable_path)


def _starts(browser: Path) -> bool:
    """Whether it runs at all; a download may lack libraries, and Ubuntu's chromium may be an empty wrapper."""
    try:
        answer = subprocess.run([browser, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def _download() -> None:
    _run(sys.executable, "-m", "playwright", "install", "chromium")


def _install_package() -> None:
    if os.geteuid() != 0 or parts.in_path("apt-get") is None:
        print("The system's package needs root and apt-get", file=sys.stderr)
        return
    _run("apt-get", "update", "-q")
    _run("apt-get", "install", "-q", "-y", "--no-install-recommends", "chromium")


def _run(*command: str) -> None:
    """Run one step; whether it helped is seen by looking for a browser again."""
    print("+", *command, file=sys.stderr, flush=True)
    subprocess.run(command, check=False, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def main() -> int:
    """Make sure of a browser; returns the process's exit status."""
    steps: tuple[Callable[[], None], ...] = (lambda: None, _download, _install_package)
    for step in steps:
        step()
        if browser := find_browser():
            print(f"The browser of the tests is {browser}")
            return 0
    print("No Chromium can be had: the browser tests cannot run", file=sys.stderr)
    return 1 if os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
