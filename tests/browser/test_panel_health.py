"""The panel's page about the installation itself: what the server finds, and what the browser does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import accessibility
from tests.browser.people import DESKTOP, Stage
from tests.ports import held_port
from tests.proxy import Proxy, documented
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


@pytest.mark.parametrize(
    ("locale", "email", "words"),
    [("ru-RU", "admin@example.com", "не доверяет прокси"), ("en-GB", "manager@example.com", "")],
)
def test_a_proxy_that_is_not_believed_is_told_to_admins(
    stage: Stage, tmp_path: Path, locale: str, email: str, words: str
) -> None:
    server = Server(tmp_path / "data")
    port = held_port(server)
    server.env = {"PUBLIC_URL": f"http://127.0.0.1:{port}"}
    with server:
        text = documented("nginx", {8000: server.port, 8001: server.port, 8080: port})
        with Proxy("nginx", text, tmp_path, port):
            page = stage.operator(f"http://127.0.0.1:{port}", stage.context(locale, PHONE), email).page
            told = page.get_by_test_id("distrusted-proxy")
            if words:
                expect(told).to_contain_text(words)
                expect(told).to_contain_text("TRUSTED_PROXIES=127.0.0.1")
                if folder := os.environ.get("SHOTS"):
                    page.screenshot(path=Path(folder) / "distrusted.png")
                told.get_by_role("button").click()
            else:
                expect(page.get_by_test_id("state")).to_have_attribute("data-state", "live")
            expect(told).to_have_count(0)
            page.close()
