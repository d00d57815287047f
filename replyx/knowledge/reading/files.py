"""Files and sitemaps: PDF, DOCX, and the XML that names a site's pages."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, ParseError

import pypdfium2

from replyx.knowledge.reading.document import Document, Obstacle, Obstructed, Sections, SiteMap

PAGES = 2_000  # of a PDF; what is behind them is left out
UNPACKED_BYTES = 40_000_000  # of one part of a DOCX, of a sitemap
LOCATIONS = 50_000  # the most that a sitemap may name (sitemaps.org, protocol)

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_TITLE = "{http://purl.org/dc/elements/1.1/}title"
# Styles have names of their own in each language of Word; these are the ids that it writes for headings.
_HEADING = re.compile(r"(?:heading|title|заголовок|titre|überschrift)?\s*[1-6]?", re.IGNORECASE)


def read_pdf(data: bytes) -> Document:
    """The text of each page; a page is a section. Raises :class:`Obstructed`."""
    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as failure:
        raise Obstructed(Obstacle.ENCRYPTED if "password" in str(failure).lower() else Obstacle.BROKEN) from failure
    sections = Sections()
    for number in range(min(len(pdf), PAGES)):
        sections.head("", f"#page={number + 1}")
        try:
            text = pdf[number].get_textpage().get_text_range()
        except pypdfium2.PdfiumError:
            continue  # one page that is broken leaves the others
        for line in _paragraphs(text):
            sections.line(line)
    made = pdf.get_metadata_value("ModDate")
    found = re.match(r"D:(\d{4})(\d\d)(\d\d)", made or "")
    return Document(
        pdf.get_metadata_value("Title") or "", None, "-".join(found.groups()) if found else None, sections.made()
    )


def read_docx(data: bytes) -> Document:
    """The paragraphs of a Word document under its headings. Raises :class:`Obstructed`."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            body = _unpacked(archive, "word/document.xml")
            core = _unpacked(archive, "docProps/core.xml") if "docProps/core.xml" in archive.namelist() else b""
    except (zipfile.BadZipFile, KeyError, zlib.error, NotImplementedError, RuntimeError, EOFError) as failure:
        raise Obstructed(Obstacle.BROKEN) from failure
    sections = Sections()
    for paragraph in _elements(body, f"{_WORD}p"):
        text = "".join(_runs(paragraph))
        if text.strip() and _is_heading(paragraph):
            sections.head(text)
        else:
            sections.line(text)
    title = next((each.text or "" for each in _elements(core, _TITLE)), "") if core else ""
    return Document(title.strip(), None, None, sections.made())


def read_sitemap(data: bytes) -> SiteMap:
    """What a sitemap or an index of sitemaps names (sitemaps.org, protocol). Raises :class:`Obstructed`."""
    if data[:2] == b"\x1f\x8b":
        data = inflated(data)
    pages: list[str] = []
    maps: list[str] = []
    for element in _elements(data, None):
        kind = _local(element)
        if kind in ("url", "sitemap"):
            where = next(((each.text or "").strip() for each in element if _local(each) == "loc"), "")
            if where and len(pages) + len(maps) < LOCATIONS:
                (pages if kind == "url" else maps).append(where)
    return SiteMap(pages, maps)


def inflated(data: bytes) -> bytes:
    """What gzip holds, at most :data:`UNPACKED_BYTES`. Raises :class:`Obstructed`."""
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        found = unpacking.decompress(data, UNPACKED_BYTES)
    except zlib.error as failure:
        raise Obstructed(Obstacle.BROKEN) from failure
    if unpacking.unconsumed_tail:
        raise Obstructed(Obstacle.TOO_LARGE)
    return found


def _paragraphs(text: str) -> Iterator[str]:
    """The paragraphs of a PDF's page, in which each line of print is a line: one ends where a line is left short."""
    lines = [line.strip() for line in text.replace("\ufffe", "").splitlines()]
    full = max(map(len, lines), default=0) * 0.6
    held = ""
    for line in lines:
        held = held[:-1] + line if held.endswith("\u00ad") else f"{held} {line}".strip()
        if not line or len(line) < full or line.endswith((".", "!", "?", ":")):
            yield held
            held = ""
    yield held


def _unpacked(archive: zipfile.ZipFile, name: str) -> bytes:
    """One part of a DOCX; what it says of its own size is not believed."""
    with archive.open(name) as part:
        found = part.read(UNPACKED_BYTES + 1)
    if len(found) > UNPACKED_BYTES:
        raise Obstructed(Obstacle.TOO_LARGE)
    return found


def _elements(data: bytes, tag: str | None) -> Iterator[Element]:
    """Every element of that tag when it is complete; what was read is forgotten."""
    try:
        for _, element in ElementTree.iterparse(io.BytesIO(data)):  # noqa: S314 - expat bounds what entities grow to
            if tag is None or element.tag == tag:
                yield element
            if element.tag == tag or (tag is None and _local(element) in ("url", "sitemap")):
                element.clear()
    except ParseError as failure:
        raise Obstructed(Obstacle.BROKEN) from failure


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _runs(paragraph: Element) -> Iterator[str]:
    for element in paragraph.iter():
        if element.tag == f"{_WORD}t":
            yield element.text or ""
        elif element.tag in (f"{_WORD}tab", f"{_WORD}br", f"{_WORD}cr"):
            yield " "


def _is_heading(paragraph: Element) -> bool:
    properties = paragraph.find(f"{_WORD}pPr")
    if properties is None:
        return False
    style = properties.find(f"{_WORD}pStyle")
    named = style.get(f"{_WORD}val", "") if style is not None else ""
    return properties.find(f"{_WORD}outlineLvl") is not None or bool(named and _HEADING.fullmatch(named))
