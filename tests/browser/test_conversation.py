"""A visitor and an operator, each at a browser, talk while everything between them breaks: nothing is lost."""

from __future__ import annotations

from playwright.sync_api import expect

from tests import scenario
from tests.browser.people import Conversation, Operator, Stage, Visitor
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
    wanted = sorted(text for part in parts for text in part)
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
    fragile.kill()
    anna.is_cut_off()
    boris.is_cut_off()
    for text in hers[3:]:
        anna.say(text)
    for text in his[2:]:
        boris.say(text)
    fragile.start()
    told = agree(anna, boris, before + hers, before + his)
