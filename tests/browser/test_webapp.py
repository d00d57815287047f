"""The shop page: it follows what bots broadcast, and catches up with whatever it has missed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests import scenario
from tests.browser import accessibility
from tests.browser.people import NETWORK, Console, Stage, until
from tests.scenario import tell
from tests.server import Server

PHONE = (390, 844)
SECRET = "the secret of the tests of the shop page, long enough"
CONNECTED = "✅ WebSocket connected"
MESSAGE = "📨 WebSocket message: "
MARKUP = '<img src=x onerror="window.pwned=1"> <b>жирно</b>'


class Shopper:
    """Somebody at the shop page."""

    def __init__(self, page: Page, console: Console) -> None:
        self.page = page
        self.console = console

    @property
    def indicator(self) -> Locator:
        """The connection's state, at the top right."""
        return self.page.get_by_test_id("state")

    @property
    def products(self) -> Locator:
        """The names of the products."""
        return self.page.get_by_test_id("product").locator("h3")

    @property
    def status(self) -> Locator:
        """The followed order's."""
        return self.page.get_by_test_id("order-status")

    @property
    def subscribers(self) -> Locator:
        """How many there are since the page was opened."""
        return self.page.get_by_test_id("subscribers")

    @property
    def events(self) -> Locator:
        """What happened, the newest first."""
        return self.page.get_by_test_id("events").locator("li span")

    def is_connected(self) -> None:
        """Wait until events flow."""
        expect(self.indicator).to_have_text("🟢 WS Connected")

    def is_cut_off(self) -> None:
        """Wait until the loss is shown."""
        expect(self.indicator).to_have_text("🔴 WS Disconnected")

    def follow(self, number: str) -> None:
        """Follow an order."""
        self.page.get_by_test_id("order-number").fill(number)
        self.page.get_by_test_id("follow").click()

    def messages(self) -> list[str]:
        """The types of what the console says that came."""
        said = [text for text in self.console.texts() if text.startswith(MESSAGE)]
        return [found[1] for text in said if (found := re.search(r"type: (\w+)", text))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a secret for bots."""
    with Server(tmp_path_factory.mktemp("server") / "data", env={"INTERNAL_SECRET": SECRET}) as running:
        yield running


@pytest.fixture(scope="module")
def bot(server: Server) -> Iterator[httpx.Client]:
    """A bot that has the secret."""
    with server.client(headers={"x-internal-secret": SECRET}) as client:
        yield client


def visit(stage: Stage, server: Server, query: str = "", context: BrowserContext | None = None) -> Shopper:
    """Somebody who opens the page, and is connected."""
    page, console = stage.page("webapp", context)
    page.goto(f"{server.url}/webapp/{query}")
    shopper = Shopper(page, console)
    shopper.is_connected()
    return shopper


def offered(server: Server, name: str, description: str = "") -> dict[str, int]:
    """The shop has a product more, and an admin has approved it; its ids as a bot tells them."""
    with scenario.operator(server, "shop@example.com") as shop, scenario.operator(server) as admin:
        made = shop.post("/api/v1/products", json={"name": name, "price": 990, "description": description}).json()
        approved = admin.post(f"/api/v1/admin/products/{made['id']}/approve", json={"approval_fee": 0})
        assert approved.status_code == 200, approved.text
    return {"shopId": made["shop_id"], "productId": made["id"]}


def test_the_line_of_the_bots_guide_is_seen_in_the_console(stage: Stage, server: Server, bot: httpx.Client) -> None:
    anna = visit(stage, server)
    assert CONNECTED in anna.console.texts()
    with anna.page.expect_console_message(lambda message: message.text.startswith(MESSAGE)) as said:
        tell(bot, "product_added", shopId=123, productId=456)
    shown = said.value.args[1].json_value()
    assert json.dumps(shown) == '{"type": "product_added", "shopId": 123, "productId": 456}'


def test_a_product_appears_changes_and_goes_as_its_admin_and_shop_decide(stage: Stage, server: Server) -> None:
    anna = visit(stage, server)
    expect(anna.products.filter(has_text="Шерстяной шарф")).to_have_count(1)
    ids = offered(server, "Зонт-трость", MARKUP)
    card = anna.page.get_by_test_id("product").filter(has_text="Зонт-трость")
    expect(card).to_have_class(re.compile("product--new"))
    expect(card).to_contain_text(MARKUP)
    expect(anna.events.first).to_have_text(f"Добавлен товар {ids['productId']} · магазин {ids['shopId']}")
    assert anna.page.evaluate("window.pwned") is None
    with scenario.operator(server) as admin:
        admin.post(f"/api/v1/admin/products/{ids['productId']}/reject", json={"moderation_notes": "Снят"})
        expect(anna.events.first).to_have_text(f"Удалён товар {ids['productId']} · магазин {ids['shopId']}")
        expect(card).to_have_count(0)
        admin.post(f"/api/v1/admin/products/{ids['productId']}/approve", json={})
        expect(card).to_have_count(1)
        shop = f"/api/v1/accounts/{ids['shopId']}"
        admin.patch(shop, json={"active": False})
        expect(anna.events.first).to_have_text(f"Изменены данные магазина · магазин {ids['shopId']}")
        expect(anna.products).to_have_count(0)
        admin.patch(shop, json={"active": True})
        expect(card).to_have_count(1)


def test_what_a_bot_tells_of_is_loaded(stage: Stage, server: Server, bot: httpx.Client) -> None:
    anna = visit(stage, server)
    expect(anna.products.filter(has_text="Шерстяной шарф")).to_have_count(1)
    with anna.page.expect_response("**/api/v1/products?**"):
        tell(bot, "product_updated", shopId=4, productId=1)


def test_fifty_approvals_at_once_are_not_fifty_loads(stage: Stage, server: Server) -> None:
    anna = visit(stage, server, "?shop=4")
    expect(anna.products.filter(has_text="Шерстяной шарф")).to_have_count(1)
    with scenario.operator(server, "shop@example.com") as shop, scenario.operator(server) as admin:
        waiting = [
            shop.post("/api/v1/products", json={"name": f"Шапка {n}", "price": 1}).json()["id"] for n in range(50)
        ]
        loads: list[str] = []
        anna.page.on("request", lambda request: loads.append(request.url) if "/products?" in request.url else None)
        admin.post("/api/v1/admin/products/bulk-approve", json={"product_ids": waiting})
    until(anna.page, lambda: anna.messages() == ["product_added"] * 50, "an event for each")
    expect(anna.products.filter(has_text="Шапка")).to_have_count(50)
    assert 1 <= len(loads) <= 10


def test_an_order_is_followed_by_its_number(stage: Stage, server: Server, bot: httpx.Client) -> None:
    anna = visit(stage, server)
    anna.follow("a b")
    expect(anna.page.get_by_role("alert").filter(has_text="без пробелов")).to_be_visible()
    anna.follow(" 9 ")
    expect(anna.status).to_have_text("Ждём первого сообщения о заказе")
    tell(bot, "order_status", orderId=99, status="cancelled")
    tell(bot, "order_status", orderId=9, status="confirmed")
    expect(anna.status).to_have_text("Подтверждён")
    tell(bot, "order_status", orderId="9", status="на складе в Вологде")
    expect(anna.status).to_have_text("на складе в Вологде")
    anna.page.reload()
    anna.is_connected()
    tell(bot, "order_status", orderId=9, status="delivered")
    expect(anna.status).to_have_text("Доставлен")
    anna.page.get_by_test_id("unfollow").click()
    expect(anna.status).to_be_hidden()


def test_new_subscribers_are_counted(stage: Stage, server: Server, bot: httpx.Client) -> None:
    anna, other = visit(stage, server, "?shop=123"), visit(stage, server)
    for shop in (123, 124, "123"):
        tell(bot, "new_subscriber", shopId=shop)
    expect(other.subscribers).to_have_text("3")
    expect(anna.subscribers).to_have_text("2")
    assert anna.messages() == ["new_subscriber"] * 2, "a shop's page hears its own room"


def test_another_shop_is_chosen_on_an_open_socket(stage: Stage, server: Server, bot: httpx.Client) -> None:
    ids = offered(server, "Сумка-шопер")
    anna = visit(stage, server, "?shop=123")
    expect(anna.page.get_by_test_id("shop-name")).to_have_text("Магазин 123")
    anna.page.get_by_test_id("shop").select_option(str(ids["shopId"]))
    expect(anna.products.filter(has_text="Сумка-шопер")).to_have_count(1)
    tell(bot, "new_subscriber", shopId=123)
    tell(bot, "new_subscriber", shopId=ids["shopId"])
    expect(anna.subscribers).to_have_text("1")
    assert f"shop={ids['shopId']}" in anna.page.url


def test_kill_9_shows_the_red_mark_and_all_that_was_missed_comes_once(
    stage: Stage, server: Server, bot: httpx.Client
) -> None:
    anna = visit(stage, server, "?order=77")
    tell(bot, "new_subscriber", shopId=1)
    expect(anna.subscribers).to_have_text("1")
    stage.server_goes_away()
    server.kill()
    anna.is_cut_off()
    server.start()
    for _ in range(5):
        tell(bot, "new_subscriber", shopId=1)
    tell(bot, "order_status", orderId=77, status="shipped")
    anna.is_connected()
    expect(anna.status).to_have_text("Отправлен")
    expect(anna.subscribers).to_have_text("6")


@pytest.mark.parametrize("signal", ["online", "visibilitychange"])
def test_a_page_that_wakes_up_returns_at_once(stage: Stage, server: Server, signal: str) -> None:
    anna = visit(stage, server)
    stage.server_goes_away()
    server.kill()
    anna.is_cut_off()
    anna.page.context.set_offline(True)  # from here on the page's own clock waits half a minute
    anna.page.wait_for_function("!navigator.onLine")
    server.start()
    anna.page.context.set_offline(False)
    if signal == "visibilitychange":
        anna.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    anna.is_connected()


def test_english_phone_and_screen_reader(stage: Stage, server: Server, bot: httpx.Client) -> None:
    context = stage.context("en-GB", PHONE)
    anna = visit(stage, server, "?order=9", context)
    expect(anna.page.get_by_role("heading", level=1)).to_have_text("All shops")
    tell(bot, "order_status", orderId=9, status="shipped")
    expect(anna.status).to_have_text("Shipped")
    assert anna.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert accessibility.nameless(anna.page) == []
    anna.page.get_by_test_id("order-number").focus()
    anna.page.keyboard.press("Tab")
    assert anna.page.evaluate("document.activeElement.dataset.testid") == "follow"


def test_private_orders_are_heard_in_their_room(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> None:
    env = {"INTERNAL_SECRET": SECRET, "BROADCAST_PRIVATE_TYPES": "order_status"}
    with (
        Server(tmp_path_factory.mktemp("server") / "data", env=env) as server,
        server.client(headers={"x-internal-secret": SECRET}) as bot,
    ):
        stranger, anna = visit(stage, server), visit(stage, server)
        anna.follow("5")
        expect(anna.status).to_be_visible()
        tell(bot, "order_status", orderId=5, status="paid")
        expect(anna.status).to_have_text("Оплачен")
        tell(bot, "sale")
        expect(stranger.events).to_have_text(["sale"])
        for shopper in (stranger, anna):
            shopper.console.expected.append(NETWORK)
