"""Evaluating an assistant: how often it would quote rightly, quote wrongly, or refuse, and what threshold is right."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from replyx.conversations import assistants
from replyx.database import models
from replyx.database.rows import select
from replyx.delivery.store import Snapshot
from replyx.knowledge import finding
from replyx.knowledge.finding import OFFERED, Hit

DEPTH = 10  # how far down the list the reciprocal rank looks
WRONG = 0.05  # of what is quoted, that may be wrong
STEPS = range(20, 100, 5)  # thresholds tried, in percent


@dataclass(frozen=True, slots=True)
class Case:
    """A question, and the heading of the passage that answers it; empty where nothing does.

    ``own`` is the question's number where it is one that was tied to a passage: it must not find itself.
    """

    question: str
    expected: str
    own: int = 0


class Figures(msgspec.Struct, frozen=True):
    """What came of some cases where ``quote_from`` percent of confidence are needed to quote."""

    quote_from: int
    right: int
    wrong: int
    rightly_refused: int
    wrongly_refused: int

    @property
    def wrong_share(self) -> float:
        """Of what is quoted, what is wrong."""
        quoted = self.right + self.wrong
        return self.wrong / quoted if quoted else 0.0


class Evaluation(msgspec.Struct, frozen=True):
    """``recall`` is how often the right passage is among the first three, ``mrr`` the mean of one by its place.

    ``calibrated`` are the figures with the threshold at which at most one quote in twenty is wrong and most is quoted;
    null where there is none.
    """

    cases: int
    answerable: int
    recall: float
    mrr: float
    now: Figures
    calibrated: Figures | None


@dataclass(frozen=True, slots=True)
class _Tied:
    id: int
    text: str
    title: str


@dataclass(frozen=True, slots=True)
class _Outcome:
    place: int | None  # of the expected passage, from 0
    confidence: float
    answerable: bool


_TIED = select(_Tied, models.PassageQuestion).where(
    f"{models.PassageQuestion.assistant_id} = ?", f"ORDER BY {models.PassageQuestion.id}"
)


class NoCases(Exception):
    """There is nothing to evaluate by; the text says what to do."""


def read_cases(lines: Iterable[str]) -> list[Case]:
    """The cases of a CSV file with the columns ``question`` and ``expected``. Raises :class:`NoCases`."""
    reader = csv.DictReader(lines)
    if not {"question", "expected"} <= set(reader.fieldnames or ()):
        raise NoCases("the first line of the cases must name the columns question and expected")
    found = [Case(line["question"].strip(), (line["expected"] or "").strip()) for line in reader if line["question"]]
    if not found:
        raise NoCases("the file has no case")
    return found


def tied_cases(reading: Snapshot, assistant_id: int) -> list[Case]:
    """The questions that operators have tied to passages. Raises :class:`NoCases`."""
    found = [Case(each.text, each.title, each.id) for each in _TIED.each(reading, assistant_id)]
    if not found:
        raise NoCases("no question is tied to a passage of this assistant: name a file of --cases")
    return found


def evaluate(reading: Snapshot, assistant_id: int, cases: Sequence[Case]) -> Evaluation:
    """What the assistant would do with the cases. Raises :class:`AssistantNotFound`."""
    assistant = assistants.load(reading, assistant_id)
    outcomes = [_outcome(reading, assistant_id, case) for case in cases]
    answerable = [each for each in outcomes if each.answerable]
    tried = [_figures(outcomes, percent) for percent in STEPS]
    good = [each for each in tried if each.wrong_share <= WRONG and each.right]
    among = max(len(answerable), 1)
    return Evaluation(
        len(cases),
        len(answerable),
        round(sum(each.place is not None and each.place < OFFERED for each in answerable) / among, 3),
        round(sum(1 / (1 + each.place) for each in answerable if each.place is not None) / among, 3),
        _figures(outcomes, assistant.quote_percent),
        max(good, key=lambda each: (each.right, each.quote_from), default=None),
    )


def _outcome(reading: Snapshot, assistant_id: int, case: Case) -> _Outcome:
    hits = finding.find(reading, assistant_id, case.question, DEPTH, case.own)
    place = next((at for at, hit in enumerate(hits) if _is_expected(hit, case.expected)), None)
    return _Outcome(place, hits[0].confidence if hits else 0.0, bool(case.expected))


def _is_expected(hit: Hit, expected: str) -> bool:
    passage = hit.passage
    return bool(expected) and expected in (passage.title, passage.url, str(passage.id))


def _figures(outcomes: Sequence[_Outcome], percent: int) -> Figures:
    quoted = [each for each in outcomes if each.confidence * 100 >= percent]
    refused = [each for each in outcomes if each.confidence * 100 < percent]
    right = sum(each.place == 0 for each in quoted)
    return Figures(
        percent,
        right,
        len(quoted) - right,
        sum(not each.answerable for each in refused),
        sum(each.answerable for each in refused),
    )
