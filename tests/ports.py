"""Ports of 127.0.0.1 for servers that tests stop and start again."""

from __future__ import annotations

import os
import socket
import weakref


def held_port(owner: object, below: int = 65_536) -> int:
    """A port below a number that stays ``owner``'s for as long as that lives, also while its server is away.

    Who asks for any port never gets one that somebody has bound. A server that asks for this one does, because both
    set SO_REUSEADDR and this side never listens (socket(7)); as long as no server does either, connections are refused.
    """
    while True:
        holder = socket.socket()
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        if port < below:
            weakref.finalize(owner, os.close, holder.detach())
            return port
        holder.close()
