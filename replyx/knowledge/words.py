"""The words of a passage or a question as the index knows them, alike for both databases.

A word is folded as search folds it (:mod:`replyx.conversations.search_words`) and cut to its stem, Cyrillic as
Russian and Latin as English. A number with letters, such as that of an article, is known as a whole and by its parts.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import Stemmer

from replyx.conversations.search_words import WORD, WORD_CHARS
from replyx.schemas.languages import DEFAULT, Language

PART_CHARS = 4

# Words that say nothing of what somebody wants to know.
_STOP = """
и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее мне было вот от меня
еще нет о из ему теперь когда даже ну вдруг ли если уже или ни быть был него до вас нибудь опять уж вам ведь
там потом себя ничего ей может они тут где есть надо ней для мы тебя их чем была сам чтоб без будто чего раз
тоже себе под будет ж тогда кто этот того потому этого какой какая какие какого ним здесь этом один почти мой
моя мое мои тем чтобы нее были куда зачем всех можно при об хоть после над больше тот через эти нас про них
какую свою этой перед иногда чуть том нельзя такой им более всегда всю между это эту ваш ваша ваше ваши вами
наш наша у нужно хочу хотел хотела могу подскажите скажите пожалуйста здравствуйте привет день добрый спасибо
i me my we our you your he she it its they them their what which who whom this that these those am is are was
were be been being have has had do does did doing a an the and but if or because as until while of at by for
with about into to from up in out on off over under again then here there when where why how all any both each
few more most other some such no nor not only own same so than too very can could will would should just don
dont im ive get got want need please hello hi thanks thank tell let us
"""
STOP = frozenset(_STOP.split())

_NUMBERED = re.compile(r"[^\W_]+(?:[-./][^\W_]+)*")
_PARTS = re.compile(r"\d+|[^\W\d_]+")
_CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
_LATIN = re.compile("[a-z]", re.IGNORECASE)
_OWN = threading.local()


def stems_of(text: str) -> list[str]:
    """The stems of a text in their order, words that say nothing left out."""
    return [_stem(word) for word in _words(text) if word not in STOP]


def stem_of(word: str) -> str:
    """The stem of one word as a person writes it."""
    return _stem(_folded(word))


def parts_of(word: str) -> frozenset[str]:
    """The pieces of four letters of a word, its ends marked: two words that share many differ by a typing error."""
    marked = f"^{word}$"
    return frozenset(marked[at : at + PART_CHARS] for at in range(len(marked) - PART_CHARS + 1)) or frozenset({marked})


def language_of_text(text: str) -> Language:
    """The language of a text by its letters; one without any is in the server's own."""
    cyrillic, latin = len(_CYRILLIC.findall(text)), len(_LATIN.findall(text))
    if not cyrillic and not latin:
        return DEFAULT
    return "ru" if cyrillic * 2 >= latin else "en"  # a Russian text names English things, seldom the other way


def _words(text: str) -> Iterator[str]:
    for match in _NUMBERED.finditer(_folded(text)):
        whole = match[0]
        pieces = WORD.findall(whole)
        yield from (piece[:WORD_CHARS] for piece in pieces)
        if len(whole) <= WORD_CHARS and any(each.isdigit() for each in whole):
            together = "".join(pieces)
            if len(pieces) > 1:
                yield together
            parts = _PARTS.findall(together)
            if len(parts) > 1:
                yield from (part for part in parts if part not in pieces and len(part) > 1)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold().replace("ё", "е")


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    if any(each.isdigit() for each in word):
        return word
    stemmers: dict[Language, Stemmer.Stemmer] | None = getattr(_OWN, "stemmers", None)
    if stemmers is None:  # one for each thread: they keep what they have just done
        stemmers = _OWN.stemmers = {"ru": Stemmer.Stemmer("russian", 0), "en": Stemmer.Stemmer("english", 0)}
    return str(stemmers["ru" if _CYRILLIC.search(word) else "en"].stemWord(word))
