"""The shelf: one address, one content, however the files change; and every script of ours has such an address."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import pytest

from handlers.shelf import Shelf
from tests.server import ROOT

PAGES = ("admin/admin.js", "chat/chat.js", "demo/demo.js", "demo-site/demo.js", "webapp/webapp.js")


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A page, a part of it that it imports at once, one that it loads when needed with its style, and a leaf."""
    files = {
        "page.js": "import './parts/leaf.js';\n/** @type {import('./page.js')} */\nimport('./parts/late.js');",
        "parts/late.js": "import '../parts/leaf.js';\nnew URL('./late.css', import.meta.url);\n'./nothing.js';",
        "parts/late.css": "p { color: red }",
        "parts/leaf.js": "export const leaf = 1;",
    }
    for name, text in files.items():
        write(tmp_path, name, text)
    return Shelf(tmp_path)


def write(folder: Path, name: str, text: str) -> None:
    """The file changes, and so does its time."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(len(text), len(text)))


def test_a_script_names_the_others_by_their_addresses(shelf: Shelf) -> None:
    body = shelf.find("page.js").body.decode()
    named = re.findall(r"'([^']+)\?v=(\w+)'", body)
    assert named == [
        ("./parts/leaf.js", shelf.find("parts/leaf.js").digest),
        ("./parts/late.js", mark(shelf, "late.js")),
    ]
    assert "import('./page.js')" in body, "a type is not loaded"
    late = shelf.find("parts/late.js").body.decode()
    assert f"'./late.css?v={mark(shelf, 'late.css')}'" in late
    assert "'./nothing.js'" in late


def mark(shelf: Shelf, name: str) -> str:
    """The digest of a part."""
    return shelf.find(f"parts/{name}").digest


def test_a_change_gives_new_addresses_to_all_that_name_it_and_to_nothing_else(shelf: Shelf, tmp_path: Path) -> None:
    names = ("page.js", "parts/late.js", "parts/late.css", "parts/leaf.js")
    for changed, text, moved in (
        ("parts/leaf.js", "export const leaf = 22;", {"page.js", "parts/late.js", "parts/leaf.js"}),
        ("parts/late.css", "p { color: green }", {"page.js", "parts/late.js", "parts/late.css"}),
        ("page.js", "import './parts/leaf.js';", {"page.js"}),
    ):
        before = {name: shelf.address(name) for name in names}
        write(tmp_path, changed, text)
        shelf.find(changed)  # a look at the file alone must not hide its change from those that name it
        assert {name for name in names if shelf.address(name) != before[name]} == moved


def test_a_file_that_comes_and_goes_is_noticed(shelf: Shelf, tmp_path: Path) -> None:
    before = shelf.find("parts/late.js")
    write(tmp_path, "parts/nothing.js", "1;")
    assert f"'./nothing.js?v={mark(shelf, 'nothing.js')}'" in shelf.find("parts/late.js").body.decode()
    (tmp_path / "parts" / "nothing.js").unlink()
    assert shelf.find("parts/late.js").digest == before.digest


def test_what_a_page_needs_at_once_is_preloaded_and_the_rest_is_not(shelf: Shelf) -> None:
    assert shelf.preloads("page.js") == [shelf.address("page.js"), shelf.address("parts/leaf.js")]


def test_a_circle_of_imports_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.js", "import './b.js';")
    write(tmp_path, "b.js", "import './a.js';")
    with pytest.raises(ValueError, match=r"a\.js imports itself by way of a\.js, b\.js"):
        Shelf(tmp_path).find("a.js")


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            ".",
            "parts",
            "../shelf.js",
            "/etc/hostname",
            "parts/../page.js",
            "parts//leaf.js",
            "page.js/",
            "none.js",
        ),
        *("a\0.js", "%2e%2e/page.js", "parts\\leaf.js", "x" * 5_000),
    ],
)
def test_only_files_of_the_folder_are_on_the_shelf(shelf: Shelf, tmp_path: Path, name: str) -> None:
    (tmp_path.parent / "shelf.js").write_text("outside")
    with pytest.raises(KeyError):
        shelf.find(name)


def test_every_script_of_the_pages_has_a_digest_behind_all_that_it_imports() -> None:
    shelf = Shelf(ROOT / "static")
    for page in PAGES:
        seen = {page}
        waiting = [page]
        while waiting:
            found = shelf.find(waiting.pop())
            code = re.sub(r"/\*.*?\*/", "", found.body.decode(), flags=re.DOTALL)
            bare = re.findall(r"""(?:from|import)\s*\(?\s*['"](\.{1,2}/[^'"?]+)['"]""", code)
            assert bare == [], page
            new = set(found.names) - seen
            seen |= new
            waiting += new
        assert len(seen) > 2 or page == "demo-site/demo.js"


def test_a_file_is_packed_where_that_makes_it_smaller(tmp_path: Path) -> None:
    write(tmp_path, "long.js", "let a = 1;\n" * 100)
    write(tmp_path, "short.js", "1")
    shelf = Shelf(tmp_path)
    long = shelf.find("long.js")
    assert long.packed is not None
    assert gzip.decompress(long.packed) == long.body
    assert shelf.find("short.js").packed is None
