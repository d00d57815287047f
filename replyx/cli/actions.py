"""What a command is made of: its words for ``--help``, its own arguments, and what it does."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from replyx.settings import Settings

AddArguments = Callable[[argparse.ArgumentParser], None]
# Does it and returns the exit status.
Run = Callable[[argparse.Namespace, Settings], int]


@dataclass(frozen=True, slots=True)
class Action:
    """A command, or one of the actions of a command such as ``account``."""

    help: str
    add_arguments: AddArguments
    run: Run
