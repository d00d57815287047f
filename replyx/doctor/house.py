"""What is to be seen from inside: the machine, the data directory, the database, Redis, the settings."""

from __future__ import annotations

import os
import platform
import pwd
import resource
import shutil
import sqlite3
import ssl
import stat
import time
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from peewee import Database

from replyx import __version__
from replyx.database.backup import LAST_BACKUP
from replyx.database.dialect import dialect_of, scalar
from replyx.database.migrations import MIGRATIONS, version_of
from replyx.database.models import Account, Installation, Widget
from replyx.database.opening import database_at
from replyx.database.rows import select, value
from replyx.database.sqlite import Sqlite
from replyx.delivery import eventlog
from replyx.delivery.store import Snapshot
from replyx.doctor.findings import Finding, found
from replyx.loopback import is_loopback
from replyx.secrets_file import FILE_NAME as SECRETS
from replyx.settings import Settings

FREE_MB = 256  # below it a busy shop has a day left, or less
FEW_FILES = 4096
BEHIND_S = 60
BACKUP_DAYS = 7
DAY_MS = 86_400_000
NETWORKED = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph"})


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a widget may stand."""

    id: int
    domains: list[str]


_FACT = value(Installation.value).where(f"{Installation.key} = ?")
_WIDGETS = select(_Place, Widget).where(f"NOT {Widget.deleted}", f"ORDER BY {Widget.id}")
_ADMIN = value(Account.email).where(f"{Account.role} = 'admin' AND {Account.active}", f"ORDER BY {Account.id} LIMIT 1")


def machine(settings: Settings) -> Iterator[Finding]:
    """The program and what it stands on; nothing here opens the database."""
    yield found("program", version=__version__, python=platform.python_version(), sqlite=sqlite3.sqlite_version)
    if settings.data_dir.is_dir():
        yield from _directory(settings)
    yield from _limits()
    if any(network.prefixlen == 0 for network in settings.trusted_proxies):
        yield found("trusts_everybody")
    if not settings.public_url and not is_loopback(settings.host):
        yield found("no_public_url", url=settings.base_url(settings.port))


def contents(rows: Snapshot, settings: Settings, now_ms: int) -> Iterator[Finding]:
    """What the rows tell: the clock, the demo, copies, who administers, where widgets may stand."""
    newest = eventlog.newest_at(rows)
    behind_s = (newest - now_ms) / 1000 if newest is not None else 0
    yield found("clock_behind", minutes=round(behind_s / 60)) if behind_s > BEHIND_S else found("clock")
    if _FACT.one(rows, "demo") is not None:
        yield found("demo" if _is_private(settings) else "demo_public")
    elif settings.sqlite_path is not None:
        yield _backup(_FACT.one(rows, LAST_BACKUP), now_ms)
    if an_admin(rows) is None:
        yield found("no_admin")
    for widget in _WIDGETS.each(rows):
        if all(is_loopback(domain.strip("[]")) for domain in widget.domains):
            yield found("widget_nowhere", widget=widget.id)


async def redis(settings: Settings) -> list[Finding]:
    """Whether Redis answers, where one is set."""
    if not settings.redis_url:
        return []
    # Here, because loading redis-py takes 0.15 s and 6 MB that a server without Redis does not need.
    from replyx.redis.address import RedisAddress
    from replyx.redis.link import UNREACHABLE, RedisLink

    begun = time.monotonic()
    try:
        connection = await RedisLink(RedisAddress.parse(settings.redis_url), "replyx-doctor").open()
    except UNREACHABLE as failure:
        return [found("redis_silent", why=type(failure).__name__)]
    await connection.disconnect()
    return [found("redis", ms=round((time.monotonic() - begun) * 1000))]


def database(settings: Settings, now_ms: int) -> Iterator[Finding]:
    """The database as a command sees it, page by page where it is SQLite; changes nothing, not even its schema."""
    path = settings.sqlite_path
    if is_absent(settings):
        yield found("database_absent", path=path)
        return
    opened = database_at(settings.database)
    try:
        with opened.connection_context():
            yield from schema(opened)
            if version_of(opened) == len(MIGRATIONS):
                yield from contents(Snapshot(opened), settings, now_ms)
    except dialect_of(opened).failed as failure:
        yield found("database_silent", why=type(failure).__name__)


def schema(opened: Database) -> Iterator[Finding]:
    """Of a connected database: what it is, whether every page of an SQLite file is whole, and its schema."""
    there, own = version_of(opened), len(MIGRATIONS)
    yield found("database", kind=dialect_of(opened).name, schema=there)
    if isinstance(opened, Sqlite):
        verdict = scalar(opened, "PRAGMA quick_check(1)")
        yield found("database_whole") if verdict == "ok" else found("database_damaged", why=verdict)
    if there != own:
        yield found("schema_older" if there < own else "schema_newer", schema=there, own=own)


def is_absent(settings: Settings) -> bool:
    """Whether these settings name an SQLite file that is not there."""
    return settings.sqlite_path is not None and not settings.sqlite_path.is_file()


def an_admin(rows: Snapshot) -> str | None:
    """The address of an account that can administer, None where there is none."""
    return _ADMIN.one(rows)


def _directory(settings: Settings) -> Iterator[Finding]:
    path = settings.data_dir.resolve()
    seen = path.stat()
    if seen.st_uid != os.geteuid():
        yield found("data_dir_foreign", path=path, owner=_user(seen.st_uid))
    if seen.st_mode & 0o077:
        yield found("data_dir_open", path=path, mode=f"{stat.S_IMODE(seen.st_mode):o}")
    else:
        yield found("data_dir", path=path)
    secrets = path / SECRETS
    if secrets.is_file() and secrets.stat().st_mode & 0o077:
        yield found("secrets_open", path=secrets)
    free = shutil.disk_usage(path).free // 2**20
    yield found("disk", free=free) if free >= FREE_MB else found("disk_low", free=free, path=path)
    kind = _file_system(path)
    if settings.sqlite_path is not None and kind in NETWORKED:
        yield found("disk_shared", path=path, kind=kind)


def _limits() -> Iterator[Finding]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = soft == resource.RLIM_INFINITY or soft >= FEW_FILES
    yield found("files" if enough else "files_few", count=soft)
    if not zoneinfo.available_timezones():
        yield found("zones_missing")
    trusted = ssl.create_default_context().cert_store_stats()["x509_ca"]
    by_folder = ssl.get_default_verify_paths().capath
    yield found("certificates" if trusted or (by_folder and any(Path(by_folder).iterdir())) else "certificates_missing")


def _backup(last: str | None, now_ms: int) -> Finding:
    if last is None:
        return found("backup_never")
    days = max(0, now_ms - int(last)) // DAY_MS
    return found("backup" if days <= BACKUP_DAYS else "backup_old", days=days)


def _is_private(settings: Settings) -> bool:
    """Whether only programs on this machine reach the server, as far as its settings tell."""
    return is_loopback(settings.host) and is_loopback(urlsplit(settings.public_url).hostname or "localhost")


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _file_system(path: Path) -> str:
    """The kind of file system that ``path`` lies on, as Linux names it; empty where nobody says (proc(5), mounts)."""
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    mounts = [line.split()[1:3] for line in lines]
    above = [(len(where), kind) for where, kind in mounts if path.is_relative_to(where)]
    return max(above)[1] if above else ""
