"""Clocks of this process."""

from __future__ import annotations

import time
from collections.abc import Callable


def uptime() -> Callable[[], float]:
    """A clock of the seconds since now, which nobody sets."""
    began = time.monotonic()
    return lambda: time.monotonic() - began
