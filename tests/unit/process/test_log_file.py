"""The log's file: bounded, whole, and shared by processes and by whoever rotates it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from replyx.process.log_file import LogFile

ROOT = Path(__file__).parents[3]
WRITE = """
import logging, sys
from pathlib import Path
from replyx.process.log_file import LogFile
name, path, lines, size, keep = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:])
log = logging.getLogger("test")
log.propagate = False
log.addHandler(LogFile(path, size, keep))
for number in range(lines):
    log.error("%s %d %s", name, number, "ё" * (number % 50))
"""
LINES = 1500


def record(text: str) -> logging.LogRecord:
    """A record that is shown as ``text``."""
    return logging.LogRecord("test", logging.INFO, "", 0, text, None, None)


def written(path: Path) -> list[str]:
    """The lines of the file and of the old ones, the oldest first."""
    old = sorted(path.parent.glob(f"{path.name}.*"), key=lambda each: -int(each.suffix[1:]))
    return [line for each in [*old, path] for line in each.read_text("utf-8").splitlines()]


def writers(path: Path, size: int, keep: int) -> list[subprocess.Popen[bytes]]:
    """Processes that write to one file."""
    arguments = [str(path), *map(str, (LINES, size, keep))]
    return [subprocess.Popen([sys.executable, "-c", WRITE, name, *arguments], cwd=ROOT) for name in "abcd"]


def test_a_full_file_is_followed_by_another_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "replyx.log"
    handler = LogFile(path, 100, 2)
    for number in range(30):
        handler.emit(record(f"{number:02} " + "x" * 20))
    handler.close()
    assert {each.name for each in tmp_path.iterdir()} == {"replyx.log", "replyx.log.1", "replyx.log.2"}
    assert all(each.stat().st_size <= 100 for each in tmp_path.iterdir())
    numbers = [int(line[:2]) for line in written(path)]
    assert numbers == list(range(numbers[0], 30))


def test_a_line_that_is_longer_than_a_file_is_written_all_the_same(tmp_path: Path) -> None:
    handler = LogFile(tmp_path / "replyx.log", 100, 9)
    for _ in range(3):
        handler.emit(record("x" * 300))
    handler.close()
    assert written(tmp_path / "replyx.log") == ["x" * 300] * 3
    assert len(list(tmp_path.iterdir())) == 3


def test_several_processes_lose_no_line_and_tear_none_while_they_rotate(tmp_path: Path) -> None:
    path = tmp_path / "replyx.log"
    for process in writers(path, 20_000, 1000):
        assert process.wait(60) == 0
    lines = written(path)
    assert Counter(line.split(" ")[0] for line in lines) == dict.fromkeys("abcd", LINES)
    for name in "abcd":
        mine = [line.split(" ") for line in lines if line.startswith(name)]
        assert [int(number) for _, number, _ in mine] == list(range(LINES)), "in order, each once"
        assert all(len(text) == int(number) % 50 for _, number, text in mine), "whole"
    assert len(list(tmp_path.iterdir())) > 10
    most = 20_000 + 4 * 200  # each may just have looked
    assert all(each.stat().st_size <= most for each in tmp_path.iterdir())


def test_whoever_else_moves_the_file_away_meanwhile_costs_no_line(tmp_path: Path) -> None:
    path, moved = tmp_path / "replyx.log", tmp_path / "moved"
    moved.mkdir()
    processes = writers(path, 50_000, 1000)
    count = 0
    while any(process.poll() is None for process in processes):
        try:
            os.rename(path, moved / str(count))
            count += 1
        except FileNotFoundError:
            continue
    assert all(process.wait() == 0 for process in processes)
    path.touch()
    texts = [each.read_text("utf-8") for each in moved.iterdir()]
    lines = written(path) + [line for text in texts for line in text.splitlines()]
    assert count > 10
    assert Counter(line.split(" ")[0] for line in lines) == dict.fromkeys("abcd", LINES)


def test_it_opens_the_file_anew_on_demand_and_with_the_next_line(tmp_path: Path) -> None:
    path = tmp_path / "replyx.log"
    handler = LogFile(path, 0, 1)
    handler.emit(record("one"))
    path.rename(tmp_path / "old")
    handler.reopen()
    assert path.exists()
    handler.emit(record("two"))
    path.rename(tmp_path / "older")
    path.write_text("created by logrotate\n")
    handler.emit(record("three"))
    handler.close()
    assert path.read_text() == "created by logrotate\nthree\n"
    assert ((tmp_path / "old").read_text(), (tmp_path / "older").read_text()) == ("one\n", "two\n")


def test_what_is_no_file_is_never_moved(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    handler = LogFile(path, 10, 1)
    for _ in range(3):
        handler.emit(record("x" * 20))
    handler.close()
    reader.join(10)
    assert read == [b"x" * 20 + b"\n" + b"x" * 20 + b"\n" + b"x" * 20 + b"\n"]
    assert [each.name for each in tmp_path.iterdir()] == ["fifo"]


def test_the_file_behind_a_link_is_moved_and_not_the_link(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    path = tmp_path / "replyx.log"
    path.symlink_to(tmp_path / "logs" / "real.log")
    handler = LogFile(path, 10, 3)
    for number in range(3):
        handler.emit(record(f"number {number}"))
    handler.close()
    assert path.is_symlink()
    assert path.read_text() == "number 2\n"
    assert (tmp_path / "logs" / "real.log.1").read_text() == "number 1\n"


def test_a_disk_that_takes_no_line_is_told_once_and_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    handler = LogFile(Path("/dev/full"), 0, 1)
    for _ in range(3):
        handler.emit(record("x"))
    handler.close()
    assert capsys.readouterr().err.count("the log file cannot be written: [Errno 28]") == 1


def test_a_full_file_that_cannot_be_moved_grows_on_and_says_so_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "replyx.log"
    (tmp_path / "replyx.log.1").mkdir()
    (tmp_path / "replyx.log.1" / "x").touch()
    handler = LogFile(path, 10, 1)
    for number in range(3):
        handler.emit(record(f"number {number}"))
    handler.close()
    assert path.read_text() == "number 0\nnumber 1\nnumber 2\n"
    assert capsys.readouterr().err.count("cannot be moved away") == 1
