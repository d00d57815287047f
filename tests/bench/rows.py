"""``python -m tests.bench.rows``: the server's CPU for a durable message and for a list of 50 dialogs.

No sockets and no HTTP: what is left is SQL, rows and the log. CPU time, so what else the machine does hardly matters.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median

from replyx import accounts
from replyx.auth import AccountActor
from replyx.conversations import assistants, visitors
from replyx.conversations.assistants import NewAssistant
from replyx.conversations.dialogs import DialogQuery, Dialogs, Draft
from replyx.conversations.sla import Policy
from replyx.delivery import eventlog
from replyx.delivery.bus import LocalBus
from replyx.delivery.hub import Hub
from replyx.delivery.store import Store, Transaction
from tests.bench.servers import scratch

ROUNDS = 15
AT_ONCE = 128  # as many senders as in the measurement of durable sends
SENDS = 20 * AT_ONCE
LISTS = 200
DIALOGS = 50


async def measure(store: Store, service: Dialogs, operator: AccountActor) -> tuple[float, float]:
    """Microseconds of CPU for a message and for a list."""
    store.start(asyncio.get_running_loop())
    text = "Your order has left our house and comes on Thursday. " * 4

    async def send(number: int) -> None:
        await service.send(operator, 1 + number % DIALOGS, Draft(text[:200]))

    async def sends() -> None:
        for first in range(0, SENDS, AT_ONCE):
            await asyncio.gather(*(send(number) for number in range(first, first + AT_ONCE)))

    async def lists() -> None:
        for _ in range(LISTS):
            await service.list(DialogQuery(limit=DIALOGS))

    for number in range(DIALOGS):
        await send(number)
    return await spent(sends) / SENDS, await spent(lists) / LISTS


async def spent(work: Callable[[], Awaitable[None]]) -> float:
    """Microseconds of CPU in the middle one of several rounds."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        await work()
        rounds.append((time.process_time() - began) * 1e6)
    return median(rounds)


def filled(store: Store) -> AccountActor:
    """An operator, and dialogs with a visitor each, all in the open inbox."""

    def unit(tx: Transaction) -> AccountActor:
        account = accounts.insert(tx, "boris@example.com", "Boris", "manager", "x")
        assistant = assistants.create(tx, NewAssistant("Support"))
        for number in range(DIALOGS):
            visitors.arrive(tx, assistant.id, None, f"visitor-{number:012}", "Anna", "https://shop.example/")
        return AccountActor(account.id, account.email, account.name, account.role, "session", 1e12)

    return store.change(unit)


def main() -> None:
    """Measure on a database that nobody else has."""
    with scratch() as directory:
        store = Store.open(directory / "replyx.db", time.time)
        operator = filled(store)
        epoch, top = store.query(lambda rows: (eventlog.epoch(rows), eventlog.top(rows)))
        service = Dialogs(store, LocalBus(Hub(store, epoch, top)), epoch, time.time, Policy())
        message, page = asyncio.run(measure(store, service, operator))
    print(f"a durable message: {message:.1f} µs of CPU; a list of {DIALOGS} dialogs: {page:.0f} µs")


if __name__ == "__main__":
    main()
