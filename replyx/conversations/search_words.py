"""The words of a text as search knows them, alike for what is stored and what is asked, and for both databases.

Letters and digits make words, folded by :mod:`replyx.conversations.search_folding`; all else stands between them,
so nothing that a person types can be syntax of a query. There is no stemming: a language would have to be guessed
from a few words, and the last word of a query is taken for a beginning anyway.

Two kinds of text need more. Words that one sign or, between digits, a few hold together (``A-4711``, ``O’Brien``,
``+7 (999) 123-45-67``) are found written together as well: the index has them joined too. Scripts that put no spaces
between words are indexed by a few letters at each place, so that a part is found anywhere; what the index finds is then
looked for in the text itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import regex

from replyx.conversations.search_folding import fold
from replyx.database.dialect import Sought

WORD_CHARS = 64  # of a word that is longer only this much is kept: PostgreSQL takes 2,046 bytes
JOINED_CHARS = 32
JOINED_PIECES = 6
JOINED_WORDS = 200  # of one text; each of a list of numbers would have several
MOST_WORDS = 10
MOST_KEYS = 40

# What a character is to search, as a letter of a second text on which words are found: translating is several times
# faster than a set of Unicode's properties in a pattern.
LETTER, DIGIT, MARK = "w", "d", "m"
PAIRS, PAIRS_MARK, TRIPLES, TRIPLES_MARK = "p", "q", "t", "u"
HOLDS, HOLDS_DIGITS, HOLDS_BOTH, BETWEEN = "h", "s", "b", "-"

_KINDS_OF = (
    (PAIRS, r"[[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Bopomofo}\p{scx=Hangul}]&&[\p{L}\p{N}]]"),
    (PAIRS_MARK, r"[[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Bopomofo}\p{scx=Hangul}]&&\p{M}]"),
    *(
        (kind, rf"[[\p{{Thai}}\p{{Lao}}\p{{Khmer}}\p{{Myanmar}}\p{{Tai_Le}}\p{{New_Tai_Lue}}{more}]&&[{letters}]]")
        for more in (r"\p{Tai_Tham}\p{Tai_Viet}\p{Javanese}\p{Balinese}",)
        for kind, letters in ((TRIPLES, r"\p{L}\p{N}"), (TRIPLES_MARK, r"\p{M}"))
    ),
    (DIGIT, r"\p{Nd}"),
    (LETTER, r"[\p{L}\p{N}]"),
    (MARK, r"\p{M}"),
    (HOLDS_BOTH, r"[-./‐‑–—]"),
    (HOLDS, r"['’‘´`′−\\_·‧&+#״׳\u200b\u200c]"),
    (HOLDS_DIGITS, r"[ \u00a0\u2009\u202f()]"),
)
_PIECE = re.compile(r"[wd][wdm]*|p[pq]*|t[tu]*")
# Nearly every message is plain: letters of Europe and the Near East, symbols, and nothing that holds words together.
_NOT_PLAIN = re.compile(
    r"[^\x00-\u06ff\u2000-\u2bff\ufe0f\U0001f000-\U0001faff]"
    r"|[^\W_][-'’‘´`′‐‑‒–—−./\\_·‧&+#״׳\u200b\u200c][^\W_]|\d[ \u00a0\u2009\u202f()./+‐‑–—-]{1,3}\d"
)
WORD = re.compile(r"[^\W_]+")
_HOLDING = re.compile(r"[hb]")
_HOLDING_DIGITS = re.compile(r"[sb]{1,3}")
_DIGITS = re.compile(r"d+")
_LETTERS_OF = {PAIRS: 2, TRIPLES: 3}


class _Kinds(dict[int, str]):
    """The kind of each character, found when it is first seen."""

    def __missing__(self, code: int) -> str:
        found = (kind for kind, pattern in _KINDS_OF if regex.match(pattern, chr(code), regex.V1))
        self[code] = kind = next(found, BETWEEN)
        return kind


_KINDS = _Kinds()


class Piece(NamedTuple):
    """A word in a folded text, or a run of letters without spaces, of which ``letters`` are indexed at each place."""

    text: str
    start: int
    end: int
    letters: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a query asks for: of each of ``terms`` one way, that is all keys of it, and each of ``runs`` somewhere.

    Keys are letters and digits. A text without one of ``runs`` may still have all keys.
    """

    terms: tuple[tuple[tuple[Sought, ...], ...], ...]
    runs: tuple[str, ...] = ()


def words_of(text: str) -> list[str]:
    """Each word of ``text`` once, folded and cut, as the index has them."""
    folded = fold(text)
    if _NOT_PLAIN.search(folded) is None:
        return list(dict.fromkeys(word[:WORD_CHARS] for word in WORD.findall(folded)))
    found: dict[str, None] = {}
    joined: dict[str, None] = {}
    for chain in chains(folded):
        first = chain[0]
        if first.letters:
            found.update((first.text[at : at + first.letters], None) for at in range(len(first.text)))
        else:
            found.update((piece.text[:WORD_CHARS], None) for piece in chain)
            joined.update((word, None) for _, word, _, _ in joins(chain))
    return list(found | dict(islice(joined.items(), JOINED_WORDS)))


def asked(query: str) -> Asked:
    """What ``query`` asks for; without terms where there is no letter or digit in it."""
    terms: list[tuple[tuple[Sought, ...], ...]] = []
    runs: list[str] = []
    left = MOST_KEYS
    every = list(chains(fold(query)))
    for chain in every[:MOST_WORDS]:
        run = chain[0]
        if run.letters:
            runs.append(run.text)
            way = _keys_of_run(run)[: max(left, 1)]
            terms.append((way,))
            left -= len(way)
        else:
            terms.append(_ways(chain, last=chain is every[-1]))
    return Asked(tuple(terms), tuple(dict.fromkeys(runs)))


def chains(folded: str) -> Iterator[list[Piece]]:
    """The pieces of a folded text; those that something holds together are one list."""
    if _NOT_PLAIN.search(folded) is None:
        yield from ([Piece(match[0], *match.span())] for match in WORD.finditer(folded))
        return
    kinds = folded.translate(_KINDS)
    chain: list[Piece] = []
    for match in _PIECE.finditer(kinds):
        start, end = match.span()
        piece = Piece(folded[start:end], start, end, _LETTERS_OF.get(kinds[start], 0))
        if chain and not _held(kinds, chain[-1], piece):
            yield chain
            chain = []
        chain.append(piece)
    if chain:
        yield chain


def joins(chain: Sequence[Piece]) -> Iterator[tuple[str, str, Piece, Piece]]:
    """The words that neighbours in a chain make together: without the last of them, with it, the first and the last."""
    for at, first in enumerate(chain):
        word = first.text
        for piece in chain[at + 1 : at + JOINED_PIECES]:
            before, word = word, word + piece.text
            if len(word) > JOINED_CHARS:
                break
            yield before, word, first, piece


def _held(kinds: str, before: Piece, after: Piece) -> bool:
    if before.letters or after.letters or after.start - before.end > 3:
        return False
    if _HOLDING.fullmatch(kinds, before.end, after.start):
        return True
    digits = all(_DIGITS.fullmatch(kinds, piece.start, piece.end) for piece in (before, after))
    return digits and _HOLDING_DIGITS.fullmatch(kinds, before.end, after.start) is not None


def _keys_of_run(run: Piece) -> tuple[Sought, ...]:
    if len(run.text) < run.letters:
        return (Sought(run.text, begins=True),)
    every = (run.text[at : at + run.letters] for at in range(len(run.text) - run.letters + 1))
    return tuple(map(Sought, dict.fromkeys(every)))


def _ways(chain: Sequence[Piece], *, last: bool) -> tuple[tuple[Sought, ...], ...]:
    *parts, end = (piece.text[:WORD_CHARS] for piece in chain[:MOST_WORDS])
    apart = (*map(Sought, parts), Sought(end, begins=last))
    joined = "".join(piece.text for piece in chain)
    return (apart,) if len(chain) == 1 or len(joined) > JOINED_CHARS else (apart, (Sought(joined, begins=last),))
