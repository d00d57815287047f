"""``python -m tests.bench.rows``: the server's CPU for a durable message, for a list of 50 dialogs, and for fan-out.

No sockets and no HTTP: what is left is SQL, rows, the log and the hub. CPU time, so what else the machine does hardly
matters.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median

from replyx import accounts
from replyx.auth import AccountActor
from replyx.conversations import assistants, visitors
from replyx.conversations.assistants import NewAssistant
from replyx.conversations.dialog_rules import ChatRules
from replyx.conversations.dialogs import DialogQuery, Dialogs, Draft
from replyx.conversations.sla import Policy
from replyx.conversations.ticket_rules import TicketRules
from replyx.conversations.visitors import Arrival
from replyx.delivery import eventlog
from replyx.delivery.bus import LocalBus
from replyx.delivery.eventlog import LoggedEvent
from replyx.delivery.hub import Hub
from replyx.delivery.store import Store, Transaction
from replyx.delivery.subscription import Subscription
from replyx.schemas.tickets import NewTicket
from replyx.wire.websocket import WEBSOCKET
from tests.bench.servers import scratch

AT_ONCE = 128  # as many senders as in the measurement of durable sends
DIALOGS = 50
TEXT = ("Your order has left our house and comes on Thursday. " * 4)[:200]


@dataclass(frozen=True)
class Size:
    """How much is done in one of ``rounds``: so many messages and lists, and events to so many listeners."""

    rounds: int = 15
    sends: int = 20 * AT_ONCE
    lists: int = 200
    events: int = 200
    listeners: int = 1000


class Drain:
    """A client that takes everything at once."""

    full = False

    def write(self, data: bytes) -> bool:
        """See :class:`replyx.delivery.subscription.Sink`."""
        return True


async def measure(store: Store, service: Dialogs, operator: AccountActor, size: Size) -> tuple[float, float, float]:
    """Microseconds of CPU for a message in a chat, for one in a ticket, and for a list."""
    store.start(asyncio.get_running_loop())

    async def sends(first_dialog: int) -> None:
        for first in range(0, size.sends, AT_ONCE):
            numbers = range(first, first + AT_ONCE)
            await asyncio.gather(
                *(service.send_message(operator, first_dialog + n % DIALOGS, Draft(TEXT)) for n in numbers)
            )

    async def lists() -> None:
        for _ in range(size.lists):
            await service.list(DialogQuery(limit=DIALOGS))

    for number in range(2 * DIALOGS):
        await service.send_message(operator, 1 + number, Draft(TEXT))
    chat = await spent(lambda: sends(1), size.rounds) / size.sends
    ticket = await spent(lambda: sends(1 + DIALOGS), size.rounds) / size.sends
    page = await spent(lists, size.rounds) / size.lists
    await store.close()
    return chat, ticket, page


async def fan_out(hub: Hub, size: Size) -> float:
    """Nanoseconds of CPU for one event to one listener."""
    for _ in range(size.listeners):
        hub.subscribe(Subscription(frozenset({"inbox"}), WEBSOCKET, Drain(), 0), None)

    async def deliver() -> None:
        for _ in range(size.events):
            hub.deliver([LoggedEvent(hub.last + 1, ("dialog:1", "inbox"), b'{"type":"message:new","text":"hello"}')])

    return await spent(deliver, size.rounds) * 1000 / size.events / size.listeners


async def spent(work: Callable[[], Awaitable[None]], rounds: int) -> float:
    """Microseconds of CPU in the middle one of several rounds."""
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        await work()
        taken.append((time.process_time() - began) * 1e6)
    return median(taken)


def filled(store: Store, tickets: TicketRules) -> AccountActor:
    """An operator, and in the open inbox chats with a visitor each, then tickets."""

    def unit(tx: Transaction) -> AccountActor:
        account = accounts.insert(tx, "boris@example.com", "Boris", "manager", "x")
        assistant = assistants.create(tx, NewAssistant("Support"))
        for number in range(DIALOGS):
            visitor = Arrival(f"visitor-{number:012}", "Anna", "https://shop.example/")
            visitors.arrive(tx, assistant.id, None, visitor)
        for number in range(DIALOGS):
            tickets.open(tx, NewTicket("", subject=f"Order {number}"))
        return AccountActor(account.id, account.email, account.name, account.role, "session", 1e12)

    return store.change(unit)


def report(size: Size) -> str:
    """The figures, measured on a database that nobody else has."""
    with scratch() as directory:
        store = Store.open(directory / "replyx.db", time.time)
        tickets = TicketRules(Policy())
        operator = filled(store, tickets)
        epoch, top = store.query(lambda rows: (eventlog.epoch(rows), eventlog.top(rows)))
        bus = LocalBus(Hub(store, epoch, top))
        service = Dialogs(store, bus, epoch, {"dialog": ChatRules(), "ticket": tickets}, time.time)
        chat, ticket, page = asyncio.run(measure(store, service, operator, size))
        told = asyncio.run(fan_out(Hub(store, epoch, top), size))
    return (
        f"CPU of a durable message: {chat:.1f} µs in a chat, {ticket:.1f} µs in a ticket;"
        f" of a list of {DIALOGS} dialogs: {page:.0f} µs; of an event for one of its listeners: {told:.0f} ns"
    )


if __name__ == "__main__":
    print(report(Size()))
