"""Cutting documents into passages: each short enough to be quoted, and long enough to answer by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from replyx.knowledge.reading.document import Document
from replyx.knowledge.words import language_of_text
from replyx.schemas.languages import Language, language_of

MOST_CHARS = 900  # of a passage: what fits on a phone's screen
PASSAGES = 2_000  # of a document
TITLE_CHARS = 300

_SENTENCE = re.compile(r"(?<=[.!?…])\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class Cut:
    """A passage before it is stored."""

    title: str
    text: str
    url: str
    place: str
    language: Language
    dated: str | None


def cut(document: Document, title: str, url: str) -> list[Cut]:
    """The passages of a document; ``title`` stands where a section has no heading."""
    given = language_of(document.language)
    found: list[Cut] = []
    for section in document.sections:
        heading = (section.heading or title)[:TITLE_CHARS]
        for text in _pieces(section.text):
            language = given if given and _could_be(given, text) else language_of_text(f"{heading} {text}")
            found.append(Cut(heading, text, url, section.place, language, document.dated))
            if len(found) == PASSAGES:
                return found
    return found


def _could_be(language: Language, text: str) -> bool:
    return language_of_text(text) == language


def _pieces(text: str) -> Iterator[str]:
    """Paragraphs put together up to :data:`MOST_CHARS`; one that is longer is cut between sentences."""
    held: list[str] = []
    for part in _parts(text):
        if held and sum(map(len, held)) + len(held) + len(part) > MOST_CHARS:
            yield "\n".join(held)
            held = []
        held.append(part)
    if held:
        yield "\n".join(held)


def _parts(text: str) -> Iterator[str]:
    for line in filter(None, map(str.strip, text.split("\n"))):
        if len(line) <= MOST_CHARS:
            yield line
        else:
            yield from _wrapped(_SENTENCE.split(line))


def _wrapped(sentences: Sequence[str]) -> Iterator[str]:
    held = ""
    for sentence in sentences:
        while len(sentence) > MOST_CHARS:
            at = sentence.rfind(" ", 1, MOST_CHARS)
            at = at if at > 0 else MOST_CHARS
            if held:
                yield held
                held = ""
            yield sentence[:at]
            sentence = sentence[at:].lstrip()
        if held and len(held) + len(sentence) + 1 > MOST_CHARS:
            yield held
            held = ""
        held = f"{held} {sentence}".strip()
    if held:
        yield held
