"""The log's file: whole lines of several processes, in a bounded number of files of a bounded size."""

from __future__ import annotations

import fcntl
import logging
import os
import sys
from pathlib import Path

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


class LogFile(logging.Handler):
    """Appends a line for each record to ``path``, which other processes may do as well.

    A line that would make the file larger than ``most_bytes`` begins a new one; the old ones are called ``path.1``,
    ``path.2`` and so on, the youngest first, and ``keep`` of them stay. 0 bytes leave the file as it grows. Whoever
    else moves it away (logrotate) finds it opened anew with the next line, or with :meth:`reopen`. No line is lost or
    torn between two files. Raises ``OSError`` when the file cannot be opened; what happens later to the disk is told
    once on the standard error output and stops nothing.
    """

    def __init__(self, path: Path, most_bytes: int, keep: int) -> None:
        super().__init__()
        self._path = path
        self._most_bytes = most_bytes
        self._keep = keep
        self._torn = False
        self._failing = False
        self._fd = -1
        self._open()

    def emit(self, record: logging.LogRecord) -> None:
        """Append the record's line, in one write: lines of several processes never mix."""
        try:
            line = f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
            if self._torn:
                line = b"\n" + line
            self._make_room(len(line))
            self._torn = os.write(self._fd, line) < len(line)
            self._failing = False
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Say why a line could not be written, once until one is written again."""
        if not self._failing:
            _tell(f"the log file cannot be written: {sys.exc_info()[1]}")
        self._failing = True

    def reopen(self) -> None:
        """Open the file anew by its name, as after somebody moved it."""
        self.acquire()
        try:
            self._open()
        finally:
            self.release()

    def close(self) -> None:
        """Close the file; the handler is not used any more."""
        self.acquire()
        try:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
        finally:
            self.release()
        super().close()

    def _open(self) -> None:
        fd = os.open(self._path, _FLAGS, 0o666)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = fd
        self._file = _identity(os.fstat(fd))

    def _make_room(self, size: int) -> None:
        """Be in the file that has the name now, and leave it if it has no room for ``size`` bytes more."""
        try:
            now = os.stat(self._path)
        except FileNotFoundError:
            self._open()
            return
        if _identity(now) != self._file:
            self._open()
        elif self._most_bytes and now.st_size and now.st_size + size > self._most_bytes:
            self._begin_another()

    def _begin_another(self) -> None:
        """Move the file away, unless another process was faster: the lock belongs to the file, not to its name."""
        fcntl.flock(self._fd, fcntl.LOCK_EX)  # for as long as a few renames take
        try:
            path = os.path.realpath(self._path)
            if _identity(os.stat(path)) == self._file:
                for number in range(self._keep - 1, 0, -1):
                    if os.path.exists(f"{path}.{number}"):
                        os.replace(f"{path}.{number}", f"{path}.{number + 1}")
                os.replace(path, f"{path}.1")
        except FileNotFoundError:
            pass  # somebody else has just moved it
        except OSError as failure:  # a directory that is not ours; no line is lost for it
            self._most_bytes = 0
            _tell(f"the log file is full and grows on until the next start, since it cannot be moved away: {failure}")
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)
        self._open()


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _tell(what: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"replyx: {what}\n")
