"""HTML pages: what a person would read of one, without what stands around it on every page."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from replyx.knowledge.reading.charsets import decoded
from replyx.knowledge.reading.document import Document, Sections

LEFT_OUT = (
    "script, style, noscript, template, svg, iframe, object, canvas, nav, footer, aside, form, button, select, dialog,"
    ' [hidden], [aria-hidden="true"], [role="navigation"], [role="banner"], [role="contentinfo"], [role="dialog"]'
)
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "summary", "dt"})
_INLINE = """
a abbr b bdi bdo cite code data del dfn em font i ins kbd label mark q s samp small span strong sub
sup time u var wbr img
"""
INLINE = frozenset(_INLINE.split())
MAIN_SHARE = 0.4  # of the page's text that <main> or <article> must hold to stand for the page

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def read_page(data: bytes, charset: str) -> Document:
    """The document of a page's bytes; ``charset`` is what the server said, or empty."""
    tree = LexborHTMLParser(decoded(data, charset))
    root = tree.css_first("html")
    title = tree.css_first("title")
    language = (root.attributes.get("lang") if root else None) or None
    named = " ".join((title.text() if title else "").split())
    dated = _date_of(tree)
    for node in tree.css(LEFT_OUT):
        node.decompose()
    body = _main_of(tree)
    sections = Sections()
    if body is not None:
        _walk(body, sections)
    return Document(named, language, dated, sections.made())


def _main_of(tree: LexborHTMLParser) -> LexborNode | None:
    body = tree.body
    if body is None:
        return None
    whole = len(body.text())
    for selector in ("main", '[role="main"]', "article"):
        found = tree.css_first(selector)
        if found is not None and len(found.text()) >= MAIN_SHARE * whole:
            return found
    return body


def _date_of(tree: LexborHTMLParser) -> str | None:
    for selector, attribute in (
        ('meta[property="article:modified_time"]', "content"),
        ('meta[itemprop="dateModified"]', "content"),
        ('meta[name="last-modified"]', "content"),
        ('meta[property="article:published_time"]', "content"),
        ("time[datetime]", "datetime"),
    ):
        node = tree.css_first(selector)
        found = _DAY.match((node.attributes.get(attribute) or "").strip()) if node is not None else None
        if found:
            return found[0]
    return None


def _walk(root: LexborNode, sections: Sections) -> None:
    """Every text below ``root``, a paragraph for each block; without recursion, for pages can be deep."""
    line: list[str] = []
    stack: list[tuple[LexborNode, bool]] = [(root, False)]
    while stack:
        node, leaving = stack.pop()
        tag = node.tag or ""
        if tag == "-text":
            line.append(node.text_content or "")
            continue
        if tag in INLINE or not tag or tag.startswith(("-", "!")):
            stack += [(child, False) for child in _children(node)]
            continue
        if leaving:
            if tag in HEADINGS:
                sections.head("".join(line), _anchor(node))
            else:
                sections.line("".join(line))
            line = []
            continue
        sections.line("".join(line))
        line = []
        stack.append((node, True))
        stack += [(child, False) for child in _children(node)]
    sections.line("".join(line))


def _children(node: LexborNode) -> list[LexborNode]:
    """The children, the last first."""
    found = []
    child = node.last_child
    while child is not None:
        found.append(child)
        child = child.prev
    return found


def _anchor(node: LexborNode) -> str:
    found = node.attributes.get("id")
    return f"#{found}" if found and re.fullmatch(r"[\w.-]{1,100}", found) else ""
