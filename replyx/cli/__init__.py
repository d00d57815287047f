"""The command line: a file per command, listed here. Without a command it is the server's."""

from __future__ import annotations

import argparse
import platform
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from replyx import __version__
from replyx.cli import (
    account,
    assistant,
    backup,
    doctor,
    init,
    listen,
    move,
    restore,
    secrets,
    token,
    upgrade_check,
    widget,
)
from replyx.cli.actions import Action
from replyx.database.migrations import MIGRATIONS
from replyx.settings import SETTINGS, add_settings_arguments, from_namespace

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

SERVE = "serve"

COMMANDS: dict[str, Action | Mapping[str, Action]] = {
    "init": init.ACTION,
    "account": account.ACTIONS,
    "assistant": assistant.ACTIONS,
    "widget": widget.ACTIONS,
    "token": token.ACTION,
    "secrets": secrets.ACTIONS,
    "backup": backup.ACTION,
    "restore": restore.ACTION,
    "move": move.ACTION,
    "doctor": doctor.ACTION,
    "upgrade-check": upgrade_check.ACTION,
    "listen": listen.ACTION,
}
FLAGS = {"--help", "--version", "--env-file", "--no-demo", *(setting.flag for setting in SETTINGS)}
ABOUT = {
    SERVE: "run the server, as no command does",
    "account": "add, list and change accounts",
    "assistant": "add or list assistants",
    "widget": "add a widget and print its embed code",
    "secrets": "show or replace the keys that sign tokens",
}


def parser() -> argparse.ArgumentParser:
    """The whole command line: the server's settings, which every command takes too, and the commands.

    A namespace has ``run`` where a command was named, unless that was ``serve``.
    """
    whole = argparse.ArgumentParser(
        prog="replyx",
        usage="replyx [COMMAND] [SETTINGS]",
        description="ReplyX: realtime customer conversations that anyone can host. Without COMMAND it runs the server.",
        epilog="To have a look: replyx --demo (Ctrl-C ends it).",
        allow_abbrev=False,
    )
    whole.add_argument("--version", action="version", version=version())
    commands = whole.add_subparsers(
        title="commands", metavar="COMMAND", help="its own --help says more:", prog="replyx"
    )
    add_settings_arguments(whole)
    serve = commands.add_parser(
        SERVE, help=ABOUT[SERVE], description=ABOUT[SERVE], usage="replyx serve [SETTINGS]", allow_abbrev=False
    )
    add_settings_arguments(serve)
    for name, command in COMMANDS.items():
        if isinstance(command, Action):
            _add(commands, name, command)
            continue
        group = commands.add_parser(name, help=ABOUT[name], description=ABOUT[name], allow_abbrev=False)
        actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
        for action_name, action in command.items():
            _add(actions, action_name, action)
    return whole


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line of this process, or ``argv``; what is wrong with it ends the process with status 2."""
    arguments = sys.argv[1:] if argv is None else argv
    whole = parser()
    before = list(takewhile(lambda each: each not in ABOUT and each not in COMMANDS, arguments))
    # By itself argparse would take what follows an unknown flag for a command, and complain of that.
    unknown = [each for each in before if each.startswith("--") and each.partition("=")[0] not in FLAGS]
    if unknown:
        whole.error(f"unrecognized arguments: {' '.join(unknown)}")
    return whole.parse_args(arguments)


def version() -> str:
    """This program's version, and those of what it depends on when its data is at stake."""
    python, sqlite = platform.python_version(), sqlite3.sqlite_version
    return f"replyx {__version__} (Python {python}, SQLite {sqlite}, schema {len(MIGRATIONS)})"


def run(given: argparse.Namespace, environ: Mapping[str, str]) -> int | None:
    """Do what the command says; the exit status, None where the server is to run.

    Raises :class:`replyx.settings.SettingsError`.
    """
    if not hasattr(given, "run"):
        return None
    status: int = given.run(given, from_namespace(given, environ))
    return status


def each_command() -> Iterator[tuple[str, Action]]:
    """Every command by the words that one types for it."""
    for name, command in COMMANDS.items():
        if isinstance(command, Action):
            yield name, command
        else:
            yield from ((f"{name} {action_name}", action) for action_name, action in command.items())


def _add(commands: Commands, name: str, action: Action) -> None:
    command = commands.add_parser(name, help=action.help, description=action.help, allow_abbrev=False)
    action.add_arguments(command)
    command.set_defaults(run=action.run)
    # The settings stand in the help behind what is the command's own; in its first line they would hide that.
    command.usage = f"{command.format_usage().removeprefix('usage: ').strip()} [SETTINGS]"
    add_settings_arguments(command)
