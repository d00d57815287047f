"""Reading documents: what a page says, and that a document which takes too much ends its own process alone."""

from __future__ import annotations

import asyncio

import pytest

from replyx.knowledge.cutting import MOST_CHARS, cut
from replyx.knowledge.reader import Reader
from replyx.knowledge.reading.document import Document, Section
from replyx.knowledge.reading.page import read_page
from replyx.knowledge.troubles import Trouble, Unread


def sections(html: str, charset: str = "") -> list[tuple[str, str]]:
    """Heading and text of a page's sections."""
    return [(each.heading, each.text) for each in read_page(html.encode(charset or "utf-8"), charset).sections]


def test_a_page_is_read_as_a_person_reads_it() -> None:
    html = (
        "<title>T</title><body><header><nav>Menu</nav></header><h1>Delivery</h1>"
        "<p>By <b>courier</b>, or<br>by post.</p>"
        "<ul><li>Riga</li><li>Tartu</li></ul><dl><dt>When?</dt><dd>Tomorrow</dd></dl><script>x()</script>"
        "<details><summary>How much?</summary>Five <span>euro</span></details><div hidden>no</div><footer>(c)</footer>"
    )
    assert sections(html) == [
        ("Delivery", "By courier, or\nby post.\nRiga\nTartu"),
        ("When?", "Tomorrow"),
        ("How much?", "Five euro"),
    ]


@pytest.mark.parametrize(
    ("data", "charset"),
    [
        ("Цена".encode("cp1251"), "windows-1251"),
        (b"<meta charset='koi8-r'>" + "Цена".encode("koi8-r"), ""),
        ("Цена".encode("cp1251"), ""),
        ("Цена".encode("cp1251"), "no-such-charset"),
        (b"\xef\xbb\xbf" + "Цена".encode(), "windows-1251"),
        ("\ufeffЦена".encode("utf-16-le"), ""),
    ],
)
def test_the_charset_is_found_as_browsers_find_it(data: bytes, charset: str) -> None:
    assert [each.text for each in read_page(data, charset).sections] == ["Цена"]


def test_a_passage_is_never_longer_than_a_screen_and_nothing_is_lost() -> None:
    words = [f"word{n}" for n in range(2_000)]
    text = " ".join(words[:900]) + "\n" + ". ".join(words[900:])
    found = cut(Document(sections=[Section("Heading", text)]), "Title", "")
    assert max(len(each.text) for each in found) <= MOST_CHARS
    assert " ".join(each.text for each in found).replace(".", "").split() == words
    assert {each.title for each in found} == {"Heading"}


def test_a_document_that_takes_too_long_ends_its_process_and_nothing_else() -> None:
    async def read() -> None:
        with pytest.raises(Unread) as refused:
            await Reader(limit_s=1).document("html", b"<div>" * 200_000)
        assert refused.value.failure.code == Trouble.TOO_SLOW.name.lower()
        document = await Reader().document("html", b"<p>fine")
        assert [each.text for each in document.sections] == ["fine"]

    asyncio.run(read())
