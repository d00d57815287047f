"""Which events are worth waking somebody, who that is, and in which words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from replyx.outside.push.schemas import Shown
from replyx.schemas.dialogs import OPERATOR_ROLES
from replyx.schemas.languages import Language
from replyx.schemas.texts import cut, line

Urgency = Literal["normal", "high"]  # RFC 8030, 5.3

BODY_CHARS = 160
MESSAGE_TTL_S = 4 * 3600  # RFC 8030, 5.2: an operator whose phone was off for longer looks into the inbox anyway
PRODUCT_TTL_S = 24 * 3600

WORDS: dict[str, dict[Language, str]] = {
    "dialog": {"en": "New message", "ru": "Новое сообщение"},
    "ticket": {"en": "New message in a ticket", "ru": "Новое сообщение в тикете"},
    "new_product": {"en": "New product", "ru": "Новый товар"},
    "approved": {"en": "Your product was approved", "ru": "Ваш товар одобрен"},
    "rejected": {"en": "Your product was rejected", "ru": "Ваш товар отклонён"},
    "test": {"en": "Notifications work", "ru": "Уведомления работают"},
    "test_body": {"en": "This is what they will look like.", "ru": "Так они будут выглядеть."},
}


@dataclass(frozen=True, slots=True)
class Audience:
    """The accounts of some roles, or one account."""

    roles: frozenset[str] = frozenset()
    account_id: int | None = None


@dataclass(frozen=True, slots=True)
class PushNotice:
    """A notice for an audience. ``topic`` replaces an earlier one that was not fetched yet (RFC 8030, 5.4)."""

    audience: Audience
    title: str
    body: str
    url: str
    topic: str
    urgency: Urgency
    ttl_s: int

    def shown(self, locale: Language, *, test: bool = False) -> bytes:
        """The payload for a device of this language."""
        words = WORDS.get(self.body, {})
        return msgspec.json.encode(
            Shown(WORDS[self.title][locale], words.get(locale, self.body), self.url, self.topic, test)
        )


def notices_of(event: dict[str, Any]) -> list[PushNotice]:
    """The notices for a logged event; mostly none."""
    kind = event.get("type")
    if kind == "message:new" and event["message"]["sender"] == "user":
        return [_of_message(event)]
    if kind == "product.approved":
        product = event["data"]
        return [
            _of_product(product, "new_product", Audience(roles=frozenset({"user"}))),
            _of_product(product, "approved", Audience(account_id=product["shop_id"])),
        ]
    if kind == "product.rejected":
        return [_of_product(event["data"], "rejected", Audience(account_id=event["data"]["shop_id"]))]
    return []


def test_notice(account_id: int, url: str) -> PushNotice:
    """What the test button sends."""
    return PushNotice(Audience(account_id=account_id), "test", "test_body", url, "test", "high", 60)


def _of_message(event: dict[str, Any]) -> PushNotice:
    dialog_id = event["dialog_id"]
    return PushNotice(
        Audience(roles=OPERATOR_ROLES),
        "ticket" if event.get("ticket_id") else "dialog",
        _short(event["message"]["text"]),
        f"/admin#/dialogs/{dialog_id}",
        f"dialog-{dialog_id}",
        "high",
        MESSAGE_TTL_S,
    )


def _of_product(product: dict[str, Any], title: str, audience: Audience) -> PushNotice:
    notes = product.get("moderation_notes") or "" if title == "rejected" else ""
    body = _short(f"{product['product_name']}: {notes}" if notes else product["product_name"])
    return PushNotice(audience, title, body, "/webapp/", f"product-{product['product_id']}", "normal", PRODUCT_TTL_S)


def _short(text: str) -> str:
    whole = " ".join(line(text).split())
    return whole if len(whole) <= BODY_CHARS else f"{cut(whole, BODY_CHARS - 1)}…"
