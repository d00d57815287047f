"""What reading a document gives, whatever its format was."""

from __future__ import annotations

from enum import Enum, unique

import msgspec

TEXT_CHARS = 2_000_000  # of one document; what is behind them is left out
SECTIONS = 20_000


class Section(msgspec.Struct, frozen=True):
    """A heading and what stands under it, paragraphs separated by a line break.

    ``place`` is what leads there from the document's address, such as ``#page=3``.
    """

    heading: str
    text: str
    place: str = ""


class Document(msgspec.Struct, frozen=True):
    """A document in the order in which one reads it. ``dated`` is a day such as ``2026-11-27``, where it names one."""

    title: str = ""
    language: str | None = None
    dated: str | None = None
    sections: list[Section] = []


class SiteMap(msgspec.Struct, frozen=True):
    """What a sitemap names: pages, and further sitemaps."""

    pages: list[str] = []
    maps: list[str] = []


class Unreadable(msgspec.Struct, frozen=True):
    """Why a document could not be read: the name of an :class:`Obstacle`."""

    obstacle: str


@unique
class Obstacle(Enum):
    """Why a document cannot be read, in the words of the process that tried."""

    BROKEN = "broken"
    ENCRYPTED = "encrypted"
    TOO_LARGE = "too_large"


class Obstructed(Exception):
    """The document cannot be read."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle.value)
        self.obstacle = obstacle


class Sections:
    """Collects sections while a document is read, up to :data:`TEXT_CHARS`."""

    def __init__(self) -> None:
        self._made: list[Section] = []
        self._heading = ""
        self._place = ""
        self._lines: list[str] = []
        self._chars = 0

    def head(self, heading: str, place: str = "") -> None:
        """Begin a section."""
        self._end()
        self._heading, self._place = " ".join(heading.split())[:300], place

    def line(self, text: str) -> None:
        """Add a paragraph to the section."""
        line = " ".join(text.split())
        if line and self._chars < TEXT_CHARS and len(self._made) < SECTIONS:
            self._lines.append(line[: TEXT_CHARS - self._chars])
            self._chars += len(line)

    def made(self) -> list[Section]:
        """Every section that has text."""
        self._end()
        return self._made

    def _end(self) -> None:
        if self._lines:
            self._made.append(Section(self._heading, "\n".join(self._lines), self._place))
        self._lines = []
