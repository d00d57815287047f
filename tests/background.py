"""A plugin of pytest: a background task that ends although nobody stopped it fails the test that runs, by name.

To a server such an end is a SIGTERM to itself (:mod:`replyx.tasks`), which would end pytest without a word.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from replyx import tasks


class Ended(logging.Handler):
    """Keeps what the log says of tasks that ended, and makes the SIGTERM that follows the end of the test."""

    def __init__(self) -> None:
        super().__init__(logging.CRITICAL)
        self._records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self._records.append(record)

    def terminate(self, number: int, frame: FrameType | None) -> None:
        """Handle SIGTERM. Raises SystemExit, which no event loop holds back; one from outside ends pytest as ever."""
        if not self._records:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        record = self._records.pop()
        cause = record.exc_info[1] if record.exc_info else None
        raise SystemExit(record.getMessage()) from cause


@pytest.fixture(autouse=True)
def no_task_ends() -> Iterator[None]:
    """In force while a test runs, its other fixtures included."""
    ended = Ended()
    tasks.log.addHandler(ended)
    before = signal.signal(signal.SIGTERM, ended.terminate)
    yield
    signal.signal(signal.SIGTERM, before)
    tasks.log.removeHandler(ended)
