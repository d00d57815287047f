"""The installed package: the server finds its pages beside ``run.py``, as in the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("pyproject.toml", "setup.cfg", "README.md", "run.py", "replyx", "handlers", "static", "templates")
DATA = ("static", "templates")


def checked_out(folder: str) -> set[str]:
    """The files below a folder of the checkout, by their paths from the root."""
    paths = (ROOT / folder).rglob("*")
    return {str(path.relative_to(ROOT)) for path in paths if path.is_file() and path.suffix != ".pyc"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the checkout, built from a copy so that no build directory is left in it."""
    folder = tmp_path_factory.mktemp("build")
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (folder / "source").mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder / "source")
    build = ["pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", folder, folder / "source"]
    subprocess.run([sys.executable, "-m", *build], check=True)
    [built] = folder.glob("replyx-*.whl")
    return built


def test_the_wheel_holds_every_module_page_and_template_and_nothing_of_the_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {"run.py"}.union(*(checked_out(folder) for folder in ("replyx", "handlers", *DATA)))
    assert {name for name in names if ".dist-info/" not in name} == expected


def test_the_installed_server_finds_its_pages_beside_run_py(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    install = ["pip", "install", "--no-deps", "--no-index", "--quiet", "--target", target, wheel]
    subprocess.run([sys.executable, "-m", *install], check=True)
    found = subprocess.run(
        [sys.executable, "-c", "import run; print(run.__file__)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(target)},
        check=True,
        capture_output=True,
        text=True,
    )
    beside = Path(found.stdout.strip()).parent
    assert beside == target
    for folder in DATA:
        installed = {str(path.relative_to(beside)) for path in (beside / folder).rglob("*") if path.is_file()}
        assert installed == checked_out(folder)


def test_the_wheel_gives_a_replyx_command(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    [entry_points] = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
    assert "replyx = run:main" in archive.read(entry_points).decode()
