"""Finding the passages that answer a question: BM25 over the rows of the index, the same on both databases.

Each word of a question stands for itself, for its synonyms at a discount, and, where no passage has it, for the words
that share most of their four-letter parts with it, which is how a typing error is understood. The rarest words are
looked up first; words that are everywhere only weigh what these have found. Nothing depends on what a database thinks
of a language, a rank or an order.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from replyx.conversations.search_words import words_of
from replyx.database import models
from replyx.database.models import PassageWord, WordPart
from replyx.database.rows import select, stated, value
from replyx.delivery.store import Snapshot
from replyx.knowledge import rows as stored
from replyx.knowledge.schemas import Passage
from replyx.knowledge.synonyms import synonyms
from replyx.knowledge.words import PART_CHARS, language_of_text, parts_of, stems_of

OFFERED = 3  # passages, where none is sure enough to be quoted
MOST_WORDS = 24  # of a question
SYNONYM = 0.6  # what a synonym counts of the word itself
ALIKE = 0.5  # how alike the parts of two words must be, of 1, for one to stand for the other
ALIKE_WORDS = 4
COMPARED = 40  # words that share a part with a misspelt one, the most alike first
SHORT = 8  # letters; a longer word may have two typing errors
UNKNOWN_NUMBER = 0.5  # what is left of the confidence where a number of the question stands nowhere
LEAD = 0.3  # of the score, that the best must be ahead of the second for full confidence
READ = 2_000  # rows of the index for one question; words that are everywhere are then weighed only where others led
CANDIDATES = 60
FOREIGN = 0.9  # what a passage in another language than the question's counts

_WORD, _PASSAGE = PassageWord.word, PassageWord.passage_id


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found.

    ``confidence``, from 0 to 1, is how much of the question it covers, less where the next passage is close behind.
    """

    passage: Passage
    score: float
    confidence: float


@dataclass(frozen=True, slots=True)
class _Count:
    word: str
    times: int


@dataclass(frozen=True, slots=True)
class _Posting:
    word: str
    passage_id: int
    question_id: int
    weight: int


_OF_ASSISTANT = f"{PassageWord.assistant_id} = ? AND {_WORD}"
_ALIKE = f"SELECT {WordPart.word}, COUNT(*) FROM {WordPart} WHERE {WordPart.assistant_id} = ? AND {WordPart.part}"
_COUNTS = select(_Count, PassageWord, times="COUNT(*)")
_SIMILAR = select(_Count, WordPart, times="COUNT(*)")
_POSTINGS = select(_Posting, PassageWord)
_TIED = value(
    models.PassageQuestion.passage_id,
    f"JOIN {models.Passage} ON {models.Passage.id} = {models.PassageQuestion.passage_id} {stored.IN_FORCE}",
).where(
    f"{models.PassageQuestion.assistant_id} = ? AND {models.PassageQuestion.folded} = ?",
    f"ORDER BY {models.PassageQuestion.id} DESC LIMIT 1",
)
_TOTAL = stated(
    int,
    f"SELECT COALESCE(SUM({models.Source.passages}), 0) FROM {models.Source}"
    f" WHERE {models.Source.assistant_id} = ? AND NOT {models.Source.deleted}",
)


def find(reading: Snapshot, assistant_id: int, question: str, limit: int = OFFERED, but: int = 0) -> list[Hit]:
    """The passages that fit a question best, the best first; none where no word of it is known.

    ``but`` is a question tied to a passage that is to be left out, as an evaluation wants it.
    """
    asked = list(dict.fromkeys(stems_of(question)))[:MOST_WORDS]
    total = _TOTAL.only(reading, assistant_id)
    if not asked or not total:
        return []
    wanted = _Wanted(reading, assistant_id, asked, total)
    scores = _scores(reading, assistant_id, wanted, but)
    if not scores:
        return []
    best = sorted(scores, key=lambda passage_id: (-scores[passage_id], passage_id))[:CANDIDATES]
    language = language_of_text(question)
    ideal = wanted.ideal()
    found: list[tuple[float, Passage]] = []
    for passage in _passages(reading, assistant_id, best):
        score = scores[passage.id] * (1.0 if passage.language == language else FOREIGN)
        found.append((score, passage))
    found.sort(key=lambda each: (-each[0], each[1].id))
    hits = [_hit(found, place, ideal) for place in range(min(limit, len(found)))]
    return hits if but else _named_first(reading, assistant_id, question, hits)


def folded(text: str) -> str:
    """A question in a form in which it is the same however it is written: case, spaces and signs do not count."""
    return " ".join(words_of(text))


def _named_first(reading: Snapshot, assistant_id: int, question: str, hits: list[Hit]) -> list[Hit]:
    """The passage first whose heading the question is, or to which just this question was tied: that is certain."""
    asked = folded(question)
    tied = _TIED.one(reading, assistant_id, asked)
    for hit in hits:
        if hit.passage.id == tied or (tied is None and folded(hit.passage.title) == asked):
            others = [other for other in hits if other is not hit]
            return [Hit(hit.passage, hit.score, 1.0), *others]
    return hits


def _hit(found: Sequence[tuple[float, Passage]], place: int, ideal: float) -> Hit:
    score, passage = found[place]
    others = [other for at, (other, _) in enumerate(found) if at != place]
    ahead = (score - max(others, default=0.0)) / score
    sure = min(1.0, score / ideal) * max(0.0, min(1.0, 1 - LEAD + ahead))
    return Hit(passage, round(score, 3), round(sure, 3))


class _Wanted:
    """What the words of a question stand for, and what each is worth in this assistant's knowledge."""

    def __init__(self, reading: Snapshot, assistant_id: int, asked: Sequence[str], total: int) -> None:
        alike = synonyms()
        words = {other for word in asked for other in alike.get(word, frozenset({word}))}
        self.times = _counted(reading, assistant_id, words)
        self._total = total
        self.shares: list[dict[str, float]] = []
        self.lacks_number = any(is_number(word) and word not in self.times for word in asked)
        for word in asked:
            shares = {other: SYNONYM for other in alike.get(word, ()) if other in self.times}
            if word in self.times:
                shares[word] = 1.0
            elif word.isalpha():
                shares |= self._misspelt(reading, assistant_id, word)
                shares.setdefault(
                    "", 1.0
                )  # the word itself, which no passage has: to have guessed it is not to know it
            self.shares.append(shares)

    def worth(self, word: str) -> float:
        """BM25's weight of a word by how many passages have it."""
        times = self.times.get(word, 0)
        return math.log(1 + (self._total - min(times, self._total) + 0.5) / (times + 0.5))

    def ideal(self) -> float:
        """What a passage would score that has every word of the question in its title."""
        whole = sum(map(self._most, self.shares)) * IDEAL
        return whole / UNKNOWN_NUMBER if self.lacks_number else whole

    def _most(self, shares: Mapping[str, float]) -> float:
        return max((share * self.worth(word) for word, share in shares.items()), default=self.worth(""))

    def _misspelt(self, reading: Snapshot, assistant_id: int, word: str) -> dict[str, float]:
        parts = sorted(parts_of(word))
        marks = ", ".join("?" * len(parts))
        condition = f"{WordPart.assistant_id} = ? AND {WordPart.part} IN ({marks}) GROUP BY {WordPart.word}"
        shared = sorted(
            (2 * each.times / (len(parts) + len(parts_of(each.word))), each.word)
            for each in _SIMILAR.where(condition).each(reading, assistant_id, *parts)
        )[-COMPARED:]
        alike = sorted((max(share if share >= ALIKE else 0, likeness(word, other)), other) for share, other in shared)
        found = {other: share for share, other in alike[-ALIKE_WORDS:] if share}
        for other, share in list(found.items()):
            for synonym in synonyms().get(other, ()):
                found.setdefault(synonym, share * SYNONYM)
        self.times |= _counted(reading, assistant_id, [each for each in found if each not in self.times])
        return {other: share for other, share in found.items() if other in self.times}


def likeness(word: str, other: str) -> float:
    """How sure it is that a word is another with typing errors, from 0 to 1: one of them, two in a long word."""
    allowed = 1 if len(word) < SHORT else 2
    if len(word) < PART_CHARS or abs(len(word) - len(other)) > allowed:
        return 0.0
    wrong = typing_errors(word, other)
    return 1 - wrong / len(word) if wrong <= allowed else 0.0


def typing_errors(word: str, other: str) -> int:
    """Letters that are missing, too many, wrong or swapped with the next (optimal string alignment)."""
    before: list[int] = []
    line = list(range(len(other) + 1))
    for at, letter in enumerate(word, 1):
        above, line, older = line, [at], before
        for to, letter_there in enumerate(other, 1):
            line.append(min(above[to] + 1, line[to - 1] + 1, above[to - 1] + (letter != letter_there)))
            if at > 1 and to > 1 and letter == other[to - 2] and word[at - 2] == letter_there:
                line[to] = min(line[to], older[to - 2] + 1)
        before = above
    return line[-1]


def is_number(word: str) -> bool:
    """Whether a word may be the number of an article, an order, a model."""
    return len(word) > 2 and any(each.isdigit() for each in word)


IDEAL = 1.7  # thousandths aside, the weight of a word that a passage of usual length has in its title


def _scores(reading: Snapshot, assistant_id: int, wanted: _Wanted, but: int) -> dict[int, float]:
    """The score of each passage: of its own words, or of the one of its questions that fits better."""
    rare_first = sorted(
        {word for shares in wanted.shares for word in shares if word}, key=lambda word: (wanted.times[word], word)
    )
    if not rare_first:
        return {}
    read: list[str] = []
    rows = 0
    for word in rare_first:
        if read and rows + wanted.times[word] > READ:
            break
        read.append(word)
        rows += wanted.times[word]
    tally = _Tally(wanted)
    condition = f"{_OF_ASSISTANT} IN ({', '.join('?' * len(read))})"
    for each in _POSTINGS.where(condition).each(reading, assistant_id, *read):
        if not but or each.question_id != but:
            tally.add(each)
    rest = rare_first[len(read) :]
    if rest:
        tally.keep_best(CANDIDATES)
        among = sorted({passage_id for passage_id, _ in tally.found})
        condition = f"{_PASSAGE} IN ({', '.join('?' * len(among))}) AND {_WORD} IN ({', '.join('?' * len(rest))})"
        for each in _POSTINGS.where(condition).each(reading, *among, *rest):
            if (each.passage_id, each.question_id) in tally.found:
                tally.add(each)
    scores: dict[int, float] = {}
    for (passage_id, _), found in tally.found.items():
        scores[passage_id] = max(scores.get(passage_id, 0.0), sum(found) / 1000)
    return scores


class _Tally:
    """What each passage scores for each word of the question: the most that a word standing for it brings.

    Kept by the place of the word in the question, so that sums do not depend on the order in which rows come.
    """

    def __init__(self, wanted: _Wanted) -> None:
        self.found: dict[tuple[int, int], list[float]] = {}
        self._nothing = [0.0] * len(wanted.shares)
        self._worth: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, shares in enumerate(wanted.shares):
            for word, share in shares.items():
                self._worth[word].append((place, share * wanted.worth(word)))

    def add(self, posting: _Posting) -> None:
        """Count a word of a passage."""
        key = (posting.passage_id, posting.question_id)
        best = self.found.get(key)
        if best is None:
            best = self.found[key] = self._nothing.copy()
        for place, worth in self._worth[posting.word]:
            score = worth * posting.weight
            if score > best[place]:
                best[place] = score

    def keep_best(self, most: int) -> None:
        """Leave out all but the best so far."""
        rough = {key: sum(scores) for key, scores in self.found.items()}
        best = sorted(rough, key=lambda key: (-rough[key], key))[:most]
        self.found = {key: self.found[key] for key in best}


def _counted(reading: Snapshot, assistant_id: int, words: Iterable[str]) -> dict[str, int]:
    """How many passages have each of the words that any has."""
    asked = sorted(words)
    if not asked:
        return {}
    condition = f"{_OF_ASSISTANT} IN ({', '.join('?' * len(asked))}) GROUP BY {_WORD}"
    return {each.word: each.times for each in _COUNTS.where(condition).each(reading, assistant_id, *asked)}


def _passages(reading: Snapshot, assistant_id: int, ids: Sequence[int]) -> list[Passage]:
    condition = f"{models.Passage.id} IN ({', '.join('?' * len(ids))}) AND NOT {models.Source.deleted}"
    return stored.PASSAGES.where(f"{condition} AND {models.Source.assistant_id} = ?").all(reading, *ids, assistant_id)
