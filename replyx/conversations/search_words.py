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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import regex

from replyx.conversations.search_folding import fold
from replyx.database.dialect import Sought

WORD_CHARS = 64  # of a word that is longer only this much is kept: PostgreSQL takes 2,046 bytes
JOINED_CHARS = 32
JOINED_PIECES = 6
JOINED_WORDS = 200  # of one text; each of a list of numbers would have several
MOST_WORDS = 10
MOST_KEYS = 40

_PAIRS = r"[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Bopomofo}\p{scx=Hangul}]"
_TRIPLES = (
    r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tai_Le}\p{New_Tai_Lue}\p{Tai_Tham}\p{Tai_Viet}\p{Javanese}\p{Balinese}]"
)
_PIECE = regex.compile(
    rf"(?P<pairs>[{_PAIRS}&&[\p{{L}}\p{{N}}]][{_PAIRS}&&[\p{{L}}\p{{N}}\p{{M}}]]*)"
    rf"|(?P<triples>[{_TRIPLES}&&[\p{{L}}\p{{N}}]][{_TRIPLES}&&[\p{{L}}\p{{N}}\p{{M}}]]*)"
    rf"|(?P<word>[[\p{{L}}\p{{N}}]--{_PAIRS}--{_TRIPLES}][[\p{{L}}\p{{N}}\p{{M}}]--{_PAIRS}--{_TRIPLES}]*)",
    regex.V1,
)
_LETTERS_OF = {"pairs": 2, "triples": 3}
_HOLDS = regex.compile(r"[-'’‘´`′＇‐‑‒–—−./\\_·・&+#״׳\u200b\u200c]")
_HOLDS_DIGITS = regex.compile(r"[ \u00a0\u2009\u202f()./+‐‑–—-]{1,3}")


@dataclass(frozen=True, slots=True)
class Piece:
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
    found: dict[str, None] = {}
    joined: dict[str, None] = {}
    for chain in chains(fold(text)):
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
    chain: list[Piece] = []
    for match in _PIECE.finditer(folded):
        piece = Piece(match[0], match.start(), match.end(), _LETTERS_OF.get(str(match.lastgroup), 0))
        if chain and not _held(folded, chain[-1], piece):
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


def _held(folded: str, before: Piece, after: Piece) -> bool:
    if before.letters or after.letters or after.start - before.end > 3:
        return False
    digits = before.text.isdecimal() and after.text.isdecimal()
    if digits and _HOLDS_DIGITS.fullmatch(folded, before.end, after.start) is not None:
        return True
    return _HOLDS.fullmatch(folded, before.end, after.start) is not None


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
