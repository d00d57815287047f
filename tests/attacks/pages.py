"""The largest history that may be written, asked for by clients that read it, and by others that do not."""

from __future__ import annotations

import asyncio

from tests.attacks.attacker import Attacker, request

MESSAGES = 200
TEXT = "🙂" * 10_000  # 40 KB
READERS = 4
DEAF = 60
HOLD_S = 600.0  # longer than any attack is played


async def history(attacker: Attacker) -> bytes:
    """Write one, and give the request for its page."""
    messages = await attacker.dialog()
    for number in range(MESSAGES):
        await attacker.call("POST", messages, {"text": TEXT, "client_id": str(number)})
    return request("GET", f"{messages}&limit={MESSAGES}")


async def read(attacker: Attacker) -> None:
    """Four clients that ask for the page again and again."""
    asked = await history(attacker)

    async def one() -> None:
        reader, writer = await attacker.connect()
        try:
            while True:
                writer.write(asked)
                await attacker.answer(reader)
        finally:
            writer.close()

    await attacker.crowd(READERS, one)


async def unread(attacker: Attacker) -> None:
    """Sixty clients that ask for the page and do not take it."""
    asked = await history(attacker)

    async def one() -> None:
        _, writer = await attacker.connect()
        try:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(asked)
            attacker.counts["asked"] += 1
            await asyncio.sleep(HOLD_S)
        finally:
            writer.close()

    await attacker.crowd(DEAF, one)
