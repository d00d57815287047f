"""What would be answered to a question, and why: the one decision for visitors, for a dry run and for an evaluation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from replyx.conversations.search_words import words_of
from replyx.delivery.store import Snapshot
from replyx.knowledge import finding
from replyx.knowledge.finding import OFFERED, Hit

QUOTE_FROM = 0.6  # of confidence; `replyx evaluate` says what is right for an assistant's own knowledge
OFFER_FROM = 0.15  # below it a heading has next to nothing to do with the question
SHOWN = 10  # in a dry run

Outcome = Literal["quote", "offer", "person", "nothing"]

_PERSON = re.compile(
    r"человек\w*|оператор\w*|живо(?:й|го|му|м)|сотрудник\w*|консультант\w*|менеджер\w*|специалист\w*|людьми"
    r"|humans?|operators?|agents?|person|people|representatives?|someone|somebody"
)
_CALL = re.compile(
    r"позов\w*|позва\w*|соедини\w*|переключи\w*|переведи\w*|свяжи\w*|связаться|дай\w*|поговорить|пообщаться|нуж\w*|хочу|можно"
    r"|connect|talk|speak|chat|transfer|call|get|give|want|need|real|live|human|please"
)
_FILLED = """
a an the with to me i can could would like you your is there any
от с к мне и на вам ваш бы
"""
_FILLING = frozenset(_FILLED.split())
FEW_WORDS = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with a question: ``quote`` the first of ``hits``, ``offer`` their headings, call a ``person``."""

    outcome: Outcome
    hits: list[Hit]


def decide(reading: Snapshot, assistant_id: int, question: str, quote_from: float, limit: int = OFFERED) -> Verdict:
    """What an assistant would do that quotes from a confidence of ``quote_from`` on."""
    hits = finding.find(reading, assistant_id, question, limit)
    if wants_person(question):
        return Verdict("person", hits)
    if hits and hits[0].confidence >= quote_from:
        return Verdict("quote", hits)
    if hits and hits[0].confidence >= OFFER_FROM:
        return Verdict("offer", hits)
    return Verdict("nothing", hits)


def wants_person(text: str) -> bool:
    """Whether somebody asks for a person: names one alone, or names one and a way to reach one."""
    words = [word for word in words_of(text) if word not in _FILLING]
    named = [word for word in words if _PERSON.fullmatch(word)]
    if not named:
        return False
    return len(words) <= FEW_WORDS or any(
        _CALL.fullmatch(word) for word in words if word not in named or word == "human"
    )
