"""What a text must be to be taken."""

from __future__ import annotations

import subprocess
import unicodedata
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from handlers.decoding import convert
from replyx.errors import Invalid
from replyx.schemas.texts import LINE, TEXT, Written, checked_text, cut, line, shows
from tests import parts
from tests.server import ROOT

BLANK = "\u0009\u0020\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u180e\u2000\u200b\u200d\u200e\u2028\u202e\u2060\u2800"
BLANK += "\u3000\u3164\ufe0f\ufeff\uffa0\ufff9\ufffc\ufffe\x00\x1b\x7f\u0301\u0489\u05b0\u064b\u093f\u0e31\u20e3"
BLANK += "\U00013441\U0001d159\U0001d173\U000e0020\U000e0100\U000e0fff\U0010ffff"
SEEN = (
    "a",
    ".",
    "1",
    "ё",
    "好",
    "ก",
    "한",
    "👍🏽",
    "👨\u200d👩\u200d👧",
    "1\ufe0f\u20e3",
    "🏴\U000e0067\U000e007f",
    "\ue000",
    "\U0001fae9",
)
SEEN += ("e\u0301", "कि", "\u200fא", "🇺🇳", "\ufffd", "\U0001faff")
DIRECTION = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


class Asked(Written, rename="camel"):
    """Every way in which a text stands in a request."""

    full_name: Annotated[str, msgspec.Meta(min_length=1, max_length=20), LINE]
    note: Annotated[str, msgspec.Meta(max_length=20), TEXT] | UnsetType | None = UNSET
    titles: dict[str, Annotated[str, msgspec.Meta(max_length=20), LINE]] = msgspec.field(default_factory=dict)
    key: str = ""


@given(st.text(st.sampled_from(BLANK)))
def test_what_is_blank_shows_nothing_however_much_of_it_there_is(text: str) -> None:
    assert not shows(text)
    with pytest.raises(Invalid):
        checked_text(text)


@given(st.text(st.sampled_from(BLANK)), st.sampled_from(SEEN), st.text(st.sampled_from(BLANK)))
def test_one_character_that_is_seen_is_enough(before: str, seen: str, after: str) -> None:
    assert shows(before + seen + after)


def test_pages_have_the_same_rule() -> None:
    """Over every character of Unicode that either side may know another thing of."""
    script = (
        f"const {{ shows }} = await import('{(ROOT / 'static/shared/text.js').as_uri()}');"
        "let out = ''; for (let c = 0; c < 0x110000; c++) if (c < 0xd800 || c > 0xdfff)"
        " out += shows(String.fromCodePoint(c)) ? 1 : 0; process.stdout.write(out);"
    )
    node = parts.node()
    run = subprocess.run(
        [node, "--input-type=module", "-e", script], capture_output=True, text=True, check=True, timeout=60
    )
    every = [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
    differ = [c for c, there in zip(every, run.stdout, strict=True) if (there == "1") != shows(c)]
    assert [c for c in differ if unicodedata.category(c) != "Cn"] == []
    assert len(differ) < 100, "a newer Unicode gives a few new marks"


@given(st.text(st.one_of(st.characters(), st.sampled_from(DIRECTION + "\r\n\t\v\u2028\u2029\u0085"))))
def test_a_line_has_no_break_no_control_and_no_turn_of_direction(text: str) -> None:
    read = line(text)
    assert len(read.splitlines()) <= 1
    assert not set(read) & set(DIRECTION)
    assert [c for c in read if unicodedata.category(c) == "Cc"] == []
    assert line(read) == read
    assert shows(read) == shows(text)


@pytest.mark.parametrize(
    ("given_text", "read"),
    [
        ("Anna\r\nBoris", "Anna Boris"),
        ("  Re: \n\t \u2028 order ", "Re: order"),
        ("\u202eannA\u202c", "annA"),
        ("pass\u00adword \u200bx", "password x"),
        ("👨\u200d👩\u200d👧 می\u200cخواهم", "👨\u200d👩\u200d👧 می\u200cخواهم"),
        ("two  spaces", "two  spaces"),
    ],
)
def test_what_a_line_keeps(given_text: str, read: str) -> None:
    assert line(given_text) == read


@given(st.text(st.one_of(st.characters(), st.sampled_from("e\u0301\u200d👨👩👧🇷🇺\ufe0f한ก็क्षि"))), st.integers(1, 30))
def test_a_cut_keeps_whole_characters_as_a_reader_counts_them(text: str, most: int) -> None:
    kept = cut(text, most)
    assert len(kept) <= most
    assert text.startswith(kept)
    assert cut(kept, most) == kept


@pytest.mark.parametrize(
    ("text", "most", "kept"),
    [
        ("abc", 2, "ab"),
        ("ae\u0301", 2, "a"),
        ("🇷🇺🇺🇸", 3, "🇷🇺"),
        ("a👨\u200d👩\u200d👧", 5, "a"),
        ("e" + "\u0301" * 9, 4, "e" + "\u0301" * 3),
    ],
)
def test_where_a_cut_falls(text: str, most: int, kept: str) -> None:
    assert cut(text, most) == kept


@pytest.mark.parametrize(
    ("asked", "field", "code"),
    [
        ({"fullName": "\u200b"}, "fullName", "not_a_text"),
        ({"fullName": " "}, "fullName", "too_short"),
        ({"fullName": "a", "note": "\u3164"}, "note", "not_a_text"),
        ({"fullName": "a", "titles": {"en": "\u202e"}}, "titles[...]", "not_a_text"),
    ],
)
def test_a_field_that_shows_nothing_is_named(asked: object, field: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        convert(asked, Asked, strict=True)
    assert [(each.field, each.code) for each in refused.value.errors] == [(field, code)]


def test_a_request_is_cleaned_by_the_kinds_of_its_fields() -> None:
    asked = {"fullName": " Anna\n\u202eB ", "note": " two\nlines ", "titles": {"en": "a\tb"}, "key": " k\n"}
    read = convert(asked, Asked, strict=True)
    assert (read.full_name, read.note, read.titles, read.key) == ("Anna B", "two\nlines", {"en": "a b"}, " k\n")
    assert Asked("a").note is UNSET
    assert Asked("a", None).note is None
    assert Asked("a", "  ").note == ""
