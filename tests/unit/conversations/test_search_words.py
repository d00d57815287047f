"""Words and letters as search sees them."""

from __future__ import annotations

import itertools
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from replyx.conversations.search_excerpt import excerpt, hits, marked
from replyx.conversations.search_folding import fold, fold_with_places
from replyx.conversations.search_words import JOINED_WORDS, WORD_CHARS, asked, words_of
from replyx.schemas.texts import boundary

LETTERS = "aÉßłøæﬁİıΣς0٣Ⅷ½ёЙї\u0301\u0306אךְأةیُـकि़ডไทย中国ァがｶﾞ가각ᄀ\u1161👍🏽👨👩"
SIGNS = " \n-'’.,()+/_№\u00a0\u00ad\u200b\u200c\u200d\u202e\ufe0f\u3164"
TEXTS = st.text(st.one_of(st.sampled_from(LETTERS + SIGNS), st.characters(codec="utf-8")), max_size=60)


@given(TEXTS)
def test_composed_or_not_a_text_is_folded_alike(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text)) == fold(text)


@given(TEXTS)
@example("Ёлка №5 — «André»")
def test_each_folded_letter_has_its_place(text: str) -> None:
    folded, places = fold_with_places(text)
    assert len(folded) == len(places)
    assert list(places) == sorted(places)
    assert all(0 <= place < len(text) for place in places)
    assert sorted(words_of(folded)) == sorted(words_of(text)) or not unicodedata.is_normalized("NFC", text)


@given(
    st.text(
        st.one_of(st.sampled_from("abcАбвЁё019éß אب-'.() /\u200b"), st.characters(max_codepoint=0x6FF)), max_size=40
    )
)
def test_a_plain_text_has_the_words_that_any_text_has(text: str) -> None:
    """A character of a script without spaces takes a text off the fast way; it is a word for itself."""
    assert sorted(words_of(f"{text} 中")) == sorted([*words_of(text), "中"])


@given(TEXTS)
def test_words_are_letters_and_digits_of_bounded_length(text: str) -> None:
    words = words_of(text)
    assert len(set(words)) == len(words)
    for word in words:
        assert 1 <= len(word) <= WORD_CHARS
        kinds = {unicodedata.category(char) for char in word} - {"Cn"}  # what a newer Unicode has given a meaning
        assert {kind[0] for kind in kinds} <= set("LNM")
    keys = [key for term in asked(text).terms for way in term for key in way]
    assert bool(keys) == bool(words)


@given(TEXTS, TEXTS)
def test_hits_stand_apart_and_an_excerpt_is_cut_between_characters(text: str, query: str) -> None:
    spans = hits(text, asked(query))
    assert all(start < end <= len(text) for start, end in spans)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(spans))
    assert "".join(piece.text for piece in marked(text, asked(query))) == text
    long = f"{'слово ' * 30}{text}{' слово' * 60}"
    shown = "".join(piece.text for piece in excerpt(long, asked(query))).strip("…")
    start = long.index(shown)
    assert boundary(long, start) == start
    assert boundary(long, start + len(shown)) == start + len(shown)


def test_a_list_of_numbers_has_a_bounded_number_of_joined_words() -> None:
    numbers = [str(number) for number in range(1000, 3000)]
    assert len(words_of(" ".join(numbers))) == len(numbers) + JOINED_WORDS
