"""The words of a text as search knows them, alike for what is stored and what is asked, and for both databases.

Letters and digits make words; everything else stands between them, so nothing that a person types can be syntax of a
query. Case, the way an accent is written (NFC) and the dots of ё make no difference. There is no stemming: a language
would have to be guessed from a few words, and the last word of a query is taken for a beginning anyway.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import msgspec

WORD = re.compile(r"[^\W_]+")
WORD_CHARS = 64  # of a word that is longer only this much is kept: PostgreSQL takes 2,046 bytes
BEFORE_CHARS = 60
EXCERPT_CHARS = 200


class Piece(msgspec.Struct, frozen=True):
    """A part of an excerpt; ``hit`` is true for what was searched for."""

    text: str
    hit: bool


def words_of(text: str) -> list[str]:
    """Each word of ``text`` once, folded, in the order of their first appearance."""
    return list(dict.fromkeys(word[:WORD_CHARS] for word in WORD.findall(_folded(text))))


def excerpt(text: str, asked: Sequence[str]) -> list[Piece]:
    """The part of ``text`` around the first of the words ``asked``, the last of which may be a beginning."""
    hits = [match.span() for match in WORD.finditer(text) if _is_hit(match[0], asked)]
    first = hits[0][0] if hits else 0
    start = max(0, first - BEFORE_CHARS)
    end = min(len(text), start + EXCERPT_CHARS)
    pieces = [Piece("…", False)] if start else []
    at = start
    for begins, ends in hits:
        if begins >= end:
            break
        pieces += [Piece(text[at:begins], False), Piece(text[begins : min(ends, end)], True)]
        at = min(ends, end)
    pieces.append(Piece(text[at:end] + ("…" if end < len(text) else ""), False))
    return [piece for piece in pieces if piece.text]


def _is_hit(word: str, asked: Sequence[str]) -> bool:
    return any(part in asked or part.startswith(asked[-1]) for part in words_of(word))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold().replace("ё", "е")
