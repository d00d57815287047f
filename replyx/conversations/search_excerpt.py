"""Where a text has what was asked for, and the part of it that a page of results shows."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from replyx.conversations.search_folding import end_of, fold_with_places
from replyx.conversations.search_words import WORD_CHARS, Asked, chains, joins
from replyx.schemas.texts import boundary

BEFORE_CHARS = 60
EXCERPT_CHARS = 200

Span = tuple[int, int]


class Piece(msgspec.Struct, frozen=True):
    """A part of an excerpt; ``hit`` is true for what was searched for."""

    text: str
    hit: bool


def holds(text: str, asked: Asked) -> bool:
    """Whether ``text``, which has all keys of ``asked``, has its runs as they were written too."""
    if not any(len(run) > 1 for run in asked.runs):
        return True
    folded, _ = fold_with_places(text)
    return all(run in folded for run in asked.runs)


def hits(text: str, asked: Asked) -> list[Span]:
    """Where ``text`` has what was asked for, in order, none over another."""
    folded, places = fold_with_places(text)
    merged: list[Span] = []
    for start, end in sorted(set(_folded_hits(folded, asked))):
        span = (places[start], end_of(text, places[end - 1]))
        if merged and span[0] < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], span[1]))
        else:
            merged.append(span)
    return merged


def excerpt(text: str, asked: Asked) -> list[Piece]:
    """The part of ``text`` around the first of what was asked for; cut between characters as a reader sees them."""
    found = hits(text, asked)
    start = boundary(text, (found[0][0] if found else 0) - BEFORE_CHARS)
    end = boundary(text, start + EXCERPT_CHARS)
    pieces = _cut(text, found, start, end)
    before, after = Piece("…", False), Piece("…", False)
    return [*([before] if start else []), *pieces, *([after] if end < len(text) else [])]


def marked(text: str, asked: Asked) -> list[Piece]:
    """The whole of a short text."""
    return _cut(text, hits(text, asked), 0, len(text))


def _cut(text: str, found: list[Span], start: int, end: int) -> list[Piece]:
    pieces: list[Piece] = []
    at = start
    for begins, ends in found:
        if begins >= end:
            break
        pieces += [Piece(text[at:begins], False), Piece(text[begins : min(ends, end)], True)]
        at = min(ends, end)
    pieces.append(Piece(text[at:end], False))
    return [piece for piece in pieces if piece.text]


def _folded_hits(folded: str, asked: Asked) -> Iterator[Span]:
    keys = {key for term in asked.terms for way in term for key in way}
    whole = {key.word for key in keys if not key.begins}
    begins = tuple(key.word for key in keys if key.begins)
    for chain in chains(folded):
        if chain[0].letters:
            yield from _runs(chain[0].text, chain[0].start, asked.runs)
            continue
        for piece in chain:
            word = piece.text[:WORD_CHARS]
            if word in whole or word.startswith(begins):
                yield piece.start, piece.end
        for before, word, first, last in joins(chain) if len(chain) > 1 else ():
            # What is found in fewer pieces is marked in fewer.
            longer = tuple(key for key in begins if len(key) > len(before))
            if word in whole or word.startswith(longer):
                yield first.start, last.end


def _runs(text: str, start: int, runs: tuple[str, ...]) -> Iterator[Span]:
    for run in runs:
        at = text.find(run)
        while at >= 0:
            yield start + at, start + at + len(run)
            at = text.find(run, at + len(run))
