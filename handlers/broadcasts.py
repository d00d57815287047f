"""Bots tell the web apps what has changed: ``POST /api/internal/broadcast``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from handlers.base import Handler, operation
from handlers.decoding import decode, without_mark
from replyx.errors import BroadcastsOff, IdempotencyKeyReused
from replyx.shop.broadcasts import TYPE, checked, checked_key

MEMBERS: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])


class BroadcastBody(msgspec.Struct):
    """What happened. Beside ``type`` stands whatever belongs to it, such as ``shopId`` and ``productId``."""

    type: Annotated[str, msgspec.Meta(pattern=TYPE)]


class BroadcastSent(msgspec.Struct, frozen=True):
    """The broadcast is in the log, and on its way."""

    success: Literal[True]
    message: Literal["Broadcast sent"]
    type: str


class BroadcastHandler(Handler):
    @operation(
        "Tell the web apps what a bot has changed; Idempotency-Key makes a retry safe",
        body=BroadcastBody,
        answers={200: BroadcastSent},
        problems=(BroadcastsOff, IdempotencyKeyReused),
    )
    async def post(self, body: BroadcastBody) -> object:
        self.limit("broadcast", self.address)
        given = without_mark(self.request.body)
        members: dict[str, Any] = decode(given, MEMBERS)
        draft = checked(given, members)
        key = self.request.headers.get("Idempotency-Key")
        await self.services.broadcasts.publish_broadcast(draft, None if key is None else checked_key(key))
        return BroadcastSent(True, "Broadcast sent", draft.type)
