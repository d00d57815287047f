"""The panel's page about the installation itself: what the server finds, and what the browser does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import accessibility
from tests.browser.people import DESKTOP, Stage
from tests.server import Server

PHONE = (360, 740)


@pytest.mark.parametrize(
    ("locale", "size", "link", "note"),
    [("ru-RU", DESKTOP, "Проверка", "это демо"), ("en-GB", PHONE, "Health", "this is the demo")],
)
def test_an_admin_sees_what_is_wrong(
    server: Server, stage: Stage, locale: str, size: tuple[int, int], link: str, note: str
) -> None:
    page = stage.operator(server.url, stage.context(locale, size), "admin@example.com").page
    page.get_by_role("link", name=link).click()
    road = page.get_by_test_id("health-road")
    for code in ("websocket", "stream", "socketio", "host", "scheme"):
        expect(road.locator(f"[data-code={code}]")).to_have_attribute("data-verdict", "good")
    # the demo's address is localhost, and this browser came by 127.0.0.1
    expect(road.locator("[data-code=public_url_other]")).to_contain_text(server.url)
    expect(page.get_by_test_id("health-inside")).to_contain_text(note)
    expect(page.get_by_test_id("health-verdict")).to_contain_text("1")
    assert not accessibility.nameless(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if folder := os.environ.get("SHOTS"):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=Path(folder) / f"health-{locale}-{scheme}.png", full_page=True)


def test_a_manager_has_no_such_page(server: Server, stage: Stage) -> None:
    page = stage.operator(server.url).page
    expect(page.get_by_role("link", name="Health")).to_have_count(0)
    expect(page.get_by_role("link", name="Проверка")).to_have_count(0)
