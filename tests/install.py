"""Brings the programs that the tests run and that no Python package has: ``python -m tests.install``.

What a Debian-like system has comes from its packages, where this runs as root; a Chromium may also be Playwright's own
download. Ends with 1 under ``CI=true`` when something is still missing; elsewhere it says what, and the tests that need
it are skipped by name.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import parts

# Asked before a package starts its service, which nobody wants who runs tests: Debian Policy, 9.3.3.
POLICY = Path("/usr/sbin/policy-rc.d")
FORBIDDEN = "#!/bin/sh\nexit 101\n"
# A new machine may still be at its own updates: apt waits for them, in seconds.
APT = ("--yes", "--no-install-recommends", "--option", "DPkg::Lock::Timeout=300")


def missing() -> list[str]:
    """The programs that cannot be found."""
    return [name for name in parts.PROGRAMS if parts.program(name) is None]


def from_packages(names: list[str]) -> None:
    """Install what the system has packages for, each by itself: one that it does not know must not cost the others."""
    if os.geteuid() != 0 or parts.in_path("apt-get") is None:
        print("The system's packages need root and apt-get", file=sys.stderr)
        return
    _step("apt-get", "update")
    with _services_stay_off():
        for name in names:
            _step("apt-get", "install", *APT, parts.PROGRAMS[name].package)


def downloaded_chromium() -> None:
    """Let Playwright fetch its own."""
    _step(sys.executable, "-m", "playwright", "install", "chromium")


@contextmanager
def _services_stay_off() -> Iterator[None]:
    if POLICY.exists():  # the machine has its own
        yield
        return
    POLICY.write_text(FORBIDDEN)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def _step(*command: str) -> None:
    """Run a command, and tell what it says only if it fails: the first error, for Playwright tells the same five times.

    Whether it helped is seen by looking for the program again.
    """
    print("+", *command, file=sys.stderr, flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, check=False, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        print(*[line for line in said if line.startswith(("E:", "Error:"))][:1] or said[-1:], file=sys.stderr)


def main() -> int:
    """Make sure of all programs; returns the process's exit status."""
    if names := missing():
        from_packages(names)
    if parts.program("chromium") is None:
        downloaded_chromium()
    for name in parts.PROGRAMS:
        if path := parts.program(name):
            print(f"{name} is {path}")
    if not (names := missing()):
        return 0
    print("Missing, so their tests cannot run:", ", ".join(names), file=sys.stderr)
    return 1 if os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
