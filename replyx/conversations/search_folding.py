"""How search sees letters: what a person takes for the same letter is the same, whatever script and encoding it has.

Folded are case; accents and other marks of Latin, Greek, Cyrillic, Hebrew and Arabic letters, and the nukta; special
letters of Latin (ł, ø, ß, æ); ligatures, full width and other forms of one letter; digits of every script; forms of
Arabic and Hebrew letters that people mix up. Marks of other scripts are what vowels are elsewhere, and stay.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import regex

# One cannot see them, and UAX #29 breaks no word there: soft hyphens, joiners, controls of direction, selectors. The
# space of no width and the non-joiner stay: in some languages they are where a word ends.
_UNSEEN = regex.compile(r"[[\p{Cf}\p{Default_Ignorable_Code_Point}]--[\u200b\u200c]]", regex.V1)
_DROPPED = regex.compile(
    r"[[\p{M}&&[\p{Script=Inherited}\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Hebrew}"
    r"\p{Script=Arabic}\p{Script=Syriac}\u093c]]--[\u3099\u309a]]",
    regex.V1,
)
_BASE = regex.compile(r"LATIN SMALL LETTER ([A-Z]+) WITH [A-Z ]+")
_KEPT = frozenset("йїў")  # letters of their own to whoever writes them, unlike ё
_APOSTROPHES = frozenset("ʹʻʼʽʾʿˈꞌ")  # letters to Unicode
_SPECIAL = {
    "æ": "ae",
    "œ": "oe",
    "ð": "d",
    "þ": "th",
    "ı": "i",
    "ŋ": "n",
    "ĸ": "k",
    "ȷ": "j",
    "ʒ": "z",
    "ə": "e",
    "ٱ": "ا",
    "ى": "ي",
    "ی": "ي",
    "ک": "ك",
    "ة": "ه",
    "ہ": "ه",
    "ۀ": "ه",
    "ە": "ه",
    "ـ": "",
    "ך": "כ",
    "ם": "מ",
    "ן": "נ",
    "ף": "פ",
    "ץ": "צ",
}
_SIMPLE = re.compile(r"[\x00-\x7fА-яЁё«»„“”’№–—…]*")  # what most texts are, folded in a tenth of the time
_TAIL = regex.compile(r"[\p{M}\p{Cf}]*")


class _Letters(dict[int, str]):
    """What becomes of each character, found when it is first seen."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _letter(chr(code))
        return folded


_LETTERS = _Letters()


def fold(text: str) -> str:
    """``text`` in the letters of search; canonically equivalent texts are equal."""
    if _SIMPLE.fullmatch(text):
        return _simple(text)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).translate(_LETTERS))


def fold_with_places(text: str) -> tuple[str, Sequence[int]]:
    """As :func:`fold`, and for each of its characters the place in ``text`` that it comes from."""
    if _SIMPLE.fullmatch(text):
        return _simple(text), range(len(text))
    if unicodedata.is_normalized("NFC", text):
        folded = text.translate(_LETTERS)
        if unicodedata.is_normalized("NFC", folded):
            return folded, [place for place, char in enumerate(text) for _ in _LETTERS[ord(char)]]
    parts = [(match.start(), fold(match[0])) for match in regex.finditer(r"\X", text)]
    return "".join(part for _, part in parts), [place for place, part in parts for _ in part]


def _simple(text: str) -> str:
    return text.lower().replace("ё", "е")


def end_of(text: str, place: int) -> int:
    """Where the letter at ``place`` ends, with its marks."""
    tail = _TAIL.match(text, place + 1)
    assert tail is not None
    return int(tail.end())


def _letter(char: str) -> str:
    if _UNSEEN.match(char):
        return ""
    category = unicodedata.category(char)
    if category[0] not in "LNM":
        return char
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if char in _APOSTROPHES:
        return "'"
    if char.casefold() in _KEPT:
        return char.casefold()
    bare = _DROPPED.sub("", unicodedata.normalize("NFKD", char)).casefold()
    return unicodedata.normalize("NFC", "".join(map(_plain, _DROPPED.sub("", unicodedata.normalize("NFD", bare)))))


def _plain(char: str) -> str:
    if char in _SPECIAL:
        return _SPECIAL[char]
    base = _BASE.fullmatch(unicodedata.name(char, ""))
    return unicodedata.lookup(f"LATIN SMALL LETTER {base[1]}") if base and base[1] not in ("AE", "OE") else char
