"""Moderation in the panel: a live queue worked by mouse and keys, decisions that can be taken back, settings."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Route, expect

from tests import scenario
from tests.browser import accessibility
from tests.browser.people import DESKTOP, Operator, Stage
from tests.scenario import Json, as_json, eventually
from tests.server import Server

PRODUCTS = "/api/v1/products"
QUEUE = "/api/v1/admin/products"
SETTINGS = "/api/v1/admin/settings"
HOLD_MS = 10_000
CONFLICT = re.compile(r"^Failed to load resource: .* 409 ")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A demo server without limits."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=["--rate-limits", "off"]) as running:
        yield running


@pytest.fixture(scope="module")
def shop(server: Server) -> Iterator[httpx.Client]:
    """The shop of the demo."""
    with scenario.operator(server, "shop@example.com") as client:
        yield client


@pytest.fixture(scope="module")
def olga(server: Server) -> Iterator[httpx.Client]:
    """Another admin, who works by HTTP."""
    with scenario.operator(server) as client:
        yield client


@pytest.fixture(autouse=True)
def empty(olga: httpx.Client) -> None:
    """Every test begins with an empty queue and the settings that a platform begins with."""
    while pending := as_json(olga.get(QUEUE, params={"status": "pending", "limit": 200}))["items"]:
        olga.post(f"{QUEUE}/bulk-approve", json={"product_ids": [product["id"] for product in pending]})
    assert olga.put(SETTINGS, json={}).status_code == 200


def submitted(shop: httpx.Client, *names: str, **fields: object) -> list[Json]:
    """New products of these names."""
    answers = [shop.post(PRODUCTS, json={"name": name, "price": 4990, **fields}) for name in names]
    assert {answer.status_code for answer in answers} == {201}
    return [as_json(answer) for answer in answers]


def now(olga: httpx.Client, product: Json) -> Json:
    """The product as the server has it."""
    return as_json(olga.get(f"{PRODUCTS}/{product['id']}"))


def decisions(olga: httpx.Client, product: Json) -> list[Json]:
    """All that was decided about it."""
    found: list[Json] = as_json(olga.get(f"{QUEUE}/{product['id']}/decisions"))["items"]
    return found


class Moderator(Operator):
    """An admin on the page of moderation."""

    @property
    def products(self) -> Locator:
        """The rows of the queue."""
        return self.page.get_by_test_id("product")

    @property
    def names(self) -> Locator:
        """What the rows are called."""
        return self.products.locator(".product__name")

    @property
    def verdicts(self) -> Locator:
        """What was decided just now."""
        return self.page.get_by_test_id("verdict")

    @property
    def results(self) -> Locator:
        """What came of each product."""
        return self.page.get_by_test_id("verdict-result")

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def wait_out(self) -> None:
        """Let the time pass in which a decision can be taken back."""
        self.page.clock.fast_forward(HOLD_MS)


def moderator(stage: Stage, server: Server, locale: str = "ru-RU", size: tuple[int, int] = DESKTOP) -> Moderator:
    """Maria has opened the queue; her time can be moved on."""
    context = stage.context(locale, size)
    context.clock.install()
    panel = stage.operator(server.url, context, "admin@example.com")
    panel.page.get_by_role("link", name="Модерация" if locale == "ru-RU" else "Moderation").click()
    maria = Moderator(panel.page, panel.console)
    expect(maria.page.get_by_test_id("products-pending")).to_be_visible()
    return maria


class TestWhoModerates:
    def test_a_manager_has_no_moderation_and_its_address_leads_to_the_dialogs(
        self, stage: Stage, server: Server
    ) -> None:
        boris = stage.operator(server.url)
        expect(boris.page.get_by_role("link", name="Диалоги")).to_be_visible()
        expect(boris.page.get_by_role("link", name="Модерация")).to_have_count(0)
        boris.page.goto(f"{server.url}/admin#/moderation")
        boris.is_live()
        expect(boris.page.get_by_test_id("dialog-list")).to_be_attached()
        expect(boris.page.get_by_test_id("queue")).to_have_count(0)

    def test_the_events_of_moderation_do_not_disturb_an_admins_dialogs(
        self, stage: Stage, server: Server, shop: httpx.Client, boris: httpx.Client
    ) -> None:
        maria = stage.operator(server.url, email="admin@example.com")
        submitted(shop, "Тихое платье")
        expect(maria.page.get_by_test_id("waiting")).to_have_text("1")
        anna = scenario.guest(boris)
        anna.say(boris, "После товара")
        expect(maria.row("После товара")).to_be_visible()


class TestTheQueue:
    def test_it_shows_what_waits_and_follows_what_others_do(
        self, stage: Stage, server: Server, shop: httpx.Client, olga: httpx.Client
    ) -> None:
        dress, bag = submitted(shop, "Красное платье", "Сумка", description="Кожа")
        maria = moderator(stage, server)
        expect(maria.names).to_have_text(["Красное платье", "Сумка"])
        expect(maria.products.last).to_contain_text("Fashion Store")
        expect(maria.products.last).to_contain_text("Кожа")
        expect(maria.products.last.locator(".product__price")).to_have_text("4 990 ₽", use_inner_text=True)
        submitted(shop, "Шляпа")
        expect(maria.names).to_have_text(["Красное платье", "Сумка", "Шляпа"])
        olga.post(f"{QUEUE}/{bag['id']}/reject", json={"moderation_notes": "x"})
        expect(maria.names).to_have_text(["Красное платье", "Шляпа"])
        shop.patch(f"{PRODUCTS}/{dress['id']}", json={"name": "Синее платье"})
        expect(maria.names).to_have_text(["Синее платье", "Шляпа"])
        olga.post(f"{QUEUE}/{bag['id']}/reopen")
        expect(maria.names).to_have_text(["Синее платье", "Сумка", "Шляпа"])
        expect(maria.page.get_by_test_id("waiting")).to_have_text("3")

    def test_an_empty_queue_says_so(self, stage: Stage, server: Server) -> None:
        maria = moderator(stage, server)
        expect(maria.page.get_by_text("Очередь пуста. Новые товары появятся здесь сами.")).to_be_visible()
        expect(maria.page.get_by_test_id("approve")).to_be_hidden()
        expect(maria.page.get_by_test_id("waiting")).to_be_hidden()

    def test_what_a_shop_writes_is_text(self, stage: Stage, server: Server, shop: httpx.Client) -> None:
        markup = "<img src=x onerror=alert(1)><b>жирно</b>"
        submitted(shop, markup, description=markup)
        maria = moderator(stage, server)
        expect(maria.names).to_have_text([markup])
        expect(maria.products.locator("img, b")).to_have_count(0)

    def test_a_long_queue_comes_in_pages_and_a_new_product_waits_for_its_page(
        self, stage: Stage, server: Server, shop: httpx.Client
    ) -> None:
        submitted(shop, *(f"Товар {number}" for number in range(201)))
        maria = moderator(stage, server)
        expect(maria.names).to_have_count(200)
        expect(maria.page.get_by_test_id("waiting")).to_have_text("200+")
        submitted(shop, "Последний")
        maria.page.get_by_role("button", name="Показать ещё").click()
        expect(maria.names).to_have_count(202)
        expect(maria.names.last).to_have_text("Последний")
        expect(maria.page.get_by_role("button", name="Показать ещё")).to_be_hidden()


class TestKeys:
    def test_the_whole_queue_is_worked_by_keys(
        self, stage: Stage, server: Server, shop: httpx.Client, olga: httpx.Client
    ) -> None:
        products = submitted(shop, "Первый", "Второй", "Третий", "Четвёртый")
        maria = moderator(stage, server)
        expect(maria.names).to_have_count(4)
        maria.page.get_by_test_id("keys").locator("summary").click()
        expect(maria.page.get_by_test_id("keys")).to_contain_text("одобрить выбранные")
        maria.products.first.focus()
        maria.press("ArrowDown", "j", "k")
        expect(maria.products.nth(1)).to_be_focused()
        maria.press(" ", "Shift+ArrowDown")
        expect(maria.page.get_by_test_id("selected")).to_have_text("Выбрано: 2")
        expect(maria.page.get_by_role("option", selected=True)).to_have_count(2)
        maria.press("Escape")
        expect(maria.page.get_by_role("option", selected=True)).to_have_count(0)
        maria.press("Control+a")
        expect(maria.page.get_by_test_id("selected")).to_have_text("Выбрано: 4")
        maria.press("Escape", "Home", "a")
        expect(maria.names).to_have_text(["Второй", "Третий", "Четвёртый"])
        expect(maria.products.first).to_be_focused()
        maria.press("End", "r")
        maria.page.keyboard.type("Нет фотографий")
        maria.press("Control+Enter")
        expect(maria.names).to_have_text(["Второй", "Третий"])
        maria.press("Home", "Shift+A")
        maria.page.keyboard.type("Отличный товар")
        maria.page.get_by_test_id("verdict-fee").fill("5.5")
        maria.press("Control+Enter")
        expect(maria.names).to_have_text(["Третий"])
        expect(maria.verdicts).to_have_count(3)
        maria.wait_out()
        expect(maria.page.locator("[data-testid=verdict][data-state=done]")).to_have_count(3)
        expect(maria.verdicts.locator(".verdict__words")).to_have_text(
            ["Одобрено: «Второй»", "Отклонено: «Четвёртый»", "Одобрено: «Первый»"]
        )
        found = [now(olga, product) for product in products]
        assert [(each["status"], each["moderation_notes"], each["approval_fee"]) for each in found] == [
            ("approved", None, 0),
            ("approved", "Отличный товар", 5.5),
            ("pending", None, None),
            ("rejected", "Нет фотографий", None),
        ]

    def test_the_keys_are_the_same_in_a_russian_layout(self, stage: Stage, server: Server, shop: httpx.Client) -> None:
        submitted(shop, "Первый", "Второй")
        maria = moderator(stage, server)
        expect(maria.names).to_have_count(2)
        maria.products.first.focus()
        keyboard = maria.page.context.new_cdp_session(maria.page)
        for key, code in (("о", "KeyJ"), ("ф", "KeyA")):
            for kind in ("keyDown", "keyUp"):
                keyboard.send("Input.dispatchKeyEvent", {"type": kind, "key": key, "code": code, "text": key})
        expect(maria.names).to_have_text(["Первый"])
        expect(maria.verdicts).to_contain_text("К одобрению: «Второй»")

    def test_a_rejection_needs_its_reason(
        self, stage: Stage, server: Server, shop: httpx.Client, olga: httpx.Client
    ) -> None:
        (product,) = submitted(shop, "Без причины")
        maria = moderator(stage, server)
        maria.products.first.focus()
        maria.press("r")
        for notes in ("", "   "):
            maria.page.get_by_test_id("verdict-notes").fill(notes)
            maria.page.get_by_test_id("verdict-confirm").click()
            expect(maria.page.get_by_test_id("verdict-dialog")).to_be_visible()
        maria.press("Escape")
        expect(maria.page.get_by_test_id("verdict-dialog")).to_have_count(0)
        expect(maria.products.first).to_be_focused()
        maria.wait_out()
        assert now(olga, product)["status"] == "pending"

    def test_the_focus_goes_on_when_somebody_else_decides_about_the_row_that_has_it(
        self, stage: Stage, server: Server, shop: httpx.Client, olga: httpx.Client
    ) -> None:
        _, second, _ = submitted(shop, "Первый", "Второй", "Третий")
        maria = moderator(stage, server)
        maria.products.nth(1).focus()
        olga.post(f"{QUEUE}/{second['id']}/approve", json={})
        expect(maria.names).to_have_text(["Первый", "Третий"])
        expect(maria.products.nth(1)).to_be_focused()


class TestTakingBack:
    @pytest.mark.parametrize("by", ["key", "button"])
    def test_what_is_taken_back_was_never_told_to_anybody(
        self, stage: Stage, server: Server, shop: httpx.Client, olga: httpx.Client, by: str
    ) -> None:
        (product,) = submitted(shop, "Поспешно")
        maria, other = moderator(stage, server), moderator(stage, server)
        maria.products.first.focus()
        maria.press("a")
        expect(maria.verdicts).to_contain_text("К одобрению: «Поспешно»")
        expect(maria.products).to_have_count(0)
        expect(other.names).to_have_text(["Поспешно"])
        if by == "key":
            maria.press("u")  # the focus has gone to where the decision can be taken back
        else:
            maria.page.get_by_test_id("verdict-undo").click()
        expect(maria.names).to_have_text(["Поспешно"])
        expect(maria.verdicts).to_have_count(0)
        maria.wait_out()
        submitted(shop, "Следующий")
        expect(maria.names).to_have_text(["Поспешно", "Следующий"])
        assert (now(olga, product), decisions(olga, product)) == (product, [])

    def test_when_the_time_is_up_it_is_sent_once_and_leaves_every_queue(
        self, stage: Stage, server: Server, shop: httpx.Client, olga: httpx.Client
    ) -> None:
        (product,) = submitted(shop, "Взвешенно")
        maria, other = moderator(stage, server), moderator(stage, server)
        expect(other.names).to_have_text(["Взвешенно"])
        maria.products.first.click()
        maria.page.get_by_test_id("approve").click()
        maria.wait_out()
        expect(other.products).to_have_count(0)
        expect(maria.verdicts).to_have_text(["Одобрено: «Взвешенно»"])
        assert len(decisions(olga, product)) == 1
        maria.page.get_by_test_id("verdict-close").click()
        expect(maria.verdicts).to_have_count(0)

    @pytest.mark.parametrize("leave", ["close", "sign out"])
    def test_leaving_the_page_sends_what_is_held(
        self, stage: Stage, server: Server, shop: httpx.Client, olga: httpx.Client, leave: str
    ) -> None:
        yes, no = submitted(shop, "Да", "Нет")
        maria = moderator(stage, server)
        maria.products.first.focus()
        maria.press("a", "r")
        maria.page.keyboard.type("Причина")
        maria.press("Control+Enter")
        expect(maria.verdicts).to_have_count(2)
        if leave == "close":
            maria.page.goto("about:blank")
        else:
            maria.page.get_by_test_id("sign-out").click()
        eventually(lambda: now(olga, yes)["status"] == "approved", "the approval")
        eventually(lambda: now(olga, no)["moderation_notes"] == "Причина", "the rejection")

    def test_what_others_do_meanwhile_makes_a_held_decision_void(
        self, stage: Stage, server: Server, shop: httpx.Client, olga: httpx.Client
    ) -> None:
        names = ("Обычный", "Перехваченный", "Изменённый")
        plain, taken, edited = submitted(shop, *names)
        maria = moderator(stage, server)
        expect(maria.names).to_have_count(3)
        maria.page.get_by_test_id("select-all").check()
        maria.page.get_by_test_id("approve").click()
        expect(maria.verdicts).to_contain_text("К одобрению: 3 товара")
        olga.post(f"{QUEUE}/{taken['id']}/reject", json={"moderation_notes": "Нет"})
        shop.patch(f"{PRODUCTS}/{edited['id']}", json={"price": 1})
        expect(maria.names).to_have_text(["Изменённый"])
        maria.wait_out()
        expect(maria.verdicts.locator(".verdict__words")).to_have_text(["Одобрено: 1 из 3"])
        shown = [(each, maria.results.filter(has_text=each).get_attribute("data-outcome")) for each in names]
        assert shown == [("Обычный", "done"), ("Перехваченный", "other"), ("Изменённый", "edited")]
        assert [now(olga, product)["status"] for product in (plain, taken, edited)] == [
            "approved",
            "rejected",
            "pending",
        ]

    @pytest.mark.parametrize("key", ["a", "r"])
    def test_what_its_shop_changes_at_the_last_moment_is_not_decided_and_comes_back_as_it_is_now(
        self, stage: Stage, server: Server, shop: httpx.Client, olga: httpx.Client, key: str
    ) -> None:
        same, edited = submitted(shop, "Прежний", "Изменённый")
        maria = moderator(stage, server)
        expect(maria.names).to_have_count(2)

        def change_first(route: Route) -> None:
            if str(edited["id"]) in (route.request.post_data or "") + route.request.url:
                shop.patch(f"{PRODUCTS}/{edited['id']}", json={"description": "Совсем другой товар"})
            route.continue_()

        maria.page.route(re.compile(r"/(bulk-approve|reject)$"), change_first)
        maria.press("Control+a", key)
        if key == "r":
            maria.page.get_by_test_id("verdict-notes").fill("Нет")
            maria.page.get_by_test_id("verdict-confirm").click()
            maria.console.expected.append(CONFLICT)
        maria.wait_out()
        expect(maria.results.filter(has_text="Изменённый")).to_contain_text("магазин изменил товар, посмотрите снова")
        expect(maria.products).to_have_count(1)
        expect(maria.products).to_contain_text("Совсем другой товар")
        status = "approved" if key == "a" else "rejected"
        assert [now(olga, product)["status"] for product in (same, edited)] == [status, "pending"]
        maria.page.unroute_all()

    def test_a_decision_outlives_a_server_that_is_away_and_is_told_once(self, stage: Stage, fragile: Server) -> None:
        maria = moderator(stage, fragile)
        expect(maria.products).not_to_have_count(0)
        maria.page.get_by_test_id("select-all").check()
        maria.page.get_by_test_id("approve").click()
        stage.server_goes_away()
        fragile.kill()
        maria.wait_out()
        expect(maria.verdicts).to_have_attribute("data-state", "failed")
        expect(maria.verdicts).to_contain_text("Решение уйдёт, когда связь вернётся.")
        fragile.start()
        expect(maria.verdicts).to_have_attribute("data-state", "done")
        expect(maria.products).to_have_count(0)
        with scenario.operator(fragile) as olga:
            approved = as_json(olga.get(QUEUE, params={"status": "approved"}))["items"]
            assert len(approved) == 5
            assert [len(decisions(olga, product)) for product in approved] == [1] * 5


class TestWhatWasDecided:
    def test_it_has_its_history_and_goes_back_to_the_queue(
        self, stage: Stage, server: Server, shop: httpx.Client, olga: httpx.Client
    ) -> None:
        (product,) = submitted(shop, "Передумали")
        olga.post(f"{QUEUE}/{product['id']}/reject", json={"moderation_notes": "Нет фотографий"})
        olga.post(f"{QUEUE}/{product['id']}/approve", json={"approval_fee": 12.5})
        maria = moderator(stage, server)
        maria.page.get_by_test_id("products-approved").click()
        row = maria.page.get_by_test_id("decided-product").filter(has_text="Передумали")
        row.get_by_test_id("history").locator("summary").click()
        lines = row.get_by_test_id("decision")
        expect(lines).to_have_count(2)
        expect(lines.first).to_contain_text("Отклонён")
        expect(lines.first).to_contain_text("Нет фотографий")
        expect(lines.first).to_contain_text("Мария")
        expect(lines.last).to_contain_text("Одобрен · сбор 12,5")
        row.get_by_test_id("reopen").click()
        expect(row).to_have_count(0)
        maria.page.get_by_test_id("products-pending").click()
        expect(maria.names).to_have_text(["Передумали"])
        assert now(olga, product)["status"] == "pending"

    def test_a_decision_made_elsewhere_appears(
        self, stage: Stage, server: Server, shop: httpx.Client, olga: httpx.Client
    ) -> None:
        (product,) = submitted(shop, "Отклонён издали")
        maria = moderator(stage, server)
        maria.page.get_by_test_id("products-rejected").click()
        olga.post(f"{QUEUE}/{product['id']}/reject", json={"moderation_notes": "x"})
        expect(maria.page.get_by_test_id("decided-product").filter(has_text="Отклонён издали")).to_be_visible()


class TestSettings:
    def test_what_one_admin_saves_every_admin_sees_at_once(
        self, stage: Stage, server: Server, shop: httpx.Client, olga: httpx.Client
    ) -> None:
        submitted(shop, "Пальто")
        maria, other = moderator(stage, server), moderator(stage, server)
        card = maria.page.get_by_test_id("platform-settings")
        card.locator("summary").click()
        for name, value in {"name": "Рынок", "currency": "EUR", "fee": "7.5"}.items():
            maria.page.get_by_test_id(f"setting-{name}").fill(value)
        maria.page.get_by_test_id("setting-moderation").uncheck()
        card.get_by_test_id("save").click()
        expect(card.get_by_role("status")).to_have_text("Сохранено")
        for panel in (maria, other):
            expect(panel.page.locator(".bar__brand")).to_have_text("Рынок")
            expect(panel.products.locator(".product__price")).to_contain_text("€")
        assert as_json(olga.get(SETTINGS)) == {
            "platform_name": "Рынок",
            "currency": "EUR",
            "moderation_required": False,
            "default_approval_fee": 7.5,
        }
        other.page.get_by_test_id("platform-settings").locator("summary").click()
        expect(other.page.get_by_test_id("setting-fee")).to_have_value("7.5")
        expect(other.page.get_by_test_id("setting-moderation")).not_to_be_checked()

    def test_what_is_being_typed_is_not_overwritten(self, stage: Stage, server: Server, olga: httpx.Client) -> None:
        maria = moderator(stage, server)
        maria.page.get_by_test_id("platform-settings").locator("summary").click()
        name = maria.page.get_by_test_id("setting-name")
        name.fill("Пишу")
        olga.put(SETTINGS, json={"platform_name": "Чужое"})
        expect(maria.page.locator(".bar__brand")).to_have_text("Чужое")
        expect(name).to_have_value("Пишу")


class TestForEverybody:
    @pytest.mark.parametrize(("locale", "approve"), [("ru-RU", "Одобрить"), ("en-US", "Approve")])
    def test_it_speaks_the_browsers_language_and_everything_in_it_has_a_name(
        self, stage: Stage, server: Server, shop: httpx.Client, locale: str, approve: str
    ) -> None:
        submitted(shop, "Для чтеца", "И ещё")
        maria = moderator(stage, server, locale)
        expect(maria.page.get_by_test_id("approve")).to_contain_text(approve)
        maria.products.first.focus()
        maria.press("a")
        expect(maria.verdicts).to_have_count(1)
        maria.page.get_by_test_id("platform-settings").locator("summary").click()
        assert accessibility.nameless(maria.page) == []
        maria.press("Control+Home")
        maria.products.first.focus()
        maria.press("r")
        assert accessibility.nameless(maria.page) == []
        maria.press("Escape")
        maria.page.get_by_test_id("products-approved").click()
        expect(maria.page.get_by_test_id("decided-product").first).to_be_visible()
        assert accessibility.nameless(maria.page) == []

    def test_on_a_phone_products_are_decided_by_touch_and_nothing_is_wider_than_the_screen(
        self, stage: Stage, server: Server, shop: httpx.Client
    ) -> None:
        submitted(shop, "С телефона " + "оченьдлинноеслово" * 8, *(f"Товар {number}" for number in range(20)))
        maria = moderator(stage, server, size=(360, 740))
        fits = "() => document.documentElement.scrollWidth <= innerWidth"
        expect(maria.names).to_have_count(21)
        assert maria.page.evaluate(fits)
        maria.products.nth(15).click()
        expect(maria.page.get_by_test_id("approve")).to_be_in_viewport(ratio=1)
        maria.page.get_by_test_id("approve").click()
        expect(maria.page.get_by_test_id("verdict-undo")).to_be_in_viewport(ratio=1)
        assert maria.page.evaluate(fits)
        maria.page.get_by_test_id("verdict-undo").click()
        expect(maria.names).to_have_count(21)
