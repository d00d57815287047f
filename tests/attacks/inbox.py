"""Dialogs in which nobody has said anything."""

from __future__ import annotations

import itertools

from tests.attacks.attacker import ASSISTANT, Attacker, request


async def empty_dialogs(attacker: Attacker) -> None:
    """New visitors without a word, as fast as they are let in, over one connection."""
    opened = request("POST", "/api/widget/dialogs", {"assistant_id": ASSISTANT})
    await attacker.repeat(itertools.repeat(opened), ahead=20)
