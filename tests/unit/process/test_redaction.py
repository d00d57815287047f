"""What the log makes of texts that clients choose: bounded in length, and in the work that they cost."""

from __future__ import annotations

import itertools
import re

import pytest

from replyx.process import redaction
from replyx.process.redaction import CUT, TEXT_CHARS, cut, cut_exception, redact
from tests.effort import disproportionate, grown

SECRET = "s3cr3t-Value_of.some~kind"
NAMES = ("jwt", "setup-code", "bearer", "eyJ", "a://", "/support/tickets/")
JOINTS = ("=", "%2525", ":", "': ", '\\": ', "  ", "")
STARTS = ("", "'", "\\'", "b\\\\'", "x:@", "\\", "\n")
ENDS = ("", "\\", "\\\n")


def test_what_is_measured_tells_a_square_from_a_line() -> None:
    square = re.compile(r"a.*b")
    assert disproportionate(lambda text: square.findall(text), ["a"]) == ["'a', in the end ''"]
    assert disproportionate(lambda text: text.count("b"), ["a"]) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_text_costs_more_than_in_proportion(name: str) -> None:
    """``jwt=\\'`` a thousand times once held the loop for half a second, in the line of one refused request."""
    units = [name + joint + start for joint, start in itertools.product(JOINTS, STARTS)]
    assert disproportionate(redact, units, ENDS) == []


@pytest.mark.parametrize(
    "unit", ["%25", "\\", "\\\\'", "'", '": "', " ", "\t", "eyJ-", "a.", "://", "@", "=", "token "]
)
def test_nor_does_a_run_behind_a_name(unit: str) -> None:
    for name in NAMES:
        assert grown(lambda text, name=name: redact(name + text), unit) < 24, name


def test_a_quoted_secret_without_an_end_is_hidden_to_the_end_of_the_text() -> None:
    for quote in ("'", '"', "\\'", "b'"):
        assert redact(f"password={quote}two words {SECRET}\\") == redact(
            redact(f"password={quote}two words {SECRET}\\")
        )
        assert SECRET not in redact(f"password={quote}two words {SECRET}\\")
        assert SECRET not in redact(f"password={quote}two words \\\n {SECRET}")


def test_every_password_of_an_address_is_hidden_wherever_the_address_stands() -> None:
    for before in ("", "http://a/b,", "http://a:1/b,", "x://y://", "(", "url="):
        shown = redact(f"{before}redis://u:{SECRET}@cache:6379/0 is away")
        assert SECRET not in shown
        assert shown.endswith("@cache:6379/0 is away")
    assert redact("https://shop.example/a:b/anna@example.com") == "https://shop.example/a:b/anna@example.com"


@pytest.mark.parametrize("length", [TEXT_CHARS - 1, TEXT_CHARS, TEXT_CHARS + 1, 100_000])
def test_a_text_is_cut_to_what_a_log_takes(length: int) -> None:
    for unit in ("ё", "word ", "a/b?", "x\n"):
        text = (unit * length)[:length]
        shown = cut(text)
        assert len(shown) <= TEXT_CHARS
        assert (shown == text) == (length <= TEXT_CHARS)
        assert text.startswith(shown.removesuffix(CUT))


def test_a_cut_leaves_no_beginning_of_a_secret() -> None:
    """Half a ticket's id, or half a token, no longer looks like one."""
    for secret in ("/support/tickets/" + "Ab3-" * 6, "Bearer " + "Ab3-" * 6, "eyJ" + "Ab3." * 6, f"token={SECRET}"):
        for over in range(1, len(secret)):
            text = "x" * (TEXT_CHARS - len(CUT) - len(secret) + over - 1) + " " + secret + " and more" * 9
            shown = redact(cut(text))
            assert "Ab3-" not in shown
            assert SECRET[:6] not in shown


def test_of_a_long_traceback_its_beginning_and_whole_lines_of_its_end_are_kept() -> None:
    frames = "".join(f'  File "a.py", line {n}, in f\n    f({n})\n' for n in range(500))
    shown = cut_exception(f"Traceback (most recent call last):\n{frames}ValueError: at last")
    assert shown.startswith("Traceback (most recent call last):\n")
    assert shown.endswith("\n    f(499)\nValueError: at last")
    assert len(shown) <= TEXT_CHARS
    assert all(line.startswith((" ", "Traceback", "ValueError", CUT)) for line in shown.splitlines())
    assert cut_exception("ValueError: " + "x" * 9999) == cut("ValueError: " + "x" * 9999)
    assert len(redaction.cut_exception("x" * 9999 + "\n" + "y" * 3500)) <= TEXT_CHARS
