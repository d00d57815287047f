"""Plain text: paragraphs, and headings that are marked as in Markdown."""

from __future__ import annotations

import re

from replyx.knowledge.reading.charsets import decoded
from replyx.knowledge.reading.document import Document, Sections

_MARKED = re.compile(r"#{1,4}\s+(\S.*)")


def read_text(data: bytes, charset: str = "") -> Document:
    """Paragraphs, and headings that are marked as in Markdown."""
    sections = Sections()
    for line in decoded(data, charset).splitlines():
        if found := _MARKED.fullmatch(line.strip()):
            sections.head(found[1])
        else:
            sections.line(line)
    return Document("", None, None, sections.made())
