"""The chat by itself: what it shows, what it refuses, and who can use it."""

from __future__ import annotations

import json
import os
from datetime import datetime

import httpx
import pytest
from playwright.sync_api import Route, expect

from tests.browser import accessibility
from tests.browser.people import NETWORK, PATIENCE_MS, Stage, Visitor, beneath, until
from tests.server import Server
from tests.stored import stored

PHONE = (390, 844)
SHOTS = os.environ.get("REPLYX_SHOTS")  # a folder for pictures, for whoever wants to look
MARKUP = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script> <b>жирно</b> &amp; javascript:alert(1)'


def dialog_of(boris: httpx.Client, text: str) -> int:
    """The dialog whose last message is ``text``."""
    items = boris.get("/api/dialogs").json()["items"]
    return next(int(each["id"]) for each in items if each["last_message"] and each["last_message"]["text"] == text)


def picture(anna: Visitor, name: str) -> None:
    """Keep what the visitor sees, in light and in dark."""
    if SHOTS:
        for scheme in ("light", "dark"):
            anna.page.emulate_media(color_scheme=scheme)
            anna.page.screenshot(path=f"{SHOTS}/{name}-{scheme}.png")


def begin(stage: Stage, server: Server, text: str, locale: str = "ru-RU") -> Visitor:
    """A new visitor of the demo shop who has written ``text``."""
    anna = stage.visitor(f"{server.url}/demo-site/", stage.context(locale))
    anna.open_chat()
    anna.say(text)
    anna.shows(text)
    anna.is_live()
    return anna


def test_markup_stays_text_on_both_sides(stage: Stage, server: Server) -> None:
    anna = begin(stage, server, MARKUP)
    anna.page.evaluate("(name) => replyx('identify', { name })", MARKUP)
    boris = stage.operator(server.url)
    expect(boris.row("window.pwned").locator("b, img, script")).to_have_count(0)
    boris.open_dialog("window.pwned")
    boris.shows(MARKUP)
    boris.say(f"{MARKUP} https://example.com/a?b=c&d=<i>")
    anna.shows(MARKUP, f"{MARKUP} https://example.com/a?b=c&d=<i>")
    for side in (anna, boris):
        expect(side.messages.locator("b, i, img, script")).to_have_count(0)
        link = side.messages.locator("a")
        expect(link).to_have_count(1)
        expect(link).to_have_attribute("href", "https://example.com/a?b=c&d=")
        expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
        assert all(frame.evaluate("window.pwned") is None for frame in side.page.frames)


def test_a_refused_message_is_marked_and_can_be_taken_back_while_others_pass(stage: Stage, server: Server) -> None:
    anna = begin(stage, server, "Здравствуйте")
    anna.console.expected.append(NETWORK)
    # The server takes no U+0000, which the field holds like any other character.
    anna.say("a\x00b")
    failed = anna.place.locator("[data-testid=message][data-status=failed]")
    expect(failed).to_have_count(1)
    anna.say("Это дойдёт")
    expect(anna.acknowledged).to_have_count(2)
    with anna.page.expect_response(lambda answer: answer.status == 422):
        anna.place.get_by_test_id("retry").click()
    expect(failed).to_have_count(1)
    anna.page.reload()
    anna.open_chat()
    expect(failed).to_have_count(1)
    anna.place.get_by_test_id("discard").click()
    anna.shows("Здравствуйте", "Это дойдёт")
    expect(anna.composer).to_have_value("a\x00b")


def test_retry_sends_a_refused_message_once_more_and_it_arrives_once(stage: Stage, server: Server) -> None:
    anna = begin(stage, server, "Сначала")
    anna.console.expected.append(NETWORK)
    refusal = {"status": 422, "code": "invalid", "title": "Wrong value", "detail": "", "type": "about:blank"}

    # No real server first refuses a text for good and then takes it, so this one answer is made up.
    def refuse(route: Route) -> None:
        route.fulfill(status=422, json=refusal) if route.request.method == "POST" else route.continue_()

    anna.page.route("**/api/site/dialogs/*/messages*", refuse)
    anna.say("Повторите")
    expect(anna.messages.last).to_have_attribute("data-status", "failed")
    expect(anna.messages.last).to_contain_text("Сообщение не принято")
    anna.page.unroute_all()
    anna.place.get_by_test_id("retry").click()
    anna.shows("Сначала", "Повторите")
    expect(anna.place.get_by_test_id("retry")).to_have_count(0)


def test_a_text_that_is_too_long_cannot_be_sent_and_says_by_how_much(stage: Stage, server: Server) -> None:
    anna = begin(stage, server, "Короткое")
    send = anna.place.get_by_test_id("send")
    anna.composer.fill("я" * 10_003)
    expect(anna.place.locator("#composer-count")).to_have_text("Длиннее 10000 символов: лишние 3 символа")
    expect(send).to_be_disabled()
    anna.composer.press("Enter")
    anna.composer.fill("🙂" * 10_000)
    expect(send).to_be_enabled()
    anna.composer.press("Enter")
    anna.shows("Короткое", "🙂" * 10_000)


def test_where_web_sockets_are_forbidden_the_chat_goes_on_by_server_sent_events(
    stage: Stage, server: Server, boris: httpx.Client
) -> None:
    anna = stage.visitor(f"{server.url}/demo-site/")
    anna.page.route_web_socket("**/ws/**", lambda socket: socket.close())
    anna.open_chat()
    anna.say("Без вебсокета")
    anna.is_live()
    dialog_id = dialog_of(boris, "Без вебсокета")
    boris.post(f"/api/dialogs/{dialog_id}/typing", json={"typing": True})
    expect(anna.typing).to_have_text("Оператор печатает…")
    boris.post(f"/api/dialogs/{dialog_id}/messages", json={"text": "Слышно?"})
    anna.shows("Без вебсокета", "Слышно?")


def test_a_closed_chat_counts_the_answers_that_nobody_has_seen(
    stage: Stage, server: Server, boris: httpx.Client
) -> None:
    anna = begin(stage, server, "Сколько ждать?")
    messages = f"/api/dialogs/{dialog_of(boris, 'Сколько ждать?')}/messages"
    badge = anna.launcher.locator(".badge")
    anna.launcher.click()
    expect(anna.launcher).to_have_accessible_name("Открыть чат")
    for count, text in enumerate(("День", "Или два"), 1):
        boris.post(messages, json={"text": text})
        expect(anna.launcher).to_have_accessible_name(f"Открыть чат, новых сообщений: {count}")
        expect(badge).to_have_text(str(count))
    anna.open_chat()
    expect(badge).to_be_hidden()
    anna.say("Хорошо")
    anna.shows("Сколько ждать?", "День", "Или два", "Хорошо")
    anna.launcher.click()
    expect(anna.launcher).to_have_accessible_name("Открыть чат")  # what was seen, and her own words, do not count
    boris.post(messages, json={"text": "Завтра"})
    expect(badge).to_have_text("1")


@pytest.mark.parametrize("size", [(1280, 800), PHONE])
def test_an_answer_to_a_closed_chat_is_read_beside_its_button_and_told_to_screen_readers(
    stage: Stage, server: Server, boris: httpx.Client, size: tuple[int, int]
) -> None:
    question = f"Где заказ? {size[0]}"
    anna = stage.visitor(f"{server.url}/demo-site/", stage.context(size=size))
    anna.open_chat()
    anna.say(question)
    anna.shows(question)
    anna.is_live()
    messages = f"/api/dialogs/{dialog_of(boris, question)}/messages"
    peek = anna.page.get_by_test_id("replyx-peek")
    told = anna.page.locator("replyx-widget").get_by_role("status")
    boris.post(messages, json={"text": "Смотрю"})
    anna.shows(question, "Смотрю")
    expect(peek).to_be_hidden()
    anna.place.get_by_test_id("close").click()
    expect(peek, "what was seen in the open chat is no news").to_be_hidden()
    boris.post(messages, json={"text": f"<b>Выехал</b> {'далеко ' * 60}"})
    expect(told).to_contain_text("Борис: <b>Выехал</b> далеко")
    expect(peek).to_contain_text("…")
    assert anna.page.evaluate("document.documentElement.scrollWidth") <= size[0]
    expect(peek).to_be_in_viewport(ratio=1)
    picture(anna, f"peek-{size[0]}")
    peek.get_by_role("button", name="Скрыть").click()
    expect(peek).to_be_hidden()
    expect(anna.launcher).to_be_focused()
    expect(anna.launcher).to_have_accessible_name("Открыть чат, новых сообщений: 1")
    boris.post(messages, json={"text": "Будет к шести"})
    expect(told).to_contain_text("Борис: Будет к шести")
    assert accessibility.nameless(anna.page) == []
    peek.get_by_text("Будет к шести").click()
    expect(peek).to_be_hidden()
    expect(anna.messages.last).to_contain_text("Будет к шести")
    expect(anna.launcher.locator(".badge")).to_be_hidden()


@pytest.mark.parametrize(
    ("locale", "own", "usual", "trouble"),
    [
        ("ru-RU", "Подскажем по размерам", "Здравствуйте", "Нет связи"),
        ("en-GB", "Ask us about sizes", "Hello", "No connection"),
    ],
)
def test_a_visitor_is_greeted_once_and_told_of_the_line_only_while_it_is_broken(
    stage: Stage, server: Server, locale: str, own: str, usual: str, trouble: str
) -> None:
    anna = stage.visitor(f"{server.url}/demo-site/", stage.context(locale))
    anna.open_chat()
    intro = anna.place.locator(".intro")
    expect(intro).to_contain_text(own)
    assert intro.inner_text().count(usual) == 1
    expect(anna.state).to_have_text("")
    picture(anna, f"greeted-{locale}")
    anna.console.expected.append(NETWORK)
    anna.page.context.route("**/api/site/session", lambda route: route.abort())
    anna.say("Ку-ку")
    expect(anna.state).to_contain_text(trouble)
    picture(anna, f"trouble-{locale}")
    anna.page.context.unroute_all()
    anna.is_live()
    expect(anna.state).to_have_text("")
    picture(anna, f"live-{locale}")


def test_a_visitor_sees_the_last_message_of_a_dialog_that_is_closed_beneath_it(
    stage: Stage, server: Server, boris: httpx.Client
) -> None:
    anna = begin(stage, server, "Спасибо, всё пришло")
    dialog = f"/api/dialogs/{dialog_of(boris, 'Спасибо, всё пришло')}"
    for number in range(12):
        boris.post(f"{dialog}/messages", json={"text": f"Строка {number}\nи ещё одна"})
    expect(anna.messages).to_have_count(13)
    boris.post(f"{dialog}/close")
    expect(anna.place.locator(".notice")).to_contain_text("завершён")
    until(anna.page, lambda: beneath(anna) < 1, "the end of the messages in view")
    anna.page.reload()
    anna.open_chat()
    expect(anna.place.locator(".notice")).to_contain_text("завершён")
    until(anna.page, lambda: beneath(anna) < 1, "the end of the messages in view after a reload")


def test_what_waits_is_sent_the_moment_the_network_is_back(stage: Stage, server: Server) -> None:
    context = stage.context()
    context.add_init_script("Math.random = () => 3600")  # by which every delay is drawn: now at least an hour
    anna = stage.visitor(f"{server.url}/demo-site/", context)
    anna.open_chat()
    anna.say("Здравствуйте")
    anna.shows("Здравствуйте")
    anna.console.expected.append(NETWORK)
    context.set_offline(True)
    with anna.page.expect_event("requestfailed", lambda request: request.method == "POST"):
        anna.say("Без сети")
    expect(anna.messages.last).to_have_attribute("data-status", "pending")
    context.set_offline(False)
    anna.shows("Здравствуйте", "Без сети")


def test_the_whole_chat_works_by_keyboard(stage: Stage, server: Server, boris: httpx.Client) -> None:
    anna = stage.visitor(f"{server.url}/demo-site/")
    expect(anna.launcher).to_be_visible()
    keyboard = anna.page.keyboard
    for _ in range(40):
        keyboard.press("Tab")
        if anna.page.evaluate("document.activeElement.localName") == "replyx-widget":
            break
    expect(anna.launcher).to_be_focused()
    keyboard.press("Enter")
    expect(anna.composer).to_be_focused()
    keyboard.type("Первая строка")
    keyboard.press("Shift+Enter")
    keyboard.type("и вторая")
    keyboard.press("Enter")
    anna.shows("Первая строка\nи вторая")
    keyboard.type("Кнопкой")
    keyboard.press("Tab")
    expect(anna.place.get_by_test_id("send")).to_be_focused()
    keyboard.press("Space")
    anna.shows("Первая строка\nи вторая", "Кнопкой")
    expect(anna.composer).to_be_focused()
    keyboard.press("Escape")
    expect(anna.launcher).to_have_attribute("aria-expanded", "false")
    expect(anna.launcher).to_be_focused()
    keyboard.press("Space")
    expect(anna.composer).to_be_focused()


@pytest.mark.parametrize(
    ("locale", "launcher", "composer", "log", "typing"),
    [
        ("ru-RU", "Закрыть чат", "Напишите сообщение", "Сообщения", "Оператор печатает…"),
        ("en-GB", "Close chat", "Write a message", "Messages", "The operator is typing…"),
        ("de-DE", "Close chat", "Write a message", "Messages", "The operator is typing…"),
    ],
)
def test_the_chat_speaks_the_browsers_language_and_has_names_and_roles(
    stage: Stage, server: Server, boris: httpx.Client, locale: str, launcher: str, composer: str, log: str, typing: str
) -> None:
    hello = f"Hello {locale}"
    anna = begin(stage, server, hello, locale)
    boris.post(f"/api/dialogs/{dialog_of(boris, hello)}/typing", json={"typing": True})
    expect(anna.typing).to_have_text(typing)
    expect(anna.launcher).to_have_accessible_name(launcher)
    expect(anna.composer).to_have_accessible_name(composer)
    expect(anna.place.get_by_role("log", name=log)).to_contain_text(hello)
    expect(anna.place.get_by_test_id("state"), "a line that stands is nothing to tell").to_have_text("")
    expect(anna.place.locator("html")).to_have_attribute("lang", locale[:2] if locale != "de-DE" else "en")
    roles = {role for role, _ in accessibility.nodes(anna.page)}
    assert {"dialog", "log", "textbox", "button"} <= roles, "the tree holds the chat as well"
    assert accessibility.nameless(anna.page) == []


def test_a_control_without_a_name_would_be_found(stage: Stage, server: Server) -> None:
    anna = stage.visitor(f"{server.url}/demo-site/")
    anna.open_chat()
    anna.place.locator("body").evaluate("body => body.append(document.createElement('input'))")
    assert accessibility.nameless(anna.page) == ["textbox"]


def test_on_a_phone_the_chat_fills_the_screen_and_closes_by_its_own_button(stage: Stage, server: Server) -> None:
    anna = stage.visitor(f"{server.url}/demo-site/", stage.context(size=PHONE))
    anna.open_chat()
    expect(anna.launcher).to_be_hidden()
    frame = anna.page.get_by_test_id("replyx-frame")
    until(anna.page, lambda: frame.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}, "whole screen")
    anna.place.get_by_test_id("close").click(timeout=PATIENCE_MS)
    expect(anna.launcher).to_be_visible()
    wide = anna.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE[0], "the shop's page is not made wider"


def test_two_tabs_that_were_opened_before_the_first_message_hold_one_dialog(
    stage: Stage, server: Server, boris: httpx.Client
) -> None:
    before = {each["id"] for each in boris.get("/api/dialogs").json()["items"]}
    context = stage.context()
    one, other = (stage.visitor(f"{server.url}/demo-site/", context) for _ in range(2))
    for tab in (one, other):
        tab.open_chat()
    for tab, text in ((one, "Из первой вкладки"), (other, "Из второй вкладки")):
        tab.composer.fill(text)
    # Both at once: neither has heard of the other.
    for tab in (one, other):
        tab.place.locator("form").evaluate("form => form.requestSubmit()")
    for tab in (one, other):
        expect(tab.acknowledged).to_have_count(2)
        tab.is_live()
    assert sorted(one.texts()) == ["Из второй вкладки", "Из первой вкладки"]
    assert one.texts() == other.texts()
    opened = {each["id"] for each in boris.get("/api/dialogs").json()["items"]} - before
    assert len(opened) == 1
    [dialog_id] = opened
    boris.post(f"/api/dialogs/{dialog_id}/messages", json={"text": "Вижу обе"})
    for tab in (one, other):
        expect(tab.messages.last).to_contain_text("Вижу обе")


def test_a_tab_that_only_looks_on_follows_the_one_that_writes(stage: Stage, server: Server) -> None:
    context = stage.context()
    one, other = (stage.visitor(f"{server.url}/demo-site/", context) for _ in range(2))
    for tab in (one, other):
        tab.open_chat()
    one.say("Пишу здесь")
    other.shows("Пишу здесь")
    other.say("И здесь")
    one.shows("Пишу здесь", "И здесь")


@pytest.mark.parametrize("name", ["🧑‍🚀" * 80, "и" * 199 + "🙂🙂", "\ud83d", "a\u0000b", "\u202e" * 5])
def test_a_name_that_the_page_tells_never_keeps_the_visitor_from_chatting(
    stage: Stage, server: Server, name: str
) -> None:
    anna = stage.visitor(f"{server.url}/demo-site/")
    anna.console.expected.append(NETWORK)
    anna.page.evaluate("(name) => replyx('identify', { name: JSON.parse(name) })", json.dumps(name))
    anna.open_chat()
    anna.say("Меня слышно?")
    anna.shows("Меня слышно?")


def test_half_a_character_that_an_input_method_left_can_be_sent(stage: Stage, server: Server) -> None:
    anna = begin(stage, server, "Начало")
    anna.composer.evaluate("field => { field.value = 'полсмайла \ud83d'; field.dispatchEvent(new Event('input')) }")
    anna.composer.press("Enter")
    anna.shows("Начало", "полсмайла \ufffd")


@pytest.mark.parametrize(("text", "direction"), [("שלום, יש מישהו?", "rtl"), ("مرحبا 1", "rtl"), ("Right", "ltr")])
def test_a_text_stands_in_the_direction_of_its_script(
    stage: Stage, server: Server, boris: httpx.Client, text: str, direction: str
) -> None:
    anna = begin(stage, server, text)
    anna.composer.fill(text)
    operator = stage.operator(server.url)
    preview = operator.row(text).locator(".dialog-item__text")
    operator.open_dialog(text)
    operator.composer.fill(text)
    for shown in (anna.composer, anna.messages.locator(".message__text"), operator.composer, preview):
        expect(shown.first).to_have_css("direction", direction)
    expect(operator.messages.locator(".message__text").first).to_have_css("direction", direction)
    boris.post(f"/api/dialogs/{dialog_of(boris, text)}/messages", json={"text": f"{text}!"})
    # Behind a writer's name the text keeps its own direction.
    quoted = operator.row(f"{text}!").locator(".dialog-item__text bdi")
    expect(quoted).to_have_css("direction", direction)


def test_today_is_yesterday_after_midnight(stage: Stage, server: Server) -> None:
    context = stage.context()
    context.clock.install(time=datetime.now().replace(hour=23, minute=59, second=50))
    anna = stage.visitor(f"{server.url}/demo-site/", context)
    anna.open_chat()
    anna.say("Поздний вопрос")
    anna.shows("Поздний вопрос")
    day = anna.place.locator(".day")
    expect(day).to_have_text("Сегодня")
    context.clock.run_for(20_000)
    expect(day).to_have_text("Вчера")


def test_the_page_takes_a_name_back(stage: Stage, server: Server, boris: httpx.Client) -> None:
    anna = stage.visitor(f"{server.url}/demo-site/")
    anna.page.evaluate("replyx('identify', { name: 'Анна Та' })")
    anna.open_chat()
    anna.say("Как меня зовут?")
    anna.shows("Как меня зовут?")
    operator = stage.operator(server.url)
    name = operator.row("Как меня зовут?").locator(".dialog-item__name")
    expect(name).to_have_text("Анна Та")
    anna.page.evaluate("replyx('identify', { name: null })")
    expect(name).not_to_have_text("Анна Та")


def test_what_shows_nothing_cannot_be_sent(stage: Stage, server: Server) -> None:
    anna = begin(stage, server, "Начало")
    for text in ("\u200b", " \u3164\u2800", "\u0301"):
        anna.composer.fill(text)
        expect(anna.place.get_by_test_id("send")).to_be_disabled()
        anna.composer.press("Enter")
    anna.composer.fill("\u200bвидно")
    anna.composer.press("Enter")
    anna.shows("Начало", "\u200bвидно")


def test_a_visitor_whose_dialog_was_forgotten_writes_on_in_another(
    stage: Stage, server: Server, boris: httpx.Client
) -> None:
    anna = begin(stage, server, "Первое")
    anna.console.expected.append(NETWORK)
    first = dialog_of(boris, "Первое")
    with stored(server.data_dir) as rows:
        rows.execute("DELETE FROM message WHERE dialog_id = ?", (first,))
        rows.execute("DELETE FROM dialog WHERE id = ?", (first,))
    anna.say("Второе")
    anna.shows("Второе")
    anna.is_live()
    second = dialog_of(boris, "Второе")
    assert second != first
    boris.post(f"/api/dialogs/{second}/messages", json={"text": "Да?"})
    anna.shows("Второе", "Да?")


def test_a_suggestion_that_is_pressed_is_sent_and_gone(stage: Stage, server: Server) -> None:
    anna = stage.visitor(f"{server.url}/demo-site/?widget=2", stage.context("ru-RU"))
    anna.open_chat()
    anna.say("хочу вернуть вазу")
    group = anna.place.get_by_test_id("suggestions")
    expect(group.get_by_role("button")).to_have_text(["Когда вернутся деньги", "Возврат", "Позвать человека"])
    group.get_by_role("button", name="Возврат", exact=True).click()
    expect(anna.messages.nth(3)).to_contain_text("Вернуть посуду можно в течение 14 дней")
    expect(group.get_by_role("button")).to_have_text(["Позвать человека"])
    group.get_by_role("button").click()
    expect(anna.messages.nth(5)).to_contain_text("Передаём разговор сотруднику")
    expect(group).to_be_hidden()
    assert anna.texts()[2:5:2] == ["Возврат", "Позвать человека"]
