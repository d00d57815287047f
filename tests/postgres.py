"""A real PostgreSQL of its own: made in a temporary directory, on loopback, with a database for each data directory."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg

from tests.ports import held_port

START_S = 60
USER = "replyx"


class Cluster:
    """PostgreSQL with its own data. ``start`` after ``kill`` goes on with the same port and data.

    ``durable`` leaves fsync on; without it a cut of the power would lose commits, which no test here makes. Its log of
    changes is in files of ``wal_mb``: small ones let a test bound the size of files.
    """

    def __init__(self, postgres: Path, *, durable: bool = False, wal_mb: int = 16) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="replyx-postgres-"))
        self.port = held_port(self)
        self._programs = postgres.parent
        self._durable = durable
        self._wal_mb = wal_mb
        self._process: subprocess.Popen[bytes] | None = None
        self._databases: dict[Path, str] = {}
        # PostgreSQL refuses to run as root
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.home, nobody.pw_uid, nobody.pw_gid)
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            if not self._may_run():
                self._programs = self._copied(postgres)

    def __enter__(self) -> Cluster:
        options = ["--auth=trust", "--no-sync", "--encoding=UTF8", f"--wal-segsize={self._wal_mb}"]
        self._run("initdb", "--pgdata", str(self._data), "-U", USER, *options)
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def start(self) -> Cluster:
        """Start, and return when it takes connections."""
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.home,
            "max_connections": 200,
            "shared_buffers": "64MB",
            "fsync": "on" if self._durable else "off",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._programs / "postgres"), "-D", str(self._data), *options],
                stdout=log,
                stderr=log,
                cwd=self.home,
                **self._as,
            )
        deadline = time.monotonic() + START_S
        while True:
            try:
                self._execute("SELECT 1")
                return self
            except psycopg.OperationalError:
                alive = self._process.poll() is None
                assert alive, (self.home / "log").read_text()
                assert time.monotonic() < deadline, "PostgreSQL takes no connections"
                time.sleep(0.05)

    def stop(self) -> None:
        """An orderly end: every session is ended."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)

    def kill(self) -> None:
        """kill -9 for the server and every process of it, as when its machine fails."""
        assert self._process is not None
        self._signal(signal.SIGKILL)
        self._process.wait(30)

    def pause(self) -> None:
        """Stand still: sockets stay open, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        self._signal(signal.SIGCONT)

    @property
    def processes(self) -> list[int]:
        """The server and every process of it."""
        assert self._process is not None
        return [self._process.pid, *children(self._process.pid)]

    def bound_files(self, size: int | None) -> None:
        """Bound the files that PostgreSQL writes, as a full disk would (prlimit(1), RLIMIT_FSIZE); None frees them."""
        bound = "unlimited" if size is None else size
        # As its own user: root may lack the right to do this to another's process.
        for process in self.processes:
            command = ["prlimit", "--pid", str(process), f"--fsize={bound}:"]
            done = subprocess.run(command, capture_output=True, cwd=self.home, check=False, **self._as)
            assert done.returncode == 0 or not Path(f"/proc/{process}").exists(), done.stderr.decode()

    def url(self, database: str) -> str:
        """What ``DATABASE_URL`` says for ``database``."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def database_of(self, data_dir: Path) -> str:
        """The URL of the database that belongs to ``data_dir``; it is made when it is first asked for."""
        key = data_dir.resolve()
        if key not in self._databases:
            self._databases[key] = self.new_database("d" + sha256(str(key).encode()).hexdigest()[:16])
        return self._databases[key]

    def new_database(self, name: str, options: str = "") -> str:
        """Make an empty database; its URL."""
        self._execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy {options}")
        return self.url(name)

    @property
    def _data(self) -> Path:
        return self.home / "data"

    def _execute(self, sql: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=5) as connection:
            connection.execute(sql.encode())

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run([self._programs / program, *arguments], capture_output=True, cwd=self.home, **self._as)
        assert done.returncode == 0, done.stderr.decode()

    def _may_run(self) -> bool:
        try:
            self._run("postgres", "--version")
        except (OSError, AssertionError):
            return False
        return True

    def _copied(self, postgres: Path) -> Path:
        """Where the programs stand below a directory that only root may enter, others cannot start them."""
        shutil.copytree(postgres.parent.parent, self.home / "programs", symlinks=True)
        return self.home / "programs" / postgres.parent.name

    def _signal(self, number: signal.Signals) -> None:
        """The postmaster first, or it would start anew what is taken from it."""
        assert self._process is not None
        if self._process.poll() is not None:
            return
        self._process.send_signal(number)
        for child in children(self._process.pid):
            try:
                os.kill(child, number)
            except ProcessLookupError:
                continue


def children(parent: int) -> list[int]:
    """The processes that ``parent`` has started (Linux)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found
