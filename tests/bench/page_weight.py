"""What a page costs on the wire: ``python -m tests.bench.page_weight`` (needs the ``test`` extra and its browser).

Chromium counts what it asks the server for and what comes in answer, headers included, and what it has in its cache: at
a first visit, and when the page is loaded again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from tests import docs_pages, parts
from tests.server import PASSWORD, Server


class Weighed:
    """Counts what ``page`` loads."""

    def __init__(self, page: Page) -> None:
        self.requests = 0
        self.bytes = 0
        self._cached: set[str] = set()
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.requestServedFromCache", lambda told: self._cached.add(told["requestId"]))
        session.on("Network.responseReceived", self._answered)
        session.on("Network.loadingFinished", self._finished)

    def _answered(self, told: dict[str, object]) -> None:
        response = told["response"]
        assert isinstance(response, dict)
        if response["fromDiskCache"] or str(response["url"]).startswith("data:"):
            self._cached.add(str(told["requestId"]))

    def _finished(self, told: dict[str, object]) -> None:
        if told["requestId"] in self._cached:
            return
        self.requests += 1
        self.bytes += int(str(told["encodedDataLength"]).split(".")[0])

    def taken(self) -> tuple[int, int]:
        """Requests and bytes since the last time."""
        found = (self.requests, self.bytes)
        self.requests = self.bytes = 0
        return found


@contextmanager
def visited(context: BrowserContext) -> Iterator[tuple[Page, Weighed]]:
    """A page that is weighed."""
    page = context.new_page()
    yield page, Weighed(page)
    page.close()


def panel(context: BrowserContext, url: str) -> Iterator[tuple[str, int, int]]:
    """The operators' panel: signed in, live, nothing open."""
    with visited(context) as (page, weighed):
        page.goto(f"{url}/admin")
        page.get_by_test_id("login-email").fill("admin@example.com")
        page.get_by_test_id("login-password").fill(PASSWORD)
        page.get_by_test_id("login-submit").click()
        expect(page.get_by_test_id("state")).to_have_attribute("data-state", "live")
        page.wait_for_load_state("networkidle")
        yield ("panel, first visit", *weighed.taken())
        page.reload()
        expect(page.get_by_test_id("state")).to_have_attribute("data-state", "live")
        page.wait_for_load_state("networkidle")
        yield ("panel, reloaded", *weighed.taken())


def chat(context: BrowserContext, url: str) -> Iterator[tuple[str, int, int]]:
    """A visitor's chat by itself."""
    with visited(context) as (page, weighed):
        for when in ("first visit", "reloaded"):
            page.goto(f"{url}/chat/1")
            expect(page.get_by_test_id("composer")).to_be_visible()
            page.wait_for_load_state("networkidle")
            yield (f"chat, {when}", *weighed.taken())


def measured() -> list[tuple[str, str, str]]:
    """The rows of the table."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(Path(folder) / "data") as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=parts.chromium(), args=["--no-sandbox"])
        rows = [row for page in (panel, chat) for row in page(browser.new_context(), server.url)]
        browser.close()
    return [(what, str(requests), f"{size / 1024:.0f} KiB") for what, requests, size in rows]


def main() -> None:
    """Measure and print a table."""
    print(docs_pages.table(("Page", "Requests", "On the wire"), measured()))


if __name__ == "__main__":
    main()
