"""How the peers keep a message: SQLite in WAL mode, flushed to the disk by a commit of its own, as ReplyX promises it.

On the loop's own thread: a thread for the writes was tried, and one hand-over per message made it no faster.
A peer keeps the row and nothing else: no repeated ``client_id`` is recognised, and no client can resume.
"""

from __future__ import annotations

import os
import sqlite3


class Messages:
    """One table in the file that the environment variable ``PEER_DATABASE`` names."""

    def __init__(self) -> None:
        self._database = sqlite3.connect(os.environ["PEER_DATABASE"], isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY, dialog_id INTEGER, text TEXT, client_id TEXT,"
            " created_at TEXT)"
        )

    def add(self, dialog_id: int, text: str, client_id: str | None, created_at: str) -> int:
        """Store one message; durable when this returns its id, for outside of a transaction each statement commits."""
        cursor = self._database.execute(
            "INSERT INTO message (dialog_id, text, client_id, created_at) VALUES (?, ?, ?, ?)",
            (dialog_id, text, client_id, created_at),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid
