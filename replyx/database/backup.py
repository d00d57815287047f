"""A copy of an installation that is whole although its server runs, and how the copy is put in place again.

A copy is the past. What clients have seen since then is not in it, and other events will get the same ids; so whoever
goes back to one draws a new epoch, by which every client learns that its place is gone
(see :mod:`replyx.delivery.eventlog`).
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peewee import Database, DatabaseError, InterfaceError

from replyx.database.dialect import dialect_of, scalar
from replyx.database.migrations import MIGRATIONS, MOVING, fact, version_of
from replyx.database.models import Counter, Installation
from replyx.database.opening import database_at
from replyx.database.rows import Insert, names, replacing
from replyx.database.sqlite import Sqlite
from replyx.database.tables import catalog_of
from replyx.secrets_file import FILE_NAME as SECRETS
from replyx.secrets_file import sync_directory
from replyx.settings import DATABASE_FILE, Settings

REPLACED = ".before-restore"  # behind the name of what a restore has put aside
LAST_BACKUP = "last_backup"  # the fact that says when a copy was made, in milliseconds since the epoch
IN_USE = "The database is in use: {}. Stop its server first."


TURN = "%Y-%m-%dT%H%M%SZ"  # sorts as time goes
DAY_S = 86_400


class BackupRefused(Exception):
    """Nothing was copied or put in place; the text says why, and what to do."""


_KEEP_FACT = Insert(Installation, replacing(Installation.key, Installation.value)).sql
_NEW_EPOCH = f"UPDATE {Installation} SET {names(Installation.value)} = ? WHERE {Installation.key} = 'epoch'"


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy holds: every event up to the id ``top``, with or without the file of secrets."""

    top: int
    secrets: bool


def back_up(settings: Settings, target: Path) -> Copied:
    """Copy database and secrets into the directory ``target``, which is empty or not there yet. The server may run.

    Raises :class:`BackupRefused`, and OSError where the disk refuses.
    """
    source = settings.sqlite_path
    if source is None:
        raise BackupRefused("The database is PostgreSQL: use pg_dump, and keep secrets.json of DATA_DIR with its dump.")
    if not source.is_file():
        raise BackupRefused(f"There is no database {source}.")
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise BackupRefused(f"{target} is not empty: name a directory for this copy alone.")
    with _copy_beside(source, target / DATABASE_FILE) as copy:
        top = _examined(copy)
        os.replace(copy, target / DATABASE_FILE)
        sync_directory(target)
    return Copied(top, _copy_secrets(settings.data_dir, target))


def back_up_in_turn(settings: Settings, parent: Path, now_s: float) -> tuple[Path, Copied]:
    """As :func:`back_up`, into a new directory of ``parent`` that is named by the time in UTC."""
    target = parent / time.strftime(TURN, time.gmtime(now_s))
    return target, back_up(settings, target)


def drop_older(parent: Path, newest: Path, keep: int, now_s: float) -> list[Path]:
    """Delete the oldest copies in ``parent`` until ``keep`` are left, ``newest`` among them; returns what was deleted.

    Touches only what has the name of such a copy, so whatever else stands there stays. What a copy that was killed has
    left goes after a day. Raises OSError.
    """
    others = sorted((each for each in parent.iterdir() if _is_turn(each) and each != newest), reverse=True)
    whole = [each for each in others if (each / DATABASE_FILE).is_file()]
    killed = time.strftime(TURN, time.gmtime(now_s - DAY_S))
    gone = whole[keep - 1 :] + [each for each in others if each not in whole and each.name < killed]
    for each in gone:
        (each / DATABASE_FILE).unlink(missing_ok=True)  # first: half a copy must not look like a whole one
        shutil.rmtree(each)
    return gone


def note_backup(settings: Settings, now_ms: int) -> None:
    """Keep that a copy was made, for whoever asks how old the newest is. Raises peewee's errors on a full disk."""
    database = database_at(settings.database)
    with database.connection_context(), database.atomic():
        database.execute_sql(dialect_of(database).own(_KEEP_FACT), (LAST_BACKUP, str(now_ms)))


def restore(settings: Settings, source: Path) -> Copied:
    """Put the copy in the directory ``source`` in the place of the SQLite database and of the secrets.

    Nobody may use the database. What the copy takes the place of is kept beside it, as ``….before-restore``. Raises
    :class:`BackupRefused` and OSError; the database is then as it was.
    """
    place = settings.sqlite_path
    if place is None:
        raise BackupRefused("The database is PostgreSQL: restore its dump, then call this without a directory.")
    if not (source / DATABASE_FILE).is_file():
        raise BackupRefused(f"There is no {DATABASE_FILE} in {source}.")
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _copy_beside(source / DATABASE_FILE, place) as copy:
        top = _examined(copy)
        _draw_epoch(Sqlite(copy))
        with _out_of_use(place):
            _keep(settings.data_dir / SECRETS)
            found = _copy_secrets(source, settings.data_dir)
            _keep(place)
            # A log of changes belongs to the database that goes; SQLite would read it into the one that comes.
            for log in ("-wal", "-shm"):
                with suppress(FileNotFoundError):
                    os.replace(f"{place}{log}", f"{place}{REPLACED}{log}")
            os.replace(copy, place)
            sync_directory(place.parent)
    return Copied(top, found)


def take_for_copy(settings: Settings) -> int:
    """Draw a new epoch for a database that was put in place by other means; returns the id of its newest event.

    Nobody may use it. Raises :class:`BackupRefused`.
    """
    place = settings.sqlite_path
    if place is not None and not place.is_file():
        raise BackupRefused(f"There is no database {place}.")
    if place is not None:
        _examined(place)
    return _draw_epoch(database_at(settings.database))


@contextmanager
def _copy_beside(source: Path, place: Path) -> Iterator[Path]:
    """A copy of the SQLite file ``source`` in the directory of ``place``; gone at the end, unless it was moved."""
    copy = place.with_name(f"{place.name}.unfinished")
    copy.unlink(missing_ok=True)
    try:
        try:
            with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(copy)) as other:
                # In one step, so of one moment, and whoever writes meanwhile goes on (SQLite, Online Backup API).
                one.backup(other)
                other.execute("PRAGMA journal_mode = DELETE")  # one file, without a log of changes beside it
        except sqlite3.DatabaseError as failure:
            raise BackupRefused(f"{source} cannot be copied: {failure}.") from failure
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def _examined(copy: Path) -> int:
    """The id of the newest event of an SQLite file that is whole and of this program. Raises :class:`BackupRefused`."""
    database: Any = Sqlite(copy)
    try:
        with database.connection_context():
            verdict = scalar(database, "PRAGMA quick_check(1)")
            version = version_of(database)
            if verdict != "ok":
                raise BackupRefused(f"The database is damaged: {verdict}.")
            if not version or fact(database, MOVING) is not None:
                raise BackupRefused("It is no whole database of ReplyX.")
            if version > len(MIGRATIONS):
                raise BackupRefused(
                    f"It has schema version {version}, this program knows {len(MIGRATIONS)}: use a newer ReplyX."
                )
            return _top(database)
    except DatabaseError as failure:
        raise BackupRefused(f"The database is damaged: {failure}.") from failure


def _draw_epoch(database: Database) -> int:
    """Begin a new line of events; returns the id of the newest one of before. Raises :class:`BackupRefused`."""
    try:
        with database.connection_context():
            if not version_of(database):
                raise BackupRefused("It is no database of ReplyX.")
            if others := catalog_of(database).others():
                raise BackupRefused(IN_USE.format(others))
            sql = dialect_of(database).own(_NEW_EPOCH)
            database.execute_sql(sql, (secrets.token_hex(4),))
            top = _top(database)
            database.execute_sql("COMMIT")
            return top
    except (DatabaseError, InterfaceError) as failure:
        raise BackupRefused(f"The database cannot be used: {failure}.") from failure


def _is_turn(path: Path) -> bool:
    """Whether it is a directory with a name that :func:`back_up_in_turn` gives."""
    try:
        time.strptime(path.name, TURN)
    except ValueError:
        return False
    return path.is_dir() and not path.is_symlink()


def _top(database: Any) -> int:
    return int(scalar(database, f"SELECT {Counter.top} FROM {Counter}"))


@contextmanager
def _out_of_use(place: Path) -> Iterator[None]:
    """Hold the SQLite file ``place``, its log of changes written into it. One that is gone or damaged holds nobody."""
    if not place.exists():
        yield
        return
    with closing(sqlite3.connect(place, timeout=0, isolation_level=None)) as old:
        try:
            old.execute("PRAGMA locking_mode = EXCLUSIVE")
            old.execute("BEGIN EXCLUSIVE")
            old.execute("COMMIT")
            old.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.DatabaseError as failure:
            if failure.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise BackupRefused(IN_USE.format("another program has the file open")) from None
        yield


def _keep(path: Path) -> None:
    """Give the file a second name. The first is never missing: a server that starts meanwhile would begin anew."""
    if path.exists():
        kept = path.with_name(path.name + REPLACED)
        kept.unlink(missing_ok=True)
        os.link(path, kept)


def _copy_secrets(source: Path, target: Path) -> bool:
    """Copy the file of secrets, readable for its owner alone; False where there is none."""
    if not (source / SECRETS).is_file():
        return False
    unfinished = target / f"{SECRETS}.unfinished"
    unfinished.touch(mode=0o600)
    shutil.copyfile(source / SECRETS, unfinished)
    os.replace(unfinished, target / SECRETS)
    return True
