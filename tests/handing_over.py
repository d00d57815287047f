"""A listening socket handed over to a program that is started, sd_listen_fds(3)."""

from __future__ import annotations

# What systemd does between fork and exec: the socket becomes descriptor 3, LISTEN_PID this process.
HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""
