"""One message to everybody: deliveries per second to many subscribers of one dialog or ticket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.load import Load, Run
from tests.bench.others import Others
from tests.bench.plan import Plan
from tests.bench.servers import REPLYX, Peer, Process, ReplyX, running, scratch, starlette, tornado
from tests.bench.table import Row, whole

SENDERS = 8  # and as many messages on their way at once
BYTES = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of listener: how the load names it, where it listens here and at the peers, and who they are."""

    name: str
    load: str
    ours: str
    theirs: str
    peers: Callable[[Others, Path], list[Peer]]
    target: str = ""

    def listeners(self, server: Process, count: int) -> tuple[object, ...]:
        """The load's options for ``count`` listeners of ``server``."""
        return ("subscribe", f"{self.load},{count},{self.ours if server.name == REPLYX else self.theirs}")


WEBSOCKETS = Kind(
    "WebSockets",
    "ws",
    "/ws/dialogs/1",
    "/listen",
    lambda others, directory: [starlette(directory), tornado(directory), *others.websockets(directory)],
    "1 × nchan, 1.4 × ws, 4 × Tornado",
)
STREAMS = Kind(
    "event streams (SSE)",
    "sse",
    "/api/dialogs/1/events",
    "/events",
    lambda others, directory: [starlette(directory), tornado(directory), *others.event_streams(directory)],
    "1 × nchan",
)
SOCKETS_IO = Kind(
    "Socket.IO clients",
    "sio",
    "/socket.io/?EIO=4&transport=websocket",
    "/socket.io/?EIO=4&transport=websocket",
    lambda others, directory: others.socket_io(directory),
)
KINDS = (WEBSOCKETS, STREAMS, SOCKETS_IO)


def broadcast_rates(load: Load, plan: Plan, others: Others) -> Iterator[Row]:
    """Deliveries per second. ReplyX stores each message first; the peers keep nothing."""
    for subscribers in plan.subscribers:
        for kind in KINDS:
            row = Row(f"broadcast to {subscribers:,} {kind.name}", "deliveries/s", whole, kind.target)
            for _ in range(plan.rounds):
                row.add(REPLYX, _ours(load, plan, kind, subscribers).deliveries_per_s)
                with scratch() as directory:
                    for peer in kind.peers(others, directory):
                        with running(peer):
                            run = _run(load, plan, peer, kind.listeners(peer, subscribers), "/broadcast")
                        row.add(peer.name, run.deliveries_per_s)
            yield row


def _ours(load: Load, plan: Plan, kind: Kind, subscribers: int) -> Run:
    with scratch() as directory:
        ours = ReplyX(directory)
        with running(ours):
            listeners = kind.listeners(ours, subscribers)
            if kind is not SOCKETS_IO:
                return _run(load, plan, ours, listeners, "/api/dialogs/1/messages", ours.login())
            ticket = ours.ticket()
            options = (*listeners, "join", ticket, "text", "content")
            return _run(load, plan, ours, options, f"/api/support/tickets/{ticket}/messages")


def _run(
    load: Load, plan: Plan, server: Process, listeners: tuple[object, ...], post: str, token: str | None = None
) -> Run:
    subscribers = int(str(listeners[1]).split(",")[1])
    size = ("messages", plan.deliveries // subscribers, "bytes", BYTES, "window", SENDERS)
    return load.run(server, *listeners, "send", f"http,{SENDERS},{post}", *size, token=token)
