"""Version 13: when a session is over, so that its row can go."""

from __future__ import annotations

import time

from peewee import Database

from replyx.database.dialect import dialect_of
from replyx.database.migrations.statements import run

REFRESHED_MS = 30 * 24 * 3600 * 1000  # how long a refresh token is good that was given today


def session_ends(database: Database) -> None:
    """Until now a session's time was not moved when it was refreshed, and an ended one kept it."""
    now = int(time.time() * 1000)
    dialect = dialect_of(database)
    database.execute_sql(dialect.own("UPDATE session SET expires_at = ? WHERE ended"), (now,))
    until = now + REFRESHED_MS
    lived_on = "UPDATE session SET expires_at = ? WHERE NOT ended AND expires_at < ?"
    database.execute_sql(dialect.own(lived_on), (until, until))
    run(database, "CREATE INDEX session_expires_at ON session (expires_at)")
