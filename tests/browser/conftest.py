"""What the browser tests share: one Chromium per module, a stage with consoles that are listened to, and operators."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests import scenario
from tests.browser.hosts import RESOLVER_RULE, HostSite
from tests.browser.people import PATIENCE_MS, Logins, Stage
from tests.server import Server

# Nothing but what the tests open may be loaded: the browser's own services stay silent.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    f"--host-resolver-rules={RESOLVER_RULE}",
)


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    """A real Chromium. Not for the whole session: Playwright's loop would be in the way of other modules' loops."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield running
        running.close()


@pytest.fixture(scope="module")
def logins() -> Logins:
    """Who has logged in to the servers of this module."""
    return Logins()


@pytest.fixture
def stage(browser: Browser, logins: Logins) -> Iterator[Stage]:
    """Where people open pages; at the end no console may have told a token or an unexpected error."""
    running = Stage(browser, logins)
    yield running
    running.leave()


@pytest.fixture(scope="module")
def site() -> Iterator[HostSite]:
    """A customer's site on another port."""
    with HostSite() as running:
        yield running


@pytest.fixture(scope="module")
def boris(server: Server) -> Iterator[httpx.Client]:
    """A manager with an HTTP client, for what an operator could have done before the test begins."""
    with scenario.operator(server, "manager@example.com") as client:
        yield client


@pytest.fixture
def fragile(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own, to be killed."""
    with Server(tmp_path / "data") as running:
        yield running
