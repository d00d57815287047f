"""Reading a document in a child process (:mod:`replyx.knowledge.reading`), from where nothing reaches the server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

import replyx
from replyx.knowledge.reading import child
from replyx.knowledge.reading.document import Document, SiteMap, Unreadable
from replyx.knowledge.troubles import Trouble, unread

log = logging.getLogger("replyx.knowledge")

LIMIT_S = 30.0  # of a document, however long it is
AT_ONCE = 2

DocumentKind = Literal["html", "pdf", "docx", "text"]
T = TypeVar("T", Document, SiteMap)

_TROUBLES = {"encrypted": Trouble.ENCRYPTED, "broken": Trouble.BROKEN, "too_large": Trouble.TOO_LARGE}


class Reader:
    """Starts a process for each document, at most :data:`AT_ONCE` at a time."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._free = asyncio.Semaphore(AT_ONCE)

    async def document(self, kind: DocumentKind, data: bytes, charset: str = "") -> Document:
        """What stands in a document. Raises :class:`Unread`."""
        return await self._read(kind, data, charset, Document)

    async def sitemap(self, data: bytes) -> SiteMap:
        """What a sitemap names. Raises :class:`Unread`."""
        return await self._read("sitemap", data, "", SiteMap)

    async def _read(self, kind: str, data: bytes, charset: str, shape: type[T]) -> T:
        async with self._free:
            status, out = await self._run(kind, data, charset)
        if status != 0:
            log.warning("the process that read a document of kind %s ended with status %d", kind, status)
            raise unread(Trouble.TOO_SLOW)
        with contextlib.suppress(msgspec.DecodeError):
            obstacle = msgspec.json.decode(out, type=Unreadable).obstacle
            trouble = _TROUBLES[obstacle]
            params = {"kind": kind.upper()} if trouble is Trouble.BROKEN else {}
            raise unread(trouble, **({"megabytes": "40"} if trouble is Trouble.TOO_LARGE else params))
        return msgspec.json.decode(out, type=shape)

    async def _run(self, kind: str, data: bytes, charset: str) -> tuple[int, bytes]:
        process = await asyncio.create_subprocess_exec(
            *_command(kind, charset),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(),
        )
        try:
            async with asyncio.timeout(self._limit_s):
                out, _ = await process.communicate(data)
        except TimeoutError:
            return -1, b""
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return process.returncode or 0, out


def _command(kind: str, charset: str) -> list[str]:
    if getattr(sys, "frozen", False):  # the program is one file, without a Python beside it
        return [sys.executable, child.FLAG, kind, charset]
    return [sys.executable, "-m", "replyx.knowledge.reading.child", kind, charset]


def _environment() -> dict[str, str]:
    """What the child needs, and no secret."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"PYTHONPATH": str(Path(replyx.__file__).resolve().parents[1]), "LC_ALL": "C.UTF-8"}
