"""Gathering what a source holds: its text, its file, a page, or every page of a site that its sitemap names."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit
from urllib.robotparser import RobotFileParser

import msgspec

from replyx.errors import Invalid
from replyx.knowledge.cutting import Cut, cut
from replyx.knowledge.reader import DocumentKind, Reader
from replyx.knowledge.reading.document import Document, Section
from replyx.knowledge.reading.text import read_text
from replyx.knowledge.rows import Known, Task
from replyx.knowledge.troubles import ReadFailure, Trouble, Unread, unread
from replyx.outside.calls import USER_AGENT, Outside
from replyx.outside.failures import Failure
from replyx.outside.fetching import Fetched, Fetcher

log = logging.getLogger("replyx.knowledge")

PAGE_BYTES = 4_000_000
PAGES = 500  # of a site
MAPS = 50
DELAY_S = 0.1  # between two pages of a site, unless robots.txt asks for more
LONGEST_DELAY_S = 2.0

NOT_MODIFIED = 304
TYPES: Mapping[str, DocumentKind] = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "text/plain": "text",
    "text/markdown": "text",
}


@dataclass(slots=True)
class Gathered:
    """What was found: every document, the passages of those that are new, the addresses of those that are as before."""

    documents: list[Known] = field(default_factory=list)
    passages: list[Cut] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failure: ReadFailure | None = None


class Gatherer:
    """Fetches and reads. Every failure is :class:`Unread`."""

    def __init__(self, outside: Outside, fetcher: Fetcher, reader: Reader) -> None:
        self._outside = outside
        self._fetcher = fetcher
        self._reader = reader

    async def gather(self, task: Task, known: Mapping[str, Known], pieces: Sequence[str]) -> Gathered:
        """What the source holds now; ``known`` are its documents as they were, ``pieces`` its file."""
        gathered = Gathered()
        if task.kind == "site":
            await self._site(task, known, gathered)
        elif task.kind == "page":
            await self._page(task, task.url or "", known, gathered)
        elif task.kind == "faq":
            await self._take(task, "", Document(sections=[Section(task.title, task.text)]), known, gathered)
        else:
            if not pieces:
                written = await asyncio.to_thread(read_text, task.text.encode())
            else:
                kind: DocumentKind = "docx" if task.kind == "docx" else "pdf" if task.kind == "pdf" else "text"
                written = await self._reader.document(kind, b"".join(map(base64.b64decode, pieces)))
            await self._take(task, "", written, known, gathered)
        if not gathered.passages and not gathered.kept:
            raise Unread(gathered.failure) if gathered.failure else unread(Trouble.NO_TEXT)
        return gathered

    async def _page(self, task: Task, url: str, known: Mapping[str, Known], gathered: Gathered) -> None:
        before = known.get(url)
        asked = {}
        if before is not None and before.etag:
            asked["If-None-Match"] = before.etag
        if before is not None and before.last_modified:
            asked["If-Modified-Since"] = before.last_modified
        found = await self._fetcher.get(url, asked)
        if before is not None and found.status == NOT_MODIFIED:
            gathered.documents.append(before)
            gathered.kept.append(url)
            return
        document = await self._reader.document(*_readable(found))
        headers = (found.headers.get("ETag"), found.headers.get("Last-Modified"))
        await self._take(task, url, document, known, gathered, headers)

    async def _take(
        self,
        task: Task,
        url: str,
        document: Document,
        known: Mapping[str, Known],
        gathered: Gathered,
        headers: tuple[str | None, str | None] = (None, None),
    ) -> None:
        """Keep a document whose content is as before, cut any other into passages."""
        title = " ".join(document.title.split())[:300] if task.url else ""
        digest = hashlib.sha256(msgspec.json.encode((document, task.title, task.language))).hexdigest()
        gathered.documents.append(Known(url, title or url, *headers, digest))
        before = known.get(url)
        if before is not None and before.digest == digest:
            gathered.kept.append(url)
            return
        if task.language is not None:
            document = msgspec.structs.replace(document, language=task.language)
        named = title or task.title
        gathered.passages += await asyncio.to_thread(cut, document, named, url)

    async def _site(self, task: Task, known: Mapping[str, Known], gathered: Gathered) -> None:
        root = task.url or ""
        rules = await self._robots(root)
        delay = min(float(rules.crawl_delay(USER_AGENT) or DELAY_S), LONGEST_DELAY_S)
        pages = await self._pages(root, rules)
        if not pages:
            raise unread(Trouble.NO_PAGES)
        allowed = [url for url in pages if rules.can_fetch(USER_AGENT, url)]
        if not allowed:
            raise unread(Trouble.ROBOTS)
        failed: list[str] = []
        for url in allowed[:PAGES]:
            try:
                await self._page(task, url, known, gathered)
            except Unread as failure:
                log.info("source=%d: %s could not be read: %s", task.id, url, failure)
                failed.append(url)
                gathered.failure = gathered.failure or failure.failure
                if url in known:  # what was read before is better than nothing
                    gathered.documents.append(known[url])
                    gathered.kept.append(url)
            await asyncio.sleep(delay)
        if failed and (gathered.passages or gathered.kept):
            params = {"failed": str(len(failed)), "pages": str(len(allowed[:PAGES])), "url": failed[0]}
            gathered.failure = ReadFailure.of(Trouble.INCOMPLETE, **params)

    async def _robots(self, root: str) -> RobotFileParser:
        """The rules of a site; where there are none everything is allowed (RFC 9309, 2.3.1.3)."""
        rules = RobotFileParser()
        found = await self._fetcher.get(_at(root, "/robots.txt"), {}, PAGE_BYTES)
        if found.status is None:
            raise Unread(ReadFailure.outside(_failure(found)))
        if found.status >= 500:
            raise unread(Trouble.ROBOTS)  # RFC 9309, 2.3.1.4: unreachable rules forbid everything
        text = found.body.decode("utf-8", "replace") if found.status == 200 else ""
        rules.parse(text.splitlines())
        return rules

    async def _pages(self, root: str, rules: RobotFileParser) -> list[str]:
        """The pages of the site below ``root`` that its sitemaps name, each once."""
        below = _folder(root)
        waiting = [root] if root.endswith((".xml", ".xml.gz")) else rules.site_maps() or [_at(root, "/sitemap.xml")]
        seen: set[str] = set()
        pages: dict[str, None] = {}
        while waiting and len(seen) < MAPS and len(pages) < PAGES:
            where = waiting.pop(0)
            if where in seen or not _same_host(where, root):
                continue
            seen.add(where)
            found = await self._fetcher.get(where, {})
            if found.status != 200 or found.too_large:
                continue
            try:
                named = await self._reader.sitemap(found.body)
            except Unread as failure:
                log.info("a sitemap at %s could not be read: %s", where, failure)
                continue
            waiting += named.maps
            for url in named.pages:
                if _same_host(url, root) and urlsplit(url).path.startswith(below) and len(pages) < PAGES:
                    with_host = self._checked(url)
                    if with_host:
                        pages[with_host] = None
        return list(pages)

    def _checked(self, url: str) -> str | None:
        try:
            return self._outside.check_url(url.partition("#")[0], "url")
        except Invalid:
            return None


def _readable(found: Fetched) -> tuple[DocumentKind, bytes, str]:
    """What a fetched document is, for the reader. Raises :class:`Unread`."""
    if found.too_large:
        raise unread(Trouble.TOO_LARGE, megabytes="20")
    if found.status is None:
        raise Unread(ReadFailure.outside(_failure(found)))
    if found.status != 200:
        raise unread(Trouble.STATUS, status=str(found.status))
    kind = TYPES.get(found.content_type) or _sniffed(found.body)
    if kind is None:
        raise unread(Trouble.WRONG_TYPE, type=found.content_type or "something without a type")
    if kind in ("html", "text") and len(found.body) > PAGE_BYTES:
        raise unread(Trouble.TOO_LARGE, megabytes="4")
    return kind, found.body, found.charset


def _sniffed(body: bytes) -> DocumentKind | None:
    """What a document is that says nothing of itself."""
    if body.startswith(b"%PDF-"):
        return "pdf"
    return "html" if b"<html" in body[:1024].lower() or b"<!doctype html" in body[:1024].lower() else None


def _failure(found: Fetched) -> Failure:
    assert found.failure is not None
    return found.failure


def _at(root: str, path: str) -> str:
    parts = urlsplit(root)
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _folder(root: str) -> str:
    """The part of a site that a source is about: everything for its root or a sitemap, else what is below a page."""
    path = urlsplit(root).path
    return "/" if path.endswith((".xml", ".xml.gz")) else path


def _same_host(url: str, root: str) -> bool:
    return urlsplit(url).netloc.lower() == urlsplit(root).netloc.lower()
