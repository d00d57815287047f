"""The index of passages: rows of words that this program makes, so that both databases rank alike by construction.

A word weighs in a passage as in BM25, with a fixed mean length, since passages are cut to about one length: so a weight
is made once, when the passage is stored. FTS5's and PostgreSQL's own ranks differ from each other, and neither can
weigh one word by another that stands for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from replyx.database.models import PassageWord, WordPart
from replyx.database.rows import Delete, Insert, stated, unless_taken, value
from replyx.delivery.store import Transaction
from replyx.knowledge.words import parts_of, stems_of

K1 = 1.2
B = 0.5
MEAN_WORDS = 40
AT_ONCE = 500  # values in one statement
TITLE_COUNTS = 3  # a word of a title is worth so many of the text

_ADD = Insert(
    PassageWord, unless_taken(*(getattr(PassageWord, n) for n in ("assistant_id", "word", "passage_id", "question_id")))
)
_ADD_PART = Insert(WordPart, unless_taken(WordPart.assistant_id, WordPart.part, WordPart.word))
_WORDS_OF = value(PassageWord.word).where(f"{PassageWord.passage_id} = ?")
_WORDS_OF_QUESTION = value(PassageWord.word).where(f"{PassageWord.passage_id} = ? AND {PassageWord.question_id} = ?")
_DROP = Delete(PassageWord, f"{PassageWord.passage_id} = ?")
_DROP_QUESTION = Delete(PassageWord, f"{PassageWord.passage_id} = ? AND {PassageWord.question_id} = ?")
_DISTINCT = (
    f"SELECT DISTINCT {PassageWord.word} FROM {PassageWord} WHERE {PassageWord.assistant_id} = ? AND {PassageWord.word}"
)
_DROP_PART = f"DELETE FROM {WordPart} WHERE {WordPart.assistant_id} = ? AND {WordPart.part} = ? AND {WordPart.word} = ?"


@dataclass(frozen=True, slots=True)
class Weighed:
    """The words of a text, each with its weight in thousandths."""

    weights: Mapping[str, int]


def weighed(title: str, text: str) -> Weighed:
    """The words of a passage."""
    return _weighed(stems_of(title) * TITLE_COUNTS + stems_of(text))


def weighed_question(text: str) -> Weighed:
    """The words of a question that is tied to a passage; it stands for the passage by itself."""
    return _weighed(stems_of(text) * TITLE_COUNTS)


def _weighed(words: list[str]) -> Weighed:
    length = 1 - B + B * len(words) / MEAN_WORDS
    return Weighed(
        {word: round(1000 * times * (K1 + 1) / (times + K1 * length)) for word, times in Counter(words).items()}
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage, or one of its questions, and its words."""

    passage_id: int
    words: Weighed
    question_id: int = 0


def add(tx: Transaction, assistant_id: int, entries: Sequence[Entry]) -> None:
    """Let passages be found by their words."""
    new = {word for entry in entries for word in entry.words.weights}
    new -= _known(tx, assistant_id, new)
    _ADD.many(
        tx,
        (
            {
                "assistant_id": assistant_id,
                "word": word,
                "passage_id": entry.passage_id,
                "question_id": entry.question_id,
                "weight": weight,
            }
            for entry in entries
            for word, weight in entry.words.weights.items()
        ),
    )
    _ADD_PART.many(
        tx, ({"assistant_id": assistant_id, "part": part, "word": word} for word in new for part in parts_of(word))
    )


def drop(tx: Transaction, assistant_id: int, passage_ids: Iterable[int]) -> None:
    """Let passages be found no more, not by questions that were tied to them either."""
    words: set[str] = set()
    for passage_id in passage_ids:
        words.update(_WORDS_OF.each(tx, passage_id))
        _DROP.drop(tx, passage_id)
    _forget(tx, assistant_id, words)


def drop_question(tx: Transaction, assistant_id: int, passage_id: int, question_id: int) -> None:
    """Let the passage be found no more by one of its questions."""
    words = set(_WORDS_OF_QUESTION.each(tx, passage_id, question_id))
    _DROP_QUESTION.drop(tx, passage_id, question_id)
    _forget(tx, assistant_id, words)


def _known(tx: Transaction, assistant_id: int, words: Iterable[str]) -> set[str]:
    """Those of the words that some passage of the assistant has."""
    found: set[str] = set()
    for some in batched(sorted(words), AT_ONCE):
        marks = ", ".join("?" * len(some))
        found.update(stated(str, f"{_DISTINCT} IN ({marks})").each(tx, assistant_id, *some))
    return found


def _forget(tx: Transaction, assistant_id: int, words: set[str]) -> None:
    """Take away the parts of words that no passage has any more."""
    gone = [(assistant_id, part, word) for word in words - _known(tx, assistant_id, words) for part in parts_of(word)]
    if gone:
        tx.executemany(_DROP_PART, gone)


def batched(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """``items`` in pieces."""
    return (items[at : at + size] for at in range(0, len(items), size))
