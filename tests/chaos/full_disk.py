"""A disk that is full for some processes: files of theirs grow no further (setrlimit(2), RLIMIT_FSIZE)."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterable

import httpx

from tests.chaos.traffic import GUEST

UNBOUNDED = resource.RLIM_INFINITY
PATIENCE_S = 60.0
FILLER = "more " * 290  # as much as PostgreSQL keeps in the row itself


def bound_files(processes: Iterable[int], size: int) -> None:
    """Bound the files that the processes, and whatever they start from now on, write; :data:`UNBOUNDED` frees them."""
    for process in processes:
        try:
            resource.prlimit(process, resource.RLIMIT_FSIZE, (size, UNBOUNDED))
        except ProcessLookupError:
            continue


async def first_refusal(http: httpx.AsyncClient) -> httpx.Response:
    """Send until the disk is full; the refusal, which says when to come back."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = await http.post(f"/api/widget/dialogs/1/messages?{GUEST}", json={"text": FILLER})
            if answer.status_code != 201:
                break
    assert answer.status_code == 503, answer.text
    assert answer.json()["code"] == "store_unavailable"
    assert int(answer.headers["Retry-After"]) >= 1
    return answer


async def what_is_stored_can_be_read(http: httpx.AsyncClient) -> None:
    """Reading needs no room."""
    history = await http.get(f"/api/widget/dialogs/1/messages?{GUEST}&limit=1")
    assert history.status_code == 200, history.text
