"""Sources and passages in the database: how they are read, and how one version of a source follows another.

A version is made beside the one in force, some passages in each transaction, so that nobody who sends a message waits
for a long document. One small transaction puts it in force; what was before goes afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from replyx.database import models
from replyx.database.rows import Delete, Insert, Update, computed, select, value
from replyx.delivery.store import Snapshot, Transaction
from replyx.errors import PassageNotFound, SourceNotFound
from replyx.knowledge import index
from replyx.knowledge.cutting import Cut
from replyx.knowledge.index import Entry, Weighed
from replyx.knowledge.schemas import Kind, Passage, Source, SourceWithText
from replyx.schemas import sizes
from replyx.schemas.languages import Language

AT_ONCE = 40  # passages in one transaction: some 15 ms of the writer

VISIBLE = f"NOT {models.Source.deleted} AND {models.Source.state} <> 'uploading'"
IN_FORCE = (
    f"JOIN {models.Source} ON {models.Source.id} = {models.Passage.source_id}"
    f" AND {models.Source.version} = {models.Passage.version}"
)

SOURCES = select(Source, models.Source)
PASSAGES = select(
    Passage,
    models.Passage,
    IN_FORCE,
    url=f"CASE WHEN {models.Passage.url} = '' THEN '' ELSE {models.Passage.url} || {models.Passage.place} END",
)
_SOURCE = select(SourceWithText, models.Source).where(
    f"{models.Source.assistant_id} = ? AND {models.Source.id} = ? AND {VISIBLE}"
)
_PASSAGE = PASSAGES.where(
    f"{models.Source.assistant_id} = ? AND {models.Passage.id} = ? AND NOT {models.Source.deleted}"
)


@dataclass(frozen=True, slots=True)
class Task:
    """A source as whoever reads it needs it."""

    id: int
    assistant_id: int
    kind: Kind
    title: str
    url: str | None
    text: str
    language: Language | None
    refetch_hours: int | None
    version: int
    attempts: int
    asked: int
    deleted: bool


@dataclass(frozen=True, slots=True)
class Known:
    """A document as it was fetched last."""

    url: str
    title: str
    etag: str | None
    last_modified: str | None
    digest: str


@dataclass(frozen=True, slots=True)
class _Question:
    id: int
    passage_id: int
    url: str
    title: str


_TASK = select(Task, models.Source).where(f"{models.Source.id} = ?")
_KNOWN = select(Known, models.SourceDocument).where(f"{models.SourceDocument.source_id} = ?")
_PIECES = value(models.SourceFile.data).where(
    f"{models.SourceFile.source_id} = ?", f"ORDER BY {models.SourceFile.number}"
)
_DROP_PIECES = Delete(models.SourceFile, f"{models.SourceFile.source_id} = ?")
_ADD_PASSAGE = Insert(models.Passage)
_OTHERS = value(models.Passage.id).where(
    f"{models.Passage.source_id} = ? AND {models.Passage.version} <> ?", f"ORDER BY {models.Passage.id} LIMIT {AT_ONCE}"
)
_DOCUMENT_OF = value(models.Passage.url).where(f"{models.Passage.id} = ?")
_DROP_PASSAGE = Delete(models.Passage, f"{models.Passage.id} = ?")
_KEEP = Update(
    models.Passage,
    f"{models.Passage.source_id} = ? AND {models.Passage.version} = ? AND {models.Passage.url} = ?",
)
_COUNT = computed(int, "COUNT(*)", models.Passage).where(
    f"{models.Passage.source_id} = ? AND {models.Passage.version} = ?"
)
CHANGE = Update(models.Source, f"{models.Source.id} = ?")
_SETTLE = Update(models.Source, f"{models.Source.id} = ? AND {models.Source.asked} = ?")
_DROP_SOURCE = Delete(models.Source, f"{models.Source.id} = ?")
_DROP_DOCUMENTS = Delete(models.SourceDocument, f"{models.SourceDocument.source_id} = ?")
_FETCH_WHOLE = Update(models.SourceDocument, f"{models.SourceDocument.source_id} = ?")
_ADD_DOCUMENT = Insert(models.SourceDocument)
_QUESTIONS = select(_Question, models.PassageQuestion).where(f"{models.PassageQuestion.source_id} = ?")
_SAME_PLACE = value(models.Passage.id).where(
    f"{models.Passage.source_id} = ? AND {models.Passage.version} = ? AND {models.Passage.url} = ?"
    f" AND {models.Passage.title} = ?",
    f"ORDER BY {models.Passage.id} = ? DESC, {models.Passage.number} LIMIT 1",
)
_TIE = Update(models.PassageQuestion, f"{models.PassageQuestion.id} = ?")
_TIE_WORDS = Update(models.PassageWord, f"{models.PassageWord.passage_id} = ? AND {models.PassageWord.question_id} = ?")
_DROP_QUESTION = Delete(models.PassageQuestion, f"{models.PassageQuestion.id} = ?")
_DROP_QUESTIONS = Delete(models.PassageQuestion, f"{models.PassageQuestion.source_id} = ?")


def title_of(url: str) -> str:
    """What a page or a site is called until it has been read."""
    return url.partition("://")[2].rstrip("/")[: sizes.TITLE]


def load(rows: Snapshot, assistant_id: int, source_id: int) -> SourceWithText:
    """The source as clients see it. Raises :class:`SourceNotFound`."""
    found = _SOURCE.one(rows, assistant_id, source_id)
    if found is None:
        raise SourceNotFound(f"Assistant {assistant_id} has no source {source_id}.")
    return found


def load_passage(rows: Snapshot, assistant_id: int, passage_id: int) -> Passage:
    """A passage in force. Raises :class:`PassageNotFound`."""
    found = _PASSAGE.one(rows, assistant_id, passage_id)
    if found is None:
        raise PassageNotFound(f"Assistant {assistant_id} has no passage {passage_id}.")
    return found


def document_of(rows: Snapshot, passage_id: int) -> str:
    """The address of the document that a passage is from."""
    return _DOCUMENT_OF.one(rows, passage_id) or ""


def task(rows: Snapshot, source_id: int) -> Task | None:
    """The source for whoever reads it; None for one that is gone."""
    return _TASK.one(rows, source_id)


def known(rows: Snapshot, source_id: int) -> dict[str, Known]:
    """The documents of a source by their addresses."""
    return {each.url: each for each in _KNOWN.each(rows, source_id)}


def pieces(rows: Snapshot, source_id: int) -> list[str]:
    """An uploaded file in its order; empty where there is none."""
    return _PIECES.all(rows, source_id)


def clear(tx: Transaction, of: Task, but: int) -> bool:
    """Clear some of what versions other than ``but`` have left; whether there is more of it."""
    found = _OTHERS.all(tx, of.id, but)
    index.drop(tx, of.assistant_id, found)
    for passage_id in found:
        _DROP_PASSAGE.drop(tx, passage_id)
    return len(found) == AT_ONCE


def add(tx: Transaction, of: Task, start: int, some: Sequence[tuple[Cut, Weighed]]) -> None:
    """Store passages of the next version, numbered from ``start``."""
    entries = []
    for number, (each, words) in enumerate(some, start):
        passage_id = _ADD_PASSAGE.numbered(
            tx,
            source_id=of.id,
            version=of.version + 1,
            number=number,
            title=each.title,
            text=each.text,
            url=each.url,
            place=each.place,
            language=each.language,
            dated=each.dated,
        )
        entries.append(Entry(passage_id, words))
    index.add(tx, of.assistant_id, entries)


def put_in_force(
    tx: Transaction, of: Task, documents: Sequence[Known], kept: Sequence[str], columns: dict[str, object]
) -> bool:
    """Let the next version follow, with the passages of documents at the addresses ``kept`` as they are.

    Nothing happens, and False is returned, where somebody has changed the source meanwhile: it is to be read anew.
    """
    if not _SETTLE.change(tx, of.id, of.asked, version=of.version + 1, **columns):
        return False
    for url in kept:
        _KEEP.change(tx, of.id, of.version, url, version=of.version + 1)
    _DROP_DOCUMENTS.drop(tx, of.id)
    for document in documents:
        _ADD_DOCUMENT.add(
            tx,
            source_id=of.id,
            url=document.url,
            version=of.version + 1,
            title=document.title,
            etag=document.etag,
            last_modified=document.last_modified,
            digest=document.digest,
        )
    _DROP_PIECES.drop(tx, of.id)
    for question in _QUESTIONS.all(tx, of.id):
        _tie_anew(tx, of, question)
    CHANGE.change(tx, of.id, passages=_COUNT.only(tx, of.id, of.version + 1))
    return True


def settle(tx: Transaction, of: Task, columns: dict[str, object]) -> bool:
    """Note what came of a reading that brought nothing new; False where somebody has changed the source meanwhile."""
    return bool(_SETTLE.change(tx, of.id, of.asked, **columns))


def fetch_whole(tx: Transaction, source_id: int) -> None:
    """Let what was fetched be fetched again although it has not changed over there."""
    _FETCH_WHOLE.change(tx, source_id, etag=None, last_modified=None)


def forget_file(tx: Transaction, source_id: int) -> None:
    """Take away what was uploaded."""
    _DROP_PIECES.drop(tx, source_id)


def untie(tx: Transaction, of: Task) -> None:
    """Take away the questions of a source that goes."""
    _DROP_QUESTIONS.drop(tx, of.id)


def remove(tx: Transaction, of: Task) -> None:
    """Take away a source of which no passage is left."""
    _DROP_PIECES.drop(tx, of.id)
    _DROP_DOCUMENTS.drop(tx, of.id)
    _DROP_SOURCE.drop(tx, of.id)


def _tie_anew(tx: Transaction, of: Task, question: _Question) -> None:
    """Bring a question to the passage that took the place of its own; one whose place is gone goes with it."""
    passage_id = _SAME_PLACE.one(tx, of.id, of.version + 1, question.url, question.title, question.passage_id)
    if passage_id is None:
        index.drop_question(tx, of.assistant_id, question.passage_id, question.id)
        _DROP_QUESTION.drop(tx, question.id)
    elif passage_id != question.passage_id:
        _TIE_WORDS.change(tx, question.passage_id, question.id, passage_id=passage_id)
        _TIE.change(tx, question.id, passage_id=passage_id)
