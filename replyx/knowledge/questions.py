"""Asking an assistant without a visitor, and questions that lead to a passage: "also asked as"."""

from __future__ import annotations

from replyx.conversations import assistants
from replyx.database import models
from replyx.database.rows import Delete, Insert, select
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import QuestionNotFound
from replyx.knowledge import index, rows
from replyx.knowledge.asking import SHOWN, decide
from replyx.knowledge.finding import OFFERED, Hit, folded
from replyx.knowledge.index import Entry, weighed_question
from replyx.knowledge.schemas import Answer, PassageHit, PassageQuestion
from replyx.paging import Paging, oldest_first, read_page
from replyx.schemas.dialogs import Page

_QUESTIONS = select(PassageQuestion, models.PassageQuestion)
_ONE = _QUESTIONS.where(f"{models.PassageQuestion.assistant_id} = ? AND {models.PassageQuestion.id} = ?")
_SAME = _QUESTIONS.where(
    f"{models.PassageQuestion.assistant_id} = ? AND {models.PassageQuestion.folded} = ?"
    f" AND {models.PassageQuestion.passage_id} = ?"
)
_ADD = Insert(models.PassageQuestion)
_DROP = Delete(models.PassageQuestion, f"{models.PassageQuestion.id} = ?")


class Questions:
    """What operators ask an assistant, and teach it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ask(self, assistant_id: int, question: str) -> Answer:
        """What the assistant would answer now, and why; nobody is told. Raises :class:`AssistantNotFound`."""

        def query(reading: Snapshot) -> Answer:
            assistant = assistants.load(reading, assistant_id)
            quote_from = assistant.quote_percent / 100
            verdict = decide(reading, assistant_id, question, quote_from, SHOWN)
            offered = [hit.passage.title for hit in verdict.hits[:OFFERED]] if verdict.outcome == "offer" else []
            return Answer(verdict.outcome, quote_from, list(map(_shown, verdict.hits)), list(dict.fromkeys(offered)))

        return await self._store.read(query)

    async def tie(self, assistant_id: int, passage_id: int, text: str) -> PassageQuestion:
        """Let a question lead to a passage from now on, in these words and in like ones; twice is as good as once.

        Raises :class:`PassageNotFound`.
        """

        def unit(tx: Transaction) -> PassageQuestion:
            return tie(tx, assistant_id, passage_id, text)

        return await self._store.commit(unit)

    async def list(self, assistant_id: int, paging: Paging) -> Page[PassageQuestion]:
        """A page of the questions that lead to passages, oldest first. Raises :class:`AssistantNotFound`."""

        def query(reading: Snapshot) -> Page[PassageQuestion]:
            assistants.load(reading, assistant_id)
            given = {f"{models.PassageQuestion.assistant_id} = ?": assistant_id}
            items, following = read_page(reading, _QUESTIONS, models.PassageQuestion.id, paging, given)
            return Page(oldest_first(items, paging), following)

        return await self._store.read(query)

    async def untie(self, assistant_id: int, question_id: int) -> None:
        """Let a question lead nowhere again. Raises :class:`QuestionNotFound`."""

        def unit(tx: Transaction) -> None:
            found = _ONE.one(tx, assistant_id, question_id)
            if found is None:
                raise QuestionNotFound(f"Assistant {assistant_id} has no question {question_id}.")
            index.drop_question(tx, assistant_id, found.passage_id, question_id)
            _DROP.drop(tx, question_id)

        await self._store.commit(unit)


def tie(tx: Transaction, assistant_id: int, passage_id: int, text: str) -> PassageQuestion:
    """See :meth:`Questions.tie`."""
    assistants.load(tx, assistant_id)
    passage = rows.load_passage(tx, assistant_id, passage_id)
    same = _SAME.one(tx, assistant_id, folded(text), passage_id)
    if same is not None:
        return same
    question_id = _ADD.numbered(
        tx,
        assistant_id=assistant_id,
        source_id=passage.source_id,
        passage_id=passage_id,
        text=text.strip(),
        url=rows.document_of(tx, passage_id),
        title=passage.title,
        created_at=tx.now_ms,
        folded=folded(text),
    )
    index.add(tx, assistant_id, [Entry(passage_id, weighed_question(text), question_id)])
    found = _ONE.one(tx, assistant_id, question_id)
    assert found is not None
    return found


def _shown(hit: Hit) -> PassageHit:
    return PassageHit(hit.passage, hit.score, hit.confidence)
