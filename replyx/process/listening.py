"""Listening sockets: bound here, handed over by systemd, or assigned by the supervisor of several workers."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

from tornado.netutil import bind_sockets

BACKLOG = 4096
FIRST_FD = 3  # SD_LISTEN_FDS_START
ASSIGNED = "REPLYX_WORKER"


@dataclass(frozen=True, slots=True)
class Assigned:
    """What a worker got from its supervisor.

    ``lifeline`` is written to once, when the worker accepts connections, and ends when the supervisor is gone. The
    ``first`` worker of an installation greets the person at the terminal.
    """

    sockets: list[socket.socket]
    lifeline: socket.socket
    first: bool

    def ready(self) -> None:
        """Tell the supervisor that connections are accepted."""
        self.lifeline.send(b"1")


def assignment(sockets: list[socket.socket], lifeline: socket.socket, *, first: bool) -> dict[str, str]:
    """The environment variable by which a worker is told what it got; the descriptors must be passed on to it."""
    numbers = [lifeline.fileno(), *(each.fileno() for each in sockets)]
    return {ASSIGNED: " ".join(["first" if first else "next", *map(str, numbers)])}


def assigned(environ: MutableMapping[str, str]) -> Assigned | None:
    """What the supervisor gave this process, if it has one; the variable is taken out of ``environ``."""
    text = environ.pop(ASSIGNED, None)
    if text is None:
        return None
    order, lifeline, *listening = text.split(" ")
    line = _adopted(int(lifeline))
    return Assigned([_adopted(int(number)) for number in listening], line, order == "first")


def from_systemd(environ: MutableMapping[str, str], pid: int) -> list[socket.socket]:
    """The sockets of socket activation, sd_listen_fds(3); none where they are for another process or there are none.

    Raises ``OSError`` for a descriptor that is no listening TCP socket.
    """
    count, meant = environ.pop("LISTEN_FDS", ""), environ.pop("LISTEN_PID", "")
    environ.pop("LISTEN_FDNAMES", None)
    if meant != str(pid) or not count.isdigit():
        return []
    sockets = [_adopted(number) for number in range(FIRST_FD, FIRST_FD + int(count))]
    for each in sockets:
        internet = each.family in (socket.AF_INET, socket.AF_INET6) and each.type == socket.SOCK_STREAM
        if not internet or not each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise OSError("what systemd passed on is no listening TCP socket: use ListenStream= with a port")
    return sockets


def bound(host: str, port: int, *, beside_others: bool) -> list[socket.socket]:
    """Sockets that listen on every address of ``host``. Raises ``OSError`` with a sentence for the terminal.

    ``beside_others`` lets several processes of one user listen there at once, and the kernel spreads connections over
    them (socket(7), SO_REUSEPORT). Without it a second process is refused.
    """
    try:
        return bind_sockets(port, host, backlog=BACKLOG, reuse_port=beside_others)
    except OSError as error:
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror}. Choose another --port.") from error


def notify(environ: Mapping[str, str], state: str) -> None:
    """Tell systemd how a service with ``Type=notify`` stands, sd_notify(3); nothing where nobody wants to know."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)


def _adopted(number: int) -> socket.socket:
    os.set_inheritable(number, False)
    adopted = socket.socket(fileno=number)
    adopted.setblocking(False)
    return adopted
