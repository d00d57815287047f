"""What the process asks of the system and of the interpreter before it serves."""

from __future__ import annotations

import gc
import resource
import sys

SWITCH_S = 0.0005  # the writer's thread shares the interpreter with the loop; the default 5 ms would stall either

# Objects made between two collections, by generation. The defaults (700, 10, 10) look through every connection many
# times a second; with these a durable send costs a tenth less CPU.
COLLECT = (20_000, 20, 100)


def allow_files() -> None:
    """Take as many open files as the system lets us: a connection is one, and the usual 1,024 are soon gone."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def share_interpreter() -> None:
    """Switch threads often, and collect garbage rarely: never what was loaded at the start."""
    sys.setswitchinterval(SWITCH_S)
    gc.freeze()
    gc.set_threshold(*COLLECT)
