"""What the pages load exists: there is no build step that would notice a file that was moved."""

from __future__ import annotations

import re
from pathlib import Path

from replyx.outside.webhooks.dispatch import GROUPS, TYPES
from tests.server import ROOT

STATIC = ROOT / "static"
IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*['"](\.{1,2}/[^'"]+)['"]""")
LINK = re.compile(r'(?:href|src)="/static/([^"{]+)"')


def missing(text: str, folder: Path, pattern: re.Pattern[str]) -> list[str]:
    """What ``text`` names relative to ``folder``, and is not there."""
    return [name for name in pattern.findall(text) if not (folder / name).is_file()]


def test_a_module_that_is_not_there_would_be_noticed() -> None:
    text = "import { el } from './dom.js';\nconst late = await import('../gone.js');"
    assert missing(text, STATIC / "shared", IMPORT) == ["../gone.js"]


def test_every_import_of_a_module_leads_to_a_file() -> None:
    modules = list(STATIC.rglob("*.js"))
    assert len(modules) > 50
    lost = {str(each.relative_to(ROOT)): missing(each.read_text("utf-8"), each.parent, IMPORT) for each in modules}
    assert {name: found for name, found in lost.items() if found} == {}


def test_every_file_that_a_page_names_is_there() -> None:
    pages = [*(ROOT / "templates").glob("*.html"), *STATIC.rglob("*.html")]
    assert len(pages) > 5
    lost = {str(each.relative_to(ROOT)): missing(each.read_text("utf-8"), STATIC, LINK) for each in pages}
    assert {name: found for name, found in lost.items() if found} == {}


def test_the_panel_has_words_in_both_languages_for_all_that_a_webhook_can_listen_to() -> None:
    words = (STATIC / "admin" / "webhooks" / "phrases.js").read_text("utf-8")
    without = [
        name for name in (*GROUPS, *TYPES) if len(re.findall(rf"^ *'?event_{name}'?: ", words, re.MULTILINE)) != 2
    ]
    assert without == []
