"""Push messages in a real Chromium: the worker that shows them, and the switch in the panel.

A browser that Playwright opens has no push service, which is one of the things that the switch must tell. Where one is
needed, a service on loopback takes its place, and what the service got is handed to the browser as Chromium would.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Locator, Page, Worker, expect

from tests.browser import accessibility
from tests.browser.conftest import ARGUMENTS
from tests.browser.people import Console, Operator, Stage, until
from tests.certificates import Authority
from tests.push_browser import PushBrowser, claims
from tests.receiver import Answer, Receiver
from tests.scenario import as_json
from tests.server import Server

OFF, ON = "Выключены", "Включены"
UNAVAILABLE = "Служба уведомлений браузера недоступна. Уведомления не включились."
# Chromium's own words about the profiles that tests use.
INCOGNITO = re.compile(r"^Chrome currently does not support the Push API in incognito mode")
# Nobody is reached but this machine; the later one of two such arguments counts.
CUT_OFF = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"

# The subscription that a push service would have given, kept over a reload as a browser keeps it.
SUBSCRIBED = """
((given) => {
  const bytes = () => new Uint8Array(JSON.parse(localStorage.getItem('subscribed')));
  const subscription = {
    endpoint: given.endpoint,
    get options() { return { applicationServerKey: bytes().buffer }; },
    toJSON: () => given,
    unsubscribe: async () => { localStorage.removeItem('subscribed'); return true; },
  };
  PushManager.prototype.getSubscription = async () => (localStorage.getItem('subscribed') ? subscription : null);
  PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
    if (!userVisibleOnly) throw new DOMException('', 'NotAllowedError');
    localStorage.setItem('subscribed', JSON.stringify([...applicationServerKey]));
    return subscription;
  };
})
"""
SHOWN = """
async () => (await self.registration.getNotifications()).map(({ title, body, tag }) => ({ title, body, tag }))
"""
# Chromium forgets a notification whose list is read while it is being shown: so the list is read afterwards only.
COUNTED = """
() => {
  const { registration } = self;
  const show = registration.showNotification.bind(registration);
  self.shown = 0;
  registration.showNotification = async (...notification) => {
    await show(...notification);
    self.shown += 1;
  };
}
"""
PAGES = "async () => (await self.clients.matchAll({ type: 'window', includeUncontrolled: true })).length"
# A click on a notification cannot be made by a test, nor what only such a click permits: those two calls are noted.
CLICK = """
async (url) => {
  const opened = [];
  Clients.prototype.openWindow = async (address) => { opened.push(address); return null; };
  WindowClient.prototype.focus = async function () { opened.push('focus'); return this; };
  await self.registration.showNotification('Новое сообщение', { tag: 'click', data: { url } });
  const [notification] = await self.registration.getNotifications({ tag: 'click' });
  const event = new NotificationEvent('notificationclick', { notification });
  let done;
  event.waitUntil = (work) => (done = work);
  self.dispatchEvent(event);
  await done;
  return opened;
}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whose certificates the server trusts."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Server]:
    """A demo server that may send to loopback."""
    flags = ["--webhook-private-networks", "127.0.0.0/8", "--rate-limits", "off"]
    data = tmp_path_factory.mktemp("server") / "data"
    with Server(data, flags=flags, env={"SSL_CERT_FILE": str(authority.file)}) as running:
        yield running


@pytest.fixture
def service(authority: Authority) -> Iterator[Receiver]:
    """A push service."""
    with Receiver(lambda _: Answer(201, b""), tls=authority.server("localhost")) as listening:
        yield listening


class Bell:
    """The switch in the panel's bar, opened."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.get_by_test_id("notices").click()

    @property
    def switch(self) -> Locator:
        """What turns notices on and off."""
        return self.page.get_by_test_id("notices-switch")

    @property
    def test(self) -> Locator:
        """The button for a test."""
        return self.page.get_by_test_id("notices-test")

    @property
    def state(self) -> Locator:
        """What the switch has to say."""
        return self.page.get_by_test_id("notices-state")

    def says(self, words: str, *, on: bool) -> None:
        """Wait until the switch stands so and says this."""
        expect(self.state).to_have_text(words)
        expect(self.switch).to_have_attribute("aria-checked", str(on).lower())
        expect(self.test).to_be_visible(visible=on)


class Phone:
    """What a browser does with the pushes that it gets for a server."""

    def __init__(self, context: BrowserContext, page: Page, origin: str) -> None:
        self._context = context
        self._page = page
        self._origin = origin
        self._cdp: CDPSession = context.new_cdp_session(page)
        self._registrations: list[dict[str, Any]] = []
        self._cdp.on(
            "ServiceWorker.workerRegistrationUpdated", lambda event: self._registrations.extend(event["registrations"])
        )
        self._cdp.send("ServiceWorker.enable")
        until(page, lambda: bool(self._registrations), "the worker's registration")
        assert {each["scopeURL"] for each in self._registrations} == {f"{origin}/"}
        self.worker.evaluate(COUNTED)

    @property
    def worker(self) -> Worker:
        """The service worker."""
        until(self._page, lambda: bool(self._context.service_workers), "the worker")
        worker = self._context.service_workers[-1]
        assert worker.url == f"{self._origin}/push-worker.js"
        return worker

    def is_left(self) -> None:
        """Leave the page, and wait until the worker does not see it any more."""
        self._page.goto("about:blank")
        until(self._page, lambda: self.worker.evaluate(PAGES) == 0, "the page's end")

    def gets(self, **payload: object) -> None:
        """Hand a message to the worker, and wait until it has shown it."""
        before = self._count()
        self.gets_in_vain(**payload)
        until(self._page, lambda: self._count() > before, "a notification")

    def gets_in_vain(self, **payload: object) -> None:
        """Hand over a message that is not to be shown; the worker takes them in order."""
        registration = self._registrations[-1]["registrationId"]
        message = {"origin": self._origin, "registrationId": registration, "data": json.dumps(payload)}
        self._cdp.send("ServiceWorker.deliverPushMessage", message)

    def shown(self) -> dict[str, dict[str, str]]:
        """The notifications that are there now, by tag."""
        found: list[dict[str, str]] = self.worker.evaluate(SHOWN)
        return {each.pop("tag"): each for each in found}

    def _count(self) -> int:
        return int(self.worker.evaluate("self.shown"))


def at_the_panel(stage: Stage, server: Server) -> Operator:
    """Boris, whose browser may show notifications."""
    operator = stage.operator(server.url, stage.context(permissions=("notifications",)))
    operator.console.expected.append(INCOGNITO)
    return operator


def with_a_worker(stage: Stage, server: Server) -> tuple[Operator, Phone]:
    """Boris after he has tried to turn notices on, in a browser that has no push service."""
    operator = at_the_panel(stage, server)
    bell = Bell(operator.page)
    bell.says(OFF, on=False)
    bell.switch.click()
    bell.says(UNAVAILABLE, on=False)
    return operator, Phone(operator.page.context, operator.page, server.url)


def notice(tag: str, **fields: object) -> dict[str, object]:
    """A payload as the server makes them."""
    return {
        "title": "Новое сообщение",
        "body": "<b>Где заказ?</b>",
        "url": "/admin",
        "tag": tag,
        "test": False,
        **fields,
    }


def test_the_worker_is_a_script_that_no_cache_keeps(server: Server) -> None:
    with server.client() as http:
        answer = http.get("/push-worker.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"


class TestSwitch:
    def test_it_turns_notices_on_and_off_and_a_test_is_shown(
        self, stage: Stage, server: Server, service: Receiver
    ) -> None:
        operator = at_the_panel(stage, server)
        page, device = operator.page, PushBrowser(service.tls_url())
        page.add_init_script(f"{SUBSCRIBED}({json.dumps(device.subscription())})")
        page.reload()
        bell = Bell(page)
        bell.says(OFF, on=False)
        bell.switch.click()
        bell.says(ON, on=True)
        assert accessibility.nameless(page) == []
        phone = Phone(page.context, page, server.url)

        bell.test.click()
        bell.says("Отправлено на 1 устройство.", on=True)
        [sent] = service.wait_for(1)
        key = as_json(httpx.get(f"{server.url}/api/v1/push/key", headers=bearer(server)))["key"]
        assert claims(sent, key)["aud"] == f"https://localhost:{service.port}"
        phone.gets(**device.shown(sent))
        assert phone.shown()["test"]["title"] == "Уведомления работают"

        # The server ends a subscription with the login. Whoever had turned it on has it again after the next one.
        # Somebody else in the same browser gets none.
        page.keyboard.press("Escape")
        page.get_by_test_id("sign-out").click()
        operator.log_in("admin@example.com")
        operator.is_live()
        Bell(page).says(OFF, on=False)
        page.keyboard.press("Escape")
        page.get_by_test_id("sign-out").click()
        operator.log_in("manager@example.com")
        operator.is_live()
        bell = Bell(page)
        bell.says(ON, on=True)
        page.reload()
        bell = Bell(page)
        bell.says(ON, on=True)
        bell.test.click()
        bell.says("Отправлено на 1 устройство.", on=True)

        bell.switch.click()
        bell.says(OFF, on=False)
        assert page.evaluate("localStorage.getItem('subscribed')") is None
        answer = httpx.post(f"{server.url}/api/v1/push/test", headers=bearer(server))
        assert as_json(answer) == {"sent": 0, "failed": 0}
        page.reload()
        Bell(page).says(OFF, on=False)

    def test_a_browser_that_refuses_and_one_that_has_none_say_so(self, stage: Stage, server: Server) -> None:
        denied = stage.operator(server.url, stage.context("en-US"))
        bell = Bell(denied.page)
        bell.says("Blocked for this site in the browser’s settings. Allow them there.", on=False)
        expect(bell.switch).to_be_disabled()
        assert accessibility.nameless(denied.page) == []
        plain = stage.operator(server.url.replace("127.0.0.1", "chat.test"), stage.context("en-US"))
        bell = Bell(plain.page)
        bell.says("This browser has none, or the panel’s address does not begin with https.", on=False)
        expect(bell.switch).to_be_disabled()

    def test_escape_closes_it_and_not_the_dialog_behind(self, stage: Stage, server: Server) -> None:
        operator = stage.operator(server.url)
        operator.rows.first.click()
        expect(operator.composer).to_be_visible()
        bell = Bell(operator.page)
        expect(bell.switch).to_be_visible()
        operator.page.keyboard.press("Escape")
        expect(bell.switch).to_be_hidden()
        expect(operator.composer).to_be_visible()
        expect(operator.page.get_by_test_id("notices")).to_be_focused()

    def test_a_push_service_that_never_answers_is_given_up(
        self, browser: Browser, chromium: Path, server: Server, tmp_path: Path
    ) -> None:
        # A profile on disk: there Chromium has its push service, which it tries to reach until it is closed.
        context = browser.browser_type.launch_persistent_context(
            tmp_path / "profile",
            executable_path=chromium,
            args=[*ARGUMENTS, CUT_OFF],
            permissions=["notifications"],
            locale="ru-RU",
        )
        try:
            page = context.pages[0]
            page.clock.install()
            page.goto(f"{server.url}/admin")
            Operator(page, Console("operator")).log_in("manager@example.com")
            bell = Bell(page)
            with page.expect_response("**/push/key"):
                bell.switch.click()

            def given_up() -> bool:
                page.clock.fast_forward(15_000)
                return bell.state.inner_text() == UNAVAILABLE

            until(page, given_up, "the end of waiting")
            bell.says(UNAVAILABLE, on=False)
        finally:
            context.close()


class TestWorker:
    def test_a_notice_is_shown_as_text_while_no_page_is_visible(self, stage: Stage, server: Server) -> None:
        _, phone = with_a_worker(stage, server)
        phone.gets_in_vain(**notice("seen"))
        phone.gets(**notice("asked", test=True))
        assert set(phone.shown()) == {"asked"}
        phone.is_left()
        phone.gets(**notice("first"))
        phone.gets(**notice("first", body="И ещё"))
        phone.gets(**notice("second"))
        shown = phone.shown()
        assert set(shown) == {"asked", "first", "second"}
        assert shown["second"] == {"title": "Новое сообщение", "body": "<b>Где заказ?</b>"}
        assert shown["first"]["body"] == "И ещё"

    def test_a_click_opens_a_page_of_this_server_only(self, stage: Stage, server: Server) -> None:
        _, phone = with_a_worker(stage, server)
        phone.is_left()
        assert phone.worker.evaluate(CLICK, "/admin#/dialogs/7") == [f"{server.url}/admin#/dialogs/7"]
        for url in ("https://elsewhere.test/admin", "//elsewhere.test/admin", "javascript:alert(1)", "http://["):
            assert phone.worker.evaluate(CLICK, url) == [f"{server.url}/"], url
        assert phone.shown() == {}

    def test_a_click_leads_the_open_panel_there_without_loading_it_anew(self, stage: Stage, server: Server) -> None:
        operator, phone = with_a_worker(stage, server)
        operator.page.evaluate("window.loaded = 'once'")
        dialog_id = operator.rows.first.get_attribute("data-dialog-id")
        target = f"/admin#/dialogs/{dialog_id}"
        assert phone.worker.evaluate(CLICK, target) == ["focus"]
        expect(operator.composer).to_be_visible()
        assert operator.page.url == f"{server.url}{target}"
        assert operator.page.evaluate("window.loaded") == "once"
        assert phone.worker.evaluate(CLICK, target) == ["focus"]


def bearer(server: Server) -> dict[str, str]:
    """The manager's access over HTTP."""
    return {"Authorization": f"Bearer {server.login('manager@example.com')}"}
