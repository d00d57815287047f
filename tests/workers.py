"""How the tests are shared out over several workers of pytest: ``pytest -n 2 --dist loadfile``.

A file goes to one worker as a whole, so its server starts once. ``tests/chaos`` goes to one worker as if it were a
file: its loads and faults are sized for a machine that does little else. What takes longest begins first.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

LONGEST_FIRST = ("tests/chaos", "tests/browser", "tests/interop", "tests/api")


class Sharing(LoadFileScheduling):
    """See the module. It calls the unit that goes to one worker a scope."""

    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        return "tests/chaos" if scope.startswith("tests/chaos/") else scope


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling | None:
    """Share out by these rules where files are shared out at all."""
    if config.getoption("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False  # it would begin with the files that have the most tests: the quick ones
    return Sharing(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put what takes longest first, for workers alone: whoever waits for all tests in a row sees quick ones first."""
    if hasattr(config, "workerinput"):
        items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    folders = enumerate(LONGEST_FIRST)
    return next((place for place, folder in folders if item.nodeid.startswith(folder)), len(LONGEST_FIRST))


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Let a report cross to the controller whatever a test has printed: a lone surrogate would end the whole run."""
    return _in_utf8((yield))


def _in_utf8(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_in_utf8(key): _in_utf8(each) for key, each in value.items()}
    return type(value)(map(_in_utf8, value)) if isinstance(value, list | tuple) else value
