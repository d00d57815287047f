"""What one anonymous client can try, played against a real server with people at work: ``python -m tests.attacks``.

A module for each kind of attack; :data:`ATTACKS` has all of them by name. ``work.py`` is those people, ``attacker.py``
what every attack is made with, and ``play.py`` the process that one is played in.
"""

from __future__ import annotations

from tests.attacks import connections, database, inbox, logs, pages, socketio
from tests.attacks.attacker import Attack

ATTACKS: dict[str, Attack] = {
    "redaction": logs.redaction,
    "log flood": logs.flood,
    "pages unread": pages.unread,
    "pages read": pages.read,
    "socket.io sessions": socketio.sessions,
    "socket.io refused frames": socketio.refused_frames,
    "silent connections": connections.silent,
    "silent WebSockets": connections.silent_websockets,
    "half-sent bodies": connections.half_sent_bodies,
    "half-sent frames": connections.half_sent_frames,
    "large messages": database.large_messages,
    "joins": database.joins,
    "empty dialogs": inbox.empty_dialogs,
}
