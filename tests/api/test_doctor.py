"""What ``replyx doctor --inside`` sees of a machine and its data, and what the server tells an admin of itself."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from string import Formatter

import httpx
import pytest

from replyx.doctor.findings import GOOD, NOTES, WORDS, found, verdict_of
from tests.scenario import problem
from tests.server import Server, replyx

pytestmark = pytest.mark.sqlite


def examined(data_dir: Path, **env: str) -> dict[str, str]:
    """The verdict by code; the status tells whether one is bad."""
    done = replyx(data_dir, "doctor", "--inside", "--json", **env)
    findings = json.loads(done.stdout)
    assert done.returncode == any(each["verdict"] == "bad" for each in findings), done.stderr
    return {each["code"]: each["verdict"] for each in findings}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An installation with an admin, whose server does not run."""
    directory = tmp_path / "data"
    assert replyx(directory, "init").returncode == 0
    added = replyx(directory, "account", "add", "anna@shop.example", "--role", "admin", stdin="correct horse battery\n")
    assert added.returncode == 0, added.stderr
    return directory


def fact(data_dir: Path, key: str, value: str) -> None:
    """Write what the database says of itself."""
    with closing(sqlite3.connect(data_dir / "replyx.db")) as database, database:
        database.execute("DELETE FROM installation WHERE key = ?", (key,))
        database.execute("INSERT INTO installation (key, value) VALUES (?, ?)", (key, value))


def test_an_installation_that_is_well_has_nothing_bad(data_dir: Path) -> None:
    found_here = examined(data_dir)
    assert "bad" not in found_here.values()
    assert found_here["database_whole"] == found_here["data_dir"] == found_here["clock"] == "good"


def test_a_copy_is_remembered_and_grows_old(data_dir: Path, tmp_path: Path) -> None:
    assert examined(data_dir)["backup_never"] == "note"
    assert replyx(data_dir, "backup", str(tmp_path / "copy")).returncode == 0
    assert examined(data_dir)["backup"] == "good"
    fact(data_dir, "last_backup", "1700000000000")
    assert examined(data_dir)["backup_old"] == "note"


def test_what_others_may_read_is_bad(data_dir: Path) -> None:
    data_dir.chmod(0o755)
    (data_dir / "secrets.json").chmod(0o644)
    assert {"data_dir_open", "secrets_open"} <= examined(data_dir).keys()


def test_a_schema_of_another_program_is_told_and_left_alone(data_dir: Path) -> None:
    for schema, code in (("99", "schema_newer"), ("3", "schema_older")):
        fact(data_dir, "schema_version", schema)
        assert code in examined(data_dir)
    with closing(sqlite3.connect(data_dir / "replyx.db")) as database:
        assert database.execute("SELECT value FROM installation WHERE key = 'schema_version'").fetchone() == ("3",)


def upgraded(data_dir: Path, **env: str) -> dict[str, str]:
    """The verdict by code of what a new version would do; the status tells whether it could start."""
    done = replyx(data_dir, "upgrade-check", "--json", **env)
    findings = json.loads(done.stdout)
    assert done.returncode == any(each["verdict"] == "bad" for each in findings), done.stderr
    return {each["code"]: each["verdict"] for each in findings}


def test_an_upgrade_is_told_before_it_happens_and_nothing_changes(data_dir: Path) -> None:
    assert upgraded(data_dir).items() >= {"schema_same": "good", "upgrade_unused": "good"}.items()
    fact(data_dir, "schema_version", "3")
    before = {file.name: file.read_bytes() for file in data_dir.iterdir()}
    found_here = upgraded(data_dir)
    assert found_here.items() >= {"schema_older": "note", "upgrade_room": "good", "database_whole": "good"}.items()
    assert {file.name: file.read_bytes() for file in data_dir.iterdir()} == before
    fact(data_dir, "schema_version", "99")
    assert upgraded(data_dir)["schema_newer"] == "bad"
    fact(data_dir, "moving", "1")
    assert upgraded(data_dir)["half_moved"] == "bad"
    assert upgraded(data_dir.parent / "elsewhere") == {"database_absent": "bad"}


def test_an_upgrade_without_room_for_the_copy_is_bad(data_dir: Path) -> None:
    fact(data_dir, "schema_version", "3")
    os.truncate(data_dir / "replyx.db", 2**41)  # a hole, which takes no room itself
    assert upgraded(data_dir)["upgrade_no_room"] == "bad"


def test_a_server_that_runs_is_told_to_whoever_upgrades_and_goes_on(server: Server, http: httpx.Client) -> None:
    assert upgraded(server.data_dir)["upgrade_in_use"] == "note"
    assert http.get("/ready").status_code == 200


def test_a_damaged_database_is_told(data_dir: Path) -> None:
    whole = (data_dir / "replyx.db").read_bytes()
    (data_dir / "replyx.db").write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    assert {"database_damaged", "database_silent"} & examined(data_dir).keys()


def test_nobody_who_administers_is_bad(tmp_path: Path) -> None:
    assert replyx(tmp_path / "data", "init").returncode == 0
    assert examined(tmp_path / "data")["no_admin"] == "bad"
    assert examined(tmp_path / "nothing").keys() >= {"database_absent"}
    assert not (tmp_path / "nothing").exists()


def test_settings_that_open_the_house_are_told(data_dir: Path) -> None:
    assert "trusts_everybody" in examined(data_dir, TRUSTED_PROXIES="0.0.0.0/0")
    assert "no_public_url" in examined(data_dir, HOST="0.0.0.0")
    assert "redis_silent" in examined(data_dir, REDIS_URL="redis://127.0.0.1:1")


def test_a_clock_that_is_behind_is_told(server: Server, tmp_path: Path) -> None:
    assert replyx(server.data_dir, "backup", str(tmp_path / "copy")).returncode == 0
    assert examined(tmp_path / "copy")["clock"] == "good"
    with closing(sqlite3.connect(tmp_path / "copy" / "replyx.db")) as database, database:
        database.execute("UPDATE event SET created_at = created_at + 600000")
    assert examined(tmp_path / "copy")["clock_behind"] == "bad"


def test_a_wrong_address_is_refused_as_one(data_dir: Path) -> None:
    done = replyx(data_dir, "doctor", "chat.example")
    assert (done.returncode, "http" in done.stderr) == (2, True)


def test_an_admin_is_told_what_the_server_sees(maria: httpx.Client) -> None:
    claimed = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    answer = maria.get("/api/v1/doctor", headers=claimed).json()
    seen = answer["seen"]
    assert (seen["address"], seen["peer"], seen["trusted"]) == ("127.0.0.1", "127.0.0.1", False)
    assert (seen["scheme"], seen["forwarded_for"], seen["forwarded_proto"]) == ("http", "203.0.113.9", "https")
    assert {"program", "clock", "demo"} <= {each["code"] for each in answer["findings"]}


def test_nobody_else_is_told(http: httpx.Client, boris: httpx.Client) -> None:
    assert problem(http.get("/api/v1/doctor"), 401)
    assert problem(boris.get("/api/v1/doctor"), 403)


@pytest.mark.parametrize("language", WORDS)
def test_every_finding_has_words_and_says_what_to_do_unless_it_is_good(language: str) -> None:
    assert WORDS[language].keys() == WORDS["en"].keys() > GOOD | NOTES
    for code, (what, advice) in WORDS[language].items():
        assert what, code
        assert bool(advice) == (verdict_of(code) != "good"), code
        assert fields(what + advice) == fields("".join(WORDS["en"][code])), code


def fields(template: str) -> set[str]:
    """What stands in braces."""
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def test_the_words_hold_what_was_found() -> None:
    assert found("tls", days=30).what == "the certificate is good for 30 more days"
    assert found("tls", days=30).put("ru").what == "сертификат действует ещё 30 дн."


def test_an_admin_reads_it_in_their_language(maria: httpx.Client) -> None:
    answer = maria.get("/api/v1/doctor", params={"locale": "ru"}).json()
    assert "это демо" in {each["what"] for each in answer["findings"]}
    assert problem(maria.get("/api/v1/doctor", params={"locale": "fr"}), 422)
