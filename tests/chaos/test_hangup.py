"""SIGHUP: whoever rotates the log asks for a new file, and a terminal that is closed takes its server along."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scenario import eventually, guest
from tests.server import ROOT, Server, clean_environment

# Makes the standard input the terminal of a session of its own, as a shell does, and becomes the server.
ON_A_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@pytest.mark.one_process("the test sends a signal to the process that it started")
def test_a_server_alone_opens_its_log_anew_and_serves_on(tmp_path: Path) -> None:
    """It once ended at once, with status 129 and without a word to its clients."""
    log = tmp_path / "replyx.log"
    with Server(tmp_path / "data", env={"LOG_FILE": str(log)}) as server, server.client() as http:
        anna = guest(http)
        anna.say(http, "before")
        log.rename(tmp_path / "old.log")
        server.processes[0].signal(signal.SIGHUP)
        eventually(lambda: log.exists() and "opened anew" in log.read_text(), "a new file")
        anna.say(http, "after")
        eventually(lambda: "publish_dialog_event" in log.read_text(), "the next lines")
        assert server.running
        assert server.stop() == 0
        assert "listening" not in log.read_text()


def test_workers_open_their_log_anew_too(tmp_path: Path) -> None:
    """logrotate may send the signal to all processes of a unit, not to the first alone."""
    log = tmp_path / "replyx.log"
    env = {"LOG_FILE": str(log), "WORKERS": "2", "REDIS_URL": "redis://127.0.0.1:1/0"}
    with Server(tmp_path / "data", env=env) as server:
        supervisor = server.processes[0].popen
        assert supervisor is not None
        children = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children").read_text().split()
        assert len(children) == 2
        for child in children:
            os.kill(int(child), signal.SIGHUP)
        eventually(lambda: log.read_text().count("opened anew") == 2, "both")
        with server.client() as http:
            assert http.get("/health").status_code == 200
        assert server.stop() == 0


def test_the_file_is_bounded_while_the_server_runs(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "replyx.log"
    env = {"LOG_FILE": str(log), "LOG_FILE_MB": "1", "LOG_FILES_KEPT": "1", "RATE_LIMITS": "off"}
    with Server(tmp_path / "data", env=env) as server, server.client() as http:
        log.write_text("x" * 999_000 + "\n")
        eventually(
            lambda: http.get("/nowhere" + "/a" * 150).status_code == 404 and len(list(log.parent.iterdir())) == 2,
            "a second file",
        )
        assert log.stat().st_size < 100_000
        (old,) = [each for each in log.parent.iterdir() if each != log]
        assert (old.name, 999_000 < old.stat().st_size <= 1_000_000) == ("replyx.log.1", True)


def test_a_terminal_that_is_closed_stops_its_server(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    arguments = [str(ROOT / "run.py"), "--port", "0", "--demo", "--data-dir", str(tmp_path / "data")]
    command = [sys.executable, "-c", ON_A_TERMINAL, *arguments]
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, text=True, env=clean_environment(tmp_path), cwd=tmp_path
    ) as process:
        os.close(theirs)
        assert process.stdout is not None
        for line in process.stdout:
            if "listening on" in line:
                break
        os.close(ours)
        assert "stopped" in process.stdout.read()
        assert process.wait(20) == 0
