"""What the server itself says in a dialog, in the visitor's language."""

from __future__ import annotations

from collections.abc import Sequence

from replyx.schemas.languages import Language

PERSON: dict[Language, str] = {"ru": "Позвать человека", "en": "Talk to a person"}
CALLED: dict[Language, str] = {
    "ru": "Передаём разговор сотруднику. Он ответит здесь, как только сможет.",
    "en": "We are handing this over to a person, who will answer here as soon as possible.",
}
UNKNOWN: dict[Language, str] = {
    "ru": "На это у меня нет готового ответа. Передаём вопрос сотруднику, он ответит здесь, как только сможет.",
    "en": "I have no ready answer to this. A person will answer here as soon as possible.",
}
GREETED: dict[Language, str] = {
    "ru": "Здравствуйте! Напишите, о чём хотите спросить.",
    "en": "Hello! Please write what you would like to know.",
}
_WHICH: dict[Language, tuple[str, str, str]] = {
    "ru": ("Уточните, пожалуйста: ", "«{}»", " или "),
    "en": ("Which of these do you mean: ", "“{}”", " or "),
}
_OR_PERSON: dict[Language, str] = {
    "ru": "Если ничего не подходит, напишите «человек», и ответит сотрудник.",
    "en": "If none of them fits, write “person” to talk to somebody.",
}


def offer(headings: Sequence[str], language: Language) -> str:
    """The question which of the headings is meant; who has no buttons writes one of them."""
    opening, quoted, either = _WHICH[language]
    *first, last = (quoted.format(each) for each in headings)
    listed = f"{', '.join(first)}{either}{last}" if first else last
    return f"{opening}{listed}? {_OR_PERSON[language]}"


def quoted(text: str, title: str, url: str) -> str:
    """A passage and where it is from."""
    return f"{text}\n\n— {title}{f', {url}' if url else ''}"
