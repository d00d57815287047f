"""A visitor and an operator, each at a browser, talk while everything between them breaks: nothing is lost."""

from __future__ import annotations

from playwright.sync_api import Route, expect

from tests import scenario
from tests.browser.people import Conversation, Operator, Stage, Visitor, until
from tests.server import Server


def meet(stage: Stage, server: Server) -> tuple[Visitor, Operator]:
    """Anna writes from the demo shop, Boris opens her dialog."""
    anna = stage.visitor(f"{server.url}/demo-site/")
    boris = stage.operator(server.url)
    anna.open_chat()
    anna.say("Здравствуйте!")
    boris.open_dialog("Здравствуйте!")
    for side in (anna, boris):
        side.shows("Здравствуйте!")
        side.is_live()
    return anna, boris


def agree(anna: Conversation, boris: Conversation, *parts: list[str]) -> list[str]:
    """Wait until both show every text of ``parts`` once, in one and the same order that keeps each part's own.

    While both write without a server nobody can say whose message comes first; that both see the same can be said.
    """
    wanted = sorted({text for part in parts for text in part})
    for side in (anna, boris):
        expect(side.acknowledged).to_have_count(len(wanted))
    texts = anna.texts()
    assert sorted(texts) == wanted
    for part in parts:
        assert [text for text in texts if text in part] == part
    boris.shows(*texts)
    anna.shows(*texts)
    assert anna.ids() == boris.ids()
    return texts


def test_every_message_arrives_once_and_in_order_through_a_kill_a_reload_and_a_lost_network(
    stage: Stage, fragile: Server
) -> None:
    anna, boris = meet(stage, fragile)

    boris.composer.press_sequentially("Добрый день!")
    expect(anna.typing).to_have_text("Оператор печатает…")
    boris.composer.press("Enter")
    anna.shows("Здравствуйте!", "Добрый день!")
    expect(anna.typing).to_be_hidden()
    anna.composer.press_sequentially("Есть ваза?")
    expect(boris.typing).to_contain_text("печатает…")
    anna.composer.press("Enter")
    before = ["Здравствуйте!", "Добрый день!", "Есть ваза?"]
    boris.shows(*before)
    expect(boris.typing).to_be_empty()

    # Killed with messages on their way: some are acknowledged, some stored without an answer, some not yet sent.
    stage.server_goes_away()
    hers = [f"Анна {number}" for number in range(6)]
    his = [f"Борис {number}" for number in range(4)]
    for text in hers[:3]:
        anna.say(text)
    for text in his[:2]:
        boris.say(text)
    with anna.tries_to_return():
        fragile.kill()
        anna.is_cut_off()
        boris.is_cut_off()
    for text in hers[3:]:
        anna.say(text)
    for text in his[2:]:
        boris.say(text)
    fragile.start()
    told = agree(anna, boris, before + hers, before + his)

    # Both pages are loaded anew, at once.
    anna.page.reload()
    boris.page.reload()
    anna.open_chat()
    anna.shows(*told)
    boris.shows(*told)
    for side in (anna, boris):
        side.is_live()

    # She loses her network, then he loses his; what the other wrote meanwhile is there when it is back.
    anna.page.context.set_offline(True)
    expect(anna.state).to_have_attribute("data-state", "offline")
    anna.say("Без сети")
    boris.say("Пока вас не было")
    boris.shows(*told, "Пока вас не было")
    assert "Без сети" in anna.texts(), "what waits is shown"
    expect(anna.acknowledged).to_have_count(len(told))
    anna.page.context.set_offline(False)
    told = agree(anna, boris, [*told, "Без сети"], [*told, "Пока вас не было"])
    boris.page.context.set_offline(True)
    boris.is_cut_off()
    anna.say("Вы здесь?")
    anna.shows(*told, "Вы здесь?")
    boris.say("Я вернулся")
    boris.page.context.set_offline(False)
    told = agree(anna, boris, [*told, "Вы здесь?", "Я вернулся"])

    # The server's own history is the third witness.
    with scenario.operator(fragile) as api:
        dialog = api.get("/api/dialogs").json()["items"][0]
        history = api.get(f"/api/dialogs/{dialog['id']}/messages", params={"limit": 200}).json()["items"]
    assert [message["text"] for message in history] == told
    assert [message["id"] for message in history] == anna.ids()
    # The words that the diagnostics look for.
    assert any(text.startswith("📨 [Widget] ") for text in anna.console.texts())
    assert any(text.startswith("📨 [АДМИН SSE] Получено событие") for text in boris.console.texts())


def test_what_was_written_without_a_server_survives_a_reload(stage: Stage, fragile: Server) -> None:
    anna, boris = meet(stage, fragile)
    stage.server_goes_away()
    with anna.tries_to_return():
        fragile.kill()
        anna.is_cut_off()
        boris.is_cut_off()
    anna.say("Отправьте, когда сможете")
    anna.composer.fill("Ещё не дописано")
    boris.say("Ответ в пустоту")
    boris.composer.fill("Черновик")
    expect(anna.messages.last).to_have_attribute("data-status", "pending")
    expect(boris.messages.last).to_have_attribute("data-status", "pending")

    fragile.start()
    anna.page.reload()
    boris.page.reload()
    anna.open_chat()
    expect(anna.composer).to_have_value("Ещё не дописано")
    expect(boris.composer).to_have_value("Черновик")
    agree(
        anna,
        boris,
        ["Здравствуйте!", "Отправьте, когда сможете"],
        ["Здравствуйте!", "Ответ в пустоту"],
    )


def test_a_message_that_was_stored_but_whose_answer_was_lost_appears_once(stage: Stage, fragile: Server) -> None:
    anna, boris = meet(stage, fragile)
    stage.server_goes_away()
    texts = ["Здравствуйте!"]
    for side, text in ((anna, "Дошло ли?"), (boris, "Дошло, а это?")):
        lose_the_answer(side, fragile)
        side.say(text)
        texts.append(text)
        until(side.page, lambda: not fragile.running, "the server stores the message and dies")
        side.page.unroute_all(behavior="ignoreErrors")
        fragile.start()
        agree(anna, boris, texts)
        for other in (anna, boris):
            other.is_live()


def lose_the_answer(side: Conversation, server: Server) -> None:
    """The next send of ``side`` reaches the server, which dies before its answer reaches the browser."""

    def at_request(route: Route) -> None:
        if route.request.method == "POST" and server.running:
            assert route.fetch().status == 201
            server.kill()
            route.abort("connectionreset")
        else:
            route.continue_()

    side.page.route("**/dialogs/*/messages*", at_request)
