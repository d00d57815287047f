"""The languages that ReplyX speaks: the one list of them, how a person's is found, and what the server itself says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

Language = Literal["ru", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT: Language = "ru"  # what the server speaks to who has named none

RECEIVED: dict[Language, str] = {"ru": "Ваше сообщение получено", "en": "Your message has been received"}


def language_of(tag: str | None) -> Language | None:
    """The language of a tag such as ``en-GB`` (RFC 5646), or None for one that is not spoken here."""
    primary = (tag or "").strip().lower().replace("_", "-").partition("-")[0]
    return next((each for each in LANGUAGES if each == primary), None)


def preferred(accepted: str | None) -> Language | None:
    """The best of an ``Accept-Language`` (RFC 9110, 12.5.4), or None where it names no language of ours."""
    weighed: list[tuple[float, Language]] = []
    for part in (accepted or "").split(","):
        tag, _, parameter = part.partition(";")
        language = language_of(tag)
        if language is not None:
            weighed.append((_weight(parameter), language))
    weight, language = max(weighed, key=lambda each: each[0], default=(0.0, DEFAULT))
    return language if weight > 0 else None


def written(texts: Mapping[Language, str]) -> str:
    """Texts by language as a column has them; an empty one is none."""
    return msgspec.json.encode({language: text for language, text in texts.items() if text}).decode()


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
