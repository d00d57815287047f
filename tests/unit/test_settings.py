"""Settings: where a value comes from, what is refused and how that is said."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from replyx import cli
from replyx.settings import SETTINGS, Settings, SettingsError, from_namespace, redacted

SECRET = "correct-horse-battery-staple-correct-horse"
OTHER = "tr0ub4dor-and-3-tr0ub4dor-and-3-tr0ub4dor"


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of every test: one without a .env file."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """The settings of a command line and an environment."""
    return from_namespace(cli.parse(argv), environ)


def refused(argv: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> SettingsError:
    """The error of a start that must not succeed."""
    with pytest.raises(SettingsError) as caught:
        load(argv, environ or {})
    return caught.value


def test_without_anything_given_the_defaults_apply() -> None:
    assert load([], {}) == Settings()
    assert (Settings().host, Settings().port, Settings().data_dir) == ("127.0.0.1", 8000, Path("data"))


def test_a_flag_goes_before_the_environment_and_that_before_the_env_file_and_that_before_the_default(
    empty_directory: Path,
) -> None:
    (empty_directory / ".env").write_text("PORT=1\nWORKERS=1\nHOST=::1\n")
    assert load([], {}).port == 1
    assert load([], {"PORT": "2"}).port == 2
    assert load(["--port", "3"], {"PORT": "2"}).port == 3
    assert load(["--port", "3"], {"PORT": "2"}).host == "::1"


# A text for each setting, not its default, and what it means. The walk below fails for one that is not here.
READ: dict[str, tuple[str, Any]] = {
    "host": ("0.0.0.0", "0.0.0.0"),
    "port": ("0", 0),
    "data_dir": ("/srv/replyx", Path("/srv/replyx")),
    "database_url": ("postgresql://u:p@db/replyx", "postgresql://u:p@db/replyx"),
    "redis_url": ("redis://cache:6379/1", "redis://cache:6379/1"),
    "public_url": ("https://Chat.Example:443/", "https://chat.example"),
    "allowed_hosts": (
        "Chat.Example., *.shop.example,МАГАЗИН.рф",
        ("chat.example", "*.shop.example", "xn--80aairftm.xn--p1ai"),
    ),
    "cors_origins": ("https://a.example, http://b.example:8080", ("https://a.example", "http://b.example:8080")),
    "trusted_proxies": ("10.0.0.0/8,::1", (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128"))),
    "internal_secret": (SECRET, SECRET),
    "metrics_token": (SECRET, SECRET),
    "broadcast_private_types": ("order_status, x,x", ("order_status", "x")),
    "jwt_secret": (f"{SECRET},{OTHER}", (SECRET, OTHER)),
    "log_level": ("DEBUG", "debug"),
    "log_format": ("json", "json"),
    "log_file": ("/var/log/replyx.log", Path("/var/log/replyx.log")),
    "log_file_mb": ("10", 10),
    "connections_per_address": ("2000", 2000),
    "held_mb": ("256", 256),
    "log_files_kept": ("20", 20),
    "rate_limits": ("off", False),
    "demo": ("1", True),
    "workers": ("1", 1),
    "retention_days": ("30", 30),
    "retention_events": ("1000", 1000),
    "business_hours": ("Mon-Sat 10:00-13:00,14:00-24:00; Sun off",) * 2,
    "time_zone": ("Europe/Moscow", "Europe/Moscow"),
    "empty_dialog_hours": ("72", 72),
    "registration": ("on", True),
    "session_days": ("30", 30),
    "widget_token_days": ("90", 90),
    "webhook_private_networks": ("10.1.0.0/16", (ipaddress.ip_network("10.1.0.0/16"),)),
    "source_private_networks": ("10.1.0.0/16", (ipaddress.ip_network("10.1.0.0/16"),)),
    "webhook_retry_seconds": ("60", 60),
    "push_contact": ("mailto:a@b.example", "mailto:a@b.example"),
}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.env)
def test_every_setting_can_be_given_by_environment_file_and_flag(setting: Any, empty_directory: Path) -> None:
    text, meaning = READ[setting.name]
    assert getattr(load([], {setting.env: text}), setting.name) == meaning
    (empty_directory / "other.env").write_text(f"{setting.env}={text}\n")
    assert getattr(load(["--env-file", "other.env"], {}), setting.name) == meaning
    flag = [setting.flag] if setting.name == "demo" else [setting.flag, text]
    assert getattr(load(flag, {}), setting.name) == meaning


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.env)
def test_the_example_of_every_setting_is_a_value_that_it_takes(setting: Any) -> None:
    if not setting.example.startswith("$("):  # a shell command that makes one
        assert setting.read(setting.example) is not None


def test_every_setting_is_in_the_help_with_its_environment_name_and_default(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        load(["--help"], {})
    shown = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 0
    for setting in SETTINGS:
        assert setting.flag in shown
        assert f"(env {setting.env}; default {setting.default};" in shown


def test_an_unknown_flag_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["--prot", "1"], ["--work", "2"]):  # a slip, and an abbreviation that a new flag could make ambiguous
        with pytest.raises(SystemExit) as ended:
            load(argv, {})
        assert ended.value.code == 2
        assert argv[0] in capsys.readouterr().err


def test_an_empty_text_stands_for_the_default_and_hides_what_has_less_to_say(empty_directory: Path) -> None:
    (empty_directory / ".env").write_text("REDIS_URL=redis://cache\n")
    assert load([], {}).redis_url == "redis://cache"
    assert load([], {"REDIS_URL": "", "PORT": " "}) == Settings()
    assert load(["--port", ""], {"PORT": "1", "REDIS_URL": ""}) == Settings()


def test_the_demo_has_a_directory_of_its_own_unless_one_is_named() -> None:
    assert load([], {}).data_dir == Path("data")
    assert load(["--demo"], {}).data_dir == Path("data-demo")
    assert load(["--demo"], {"DATA_DIR": ""}).data_dir == Path("data-demo")
    assert load(["--demo"], {"DATA_DIR": "data"}).data_dir == Path("data")
    assert load(["--no-demo"], {"DEMO": "on"}).data_dir == Path("data")


def test_demo_in_the_environment_can_be_undone_by_a_flag() -> None:
    assert load([], {"DEMO": "on"}).demo
    assert not load(["--no-demo"], {"DEMO": "on"}).demo


WRONG = [
    ("HOST", "http://localhost", "without http://"),
    ("HOST", "localhost:8000", "without a port"),
    ("HOST", "300.1.1.1", "an IP address or a host name"),
    ("HOST", "two words", "an IP address or a host name"),
    ("PORT", "http", "from 0 to 65535"),
    ("PORT", "65536", "from 0 to 65535"),
    ("PORT", "-1", "from 0 to 65535"),
    ("PORT", "8_000", "from 0 to 65535"),
    ("PORT", "٨٠", "from 0 to 65535"),
    ("DATABASE_URL", "replyx.db", "sqlite:///"),
    ("DATABASE_URL", "sqlite://replyx.db", "sqlite:///"),
    ("DATABASE_URL", "sqlite:///", "sqlite:///"),
    ("DATABASE_URL", "sqlite:///:memory:", "sqlite:///"),
    ("DATABASE_URL", "mysql://u:p@db/replyx", "postgresql://"),
    ("DATABASE_URL", "postgresql://db:port/replyx", "postgresql://"),
    ("REDIS_URL", "cache:6379", "redis://"),
    ("REDIS_URL", "redis://", "redis://"),
    ("REDIS_URL", "http://cache", "redis://"),
    ("PUBLIC_URL", "chat.example", "https://host"),
    ("PUBLIC_URL", "https://chat.example/path", "no path"),
    ("PUBLIC_URL", "https://chat.example?a=1", "no path"),
    ("PUBLIC_URL", "ftp://chat.example", "https://host"),
    ("PUBLIC_URL", "https://user@chat.example", "https://host"),
    ("CORS_ORIGINS", "*", "every page"),
    ("CORS_ORIGINS", "https://a.example,b.example", "https://shop.example"),
    ("CORS_ORIGINS", "null", "https://shop.example"),
    ("TRUSTED_PROXIES", "10.0.0.1/8", "without host bits"),
    ("TRUSTED_PROXIES", "proxy.example", "addresses or networks"),
    ("JWT_SECRET", "x" * 31, "32 or more characters"),
    ("JWT_SECRET", f"{SECRET},short", "32 or more characters"),
    ("JWT_SECRET", f"{SECRET},{SECRET}", "two different"),
    ("JWT_SECRET", f"{SECRET},{OTHER},{SECRET}2", "two different"),
    ("LOG_LEVEL", "loud", "debug, info, warning, error"),
    ("LOG_FORMAT", "xml", "text, json"),
    ("RATE_LIMITS", "some", "on or off"),
    *[
        ("ALLOWED_HOSTS", text, "*.shop.example")
        for text in ("*", "*.example", "a.example:80", "https://a.example", "a b")
    ],
    ("DEMO", "maybe", "on or off"),
    ("WORKERS", "0", "from 1 to 64"),
    ("RETENTION_DAYS", "0", "from 1 to"),
    ("BUSINESS_HOURS", "9 to 5", "such as Mon-Fri 09:00-18:00"),
    ("BUSINESS_HOURS", "Mon-Fri 09:00-18:00; Sat 10:00-25:00", "00:00 to 23:59, or 24:00 where a day ends (part 2)"),
    ("TIME_ZONE", "Moscow", "name of a time zone"),
    ("RETENTION_EVENTS", "1e6", "from 1 to"),
    ("REGISTRATION", "2", "on or off"),
    ("WIDGET_TOKEN_DAYS", "forever", "from 1 to"),
]


@pytest.mark.parametrize(("env", "text", "right"), WRONG)
def test_a_wrong_value_is_named_and_told_what_would_be_right(env: str, text: str, right: str) -> None:
    error = refused(environ={env: text})
    assert [wrong.name for wrong in error.wrong] == [env]
    assert right in error.wrong[0].right
    assert str(error.wrong[0]) in str(error)


def test_everything_wrong_is_listed_at_once_under_the_name_by_which_it_was_given(empty_directory: Path) -> None:
    (empty_directory / ".env").write_text("LOG_LEVEL=loud\n")
    error = refused(["--port", "80a"], {"HOST": "a b"})
    assert [(wrong.name, wrong.value) for wrong in error.wrong] == [
        ("HOST", "'a b'"),
        ("--port", "'80a'"),
        ("LOG_LEVEL in .env", "'loud'"),
    ]
    assert str(error).startswith("3 settings are wrong:\n")
    assert len(str(error).splitlines()) == 4


@pytest.mark.parametrize(
    ("env", "text", "secret"),
    [
        ("JWT_SECRET", "hunter2", "hunter2"),
        ("DATABASE_URL", "mysql://u:hunter2@db/x", "hunter2"),
        ("REDIS_URL", "hunter2@cache", "hunter2"),
    ],
)
def test_an_error_never_holds_the_value_of_a_secret(env: str, text: str, secret: str) -> None:
    error = refused(environ={env: text, "PORT": "visible"})
    assert secret not in str(error)
    assert secret not in repr(error.wrong)
    assert "visible" in str(error)  # so that this test would see a value if one were there


def test_a_short_internal_secret_is_kept_since_only_its_endpoint_goes_off() -> None:
    assert load([], {"INTERNAL_SECRET": "short"}).internal_secret == "short"


REFUSED_TOGETHER = [
    (["--workers", "2"], "--workers", "needs REDIS_URL"),
    (["--rate-limits", "off", "--host", "0.0.0.0"], "--rate-limits", "loopback"),
    (["--rate-limits", "off", "--public-url", "https://chat.example"], "--rate-limits", "loopback"),
    (["--demo", "--host", "192.168.1.5"], "--demo", "loopback"),
    (["--demo", "--public-url", "https://chat.example"], "--demo", "loopback"),
    (["--demo", "--public-url", "http://192.168.1.5:8000"], "--demo", "loopback"),
    (["--demo", "--host", "localhost.example"], "--demo", "loopback"),
    (["--demo", "--host", "::"], "--demo", "loopback"),
]


@pytest.mark.parametrize(("argv", "name", "right"), REFUSED_TOGETHER)
def test_settings_that_do_not_fit_together_are_refused_with_the_reason(argv: list[str], name: str, right: str) -> None:
    error = refused(argv)
    assert [wrong.name for wrong in error.wrong] == [name]
    assert right in error.wrong[0].right


@pytest.mark.parametrize(
    "argv",
    [
        ["--workers", "2", "--redis-url", "redis://cache"],
        ["--rate-limits", "off"],
        ["--rate-limits", "off", "--demo", "--host", "localhost"],
        ["--demo", "--host", "127.1.2.3"],
        ["--demo", "--host", "[::1]"],
        ["--demo", "--rate-limits", "off", "--public-url", "https://localhost"],
    ],
)
def test_settings_that_fit_together_are_taken(argv: list[str]) -> None:
    load(argv, {})


def test_a_value_that_cannot_be_read_is_not_blamed_a_second_time_for_not_fitting() -> None:
    error = refused(["--workers", "2", "--redis-url", "nonsense"])
    assert [wrong.name for wrong in error.wrong] == ["--redis-url"]


def test_an_env_file_that_was_named_has_to_exist(empty_directory: Path) -> None:
    error = refused(["--env-file", "missing.env"])
    assert [(wrong.name, wrong.value) for wrong in error.wrong] == [("--env-file", "missing.env")]
    assert refused(["--env-file", str(empty_directory)]).wrong[0].name == "--env-file"


def test_an_env_file_takes_quotes_comments_exports_and_a_byte_order_mark(empty_directory: Path) -> None:
    lines = "\ufeffPORT=1 # one\n\n# a comment\nexport HOST='::1'\nINTERNAL_SECRET=\"a${HOME}b\"\nBACKEND_URL=x\n"
    (empty_directory / ".env").write_text(lines, encoding="utf-8")
    settings = load([], {"HOME": "/home/anna"})
    assert (settings.port, settings.host, settings.internal_secret) == (1, "::1", "a${HOME}b")


def test_an_env_file_that_cannot_be_understood_is_refused_line_by_line(empty_directory: Path) -> None:
    (empty_directory / ".env").write_text(f"PORT\nJWT_SECRET='{SECRET}\n")
    error = refused()
    assert [(wrong.name, wrong.value) for wrong in error.wrong] == [(".env", "line 1"), (".env", "line 2")]
    assert SECRET not in str(error)
    (empty_directory / ".env").write_bytes(b"HOST=\xff\xfe\n")
    assert "UTF-8" in str(refused())


def test_a_slip_in_a_name_of_the_env_file_is_found_and_other_programs_names_are_left_alone(
    empty_directory: Path,
) -> None:
    (empty_directory / ".env").write_text(f"INTERAL_SECRET={SECRET}\nBACKEND_URL=http://localhost:3000\n")
    error = refused()
    assert [wrong.name for wrong in error.wrong] == ["INTERAL_SECRET in .env"]
    assert "INTERNAL_SECRET" in error.wrong[0].right
    assert SECRET not in str(error)


def test_a_subcommand_takes_the_flags_before_and_after_its_name() -> None:
    for argv in (
        ["--data-dir", "x"],
        ["serve", "--data-dir", "x"],
        ["--data-dir", "x", "init"],
        ["init", "--data-dir", "x"],
        ["--data-dir", "y", "init", "--data-dir", "x"],
        ["--data-dir", "y", "account", "list", "--json", "--data-dir", "x"],
        ["account", "list", "--data-dir=x"],
    ):
        assert load(argv, {"PORT": "5"}) == Settings(data_dir=Path("x"), port=5)


def test_the_database_is_a_file_in_the_data_directory_unless_another_is_named() -> None:
    assert Settings(data_dir=Path("/d")).database == "sqlite:////d/replyx.db"
    assert Settings(data_dir=Path("/d")).sqlite_path == Path("/d/replyx.db")
    assert Settings(data_dir=Path("d")).sqlite_path == Path("d/replyx.db")
    assert load([], {"DATABASE_URL": "sqlite:///chat.db"}).sqlite_path == Path("chat.db")
    assert load([], {"DATABASE_URL": "postgresql:///replyx"}).sqlite_path is None


@pytest.mark.parametrize(
    ("settings", "base"),
    [
        (Settings(), "http://localhost:9"),
        (Settings(host="0.0.0.0"), "http://localhost:9"),
        (Settings(host="::1"), "http://[::1]:9"),
        (Settings(host="shop.local"), "http://shop.local:9"),
        (Settings(public_url="https://chat.example"), "https://chat.example"),
    ],
)
def test_clients_are_given_the_public_address_or_the_one_that_was_bound(settings: Settings, base: str) -> None:
    assert settings.base_url(9) == base


def test_an_origin_gets_the_form_that_browsers_send() -> None:
    given = "https://МАГАЗИН.рф/, capacitor://localhost, http://a.example:80, http://a.example"
    assert load([], {"CORS_ORIGINS": given}).cors_origins == (
        "https://xn--80aairftm.xn--p1ai",
        "capacitor://localhost",
        "http://a.example",
    )


def test_the_line_of_a_start_shows_every_setting_and_no_secret() -> None:
    settings = load(
        [],
        {
            "JWT_SECRET": SECRET,
            "INTERNAL_SECRET": OTHER,
            "REDIS_URL": "redis://:hunter2@cache:6379/0",
            "DATABASE_URL": "postgresql://replyx:hunter3@db/replyx",
            "PORT": "5",
        },
    )
    shown = redacted(settings)
    assert list(shown) == [field.name for field in dataclasses.fields(Settings)]
    for text in (repr(shown), repr(settings)):
        assert not [secret for secret in (SECRET, OTHER, "hunter2", "hunter3") if secret in text]
    assert (shown["jwt_secret"], redacted(Settings())["jwt_secret"]) == ("set", "not set")
    assert (shown["redis_url"], shown["port"]) == ("redis://:***@cache:6379/0", 5)


def test_settings_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]


def test_the_help_works_where_the_locale_knows_no_unicode() -> None:
    code = "from replyx import cli; cli.parse(['--help'])"
    environ = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, env=environ, cwd=root, capture_output=True)
