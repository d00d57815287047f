"""Every setting of ReplyX in one list: name, default, help, example and how its text is read.

A value comes from the first of these that names it: a command-line flag, the environment, the ``.env``
file, the default. An empty text stands for the default. :func:`from_namespace` reads them all and either returns a
:class:`Settings` or raises one :class:`SettingsError` that lists everything wrong at once.

The name of the environment variable and of the flag follow from the field: ``data_dir`` is ``DATA_DIR``
and ``--data-dir``. ``docs/operating.md`` has a row for each, and a test holds the two together.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any

from dotenv.parser import parse_stream

from replyx import settings_values as read
from replyx.loopback import way_in
from replyx.process import redaction
from replyx.settings_values import IpNetwork

DATABASE_FILE = "replyx.db"
DEMO_DIRECTORY = Path("data-demo")  # so that a first real start in the same place finds nothing of the demo
MIN_SECRET_CHARS = 32  # RFC 7518, 3.2: a key for HS256 has at least 256 bits

_ALMOST_A_NAME = 0.85  # difflib ratio: INTERAL_SECRET is taken for a slip, BACKEND_URL for another program's


def _setting(default: object, read_text: Callable[[str], Any], help: str, example: str, *, secret: bool = False) -> Any:
    """A field of :class:`Settings`; ``secret`` keeps its value out of ``repr``, errors and logs."""
    meta = {"read": read_text, "help": help, "example": example, "secret": secret}
    return dataclasses.field(default=default, metadata=meta, repr=not secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a server runs with. Immutable; tests build it directly, everybody else calls :func:`from_namespace`."""

    host: str = _setting("127.0.0.1", read.host, "address to listen on", "0.0.0.0")
    port: int = _setting(8000, read.whole(0, 65535), "port to listen on; 0 takes a free one", "8080")
    data_dir: Path = _setting(
        Path("data"),
        Path,
        f"directory of the database and of the generated secrets; with --demo {DEMO_DIRECTORY} if none is named",
        "/var/lib/replyx",
    )
    database_url: str = _setting(
        "",
        read.database_url,
        f"SQLite or PostgreSQL database; without it the SQLite file {DATABASE_FILE} in DATA_DIR",
        "postgresql://replyx:password@db.example/replyx",
        secret=True,
    )
    redis_url: str = _setting(
        "", read.redis_url, "Redis that joins several processes or hosts", "redis://redis.example:6379/0", secret=True
    )
    public_url: str = _setting(
        "", read.origin, "address by which browsers reach the server; without it HOST and PORT", "https://chat.example"
    )
    allowed_hosts: tuple[str, ...] = _setting(
        (),
        read.host_names,
        "names, separated by commas, by which the server may be called beside that of PUBLIC_URL",
        "*.shop.example",
    )
    cors_origins: tuple[str, ...] = _setting(
        (), read.origins, "origins, separated by commas, whose pages may call the API", "https://shop.example"
    )
    trusted_proxies: tuple[IpNetwork, ...] = _setting(
        (), read.networks, "addresses or networks, separated by commas, whose X-Forwarded-* is believed", "10.0.0.0/8"
    )
    internal_secret: str = _setting(
        "",
        str,
        f"secret of the bots' broadcasts; shorter than {MIN_SECRET_CHARS} characters turns them off",
        "$(openssl rand -hex 32)",
        secret=True,
    )
    broadcast_private_types: tuple[str, ...] = _setting(
        (),
        read.names,
        "types of broadcasts, separated by commas, that reach only sockets which named their room",
        "order_status",
    )
    metrics_token: str = _setting(
        "",
        str,
        f"bearer token of GET /metrics; shorter than {MIN_SECRET_CHARS} characters turns it off",
        "$(openssl rand -hex 32)",
        secret=True,
    )
    jwt_secret: tuple[str, ...] = _setting(
        (),
        read.signing_keys(MIN_SECRET_CHARS),
        "key that signs tokens, or 'new,old' while one replaces the other; without it DATA_DIR keeps a generated one",
        "$(openssl rand -hex 32)",
        secret=True,
    )
    log_level: str = _setting("info", read.choice("debug", "info", "warning", "error"), "least level logged", "debug")
    log_format: str = _setting("text", read.choice("text", "json"), "form of a log line: text or json", "json")
    log_file: Path | None = _setting(None, Path, "file that gets the log lines too", "/var/log/replyx.log")
    log_file_mb: int = _setting(
        50, read.whole(0, 100_000), "megabytes from which on the log file is followed by a new one; 0 for never", "10"
    )
    log_files_kept: int = _setting(5, read.whole(1, 1000), "old log files that are kept", "20")
    rate_limits: bool = _setting(
        True, read.on_off, "on or off; off is for measurements and allowed on loopback only", "off"
    )
    connections_per_address: int = _setting(
        0,
        read.whole(0, 1_000_000),
        "connections that one address may have, unless it is a trusted proxy's; 0 for half of all",
        "2000",
    )
    held_mb: int = _setting(
        64, read.whole(1, 100_000), "megabytes of half-sent requests and untaken answers that a process holds", "256"
    )
    demo: bool = _setting(
        False,
        read.on_off,
        f"fill an empty DATA_DIR, {DEMO_DIRECTORY} if none is named, with demo accounts; on loopback only",
        "on",
    )
    workers: int = _setting(1, read.whole(1, 64), "processes that share the port; more than 1 needs REDIS_URL", "2")
    retention_days: int = _setting(7, read.whole(1, 3650), "days for which clients can catch up", "30")
    retention_events: int = _setting(
        1_000_000, read.whole(1, 1_000_000_000), "events kept at most for catching up", "5000000"
    )
    empty_dialog_hours: int = _setting(
        24, read.whole(1, 8760), "hours after which a dialog in which nobody wrote is forgotten", "72"
    )
    registration: bool = _setting(False, read.on_off, "on or off: may people create user accounts themselves", "on")
    session_days: int = _setting(
        90, read.whole(1, 3650), "days after which everybody logs in again, however much they are here", "30"
    )
    widget_token_days: int = _setting(1825, read.whole(1, 36500), "days for which a widget's embed code works", "365")
    business_hours: str = _setting(
        "Mon-Fri 09:00-18:00",
        read.business_hours,
        "when operators work, on days of the week and on dates; tickets' due times count this",
        "Mon-Fri 09:00-13:00,14:00-18:00; Sat 10:00-14:00; 2026-12-31 off",
    )
    time_zone: str = _setting("UTC", read.time_zone, "time zone of the business hours", "Europe/Moscow")

    webhook_private_networks: tuple[IpNetwork, ...] = _setting(
        (),
        read.networks,
        "private addresses or networks, separated by commas, that webhooks and push messages may be sent to",
        "10.1.0.0/16",
    )
    source_private_networks: tuple[IpNetwork, ...] = _setting(
        (), read.networks, "private addresses or networks from which assistants' sources may be read", "10.1.0.0/16"
    )
    webhook_retry_seconds: int = _setting(
        10, read.whole(1, 3600), "seconds before a failed delivery is first repeated; each next waits longer", "60"
    )

    push_contact: str = _setting(
        "",
        read.contact,
        "mailto: or https: address at which push services reach whoever runs this; without it PUBLIC_URL",
        "mailto:admin@chat.example",
    )

    @property
    def database(self) -> str:
        """URL of the database in use: ``database_url``, or the SQLite file in ``data_dir``."""
        return self.database_url or f"sqlite:///{(self.data_dir / DATABASE_FILE).as_posix()}"

    @property
    def sqlite_path(self) -> Path | None:
        """Path of the SQLite file in use (``sqlite:////abs`` is absolute), or None on PostgreSQL."""
        scheme, _, path = self.database.partition(":///")
        return Path(path) if scheme == "sqlite" else None

    def way_in(self, sockets: Iterable[socket] = ()) -> str | None:
        """See :func:`replyx.loopback.way_in`."""
        return way_in(self.host, self.public_url, sockets)

    def base_url(self, port: int) -> str:
        """The origin that clients are given, without a slash at the end: ``public_url``, or the address bound.

        ``port`` is the one really taken. An address that is no use in a link (any, or 127.0.0.1) reads ``localhost``.
        """
        if self.public_url:
            return self.public_url
        name = "localhost" if self.host in ("127.0.0.1", "0.0.0.0", "::") else self.host
        return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


@dataclass(frozen=True, slots=True)
class Described:
    """One setting as people meet it: in ``--help``, in the documentation and in error messages."""

    name: str
    env: str
    flag: str
    default: str
    help: str
    example: str
    secret: bool
    read: Callable[[str], Any]


def _described(field: dataclasses.Field[Any]) -> Described:
    env = field.name.upper()
    flag = "--" + field.name.replace("_", "-")
    default = _plain(field.default)
    return Described(field.name, env, flag, str(default) or "none", **field.metadata)


def _plain(value: object) -> str | int:
    """``value`` as a person would write it in an environment variable, numbers as such."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return value if isinstance(value, int) else str(value or "")


SETTINGS: tuple[Described, ...] = tuple(_described(field) for field in dataclasses.fields(Settings))
_BY_ENV = {setting.env: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Wrong:
    """One wrong setting: its name as it was given, what was given (never a secret), what would be right."""

    name: str
    value: str
    right: str

    def __str__(self) -> str:
        return f"{self.name} {self.value}: {self.right}" if self.value else f"{self.name}: {self.right}"


class SettingsError(Exception):
    """The server cannot start with these settings; ``wrong`` holds everything found, in one go."""

    def __init__(self, wrong: Sequence[Wrong]) -> None:
        self.wrong = tuple(wrong)
        count = "1 setting is" if len(wrong) == 1 else f"{len(wrong)} settings are"
        super().__init__("\n  ".join([f"{count} wrong:", *map(str, wrong)]))


@dataclass(frozen=True, slots=True)
class _Rule:
    """A demand on several settings together; the first of ``names`` is the one to blame."""

    names: tuple[str, ...]
    broken: Callable[[Settings], bool]
    right: str


LOOPBACK_ONLY = "HOST and PUBLIC_URL are loopback, such as 127.0.0.1 and http://localhost:8000"

_RULES = (
    _Rule(
        ("workers", "redis_url"),
        lambda s: s.workers > 1 and not s.redis_url,
        "more than one process needs REDIS_URL, because Redis carries each new event to the other processes",
    ),
    _Rule(
        ("rate_limits", "host", "public_url"),
        lambda s: not s.rate_limits and s.way_in() is not None,
        f"can be off only while {LOOPBACK_ONLY}, or anyone could flood the server",
    ),
    _Rule(
        ("demo", "host", "public_url"),
        lambda s: s.demo and s.way_in() is not None,
        f"is allowed only while {LOOPBACK_ONLY}, because its passwords are public",
    ),
)


def add_settings_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--env-file`` and a flag for every setting; one that is not given leaves no trace in the namespace.

    So a sub-command's parser may repeat the flags of its parent without undoing them.
    """
    group = parser.add_argument_group("settings", "flags go before the environment, and that before the .env file")
    group.add_argument(
        "--env-file", type=Path, default=argparse.SUPPRESS, metavar="FILE", help="file with NAME=value lines"
    )
    for setting in SETTINGS:
        text = f"{setting.help} (env {setting.env}; default {setting.default}; e.g. {setting.example})"
        text = text.replace("%", "%%")
        if setting.name == "demo":
            group.add_argument(
                setting.flag, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text
            )
        else:
            metavar = setting.env.rpartition("_")[2]
            group.add_argument(setting.flag, dest=setting.name, default=argparse.SUPPRESS, metavar=metavar, help=text)


@dataclass(frozen=True, slots=True)
class _Given:
    """The text of a setting, and the name under which somebody gave it."""

    text: str
    name: str


def from_namespace(namespace: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    """The settings from a parsed command line that :func:`add_settings_arguments` took part in.

    Raises :class:`SettingsError`.
    """
    wrong: list[Wrong] = []
    given = _from_env_file(getattr(namespace, "env_file", None), wrong)
    given |= {name: _Given(environ[env], env) for env, name in _names() if env in environ}
    for setting in SETTINGS:
        flag = getattr(namespace, setting.name, None)
        if flag is not None:
            given[setting.name] = _Given(str(_plain(flag)), setting.flag)
    values, failed = _read_all(given, wrong)
    if values.get("demo"):
        values.setdefault("data_dir", DEMO_DIRECTORY)
    settings = Settings(**values)
    for rule in _RULES:
        if not failed.intersection(rule.names) and rule.broken(settings):
            wrong.append(_wrong(rule.names[0], given, rule.right))
    if wrong:
        raise SettingsError(wrong)
    return settings


def _names() -> list[tuple[str, str]]:
    return [(setting.env, setting.name) for setting in SETTINGS]


def _from_env_file(path: Path | None, wrong: list[Wrong]) -> dict[str, _Given]:
    """What the ``.env`` file gives; only one that was asked for by name has to exist."""
    source = path or Path(".env")
    if path is None and not source.is_file():
        return {}
    try:
        with source.open(encoding="utf-8-sig") as stream:
            bindings = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        wrong.append(Wrong("--env-file", str(source), f"must be a file that can be read ({reason})"))
        return {}
    given = {}
    for binding in bindings:
        if binding.key is None and not binding.error:
            continue  # a comment or an empty line
        if binding.error or binding.value is None:
            wrong.append(Wrong(str(source), f"line {binding.original.line}", "must read NAME=value"))
        elif binding.key in _BY_ENV:
            given[_BY_ENV[binding.key].name] = _Given(binding.value, f"{binding.key} in {source}")
        elif near := difflib.get_close_matches(binding.key or "", _BY_ENV, 1, _ALMOST_A_NAME):
            wrong.append(Wrong(f"{binding.key} in {source}", "", f"is no setting; {near[0]} is one"))
    return given


def _read_all(given: Mapping[str, _Given], wrong: list[Wrong]) -> tuple[dict[str, Any], set[str]]:
    """The typed values that could be read, and the names of the settings that could not."""
    values: dict[str, Any] = {}
    failed = set()
    for setting in SETTINGS:
        text = given[setting.name].text.strip() if setting.name in given else ""
        if not text:
            continue
        try:
            values[setting.name] = setting.read(text)
        except ValueError as error:
            failed.add(setting.name)
            wrong.append(_wrong(setting.name, given, str(error)))
    return values, failed


def _wrong(name: str, given: Mapping[str, _Given], right: str) -> Wrong:
    secret = _BY_ENV[name.upper()].secret
    where = given[name]
    return Wrong(where.name, "(its value is secret)" if secret else repr(where.text), right)


def redacted(settings: Settings) -> dict[str, str | int]:
    """The settings by name for a log line: of a secret only whether it is set, of a URL not the password."""
    shown: dict[str, str | int] = {}
    for setting in SETTINGS:
        value = getattr(settings, setting.name)
        if not setting.secret:
            shown[setting.name] = _plain(value)
        elif setting.name.endswith("_url"):
            shown[setting.name] = redaction.redact(value)
        else:
            shown[setting.name] = "set" if value else "not set"
    return shown
