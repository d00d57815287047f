"""Whose turn it is to write into an SQLite file that several processes share.

SQLite keeps no queue for its lock: who happens to look while it is free has it, and who waits looks less and less
often. So a process that writes all the time keeps the others out. Who has waited for a while takes the place of the
next one here, which there is once, and everybody lets the one who has it go first.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl

LOOK_S = 0.001  # between two looks; each costs about a microsecond


class Turns:
    """The place of the one who waits: a lock on a file beside ``database``, which a process that dies gives up."""

    def __init__(self, database: Path) -> None:
        self._file = database.with_name(f"{database.name}-turn")
        self._shared = sys.platform != "win32" and database.name != ":memory:"
        self._handle: int | None = None

    def __del__(self) -> None:
        if self._handle is not None:
            os.close(self._handle)

    def heed(self, until: float) -> None:
        """Let whoever has the place go first, ``until`` then at the latest."""
        if self._shared:
            handle = self._opened()
            while not _locked(handle) and time.monotonic() < until:
                time.sleep(LOOK_S)
            fcntl.flock(handle, fcntl.LOCK_UN)

    @contextmanager
    def next(self, until: float) -> Iterator[None]:
        """Have the place. Raises :class:`sqlite3.OperationalError` where that is not to be had ``until`` then.

        ``until`` is on the clock of :func:`time.monotonic`.
        """
        if not self._shared:
            yield
            return
        handle = self._opened()
        while not _locked(handle):
            if time.monotonic() > until:
                raise sqlite3.OperationalError("database is locked, and another process has been waiting for it longer")
            time.sleep(LOOK_S)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)

    def _opened(self) -> int:
        """The file, open for as long as the process lives. Raises as :meth:`next`, since the disk may be full."""
        if self._handle is None:
            try:
                self._handle = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
            except OSError as failure:
                raise sqlite3.OperationalError(f"unable to open {self._file.name}: {failure.strerror}") from failure
        return self._handle


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
