"""The command line: a file per command, listed here."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from replyx.cli import account, backup, init, listen, move, restore, token, widget
from replyx.settings import add_settings_arguments, from_namespace

COMMANDS = {
    "init": init,
    "account": account,
    "widget": widget,
    "token": token,
    "backup": backup,
    "restore": restore,
    "move": move,
    "listen": listen,
}


def run(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run ``argv[0]``; returns the exit status. Raises :class:`replyx.settings.SettingsError`."""
    parser = argparse.ArgumentParser(prog="replyx")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(command)
        add_settings_arguments(command)
    given = parser.parse_args(argv)
    status: int = COMMANDS[given.command].run(given, from_namespace(given, environ))
    return status
