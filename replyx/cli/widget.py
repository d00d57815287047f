"""``replyx widget add``: a widget and the line of HTML that embeds it."""

from __future__ import annotations

import argparse
import time
from urllib.parse import urlsplit

from replyx import public_address
from replyx.cli.actions import Action
from replyx.cli.installation import open_store, refuse, text_of, tokens_of, warn
from replyx.conversations import widgets
from replyx.conversations.widgets import Name, NewWidget, embedded
from replyx.errors import Problem
from replyx.loopback import is_loopback
from replyx.settings import Settings


def _add(given: argparse.Namespace, settings: Settings) -> int:
    store = open_store(settings)
    tokens = tokens_of(settings)
    base_url = settings.public_url or store.query(public_address.last) or settings.base_url(settings.port)
    new = NewWidget(given.assistant, name=given.name, allowed_domains=given.domain)
    try:
        stored = store.change(lambda tx: widgets.create(tx, new))
    except Problem as problem:
        return refuse(problem)
    widget = embedded(stored, tokens, base_url, time.time(), settings.widget_token_days * 86400)
    print(widget.embed_code)
    if is_loopback(urlsplit(base_url).hostname or ""):
        warn(
            f"the code names {base_url}, which only this machine can reach. Start the server with PUBLIC_URL, or pass"
            " --public-url, and print the code of the widget in the panel"
        )
    return 0


def _of_new(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--assistant", type=int, required=True, help="id of the assistant")
    parser.add_argument("--domain", action="append", default=[], help="a domain that may show it; repeatable")
    parser.add_argument("--name", type=text_of(Name), default="", help="what operators call it")


ACTIONS = {"add": Action("add a widget for an assistant and print its embed code", _of_new, _add)}
