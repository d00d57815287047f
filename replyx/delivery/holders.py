"""Names of processes, by which another process of the same machine can tell that one has died."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PIDS = Path("/proc/self/ns/pid")  # processes of one container, or all outside of one: their numbers mean the same
_ENDED = ("Z", "X")  # proc_pid_stat(5): dead, though its parent has not looked yet


def new_name() -> str:
    """A name that nobody else has; it tells this process, its machine and when it was started."""
    pid = os.getpid()
    return f"{_machine()}/{pid}/{_state_and_start(pid)[1]}/{secrets.token_hex(8)}"


def is_dead(name: str) -> bool:
    """Whether the process that gave itself this name is known to be dead.

    False where nobody here can know: of another machine or container, and on a system without Linux's ``/proc``.
    """
    machine, pid, started, _ = (*name.split("/"), "", "", "")[:4]
    if not machine or machine != _machine() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    state, start = _state_and_start(int(pid))
    return state in _ENDED or start != started  # the number was given to another process


def _machine() -> str:
    """Where the number of a process means the same as here; empty where that cannot be told."""
    try:
        return f"{socket.gethostname()}.{_BOOT.read_text().strip()}.{os.readlink(_PIDS)}"
    except OSError:
        return ""


def _state_and_start(pid: int) -> tuple[str, str]:
    """The letter of a process's state, and when it was started in ticks since the boot; empty if it is hidden."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", ""
    fields = stat.rpartition(")")[2].split()  # behind the program's name, which may hold spaces and brackets
    return fields[0], fields[19]
