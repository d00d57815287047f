"""The forms in which ReplyX is given away, each installed where nothing else of it can be reached."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

NOBODY = 10001  # the user of the container image: no rights, no name

# What the package of the C library itself holds (GNU libc); nothing else of the system is there.
C_LIBRARY = ("libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1", "libresolv.so.2")


class Form(ABC):
    """One form of a release, below ``folder``. Only ``data`` below it can be written to by the program."""

    one_process = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir(parents=True)

    @abstractmethod
    def program(self) -> Sequence[str]:
        """The words that start it."""

    def run(self, *arguments: str, text: str = "") -> str:
        """What a command of the program prints. Raises AssertionError with its complaints if it fails."""
        command = [*self.program(), *arguments]
        done = subprocess.run(command, cwd=self.data, env={}, input=text, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout


class Wheel(Form):
    """The wheel in a fresh virtual environment, as pipx and ``uv tool`` make one."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        super().__init__(folder)
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        install = [folder / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet", f"{wheel}[postgres]"]
        subprocess.run(install, check=True, stderr=subprocess.DEVNULL)

    def program(self) -> Sequence[str]:
        """See :class:`Form`."""
        return [str(self.folder / "venv" / "bin" / "replyx")]


class Binary(Form):
    """The binary in a root directory of its own that holds the C library and nothing else.

    It is read-only but for the data and ``/tmp``, which runs nothing, and the program is a user without rights.
    """

    def __init__(self, folder: Path, release: Path) -> None:
        super().__init__(folder)
        self.root = folder / "root"
        (self.root / "opt").mkdir(parents=True)
        (self.root / "tmp").mkdir()
        (self.root / "dev").mkdir()
        (self.root / "dev" / "null").touch()
        (self.root / self.data.relative_to("/")).mkdir(parents=True)
        shutil.chown(self.data, NOBODY, NOBODY)
        if release.suffix == ".xz":
            with tarfile.open(release) as archive:
                archive.extractall(self.root / "opt", filter="data")
            self.path, self.mount_tmp = "/opt/replyx/replyx", "noexec"
        else:
            shutil.copy(release, self.root / "opt" / "replyx")
            self.one_process = False
            self.path, self.mount_tmp = "/opt/replyx", "exec"  # it unpacks itself there
        self._bring_the_c_library()

    def program(self) -> Sequence[str]:
        """See :class:`Form`. Mounts are those of the process alone and end with it."""
        root, data, tmp = self.root, self.data, self.root / "tmp"
        mounts = (
            f"mount --bind {root} {root} && mount -t tmpfs -o {self.mount_tmp},mode=1777 tmpfs {tmp}"
            f" && mkdir -p {root}{data} && mount --bind {data} {root}{data}"  # data may lie below the system's own /tmp
            f" && mount --bind /dev/null {root}/dev/null && mount -o remount,bind,ro {root}"
        )
        enter = f'exec chroot --userspec={NOBODY}:{NOBODY} {root} {self.path} "$@"'
        script = f"PATH=/usr/sbin:/usr/bin:/sbin:/bin; {mounts} && {enter}"
        return ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", script, "replyx"]

    def _bring_the_c_library(self) -> None:
        program = f"{self.root}{self.path}"
        printed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        needed = {Path(word) for line in printed.splitlines() for word in line.split() if word.startswith("/lib")}
        beside = next(path for path in needed if path.name == "libc.so.6").parent
        for library in sorted(needed | {beside / name for name in C_LIBRARY}):
            copy = self.root / library.relative_to("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library.resolve(), copy)
