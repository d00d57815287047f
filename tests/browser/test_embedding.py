"""The widget on customers' pages: it works where it may, is silent where it may not, and never harms the page."""

from __future__ import annotations

import gzip
import re
import uuid
from collections.abc import Callable

import httpx
from playwright.sync_api import Page, Request, Route, expect

from tests import scenario
from tests.browser.hosts import HostSite
from tests.browser.people import NETWORK, Stage, until
from tests.server import ROOT, Server

WIDGET_LIMIT_BYTES = 5 * 1024
SEED_THEME = "rgb(17, 102, 51)"

# Runs before the widget, as a page's own script would: commands given early must not be lost.
EARLY_CALLS = """
window.replyx = window.replyx || function () { (replyx.q = replyx.q || []).push(arguments); };
window.heard = [];
replyx('identify', { name: 'Анна' });
for (const event of ['ready', 'open', 'close']) replyx('on', event, () => heard.push(event));
replyx('on', 'message', (message) => heard.push(message.text));
replyx('on', 'message', () => { throw new Error('a listener of the page'); });
"""
COUNTER = """
addEventListener('DOMContentLoaded', () => {
  document.getElementById('add').onclick = (event) => {
    event.preventDefault();
    document.getElementById('count').textContent = Number(document.getElementById('count').textContent) + 1;
  };
});
"""


def from_origin(page: Page, origin: str) -> list[str]:
    """Fills with the paths that the page and its frames ask of ``origin`` from now on."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.url.startswith(f"{origin}/"):
            asked.append(request.url.removeprefix(origin).partition("?")[0])

    page.on("request", note)
    return asked


def home(embed_code: str) -> str:
    """The origin that the code was made for: the server's public address, whatever this test calls it."""
    found = re.search(r"&host=([^\"&]+)", embed_code)
    assert found is not None
    return found[1]


def page_is_intact(page: Page) -> None:
    """The customer's page shows what it had and reacts."""
    expect(page.locator("h1")).to_have_text("Лавка")
    expect(page.get_by_text("Подвал")).to_be_visible()
    page.locator("#add").click()
    expect(page.locator("#count")).to_have_text("1")


def new_globals(page: Page) -> list[str]:
    """Names that appeared in ``window`` since the page's own script ran."""
    names: list[str] = page.evaluate(
        "Object.keys(window).filter((name) => !before.includes(name) && name !== 'before')"
    )
    return sorted(names)


def test_the_demo_shop_carries_the_real_embed_code_and_loads_two_things_before_the_chat_is_opened(
    stage: Stage, server: Server
) -> None:
    page, console = stage.page("visitor")
    asked = from_origin(page, server.url)
    answer = page.goto(f"{server.url}/demo-site/")
    assert answer is not None
    assert re.search(r'<script src="[^"]+/widget\.js\?token=[^"]+" async></script>', answer.text())
    expect(page.get_by_test_id("replyx-launcher")).to_be_visible()
    of_the_shop = {path for path in asked if path.startswith(("/demo-site/", "/static/"))}
    of_the_widget = [path for path in asked if path not in of_the_shop]
    assert of_the_widget == ["/widget.js", "/api/widgets/check"]
    assert all("/chat/" not in path and "admin" not in path for path in of_the_shop)
    page.get_by_test_id("replyx-launcher").click()
    until(page, lambda: any(path.startswith("/chat/") for path in asked), "the chat is loaded when it is opened")
    assert console.problems() == []


def test_the_loader_is_small() -> None:
    size = len(gzip.compress((ROOT / "static" / "widget.js").read_bytes(), 9))
    assert size <= WIDGET_LIMIT_BYTES, f"{size} bytes"


def test_on_a_page_of_another_origin_with_a_strict_policy_the_chat_works(
    stage: Stage, boris: httpx.Client, site: HostSite
) -> None:
    widget = scenario.new_widget(boris, "shop.test", name="Сосны", theme="#116633", position="bottom-left")
    code = widget["embed_code"]
    url = site.show("/strict", code, host="shop.test", script=EARLY_CALLS + COUNTER, strict_for=home(code))
    anna = stage.visitor(url)
    anna.console.expected.append(re.compile("a listener of the page"))
    page_is_intact(anna.page)
    anna.open_chat()
    anna.say("С чужой страницы")
    anna.is_live()
    dialog = next(each for each in boris.get("/api/dialogs").json()["items"] if each["widget_id"] == widget["id"])
    assert dialog["visitor"] == {"name": "Анна", "page": url}
    boris.post(f"/api/dialogs/{dialog['id']}/messages", json={"text": "Вижу вас"})
    anna.shows("С чужой страницы", "Вижу вас")
    expect(anna.launcher).to_have_css("background-color", SEED_THEME)
    expect(anna.launcher).to_have_css("left", "20px")

    # Closed, it counts what is new; opened, it has been read.
    anna.composer.press("Escape")
    expect(anna.launcher).to_have_attribute("aria-expanded", "false")
    boris.post(f"/api/dialogs/{dialog['id']}/messages", json={"text": "Ещё тут?"})
    expect(anna.launcher).to_have_accessible_name("Открыть чат, новых сообщений: 1")
    anna.open_chat()
    anna.shows("С чужой страницы", "Вижу вас", "Ещё тут?")
    expect(anna.launcher).to_have_accessible_name("Закрыть чат")
    until(anna.page, lambda: len(anna.page.evaluate("heard")) >= 6, "the page hears of everything")
    assert anna.page.evaluate("heard") == ["ready", "open", "Вижу вас", "close", "Ещё тут?", "open"]
    assert new_globals(anna.page) == ["heard", "replyx"]
    anna.page.reload()
    anna.open_chat()
    anna.shows("С чужой страницы", "Вижу вас", "Ещё тут?")


def test_a_page_may_open_the_chat_before_it_has_loaded_and_show_it_within_its_text(
    stage: Stage, boris: httpx.Client, site: HostSite
) -> None:
    widget = scenario.new_widget(boris, "shop.test", type="inline", locale="en")
    script = EARLY_CALLS + "replyx('open');"
    anna = stage.visitor(site.show("/inline", widget["embed_code"], host="shop.test", script=script))
    expect(anna.composer).to_have_accessible_name("Write a message")
    between = "document.querySelector('#add').compareDocumentPosition(document.querySelector('replyx-widget'))"
    assert anna.page.evaluate(between) == 4, "it stands where its script stands (DOCUMENT_POSITION_FOLLOWING)"
    assert anna.page.evaluate("document.body.lastElementChild.textContent") == "Подвал"


def test_nothing_is_stored_before_the_visitor_writes(stage: Stage, server: Server) -> None:
    anna = stage.visitor(f"{server.url}/demo-site/")
    anna.open_chat()
    expect(anna.state).to_have_attribute("data-state", "idle")
    stored = "({...localStorage, ...sessionStorage})"
    assert anna.page.evaluate(stored) == {}
    assert anna.page.context.cookies() == []
    anna.say("Теперь можно")
    anna.is_live()
    assert any("guest" in key for key in anna.page.evaluate(stored))


def test_a_code_from_before_the_domains_changed_shows_nothing_and_says_why(
    stage: Stage, boris: httpx.Client, site: HostSite
) -> None:
    widget = scenario.new_widget(boris, "shop.test")
    url = site.show("/stale", widget["embed_code"], host="shop.test", script=COUNTER)
    fresh, _ = stage.page("fresh")
    fresh.goto(url)
    expect(fresh.get_by_test_id("replyx-launcher")).to_be_visible()
    changed = boris.patch(f"/api/widgets/{widget['id']}", json={"allowed_domains": ["shop.test", "other.test"]})
    assert changed.status_code == 200, changed.text

    page, console = stage.page("stale")
    asked = from_origin(page, home(widget["embed_code"]))
    page.goto(url)
    until(page, lambda: bool(said(console.texts())), "the widget says why")
    assert said(console.texts()) == ["[ReplyX Widget] Серверная проверка: токен не актуален - domains changed"]
    assert asked == ["/widget.js", "/api/widgets/check"]
    page_is_intact(page)
    expect(page.get_by_test_id("replyx-launcher")).to_have_count(0)


def test_damaged_deleted_and_foreign_codes_show_nothing_and_say_why(
    stage: Stage, boris: httpx.Client, site: HostSite
) -> None:
    kept, deleted = scenario.new_widget(boris, "shop.test"), scenario.new_widget(boris, "shop.test")
    assert boris.delete(f"/api/widgets/{deleted['id']}").status_code == 204
    damaged = kept["embed_code"].replace("token=", "token=x")
    cases = [
        (damaged, "shop.test", "malformed"),
        (deleted["embed_code"], "shop.test", "revoked"),
        (kept["embed_code"], "thief.test", "domain not allowed"),
    ]
    for code, host, reason in cases:
        url = site.show(f"/{uuid.uuid4()}", code, host=host, script=COUNTER)
        page, console = stage.page(reason)
        console.expected.append(re.compile("CORS policy|ERR_FAILED"))
        page.goto(url)
        until(page, lambda console=console: bool(said(console.texts())), reason)  # type: ignore[misc]
        assert reason in said(console.texts())[0]
        page_is_intact(page)
        expect(page.get_by_test_id("replyx-launcher")).to_have_count(0)


def test_a_site_that_is_not_allowed_cannot_frame_the_chat(
    stage: Stage, server: Server, boris: httpx.Client, site: HostSite
) -> None:
    widget = scenario.new_widget(boris, "shop.test")
    frame = f'<iframe data-testid="replyx-frame" src="{server.url}/chat/{widget["id"]}"></iframe>'
    allowed = stage.visitor(site.show("/frame", frame, host="shop.test"))
    expect(allowed.composer).to_be_visible()
    page, console = stage.page("thief")
    console.expected.append(re.compile("frame-ancestors"))
    page.goto(site.show("/frame", frame, host="thief.test"))
    until(page, lambda: any("frame-ancestors" in text for text in console.texts()), "the browser refuses the frame")
    expect(page.frame_locator("iframe").get_by_test_id("composer")).to_have_count(0)


def test_a_page_whose_chat_server_is_down_stays_intact_and_gets_its_chat_when_it_is_back(
    stage: Stage, fragile: Server, site: HostSite
) -> None:
    with scenario.operator(fragile) as maria:
        widget = scenario.new_widget(maria, "shop.test")
    url = site.show("/down", widget["embed_code"], host="shop.test", script=EARLY_CALLS + COUNTER)
    loaded, without = stage.page("loader arrived"), stage.page("nothing arrived")
    for _, console in (loaded, without):
        console.expected.append(NETWORK)
    page = loaded[0]
    # The loader arrives, and the server dies before it can ask: it has to come back by itself.
    page.route("**/api/widgets/check*", killing(fragile))
    with page.expect_event("requestfailed"):
        page.goto(url)
    page_is_intact(page)
    without[0].goto(url)
    page_is_intact(without[0])
    assert new_globals(without[0]) == ["heard", "replyx"]
    page.unroute_all(behavior="ignoreErrors")
    fragile.start()
    expect(page.get_by_test_id("replyx-launcher")).to_be_visible()
    without[0].reload()
    expect(without[0].get_by_test_id("replyx-launcher")).to_be_visible()


def killing(server: Server) -> Callable[[Route], None]:
    """Kills the server at the moment of the first request and lets it, and all later ones, run into the void."""

    def at_request(route: Route) -> None:
        if server.running:
            server.kill()
        route.continue_()

    return at_request


def said(texts: list[str]) -> list[str]:
    """The widget's own lines."""
    return [text for text in texts if text.startswith("[ReplyX Widget]")]
