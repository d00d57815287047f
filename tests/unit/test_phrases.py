"""What pages say: the same keys in Russian and English, none missing, none left over, one for each code of the server.

The tables are read by Node as browsers read them; where a key is used is found in the sources of the modules.
"""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from replyx import errors
from replyx.errors import Problem
from replyx.faults import Fault
from replyx.outside.failures import Why
from replyx.schemas.languages import LANGUAGES
from tests import parts
from tests.server import ROOT

STATIC = ROOT / "static"
TABLES = sorted(STATIC.rglob("*phrases.js"))
ENTRIES = {"admin": "admin/admin.js", "chat": "chat/chat.js", "demo": "demo/demo.js", "webapp": "webapp/webapp.js"}
READ = """
const tables = {};
for (const path of process.argv.slice(1)) {
  for (const [name, value] of Object.entries(await import(path))) {
    if (value?.ru && value?.en) tables[`${path} ${name}`] = value;
  }
}
console.log(JSON.stringify(tables));
"""
IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*'(\.{1,2}/[^']+)'""")
ASKED = re.compile(r"(?:\bt|#t)\(([^()]*?)(?:\)|,\s*\{)")
NO_KEY = re.compile(r"[!=]==\s*'\w+'|`[^`]*`")
PARAMETER = re.compile(r"\{(\w+)\}")

Table = dict[str, Any]


@cache
def tables() -> dict[tuple[Path, str], dict[str, Table]]:
    """Every exported table with ``ru`` and ``en``, by its module and name."""
    node = parts.require("Node", parts.node(), "install the test extra")
    command = [str(node), "--input-type=module", "-e", READ, *map(str, TABLES)]
    read = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)
    found = {}
    for where, table in read.items():
        path, name = where.rsplit(" ", 1)
        found[Path(path), name] = table
    return found


def table(path: str, name: str) -> dict[str, Table]:
    """One of them."""
    return tables()[STATIC / path, name]


@cache
def modules_of(page: str) -> dict[Path, str]:
    """The modules that a page loads, tables of phrases left out, with their text."""
    waiting, found = [STATIC / ENTRIES[page]], {}
    while waiting:
        path = waiting.pop()
        if path in found or path in TABLES:
            continue
        found[path] = path.read_text("utf-8")
        waiting += [(path.parent / name).resolve() for name in IMPORT.findall(found[path])]
    return found


def sections() -> dict[str, Path]:
    """The folders of the panel whose modules have words of their own, by name."""
    return {path.parent.name: path.parent for path in TABLES if path.parent.parent == STATIC / "admin"}


def own_words(module: Path, page: str) -> dict[str, Any]:
    """The phrases that a module of a page can ask for: the page's, and those of the section that it belongs to."""
    found = dict(table(f"{page}/phrases.js", "phrases")["ru"])
    if module.parent in sections().values():
        found |= table(str((module.parent / "phrases.js").relative_to(STATIC)), "words")["ru"]
    return found


def mentioned(text: str) -> re.Pattern[str]:
    """What matches each key that a source can ask for: its words in quotes, and its templates."""
    words = {re.escape(word) for word in re.findall(r"'(\w+)'", text)}
    templates = {
        re.sub(r"\\\$\\\{[^}]*\\\}", r"[\\w:.]+", re.escape(template))
        for template in re.findall(r"`([\w.]*\$\{[^`]*)`", text) + re.findall(r"`(\$\{[^`]*)`", text)
        if re.fullmatch(r"(?:\w|\$\{[^}]*\})+", template) and not re.fullmatch(r"\$\{[^}]*\}", template)
    }
    return re.compile("|".join(words | templates) or r"(?!)")


def asked_for(text: str) -> set[str]:
    """The keys that a source asks for by name."""
    return {key for asked in ASKED.findall(text) for key in re.findall(r"'(\w+)'", NO_KEY.sub("", asked))}


def parameters(phrase: object) -> set[str]:
    """The parameters of a phrase, of all its plural forms together."""
    forms = phrase.values() if isinstance(phrase, dict) else [phrase]
    return {name for form in forms for name in PARAMETER.findall(str(form))}


def problem_codes() -> set[str]:
    """Every code that an answer can have."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Problem)]
    return {kind.code for kind in kinds}


def test_the_search_finds_keys_however_they_are_asked_for() -> None:
    source = "t('one'); this.#t(a === 'x' ? 'two' : 'three', { n: 1 }); t(`four_${a}`); t(`${a}_five`); `${a} and ${b}`"
    assert asked_for(source) == {"one", "two", "three"}
    found = mentioned(source)
    assert all(found.fullmatch(key) for key in ("one", "two", "four_x", "y_five"))
    assert found.fullmatch("six") is None
    assert parameters({"one": "{n} of {max}", "other": "{n}"}) == {"n", "max"}


def test_there_are_tables() -> None:
    assert len(tables()) >= 9
    assert all(len(modules_of(page)) > 10 for page in ENTRIES)


def test_every_table_has_the_same_keys_and_parameters_in_both_languages() -> None:
    for (path, name), words in tables().items():
        assert set(words) == set(LANGUAGES), (path.name, name)
        assert set(words["ru"]) == set(words["en"]), (path.name, name)
        for key, phrase in words["ru"].items():
            assert parameters(phrase) == parameters(words["en"][key]), (path.name, name, key)


def test_no_phrase_is_empty_and_every_plural_has_the_form_for_all_others() -> None:
    for (path, _), words in tables().items():
        for key, phrase in {**words["ru"], **words["en"]}.items():
            forms = phrase if isinstance(phrase, dict) else {"other": phrase}
            assert "other" in forms, (path.name, key)
            assert all(form.strip() for form in forms.values()), (path.name, key)


@pytest.mark.parametrize("page", ENTRIES)
def test_a_page_has_every_phrase_that_its_modules_ask_for(page: str) -> None:
    asked = [(key, path) for path, text in modules_of(page).items() for key in asked_for(text)]
    assert [(key, path.name) for key, path in asked if key not in own_words(path, page)] == []


def test_the_loader_speaks_the_languages_of_the_server_with_the_same_words_in_each() -> None:
    """It stands alone on other people's pages, and imports nothing."""
    words = re.search(r"const WORDS = \{\n(.*?)\n  \};", (STATIC / "widget.js").read_text("utf-8"), re.DOTALL)
    assert words is not None
    keys = dict(re.findall(r"^ *(\w+): \{(.*)\},$", words[1], re.MULTILINE))
    assert set(keys) == set(LANGUAGES)
    assert len({tuple(re.findall(r"(\w+): '", each)) for each in keys.values()}) == 1


def test_no_phrase_is_left_over() -> None:
    shown = {page: mentioned("\n".join(modules_of(page).values())) for page in ENTRIES}
    for name, folder in sections().items():
        # A part of the panel may show a section's words too: a title that is handed to it.
        texts = [text for path, text in modules_of("admin").items() if path.parent.name in (name, "parts")]
        shown[name] = mentioned("\n".join(texts))
        assert shown[name].pattern, folder
    left = set()
    for (path, name), words in tables().items():
        page = path.parent.name
        pages = list(ENTRIES) if page == "shared" else [page]
        own = words["ru"]
        if path.name == "phrases.js" and page != "shared":  # what came in from the others is looked at there
            others = [table["ru"] for (other, _), table in tables().items() if other != path]
            own = {key: words for key, words in own.items() if not any(other.get(key) == words for other in others)}
        left |= {f"{page}/{name}: {key}" for key in own if not any(shown[each].fullmatch(key) for each in pages)}
    assert left == set()


def test_every_code_of_the_server_has_a_phrase_and_no_phrase_of_a_code_is_left_over() -> None:
    problems = table("shared/problem-phrases.js", "problems")["ru"]
    told = {key for key in problems if key.startswith("problem_")}
    assert told == {f"problem_{code}" for code in problem_codes() | {"network", "unknown"}}
    told = {key for key in problems if key.startswith("fault_")}
    assert told == {f"fault_{code}" for code in {fault.code for fault in Fault} | {"unknown"}}


def test_the_panel_has_words_for_every_failure_of_a_delivery_and_no_others() -> None:
    words = table("admin/webhooks/phrases.js", "words")["ru"]
    told = {key: parameters(phrase) for key, phrase in words.items() if key.startswith("failure_")}
    assert told.pop("failure_unknown") == {"code"}
    assert told == {f"failure_{why.name.lower()}": set(PARAMETER.findall(why.value)) for why in Why}


def test_a_phrase_of_a_fault_uses_only_what_the_server_sends_with_it() -> None:
    problems = table("shared/problem-phrases.js", "problems")["ru"]
    for fault in Fault:
        given = set(PARAMETER.findall(fault.value))
        assert parameters(problems[f"fault_{fault.code}"]) <= given, fault
