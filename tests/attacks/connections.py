"""Connections that are opened and then say nothing, or half of something."""

from __future__ import annotations

import asyncio

from tests.attacks.attacker import AGAIN_S, FILES, Attacker

SILENT = FILES - 40  # more than there are, with the files that the server keeps for itself
HALVES = 300
HALF_BYTES = 200_000
DRIP_S = 5.0


async def silent(attacker: Attacker) -> None:
    """More connections than the server may open files, all silent; one that is closed is opened again."""

    async def one() -> None:
        reader, writer = await attacker.connect()
        attacker.counts["opened"] += 1
        try:
            await reader.read(1)
            attacker.counts["closed"] += 1
            await asyncio.sleep(AGAIN_S)
        finally:
            writer.close()

    await attacker.crowd(SILENT, one)


async def silent_websockets(attacker: Attacker) -> None:
    """As many WebSockets without a credential, which never say anything and stay for as long as they may."""

    async def one() -> None:
        async with attacker.websocket("/ws") as connection:
            attacker.counts["opened"] += 1
            await connection.wait_closed()

    await attacker.crowd(SILENT, one)


async def half_sent_bodies(attacker: Attacker) -> None:
    """Three hundred bodies of 262,144 bytes of which 200,000 come, and then a byte now and then."""
    head = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 262144\r\n\r\n"
    await _halves(attacker, head + b" " * HALF_BYTES)


async def half_sent_frames(attacker: Attacker) -> None:
    """Three hundred messages on WebSockets without a credential that grow and never end."""
    shake = (
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    # A masked text frame of 65,535 bytes that is not the last, three times (RFC 6455, 5.2); then the head of another.
    frame = b"\x01\xfe\xff\xff\0\0\0\0" + b" " * 65_535
    following = b"\x00" + frame[1:]
    await _halves(attacker, frame + following * 2 + b"\x00\xfe\xff\xff\0\0\0\0", shake)


async def _halves(attacker: Attacker, half: bytes, shake: bytes = b"") -> None:
    async def one() -> None:
        reader, writer = await attacker.connect()
        try:
            if shake:
                writer.write(shake)
                await reader.readuntil(b"\r\n\r\n")
            writer.write(half)
            await writer.drain()
            attacker.counts["half sent"] += 1
            while not reader.at_eof():
                await asyncio.sleep(DRIP_S)
                writer.write(b" ")
                await writer.drain()
            attacker.counts["closed"] += 1
        finally:
            writer.close()

    await attacker.crowd(HALVES, one)
