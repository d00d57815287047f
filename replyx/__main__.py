"""``python -m replyx COMMAND``: the command line without the server (``run.py`` has both)."""

from __future__ import annotations

import os
import sys

from replyx import cli
from replyx.database.dialect import DatabaseUnusable
from replyx.database.migrations import HalfMoved, SchemaTooNew
from replyx.secrets_file import SecretsError
from replyx.settings import SettingsError

if __name__ == "__main__":
    try:
        status = cli.run(cli.parse(), os.environ)
    except (SettingsError, SecretsError, SchemaTooNew, HalfMoved, DatabaseUnusable) as refusal:
        sys.exit(f"replyx: {refusal}")
    sys.exit("replyx: name a command; the server is started by `replyx` or run.py" if status is None else status)
