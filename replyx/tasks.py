"""Background tasks that somebody owns: one that fails ends the server, loudly, instead of leaving it half alive."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine, Iterable
from typing import Any

log = logging.getLogger("replyx.tasks")


def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Run ``work`` until :func:`stop`. It is not meant to fail: if it does, the process stops with SIGTERM.

    A supervisor then starts it anew and clients resume by cursor; a server that no longer delivers would keep them.
    """
    task = asyncio.create_task(work)
    task.add_done_callback(_ended)
    return task


async def stop(tasks: Iterable[asyncio.Task[None] | None]) -> None:
    """Cancel tasks and wait until they are gone."""
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


def _ended(task: asyncio.Task[None]) -> None:
    if task.cancelled():
        return
    log.critical("a background task ended, the server stops", exc_info=task.exception())
    os.kill(os.getpid(), signal.SIGTERM)
