"""Who sits at a browser: a visitor on somebody's page, an operator in the panel, and what their consoles say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, FrameLocator, Locator, Page, expect

from tests.server import PASSWORD

# Nothing waits this long when all is well; a link that was cut comes back after at most a few of its delays.
PATIENCE_MS = 30_000

DESKTOP = (1280, 800)
JWT = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}")
# What the browser itself says about a server that is away or refuses; no page can keep it from saying so.
NETWORK = re.compile(r"^(Failed to load resource: |WebSocket connection to )")
# The panel asks who is there, and the answer is: nobody yet.
NOBODY = re.compile(r"^Failed to load resource: the server responded with a status of 401 ")


@dataclass
class Console:
    """All that one page's console said, its frames included.

    ``expected`` holds patterns of errors that the test provokes; every other error fails it.
    """

    name: str
    said: list[tuple[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    expected: list[re.Pattern[str]] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        """Listen to ``page`` from now on."""
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))

    def texts(self) -> list[str]:
        """Every line, in order."""
        return [text for _, text in self.said]

    def problems(self) -> list[str]:
        """Tokens that were printed, and errors that nobody expected: uncaught ones, CSP violations, all others."""
        leaks = [f"a token: {text}" for text in self.texts() if JWT.search(text)]
        errors = [text for kind, text in self.said if kind == "error"] + self.errors
        return leaks + [text for text in errors if not any(known.search(text) for known in self.expected)]

    def _hear(self, message: ConsoleMessage) -> None:
        self.said.append((message.type, message.text))


class Logins:
    """The cookies of operators who have logged in by the login page: whoever comes after them need not do so again."""

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str], list[Any]] = {}

    def keep(self, context: BrowserContext, base_url: str, email: str) -> None:
        """Take them from a browser profile that is logged in."""
        self._cookies[base_url, email] = list(context.cookies(base_url))

    def give(self, context: BrowserContext, base_url: str, email: str) -> None:
        """Put them into a browser profile that has none; if their session has ended since, the login page comes."""
        if not context.cookies(base_url):
            context.add_cookies(self._cookies.get((base_url, email), []))


class Stage:
    """Opens pages, each person in a browser context of their own, and listens to all consoles."""

    def __init__(self, browser: Browser, logins: Logins) -> None:
        self._browser = browser
        self._logins = logins
        self._contexts: list[BrowserContext] = []
        self.consoles: list[Console] = []

    def context(
        self, locale: str = "ru-RU", size: tuple[int, int] = DESKTOP, permissions: tuple[str, ...] = ()
    ) -> BrowserContext:
        """A browser profile of its own: cookies, storage and language."""
        width, height = size
        context = self._browser.new_context(
            locale=locale, viewport={"width": width, "height": height}, permissions=list(permissions)
        )
        context.set_default_timeout(PATIENCE_MS)
        self._contexts.append(context)
        return context

    def page(self, name: str, context: BrowserContext | None = None) -> tuple[Page, Console]:
        """A page, and the console that has listened from its beginning."""
        page = (context or self.context()).new_page()
        console = Console(name)
        console.follow(page)
        self.consoles.append(console)
        return page, console

    def visitor(self, url: str, context: BrowserContext | None = None) -> Visitor:
        """Anna, on the page at ``url``."""
        page, console = self.page("visitor", context)
        page.goto(url)
        return Visitor(page, console)

    def at_the_gate(self, base_url: str, context: BrowserContext | None = None) -> Operator:
        """Somebody who has opened the panel's address."""
        page, console = self.page("operator", context)
        console.expected.append(NOBODY)
        page.goto(f"{base_url}/admin")
        return Operator(page, console)

    def operator(
        self, base_url: str, context: BrowserContext | None = None, email: str = "manager@example.com"
    ) -> Operator:
        """Boris, logged in to the panel and live. His ``context`` may have a session already."""
        context = context or self.context()
        self._logins.give(context, base_url, email)
        operator = self.at_the_gate(base_url, context)
        expect(operator.state.or_(operator.email)).to_be_visible()
        if operator.email.is_visible():
            operator.log_in(email)
        operator.is_live()
        self._logins.keep(context, base_url, email)
        return operator

    def server_goes_away(self) -> None:
        """From now on the browser may say that it cannot reach the server."""
        for console in self.consoles:
            console.expected.append(NETWORK)

    def leave(self) -> None:
        """Close everything. Raises AssertionError with what the consoles should not have said."""
        for context in self._contexts:
            context.close()
        problems = [f"[{console.name}] {text}" for console in self.consoles for text in console.problems()]
        assert not problems, "\n".join(problems)


class Conversation:
    """What the chat and an open dialog in the panel have in common. ``place`` is where they are shown."""

    def __init__(self, page: Page, console: Console, place: Page | FrameLocator) -> None:
        self.page = page
        self.console = console
        self.place = place

    @property
    def state(self) -> Locator:
        """The connection's state."""
        return self.place.get_by_test_id("state")

    @property
    def composer(self) -> Locator:
        """Where one writes."""
        return self.place.get_by_test_id("composer")

    @property
    def messages(self) -> Locator:
        """All messages, the unsent ones included."""
        return self.place.get_by_test_id("message")

    @property
    def typing(self) -> Locator:
        """Who else is typing."""
        return self.place.get_by_test_id("typing")

    def say(self, text: str) -> None:
        """Write and press Enter; it may have to wait in the outbox."""
        self.composer.fill(text)
        self.composer.press("Enter")

    def is_live(self) -> None:
        """Wait until events flow."""
        expect(self.state).to_have_attribute("data-state", "live")

    def is_cut_off(self) -> None:
        """Wait until the loss of the connection is shown."""
        expect(self.state).not_to_have_attribute("data-state", "live")

    @contextmanager
    def tries_to_return(self) -> Iterator[None]:
        """The server goes away within the block, which ends when a first attempt to come back has failed."""
        failed = "requestfailed"
        with self.page.expect_event(failed, lambda request: "limit=1" in request.url, timeout=PATIENCE_MS):
            yield

    def shows(self, *texts: str) -> None:
        """Wait until exactly these messages are shown, in this order, all of them acknowledged by the server."""
        expect(self.messages.locator(".message__text")).to_have_text(list(texts))
        expect(self.acknowledged).to_have_count(len(texts))
        ids = self.ids()
        assert ids == sorted(set(ids)), "each message once, in the server's order"

    def texts(self) -> list[str]:
        """The texts as they stand now."""
        return self.messages.locator(".message__text").all_inner_texts()

    def ids(self) -> list[int]:
        """The ids of the acknowledged messages as they stand now."""
        found: list[int] = self.acknowledged.evaluate_all(
            "nodes => nodes.map((node) => Number(node.dataset.messageId))"
        )
        return found

    @property
    def acknowledged(self) -> Locator:
        """The messages that the server has."""
        return self.place.locator("[data-testid=message][data-message-id]")


class Visitor(Conversation):
    """A page with the widget."""

    def __init__(self, page: Page, console: Console) -> None:
        super().__init__(page, console, page.frame_locator("[data-testid=replyx-frame]"))

    @property
    def launcher(self) -> Locator:
        """The chat button."""
        return self.page.get_by_test_id("replyx-launcher")

    def open_chat(self) -> None:
        """Press the chat button and wait for the chat."""
        self.launcher.click()
        expect(self.composer).to_be_visible()


class Operator(Conversation):
    """The panel."""

    def __init__(self, page: Page, console: Console) -> None:
        super().__init__(page, console, page)

    @property
    def email(self) -> Locator:
        """First field of the login page."""
        return self.page.get_by_test_id("login-email")

    @property
    def rows(self) -> Locator:
        """The list of dialogs."""
        return self.page.get_by_test_id("dialog-item")

    def row(self, text: str) -> Locator:
        """The dialog whose row shows ``text``."""
        return self.rows.filter(has_text=text)

    def log_in(self, email: str, password: str = PASSWORD) -> None:
        """Fill in the login page and send it."""
        self.email.fill(email)
        self.page.get_by_test_id("login-password").fill(password)
        self.page.get_by_test_id("login-submit").click()

    def open_dialog(self, text: str) -> int:
        """Open the dialog whose row shows ``text``; its id."""
        row = self.row(text)
        dialog_id = row.get_attribute("data-dialog-id")
        row.click()
        expect(self.composer).to_be_visible()
        return int(dialog_id or 0)

    def act(self, action: str) -> None:
        """Press one of the open dialog's buttons."""
        self.page.get_by_test_id(f"action-{action}").click()


def beneath(side: Conversation) -> float:
    """How many pixels of the messages are out of sight below."""
    log = side.place.get_by_test_id("messages")
    hidden: float = log.evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight")
    return hidden


def until(page: Page, condition: Callable[[], bool], what: str) -> None:
    """Wait, with the browser running, until ``condition`` of this process holds."""
    waited = 0
    while not condition():
        assert waited < PATIENCE_MS, f"not in time: {what}"
        page.wait_for_timeout(50)
        waited += 50
