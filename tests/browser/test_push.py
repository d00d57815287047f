"""Push messages in a real Chromium: the worker that shows them, and the switch in the panel and on the shop page.

A browser that Playwright opens has no push service, which is one of the things that the switch must tell. Where one is
needed, a service on loopback takes its place, and what the service got is handed to the browser as Chromium would.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Locator, Page, Worker, expect

from tests import scenario
from tests.browser import accessibility
from tests.browser.conftest import ARGUMENTS
from tests.browser.people import NETWORK, Console, Operator, Stage, until
from tests.certificates import Authority
from tests.push_browser import PushBrowser, claims
from tests.receiver import Answer, Receiver
from tests.scenario import as_json
from tests.server import PASSWORD, Server

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
# No push service can be made to change a subscription here, so the worker is told that one has. The answer is what it
# asks the browser for.
CHANGED = """
async ({ old, fresh }) => {
  let asked = null;
  PushManager.prototype.subscribe = async (options) => {
    asked = options;
    return { toJSON: () => fresh };
  };
  const options = { applicationServerKey: [4, 1, 2] };
  const oldSubscription = old && { endpoint: old.endpoint, options, toJSON: () => old };
  const event = new ExtendableEvent('pushsubscriptionchange');
  Object.assign(event, { oldSubscription, newSubscription: null });
  let done;
  event.waitUntil = (work) => (done = work);
  self.dispatchEvent(event);
  await done;
  return asked;
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


class Controls:
    """The switch for notices and what belongs to it."""

    def __init__(self, page: Page) -> None:
        self.page = page

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


class Bell(Controls):
    """The switch in the panel's bar, opened."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        page.get_by_test_id("notices").click()


class Customer(Controls):
    """Somebody at the shop page, whose browser may show notifications."""

    def __init__(self, stage: Stage, server: Server, context: BrowserContext | None = None) -> None:
        page, self.console = stage.page("webapp", context or stage.context(permissions=("notifications",)))
        super().__init__(page)
        page.goto(f"{server.url}/webapp/")

    @property
    def card(self) -> Locator:
        """Where one signs in."""
        return self.page.get_by_test_id("account")

    def has(self, device: PushBrowser) -> None:
        """The browser's push service gives it this subscription from now on."""
        self.page.add_init_script(f"{SUBSCRIBED}({json.dumps(device.subscription())})")
        self.page.reload()

    def sign_in(self, role: str, password: str = PASSWORD) -> None:
        """Open the form, fill it in and send it."""
        self.page.get_by_test_id("account-enter").click()
        self.page.get_by_test_id("login-email").fill(f"{role}@example.com")
        self.page.get_by_test_id("login-password").fill(password)
        self.page.get_by_test_id("login-submit").click()

    def sign_out(self) -> None:
        """Leave, and see that it is done."""
        self.page.get_by_test_id("sign-out").click()
        expect(self.page.get_by_test_id("account-enter")).to_be_focused()


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


def with_notices(stage: Stage, server: Server, device: PushBrowser) -> tuple[Customer, Phone]:
    """Anna at the shop page, who has turned notices on in this browser."""
    anna = Customer(stage, server)
    anna.has(device)
    anna.sign_in("user")
    anna.switch.click()
    anna.says(ON, on=True)
    return anna, Phone(anna.page.context, anna.page, server.url)


def product_of(server: Server, action: str) -> str:
    """The demo's shop has submitted a product, and an admin has decided about it; what it is called."""
    name = f"Платье {uuid.uuid4().hex[:6]}"
    with scenario.operator(server, "shop@example.com") as shop, scenario.operator(server) as admin:
        made = as_json(shop.post("/api/v1/products", json={"name": name, "price": 990}))
        answer = admin.post(
            f"/api/v1/admin/products/{made['id']}/{action}", json={"moderation_notes": "Нет фотографий"}
        )
        assert answer.status_code == 200, answer.text
    return name


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
        bell.says("This browser has none, or the page’s address does not begin with https.", on=False)
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


class TestTheShopPage:
    def test_a_customer_signs_in_turns_notices_on_and_is_led_back_by_one(
        self, stage: Stage, server: Server, service: Receiver
    ) -> None:
        anna, device = Customer(stage, server), PushBrowser(service.tls_url())
        page = anna.page
        anna.has(device)
        anna.sign_in("user")
        expect(page.get_by_test_id("account-who")).to_be_focused()
        expect(anna.card).to_contain_text("О новых товарах, когда эта страница закрыта.")
        anna.says(OFF, on=False)
        anna.switch.click()
        anna.says(ON, on=True)
        assert accessibility.nameless(page) == []
        anna.test.click()
        anna.says("Отправлено на 1 устройство.", on=True)
        [test] = service.wait_for(1)
        assert device.shown(test)["url"] == "/webapp/"

        name = product_of(server, "approve")
        phone = Phone(page.context, page, server.url)
        phone.is_left()
        told = device.shown(service.wait_for(2)[1])
        assert (told["title"], told["body"], told["url"]) == ("Новый товар", name, "/webapp/")
        phone.gets(**told)
        assert phone.worker.evaluate(CLICK, told["url"]) == [f"{server.url}/webapp/"]

        # The page remembers who it is and what was turned on, and asks again when it could not. A click only brings it
        # to the front.
        anna.console.expected.append(NETWORK)
        page.route("**/webapp/session", lambda route: route.abort(), times=1)
        page.goto(f"{server.url}/webapp/?shop=4")
        anna.says(ON, on=True)
        assert phone.worker.evaluate(CLICK, told["url"]) == ["focus"]
        assert page.url.endswith("?shop=4")
        anna.sign_out()
        product_of(server, "approve")
        anna.sign_in("shop")
        expect(anna.card).to_contain_text("О решениях по вашим товарам, когда эта страница закрыта.")
        anna.says(OFF, on=False)
        anna.switch.click()
        anna.says(ON, on=True)
        name = product_of(server, "reject")
        told = device.shown(service.wait_for(3)[2])
        assert (told["title"], told["body"]) == ("Ваш товар отклонён", f"{name}: Нет фотографий")
        anna.switch.click()
        anna.says(OFF, on=False)
        anna.sign_out()

    def test_a_wrong_password_and_a_login_that_has_ended_are_told(self, stage: Stage, server: Server) -> None:
        anna = Customer(stage, server, stage.context("en-US", permissions=("notifications",)))
        anna.console.expected.append(NETWORK)
        page = anna.page
        anna.sign_in("user", "wrong-password")
        expect(page.get_by_role("alert")).to_have_text("The e-mail and password do not match.")
        page.get_by_text("Not now").click()
        anna.sign_in("user")
        anna.says("Off", on=False)
        for found_out in ("visibilitychange", "a click"):
            xsrf = {"X-XSRFToken": page.evaluate("document.cookie.match(/_xsrf=([^;]*)/)[1]")}
            assert page.request.post(f"{server.url}/api/v1/auth/logout", headers=xsrf).status == 204
            if found_out == "a click":
                anna.switch.click()
            else:
                page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
            expect(page.get_by_role("alert")).to_have_text("You are signed out. Sign in again.")
            anna.sign_in("user")
            anna.says("Off", on=False)

    def test_one_browser_has_one_login_and_the_panel_notices(self, stage: Stage, server: Server) -> None:
        operator = at_the_panel(stage, server)
        anna = Customer(stage, server, operator.page.context)
        expect(anna.card).to_contain_text("manager@example.com")
        expect(anna.card).to_contain_text("О сообщениях посетителей, когда панель закрыта.")
        anna.sign_out()
        anna.sign_in("user")
        expect(anna.card).to_contain_text("user@example.com")
        operator.console.expected.append(NETWORK)
        expect(operator.email).to_be_visible()

    def test_who_never_signs_in_asks_for_nothing_and_keeps_nothing(self, stage: Stage, server: Server) -> None:
        anna = Customer(stage, server)
        asked: list[str] = []
        anna.page.on("request", lambda request: asked.append(request.url.removeprefix(server.url)))
        anna.page.reload()
        expect(anna.page.get_by_test_id("account-enter")).to_be_visible()
        expect(anna.page.get_by_test_id("product").first).to_be_visible()
        calls = {url.partition("?")[0] for url in asked if not url.startswith("/static/")}
        assert calls == {"/webapp/", "/api/v1/products", "/api/v1/settings"}
        assert anna.page.context.cookies() == []
        assert anna.page.evaluate("localStorage.length") == 0
        assert anna.page.context.service_workers == []


class TestChangedSubscriptions:
    def test_the_worker_tells_the_server_where_the_notices_go_now(
        self, stage: Stage, server: Server, service: Receiver
    ) -> None:
        old, new = PushBrowser(service.tls_url()), PushBrowser(f"{service.tls_url()}/new")
        anna, phone = with_notices(stage, server, old)
        given = {"old": old.subscription(), "fresh": new.subscription()}
        assert phone.worker.evaluate(CHANGED, given) == {"userVisibleOnly": True, "applicationServerKey": [4, 1, 2]}
        anna.test.click()
        anna.says("Отправлено на 1 устройство.", on=True)
        [sent] = service.wait_for(1)
        assert new.shown(sent)["title"] == "Уведомления работают"
        anna.sign_out()

    def test_the_page_repairs_what_the_worker_could_not_tell(
        self, stage: Stage, server: Server, service: Receiver
    ) -> None:
        old, new = PushBrowser(service.tls_url()), PushBrowser(f"{service.tls_url()}/new")
        anna, phone = with_notices(stage, server, old)
        assert phone.worker.evaluate(CHANGED, {"old": None, "fresh": new.subscription()}) is None
        anna.has(new)
        anna.says(ON, on=True)
        anna.test.click()
        anna.says("Отправлено на 1 устройство.", on=True)
        [sent] = service.wait_for(1)
        assert new.shown(sent)["title"] == "Уведомления работают"
        anna.page.evaluate("localStorage.removeItem('subscribed')")  # lost, as when the browser's data was cleaned
        anna.page.reload()
        anna.says(ON, on=True)
        anna.test.click()
        anna.says("Отправлено на 1 устройство.", on=True)
        anna.sign_out()


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
