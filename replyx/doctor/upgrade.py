"""What a first start of this program would do to an installation's database, seen before anybody stops its server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from replyx.database.dialect import dialect_of
from replyx.database.migrations import MIGRATIONS, MOVING, fact, version_of
from replyx.database.opening import database_at
from replyx.database.tables import catalog_of
from replyx.doctor import house
from replyx.doctor.findings import Finding, found
from replyx.settings import Settings

# The copy, and as much again: a migration that rewrites every row writes each page into SQLite's log of changes first.
TIMES_ITS_SIZE = 2
MB = 2**20


def upgrade(settings: Settings) -> Iterator[Finding]:
    """The schema of now and of then, room for the copy, and who else uses the database. Changes nothing."""
    path = settings.sqlite_path
    if house.is_absent(settings):
        yield found("database_absent", path=path)
        return
    opened = database_at(settings.database)
    try:
        with opened.connection_context():
            yield from house.schema(opened)
            there, own = version_of(opened), len(MIGRATIONS)
            if not there:
                yield found("no_installation")
            if fact(opened, MOVING) is not None:
                yield found("half_moved")
            if there == own:
                yield found("schema_same", schema=own)
            elif there < own:
                yield found("upgrade_without_copy") if path is None else _room(path)
            # Last, because it ends with a lock that only the end of the connection takes away.
            others = catalog_of(opened).others() if there else ""
            yield found("upgrade_in_use", why=others) if others else found("upgrade_unused")
    except dialect_of(opened).failed as failure:
        yield found("database_silent", why=type(failure).__name__)


def _room(path: Path) -> Finding:
    files = (path, path.with_name(f"{path.name}-wal"))
    needed = TIMES_ITS_SIZE * sum(each.stat().st_size for each in files if each.exists())
    free = shutil.disk_usage(path.parent).free
    mb = {"free": free // MB, "needed": -(-needed // MB)}
    return found("upgrade_room", **mb) if free >= needed else found("upgrade_no_room", **mb, path=path.parent)
