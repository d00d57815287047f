"""What clients send and see of an assistant's knowledge."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from replyx.knowledge.troubles import ReadFailure
from replyx.paging import ItemId
from replyx.schemas import sizes
from replyx.schemas.dialogs import NO_NUL
from replyx.schemas.languages import Language

Kind = Literal["faq", "text", "page", "site", "pdf", "docx"]
Written = Literal["faq", "text", "page", "site"]  # kinds that come as JSON
Uploaded = Literal["pdf", "docx", "text"]
State = Literal["waiting", "ready", "failed"]

Title = Annotated[str, msgspec.Meta(min_length=1, max_length=sizes.TITLE, pattern=NO_NUL)]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=sizes.SOURCE, pattern=NO_NUL)]
Asking = Annotated[str, msgspec.Meta(min_length=1, max_length=sizes.ASKED, pattern=NO_NUL)]
Url = Annotated[str, msgspec.Meta(min_length=1, max_length=sizes.URL, pattern=NO_NUL)]
Hours = Annotated[int, msgspec.Meta(ge=1, le=24 * 365)]


class NewSource(msgspec.Struct):
    """A source to add.

    ``faq``: ``title`` is the question and ``text`` its answer. ``text``: ``text`` may have headings marked by ``#``.
    ``page`` and ``site``: ``url``, read again every ``refetch_hours``, null for never.
    """

    kind: Written
    title: Title | None = None
    text: Words | None = None
    url: Url | None = None
    language: Language | None = None
    refetch_hours: Hours | None = 24


class UploadQuery(msgspec.Struct):
    """What an uploaded file is; its bytes are the body of the request."""

    kind: Uploaded
    title: Title
    language: Language | None = None


class SourceChange(msgspec.Struct):
    """What is left out stays. What it changes is read again at once."""

    title: Title | UnsetType = UNSET
    text: Words | UnsetType = UNSET
    url: Url | UnsetType = UNSET
    language: Language | UnsetType | None = UNSET
    refetch_hours: Hours | UnsetType | None = UNSET


class Source(msgspec.Struct, frozen=True):
    """Where an assistant's knowledge comes from.

    ``failed`` says that the last reading failed, as ``failure`` tells; what was read before stays in force, and counts
    in ``passages`` and ``pages``. ``checked_at`` is when it was last looked at, ``changed_at`` when it last had
    anything new, ``next_at`` when it is read again.
    """

    id: int
    assistant_id: int
    kind: Kind
    title: str
    url: str | None
    language: Language | None
    refetch_hours: int | None
    state: State
    failure: ReadFailure | None
    passages: int
    pages: int
    checked_at: str | None
    changed_at: str | None
    next_at: str | None
    created_at: str
    updated_at: str


class SourceWithText(Source, frozen=True):
    """A source and what was written into it; empty for one that was fetched or uploaded."""

    text: str


class Passage(msgspec.Struct, frozen=True):
    """A part of a source that answers by itself. ``url`` leads to it, and is empty where there is no page."""

    id: int
    source_id: int
    title: str
    text: str
    url: str
    language: Language
    dated: str | None


class PassageQuestion(msgspec.Struct, frozen=True):
    """A question that a passage answers although it is asked in other words."""

    id: int
    passage_id: int
    source_id: int
    title: str
    text: str
    created_at: str


class AskedQuestion(msgspec.Struct):
    """A question as a visitor would write it."""

    question: Asking


class AskedAs(msgspec.Struct):
    """A question that is to lead to a passage."""

    text: Title


class PassageHit(msgspec.Struct, frozen=True):
    """A passage that was found: how well it fits, and how sure that is, from 0 to 1."""

    passage: Passage
    score: float
    confidence: float


class Answer(msgspec.Struct, frozen=True):
    """What an assistant would do: ``quote`` the first passage, ``offer`` headings, call a ``person``, know ``nothing``.

    ``quote_from`` is the confidence from which it quotes. Both lists may be empty.
    """

    outcome: Literal["quote", "offer", "person", "nothing"]
    quote_from: float
    passages: list[PassageHit]
    suggestions: list[str]


class GapQuery(msgspec.Struct):
    """At most so many groups."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50


class GapGroup(msgspec.Struct, frozen=True):
    """Questions in which visitors asked for the same, and that nothing was quoted for. ``id`` is the newest's.

    ``also`` are other ways in which it was asked, ``dialog_id`` is where it was asked last.
    """

    id: int
    text: str
    times: int
    also: list[str]
    dialog_id: int
    first_asked_at: str
    last_asked_at: str


class GapAnswer(msgspec.Struct):
    """An answer to a gap; ``title`` is the question as it is to be shown, else the visitor's own words."""

    text: Words
    title: Title | None = None


class GapPassage(msgspec.Struct):
    """The passage that answers a gap."""

    passage_id: ItemId
