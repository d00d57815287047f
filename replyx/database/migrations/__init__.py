"""Schema versions: an append-only list of numbered functions, each run once, in one transaction each.

A database newer than the code is refused: an older program must not write into tables it does not know.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

from peewee import Database, SqliteDatabase

from replyx.database.dialect import dialect_of, scalar
from replyx.database.migrations.m0001_initial import initial
from replyx.database.migrations.m0002_tickets import tickets
from replyx.database.migrations.m0003_socket_rooms import socket_rooms
from replyx.database.migrations.m0004_catalogue import catalogue
from replyx.database.migrations.m0005_broadcast_keys import broadcast_keys
from replyx.database.migrations.m0006_webhooks import webhooks
from replyx.database.migrations.m0007_push import push
from replyx.database.migrations.m0008_dialog_kinds import dialog_kinds
from replyx.database.migrations.m0009_search import search
from replyx.database.migrations.m0010_search_bands import search_bands
from replyx.database.migrations.m0011_delivery_failures import delivery_failures
from replyx.database.migrations.m0012_languages import languages
from replyx.database.migrations.m0013_session_ends import session_ends
from replyx.database.migrations.m0014_refused_logins import refused_logins
from replyx.database.migrations.m0015_guest_digests import guest_digests
from replyx.database.migrations.m0016_turns import turns
from replyx.database.migrations.m0017_waiting import waiting
from replyx.database.migrations.m0018_claims import claims
from replyx.database.migrations.m0019_search_dialogs import search_dialogs
from replyx.database.migrations.m0020_emails import emails
from replyx.database.migrations.m0021_empty_dialogs import empty_dialogs
from replyx.database.migrations.m0022_bans import bans

log = logging.getLogger("replyx.migrations")

MOVING = "moving"  # the fact that marks the target of a move until it is whole

Migration = Callable[[Database], None]
MIGRATIONS: tuple[Migration, ...] = (
    initial,
    tickets,
    socket_rooms,
    catalogue,
    broadcast_keys,
    webhooks,
    push,
    dialog_kinds,
    search,
    search_bands,
    delivery_failures,
    languages,
    session_ends,
    refused_logins,
    guest_digests,
    turns,
    waiting,
    claims,
    search_dialogs,
    emails,
    empty_dialogs,
    bans,
)


class SchemaTooNew(Exception):
    """The database was written by a newer ReplyX."""


class HalfMoved(Exception):
    """The database is the target of a move that has not come to its end."""


def migrate(database: Database) -> None:
    """Bring the schema to the newest version; an SQLite file that holds data is copied aside first.

    Several processes may start at once: one migrates, the others wait and find it done. Raises
    :class:`SchemaTooNew` and leaves the database as it was.
    """
    with dialect_of(database).alone():
        apply(database)


def apply(database: Database) -> None:
    """As :func:`migrate`, for a caller that keeps other processes away by itself."""
    if fact(database, MOVING) is not None:
        raise HalfMoved("the database holds the beginning of a move: finish it with `replyx move`")
    version = version_of(database)
    if version > len(MIGRATIONS):
        raise SchemaTooNew(
            f"the database has schema version {version}, this program knows {len(MIGRATIONS)}: start a newer ReplyX"
        )
    if 0 < version < len(MIGRATIONS):
        _snapshot(database, version)
    for number, migration in enumerate(MIGRATIONS[version:], start=version + 1):
        with database.atomic():
            migration(database)
            database.execute_sql("DELETE FROM installation WHERE key = 'schema_version'")
            database.execute_sql(f"INSERT INTO installation (key, value) VALUES ('schema_version', '{number}')")
        log.info("migrated to schema version %d", number)


def version_of(database: Database) -> int:
    """The schema version of a database; 0 for an empty one."""
    return int(fact(database, "schema_version") or 0)


def fact(database: Database, key: str) -> str | None:
    """What the database says of itself under ``key``; None also where it has no tables yet."""
    if not database.table_exists("installation"):
        return None
    sql = dialect_of(database).own("SELECT value FROM installation WHERE key = ?")
    found: str | None = scalar(database, sql, (key,))
    return found


def _snapshot(database: Database, version: int) -> None:
    if not isinstance(database, SqliteDatabase):
        return
    source = Path(str(database.database))
    target = source.with_name(f"{source.name}.before-{version + 1}")
    with sqlite3.connect(target) as copy:
        database.connection().backup(copy)
    log.info("kept a copy of the database as %s", target.name)
