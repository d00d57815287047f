"""What an assistant knows, in the panel: from a first source to an answer that a visitor sees."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import accessibility
from tests.browser.people import DESKTOP, Stage
from tests.scenario import guest
from tests.server import Server

PHONE = (360, 740)


def knowledge(stage: Stage, server: Server, locale: str, size: tuple[int, int], link: str) -> Page:
    """An admin has opened the page."""
    page = stage.operator(server.url, stage.context(locale, size), "admin@example.com").page
    page.get_by_role("link", name=link).click()
    expect(page.get_by_test_id("which-assistant")).to_be_visible()
    return page


def test_a_source_is_added_tried_tied_and_taken_back(stage: Stage, server: Server) -> None:
    page = knowledge(stage, server, "en-GB", DESKTOP, "Knowledge")
    page.get_by_test_id("source-new").locator("summary").click()
    page.get_by_test_id("source-title").fill("How long does delivery take?")
    page.get_by_test_id("source-text").fill("Three days within the country.")
    page.get_by_test_id("source-new").get_by_test_id("save").click()
    source = page.get_by_test_id("source-card").filter(has_text="How long does delivery take?")
    expect(source.get_by_test_id("source-state")).to_contain_text("parts: 1", timeout=15_000)

    page.get_by_test_id("question").fill("how long does delivery take")
    page.get_by_test_id("ask").click()
    expect(page.get_by_test_id("verdict")).to_contain_text("How long does delivery take?")
    page.get_by_test_id("question").fill("when will the parcel of mine arrive")
    page.get_by_test_id("question").press("Enter")
    expect(page.get_by_test_id("verdict")).not_to_contain_text("quote")
    page.get_by_test_id("question").fill("how many days for delivery of a parcel")
    page.get_by_test_id("question").press("Enter")
    page.get_by_test_id("tie").first.click()
    expect(page.get_by_test_id("hit").first).to_contain_text("Kept")

    source.locator("summary").click()
    expect(source.locator("textarea")).to_have_value("Three days within the country.")
    source.locator("textarea").fill("Two days within the country.")
    source.get_by_test_id("save").click()
    expect(source).not_to_have_attribute("open", "")
    source.locator("summary").click()
    expect(source.locator("textarea")).to_have_value("Two days within the country.")
    source.get_by_test_id("delete").click()
    source.get_by_test_id("delete").click()
    expect(source).to_have_count(0)
    assert not accessibility.nameless(page)


def test_a_file_is_read_and_one_that_cannot_be_says_why(stage: Stage, server: Server) -> None:
    page = knowledge(stage, server, "ru-RU", PHONE, "Знания")
    for name, data, state in (
        ("Возврат.txt", "Возврат в течение четырнадцати дней.".encode(), "частей: 1"),
        ("Каталог.pdf", b"%PDF-1.4 and nothing", "это не читается как PDF"),
    ):
        page.get_by_test_id("source-new").locator("summary").click()
        page.get_by_test_id("source-kind").select_option("file")
        page.get_by_test_id("source-file").set_input_files([{"name": name, "mimeType": "", "buffer": data}])
        page.get_by_test_id("source-new").get_by_test_id("save").click()
        card = page.get_by_test_id("source-card").filter(has_text=name)
        expect(card.get_by_test_id("source-state")).to_contain_text(state, timeout=15_000)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if folder := os.environ.get("SHOTS"):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=Path(folder) / f"knowledge-{scheme}.png")
            page.locator("#content").evaluate("each => each.scrollTo(0, 1e6)")


def test_a_question_without_an_answer_is_answered_and_quoted_to_the_next(stage: Stage, server: Server) -> None:
    page = knowledge(stage, server, "en-GB", DESKTOP, "Knowledge")
    page.get_by_test_id("which-assistant").select_option("2")
    page.wait_for_url("**/knowledge/2")
    with page.expect_response("**/api/assistants/2"):
        page.get_by_test_id("mode").select_option("retrieval")
    with server.client() as http:
        asks = guest(http, assistant_id=2)
        asks.say(http, "Do you engrave rings?")
        gap = page.get_by_test_id("gap").filter(has_text="Do you engrave rings?")
        expect(gap).to_have_count(1, timeout=20_000)
        gap.locator("summary").click()
        gap.get_by_test_id("gap-text").fill("Yes, up to twelve letters.")
        gap.get_by_test_id("save").click()
        expect(gap).to_have_count(0)
    page.get_by_test_id("question").fill("Do you engrave rings?")
    page.get_by_test_id("ask").click()
    expect(page.get_by_test_id("verdict")).to_contain_text("It would quote", timeout=15_000)
    with page.expect_response("**/api/assistants/2"):
        page.get_by_test_id("mode").select_option("bot")


@pytest.mark.parametrize("name", ["Знания", "Knowledge"])
def test_a_manager_has_no_such_page(stage: Stage, server: Server, name: str) -> None:
    expect(stage.operator(server.url).page.get_by_role("link", name=name)).to_have_count(0)
