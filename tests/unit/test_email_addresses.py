"""E-mail addresses: one spelling for all that look the same, and no two mailboxes in one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyx.email_addresses import canonical

UNSEEN = "\u200b\u200c\u200d\ufeff\u00ad\u2060\u202e\u2066\u200e\u034f\u3164\ufe0f"
SAME = {
    "anna@example.com": (
        *(" Anna@Example.COM ", "<anna@example.com>", " < anna@example.com > ", "anna@example.com."),
        *("anna@example。com", "ａｎｎａ@example.com", "anna＠example.com", "anna@ｅxample.com"),
        *(f"an{each}na@example.com" for each in UNSEEN),
        *(f"anna@exam{each}ple.com" for each in UNSEEN),
        *("\ufeffanna@example.com", "anna@example.com\u200b"),
    ),
    "anna@münchen.example": ("anna@xn--mnchen-3ya.example", "ANNA@MÜNCHEN.EXAMPLE", "anna@mu\u0308nchen.example."),
    "józef@example.com": ("JO\u0301ZEF@example.com", "józef@example.com"),
    "анна@пример.рф": ("АННА@ПРИМЕР.РФ", "анна@xn--e1afmkfd.xn--p1ai"),
    "root@localhost": ("Root@LOCALHOST", "root@localhost."),
    "a@[127.0.0.1]": ("A@[127.0.0.1]",),
    "a@my_host": ("a@My_Host",),
}
APART = ("groß@example.com", "gross@example.com", "anna+a@example.com", "anna@example.com", "an.na@example.com")
NONE = (
    *("", "@", "anna", "anna@", "@example.com", "a@b@c", "a b@example.com", "anna@exam ple.com", "\u200b@\u200b"),
    *("a\x00@example.com", "a\x7f@example.com", "a\n@example.com", "anna@example..com", "anna@\u2603\ufffd.example"),
    *("x" * 65 + "@example.com", "a@" + "x" * 256, "a" * 2000 + "@example.com", "Anna <anna@example.com>", "<>", "<@>"),
)


@pytest.mark.parametrize(("one", "other"), [(one, other) for one, others in SAME.items() for other in (one, *others)])
def test_what_looks_the_same_is_the_same(one: str, other: str) -> None:
    assert canonical(other) == one


def test_different_mailboxes_stay_apart() -> None:
    assert [canonical(each) for each in APART] == list(APART)


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_address_is_none(text: str) -> None:
    assert canonical(text) is None


@given(st.text() | st.builds("{}@{}".format, st.text(), st.text()) | st.emails())
def test_the_spelling_of_a_spelling_is_itself(text: str) -> None:
    spelled = canonical(text)
    assert spelled is None or canonical(spelled) == spelled
