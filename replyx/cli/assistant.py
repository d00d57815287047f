"""``replyx assistant …``: who answers first in a widget's dialogs."""

from __future__ import annotations

import argparse

from replyx.cli.actions import Action
from replyx.cli.installation import open_store, print_json, text_of
from replyx.conversations import assistants
from replyx.conversations.assistants import Greeting, Name, NewAssistant
from replyx.settings import Settings


def _add(given: argparse.Namespace, settings: Settings) -> int:
    store = open_store(settings)
    assistant = store.change(lambda tx: assistants.create(tx, NewAssistant(given.name, given.greeting)))
    print(f"assistant {assistant.id}: {assistant.name}")
    return 0


def _list(given: argparse.Namespace, settings: Settings) -> int:
    found = open_store(settings).query(assistants.load_all)
    if given.json:
        print_json(found)
        return 0
    for each in found:
        print(each.id, each.name)
    return 0


def _of_new(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", type=text_of(Name), help="what visitors see")
    parser.add_argument(
        "--greeting", type=text_of(Greeting), default="", help="what the chat says before anybody has written"
    )


def _of_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print them as JSON")


ACTIONS = {
    "add": Action("add an assistant, which a widget needs", _of_new, _add),
    "list": Action("list id and name of every assistant", _of_list, _list),
}
