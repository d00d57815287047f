"""Bans in the panel: made in a dialog, felt in the chat, lifted by an admin."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from tests import scenario
from tests.browser import accessibility
from tests.browser.people import DESKTOP, NETWORK, Stage
from tests.server import Server
from tests.stored import stored

PHONE = (390, 844)


@pytest.mark.parametrize(("locale", "size"), [("ru-RU", DESKTOP), ("en-GB", PHONE)])
def test_an_operator_bans_a_visitor_and_an_admin_lifts_it(
    stage: Stage, server: Server, locale: str, size: tuple[int, int]
) -> None:
    text = f"Spam {locale}"
    anna = stage.visitor(f"{server.url}/demo-site/", stage.context(locale))
    anna.console.expected.append(NETWORK)
    anna.open_chat()
    anna.say(text)
    anna.shows(text)
    maria = stage.operator(server.url, stage.context(locale, size), email="admin@example.com")
    maria.open_dialog(text)
    maria.act("ban")
    maria.page.get_by_test_id("ban-reason").fill("<b>Реклама</b>")
    maria.page.get_by_test_id("ban-target").select_option("visitor")
    maria.page.get_by_test_id("ban-hours").select_option("24")
    assert accessibility.nameless(maria.page) == []
    maria.page.get_by_test_id("ban-confirm").click()
    expect(maria.page.locator(".dialog__notice")).to_be_visible()
    anna.say("Ещё спам")
    failed = anna.place.locator("[data-testid=message][data-status=failed]")
    expect(failed).to_have_count(1)
    maria.page.goto(f"{server.url}/admin#/bans")
    ban = maria.page.get_by_test_id("ban")
    expect(ban).to_have_count(1)
    expect(ban).to_contain_text("<b>Реклама</b>")
    assert accessibility.nameless(maria.page) == []
    overflow = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not maria.page.evaluate(overflow), "the page is wider than its window"
    ban.get_by_test_id("ban-lift").click()
    expect(maria.page.get_by_test_id("bans-empty")).to_be_visible()
    anna.place.get_by_test_id("retry").click()
    expect(anna.acknowledged).to_have_count(2)


def test_a_ban_of_an_unknown_address_says_what_else_to_do(stage: Stage, server: Server, boris: httpx.Client) -> None:
    visitor = scenario.guest(boris)
    visitor.say(boris, "Откуда я?")
    with stored(server.data_dir) as rows:
        rows.execute("UPDATE dialog SET address = NULL WHERE id = ?", (visitor.dialog_id,))
    maria = stage.operator(server.url)
    maria.console.expected.append(NETWORK)
    maria.open_dialog("Откуда я?")
    maria.act("ban")
    maria.page.get_by_test_id("ban-target").select_option("address")
    maria.page.get_by_test_id("ban-confirm").click()
    expect(maria.page.locator(".dialog__notice")).to_contain_text("Заблокируйте посетителя")
