"""What an anonymous client can make the server keep: large messages, and places in tickets."""

from __future__ import annotations

import itertools
import json

from tests.attacks.attacker import Attacker, request
from tests.attacks.pages import TEXT
from tests.attacks.socketio import SOCKET_IO

TICKETS = 50
JOINERS = 20


async def large_messages(attacker: Attacker) -> None:
    """Messages of 40 KB, as many as one visitor may send."""
    messages = await attacker.dialog()
    numbered = (request("POST", messages, {"text": TEXT, "client_id": str(number)}) for number in itertools.count())
    await attacker.repeat(numbered, ahead=4)


async def joins(attacker: Attacker) -> None:
    """Twenty clients that join fifty tickets, leave the connection, and come back as somebody new."""
    tickets = []
    for number in range(TICKETS):
        status, made = await attacker.call("POST", "/api/support/tickets", {"subject": str(number), "description": "x"})
        if status == 201:
            tickets.append(made["id"])

    async def one() -> None:
        async with attacker.websocket(f"{SOCKET_IO}websocket") as connection:
            await connection.recv()
            await connection.send("40")
            await connection.recv()
            for number, ticket in enumerate(tickets):
                await connection.send(f'42{number}["join_ticket",{json.dumps({"ticketId": ticket})}]')
            answered = 0
            while answered < len(tickets):
                said = str(await connection.recv())
                if said.startswith("43"):
                    answered += 1
                    attacker.counts["joined" if '"ok":true' in said else "refused"] += 1

    await attacker.crowd(JOINERS, one)
