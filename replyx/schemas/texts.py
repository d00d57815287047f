"""What a text must be to be taken: the one place for the rules of names, of subjects and of what people write.

A field says its kind beside its type (``Annotated[str, Meta(...), LINE]``) in a struct that is :class:`Written`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, get_args, get_origin

import msgspec
import regex

from replyx.errors import invalid
from replyx.faults import Fault
from replyx.schemas import sizes

# A mark alone needs a letter to stand on. Some that Unicode calls letters or symbols are blank; what it does not know
# yet may be next year's emoji.
_SHOWN = regex.compile(
    r"(?!\p{Default_Ignorable_Code_Point}|\p{Noncharacter_Code_Point}|[\u2800\ufffc\U00013441\U00013442\U0001d159])"
    r"[\p{L}\p{N}\p{P}\p{S}\p{Co}\p{Cn}]"
)
# Nothing in a name needs them, and a name with them looks like another: the controls of direction, soft hyphens, breaks
# and joins of no width. ZWJ and ZWNJ belong to emoji, and to Persian and Indian words.
_HIDDEN = regex.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_BREAK = regex.compile(r"\s*[\p{Cc}\u2028\u2029]+\s*")
_CLUSTER = regex.compile(r"\X")
_LONGEST = 64  # of what a reader takes for one character; a longer heap of marks is cut


class Kind(Enum):
    """How a field's text is read: on one line, or as it was written."""

    LINE = "line"
    TEXT = "text"


LINE, TEXT = Kind.LINE, Kind.TEXT


class Written(msgspec.Struct):
    """A request whose texts are cleaned by their kinds; one that shows nothing is :class:`Invalid`, naming its field.

    A text of spaces alone is empty; whether a field may be empty is said by the ``min_length`` of its ``Meta``.
    """

    def __post_init__(self) -> None:
        for name, field, read in _readers(type(self)):
            given = getattr(self, name)
            if given is not None and given is not msgspec.UNSET:
                setattr(self, name, read(given, field))


def shows(text: str) -> bool:
    """Whether a reader sees anything of it: not if it holds only spaces, controls, marks and what has no width."""
    return _SHOWN.search(text) is not None


def line(text: str) -> str:
    """``text`` as one line: breaks and other controls become a space, what only turns or hides its neighbours goes."""
    whole: str = _BREAK.sub(" ", _HIDDEN.sub("", text))
    return whole.strip()


def checked_text(text: str, field: str = "text", most: int = sizes.MESSAGE) -> str:
    """The trimmed text of a message; raises :class:`Invalid` where it is empty, too long or shows nothing."""
    trimmed = text.strip()
    if not 1 <= len(trimmed) <= most:
        raise invalid(field, Fault.WRONG_LENGTH, min=1, max=most, given=len(trimmed))
    if "\0" in trimmed:
        raise invalid(field, Fault.CHARACTER_NOT_ALLOWED, character="U+0000")
    if not shows(trimmed):
        raise invalid(field, Fault.NOT_A_TEXT)
    return trimmed


def cut(text: str, most: int) -> str:
    """The beginning of ``text``, at most so many characters, cut where a reader sees one end (UAX #29)."""
    if len(text) <= most:
        return text
    end = 0
    for cluster in _CLUSTER.finditer(text, endpos=most + 1):
        if cluster.end() > most:
            break
        end = cluster.end()
    return text[: end or most]  # one heap of marks may be longer than all that is wanted


def boundary(text: str, at: int) -> int:
    """Where ``text`` can be cut between two characters as readers see them: at ``at``, or a little before."""
    if at <= 0 or at >= len(text):
        return min(max(at, 0), len(text))
    begin = max(text.rfind(" ", 0, at), text.rfind("\n", 0, at), at - _LONGEST, 0)
    for cluster in _CLUSTER.finditer(text, begin, at + _LONGEST):
        if cluster.end() > at:
            return int(cluster.start())
    return at


def _read(given: str, field: str, kind: Kind, least: int) -> str:
    if given.strip() and not shows(given):
        raise invalid(field, Fault.NOT_A_TEXT)
    text = line(given) if kind is LINE else given.strip()
    if len(text) < least:
        raise invalid(field, Fault.TOO_SHORT, min=least)
    return text


@functools.cache
def _readers(shape: type[msgspec.Struct]) -> list[tuple[str, str, Callable[[Any, str], Any]]]:
    """For each text of a struct: its name, the name that clients know, and what reads a value of it."""
    found = ((field, _reader(field.type)) for field in msgspec.structs.fields(shape))
    return [(field.name, field.encode_name, read) for field, read in found if read is not None]


def _reader(declared: Any) -> Callable[[Any, str], Any] | None:
    if get_origin(declared) is Annotated:
        _, meta, *more = get_args(declared)
        kind = next((each for each in more if isinstance(each, Kind)), None)
        return None if kind is None else lambda given, field: _read(given, field, kind, meta.min_length or 0)
    inner = next(filter(None, map(_reader, get_args(declared))), None)
    if inner is None or get_origin(declared) is not dict:
        return inner
    return lambda given, field: {key: inner(text, f"{field}[...]") for key, text in given.items()}
