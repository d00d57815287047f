"""``replyx widget add``: a widget and the line of HTML that embeds it."""

from __future__ import annotations

import argparse
import time

from replyx.cli.installation import open_store, refuse
from replyx.conversations import widgets
from replyx.conversations.widgets import NewWidget, embedded
from replyx.errors import Problem
from replyx.secrets_file import SecretsFile
from replyx.settings import Settings
from replyx.tokens import Tokens

HELP = "add a widget for an assistant and print its embed code"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own arguments."""
    parser.add_argument("action", choices=("add",))
    parser.add_argument("--assistant", type=int, required=True, help="id of the assistant")
    parser.add_argument("--domain", action="append", default=[], help="a domain that may show it; repeatable")
    parser.add_argument("--name", default="")


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Add the widget."""
    store = open_store(settings)
    tokens = Tokens(SecretsFile(settings.data_dir, settings.jwt_secret).load().jwt_keys)
    new = NewWidget(given.assistant, name=given.name, allowed_domains=given.domain)
    try:
        stored = store.change(lambda tx: widgets.create(tx, new))
    except Problem as problem:
        return refuse(problem)
    widget = embedded(stored, tokens, settings.base_url(settings.port), time.time(), settings.widget_token_days * 86400)
    print(widget.embed_code)
    return 0
