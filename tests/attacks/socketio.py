"""Sessions of Engine.IO that nobody uses, and events of Socket.IO that are refused."""

from __future__ import annotations

import itertools

from tests.attacks.attacker import Attacker, request

SOCKET_IO = "/socket.io/?EIO=4&transport="
BURST = 100


async def sessions(attacker: Attacker) -> None:
    """Handshakes on polling, as fast as they are answered, over one connection; no session is ever used."""
    await attacker.repeat(itertools.repeat(request("GET", f"{SOCKET_IO}polling")), ahead=BURST)


async def refused_frames(attacker: Attacker) -> None:
    """One client that asks to speak in a ticket that does not exist, as fast as it is refused."""

    async def one() -> None:
        async with attacker.websocket(f"{SOCKET_IO}websocket") as connection:
            await connection.recv()
            await connection.send("40")
            await connection.recv()
            for number in itertools.count():
                await connection.send('42["send_message",{"ticketId":"nobodys","content":"x"}]')
                if number % BURST == BURST - 1:
                    for _ in range(BURST):
                        attacker.counts["refused" if "error" in str(await connection.recv()) else "other"] += 1

    await attacker.again_and_again(one)
