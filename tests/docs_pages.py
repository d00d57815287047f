"""The parts of the documentation that are made from the code: ``python -m tests.docs_pages`` writes them anew.

A page marks such a part with ``<!-- made: NAME -->`` before and ``<!-- end: NAME -->`` behind it. Everything else in
``docs/`` is written by hand; ``tests/unit/test_docs.py`` holds both kinds against the code. ``static/shared/limits.js``
is made as a whole.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from replyx.cli import each_command
from replyx.cli.actions import Action
from replyx.errors import CLOSE_CODES
from replyx.faults import Fault
from replyx.limits import RULES
from replyx.schemas import sizes
from replyx.schemas.languages import LANGUAGES
from replyx.settings import SETTINGS
from tests.bench import capacity

ROOT = Path(__file__).resolve().parent.parent


def settings_table() -> str:
    """Every setting, in the order in which ``--help`` lists them."""
    rows = (
        (code(each.env), code(each.flag), code(each.default) if each.default != "none" else "none", each.help)
        for each in SETTINGS
    )
    return table(("Environment", "Flag", "Default", "What it is"), rows)


def limits_table() -> str:
    """Every rate limit."""
    rows = ((code(rule.name), str(rule.burst), f"{rule.per_second:g}", rule.what) for rule in RULES)
    return table(("Rule", "At once", "Then per second", "What is counted"), rows)


def commands_table() -> str:
    """Every command, with its own arguments; the settings that all take are left out."""
    rows = (
        (code(" ".join((f"replyx {words}", *arguments_of(action)))), action.help) for words, action in each_command()
    )
    return table(("Command", "What it does"), [(code("replyx"), "runs the server, as `python run.py` does"), *rows])


def arguments_of(action: Action) -> list[str]:
    """What the usage of a command names, from ``--help`` on."""
    parser = argparse.ArgumentParser(prog="", add_help=False)
    action.add_arguments(parser)
    return parser.format_usage().removeprefix("usage: ").split()


def close_codes_table() -> str:
    """Every code with which the server closes a WebSocket."""
    rows = ((str(each.code), each.reason, "yes" if each.reconnect else "no") for each in CLOSE_CODES)
    return table(("Code", "Reason", "Come back?"), rows)


def faults_table() -> str:
    """Every code that a field's error can have."""
    rows = ((code(fault.code), fault.value) for fault in Fault)
    return table(("Code", "Sentence, with its parameters"), rows)


def limits_measured() -> str:
    """What one log, one Redis and one socket carry or cost."""
    return table(("What was measured", "Figure"), capacity.limit_rows())


def processes_measured() -> str:
    """What a message costs with one process and with two, and what two carry: what ``tests.bench.processes`` kept."""
    figures = json.loads((ROOT / "tests" / "bench" / "processes.json").read_text(encoding="utf-8"))
    head = ("Work", "Database", "One process", "Two, together", "Two carry", "Redis, beside them")
    rows = (
        (
            *(each["work"], each["database"]),
            *(f"{each['one']} µs", f"{each['two']} µs", f"{each['carried']:g} ×", f"{each['redis']} µs"),
        )
        for each in figures
    )
    return table(head, rows)


def capacity_table() -> str:
    """What an installation needs, by its size."""
    return table(("Connected clients", *(f"{size:,}" for size in capacity.SIZES)), capacity.capacity_rows())


def sizes_table() -> str:
    """How long each text may be that a client sends."""
    what = {
        "text of a message": sizes.MESSAGE,
        "subject of a ticket": sizes.SUBJECT,
        "description of a ticket or a product": sizes.DESCRIPTION,
        "name of an account, an assistant or a widget; a title": sizes.PERSON,
        "greeting": sizes.GREETING,
        "a visitor's name": sizes.VISITOR,
        "address of a visitor's page": sizes.PAGE,
        "`client_id`, `guest_id`, `userId`, `senderId`": sizes.CLIENT_ID,
        "question of a search": sizes.QUERY,
        "name of a product": sizes.PRODUCT,
        "notes of a decision": sizes.NOTES,
        "address of a webhook or a push service": sizes.URL,
        "description of a webhook": sizes.PURPOSE,
        "name of the platform": sizes.PLATFORM,
        "title of a source; question tied to a passage": sizes.TITLE,
        "question to an assistant's dry run": sizes.ASKED,
        "text of a source": sizes.SOURCE,
        "password": sizes.PASSWORD_MAX,
    }
    return table(("Text", "Characters at most"), ((name, f"{most:,}") for name, most in what.items()))


def limits_module() -> str:
    """The module from which the pages have what they must know before they ask."""
    lines = (f"  {name}: {most:_}," for name, most in sizes.TO_PAGES.items())
    spoken = ", ".join(f"'{each}'" for each in LANGUAGES)
    return "\n".join(
        [
            "// Made from replyx/schemas/sizes.py and languages.py by: python -m tests.docs_pages",
            "",
            "/** How long texts may be, in characters, and other limits that a form must know. */",
            "export const LIMITS = Object.freeze({",
            *lines,
            "});",
            "",
            "/** @typedef {" + "|".join(f"'{each}'" for each in LANGUAGES) + "} Language */",
            "/** The languages that ReplyX speaks. @type {readonly Language[]} */",
            f"export const LANGUAGES = Object.freeze([{spoken}]);",
            "",
        ]
    )


LIMITS_MODULE = ROOT / "static" / "shared" / "limits.js"

MADE = {
    "docs/operating.md": {"settings": settings_table, "limits": limits_table, "commands": commands_table},
    "docs/scaling.md": {"processes": processes_measured, "limits": limits_measured, "capacity": capacity_table},
    "docs/errors.md": {"faults": faults_table},
    "docs/api.md": {"close codes": close_codes_table, "sizes": sizes_table},
}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar inside a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    """``text`` in Markdown's code style."""
    return f"`{text}`"


def made_part(name: str) -> re.Pattern[str]:
    """What finds the part ``name`` of a page, its marks included; the text between them is group 1."""
    return re.compile(rf"<!-- made: {re.escape(name)} -->\n(.*?)<!-- end: {re.escape(name)} -->", re.DOTALL)


def written(page: str) -> str:
    """The text of a page below the root of the checkout."""
    return (ROOT / page).read_text(encoding="utf-8")


def renew(page: str) -> str:
    """``page`` with every made part as the code has it today."""
    text = written(page)
    for name, make in MADE[page].items():
        part = f"<!-- made: {name} -->\n{make()}\n<!-- end: {name} -->"
        pieces = made_part(name).split(text)
        if len(pieces) != 3:  # before, the part, behind
            raise SystemExit(f"{page} must mark the part {name!r} once; it does so {len(pieces) // 2} times")
        text = pieces[0] + part + pieces[2]
    return text


if __name__ == "__main__":
    for each_page in MADE:
        (ROOT / each_page).write_text(renew(each_page), encoding="utf-8")
    LIMITS_MODULE.write_text(limits_module(), encoding="utf-8")
