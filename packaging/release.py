"""Everything of a release, into ``dist/``: wheel, source, binary in two forms, bill of materials, checksums.

``make dist`` runs it. Needed are a Python with its shared library, ``strip`` (binutils), and npm for the stock
Socket.IO client; where npm is missing the release says so and is made without it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "dist"
LOCK = ROOT / "packaging" / "requirements.lock"
SOURCES = (
    *("pyproject.toml", "setup.cfg", "README.md", "LICENSE", "CHANGELOG.md", "run.py"),
    *("replyx", "handlers", "static", "templates"),
)
TOOLS = ("pyinstaller >=6.14, <7", "build >=1.2, <2", "cyclonedx-bom >=7, <8")
STOCK_CLIENT = Path("static", "socket.io-client")  # beside the pages, where handlers/stock_client.py looks as well


def staged(folder: Path) -> Path:
    """A copy of the program without anything that is not part of it, and with the stock client."""
    stage = folder / "stage"
    stage.mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, stage / name, ignore=shutil.ignore_patterns("__pycache__", "socket.io-client"))
        else:
            shutil.copy(source, stage)
    client = ROOT / "node_modules" / "socket.io-client"
    if (client / "dist").is_dir():
        (stage / STOCK_CLIENT).mkdir()
        for each in [*sorted((client / "dist").glob("socket.io.*js")), client / "LICENSE"]:
            shutil.copy(each, stage / STOCK_CLIENT)
    else:
        print("npm brought no socket.io-client: /socket.io/socket.io.js will not be in this release")
    return stage


def environment(folder: Path, stage: Path) -> Path:
    """A fresh virtual environment with what the lock file names, the tools, and the program; its Python."""
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", LOCK)
    run(python, "-m", "pip", "install", "--quiet", *TOOLS)
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", stage)
    return python


def run(*command: object, **environ: str) -> None:
    """Run a command whose failure ends the release."""
    subprocess.run([str(part) for part in command], check=True, env={**os.environ, **environ})


def frozen(python: Path, stage: Path, folder: Path, form: str) -> Path:
    """The binary in one of its forms: a folder for ``onedir``, a file for ``onefile``."""
    out = folder / form
    arguments = ("--noconfirm", "--log-level", "WARN", "--distpath", out, "--workpath", folder / f"work-{form}")
    run(python, "-m", "PyInstaller", *arguments, ROOT / "packaging" / "replyx.spec", STAGE=str(stage), FORM=form)
    return out / "replyx"


def packed(program: Path, target: Path) -> None:
    """The folder of the binary as a compressed archive, owned by root, with the same bytes for the same content."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        return entry

    with tarfile.open(target, "w:xz") as archive:
        archive.add(program, "replyx", filter=plain)


def checksums() -> None:
    """``SHA256SUMS`` of all that lies in ``dist/``, in the form that ``sha256sum --check`` reads."""
    made = sorted(path for path in OUT.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made]
    (OUT / "SHA256SUMS").write_text("".join(lines), encoding="ascii")


def main() -> int:
    """Make the release; whatever lay in ``dist/`` before is gone."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        stage = staged(folder)
        python = environment(folder, stage)
        run(python, "-m", "build", "--outdir", OUT, stage)
        version = next(OUT.glob("replyx-*.whl")).name.split("-")[1]
        name = f"replyx-{version}-{sys.platform}-{platform.machine()}"
        packed(frozen(python, stage, folder, "onedir"), OUT / f"{name}.tar.xz")
        shutil.copy(frozen(python, stage, folder, "onefile"), OUT / name)
        bill = ("requirements", LOCK, "--output-format", "JSON", "--output-file", OUT / f"replyx-{version}.cdx.json")
        run(python, "-m", "cyclonedx_py", *bill)
    checksums()
    for path in sorted(OUT.iterdir()):
        print(f"{path.stat().st_size / 1e6:7.1f} MB  {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
