"""The generated secrets: drawn once, kept closed, rotated, and never half written."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from replyx import secrets_file
from replyx.secrets_file import Secrets, SecretsError, SecretsFile, key_of

GIVEN = "correct-horse-battery-staple-correct-horse"
OLDER = "tr0ub4dor-and-3-tr0ub4dor-and-3-tr0ub4dor"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory that does not exist yet."""
    return tmp_path / "deep" / "data"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_start_draws_secrets_and_the_next_finds_them(data_dir: Path) -> None:
    first = SecretsFile(data_dir).load()
    assert SecretsFile(data_dir).load() == first
    assert [len(key.secret) for key in first.jwt_keys] == [48]
    assert len(first.internal_secret) >= 32
    assert first.setup_code


def test_two_installations_share_nothing(data_dir: Path, tmp_path: Path) -> None:
    first, second = SecretsFile(data_dir).load(), SecretsFile(tmp_path / "other").load()
    assert first.jwt_keys[0].kid != second.jwt_keys[0].kid
    assert first.jwt_keys[0].secret != second.jwt_keys[0].secret
    assert first.setup_code != second.setup_code
    assert first.internal_secret != second.internal_secret


def test_only_the_owner_can_read_them_and_nothing_else_lies_around(data_dir: Path) -> None:
    before = os.umask(0)
    try:
        SecretsFile(data_dir).load()
    finally:
        os.umask(before)
    assert mode(data_dir) == 0o700
    assert mode(data_dir / "secrets.json") == 0o600
    assert [path.name for path in data_dir.iterdir()] == ["secrets.json"]


def test_a_file_that_others_could_read_is_closed_to_them(data_dir: Path) -> None:
    file = SecretsFile(data_dir)
    file.load()
    file.path.chmod(0o644)
    file.load()
    assert mode(file.path) == 0o600


def test_an_existing_directory_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    SecretsFile(tmp_path).load()
    assert mode(tmp_path) == 0o755


def test_a_rotation_keeps_every_key_before_it_unless_they_are_to_be_forgotten(data_dir: Path) -> None:
    """An embed code lives for years, whatever becomes of keys meanwhile."""
    file = SecretsFile(data_dir)
    first = file.load()
    second = file.rotate()
    third = file.rotate()
    assert second.jwt_keys[1:] == first.jwt_keys
    assert third.jwt_keys[1:] == second.jwt_keys
    assert len({key.kid for key in third.jwt_keys}) == 3
    assert file.load() == third
    assert file.keys() == third.jwt_keys
    last = file.rotate(forget=True)
    assert len(last.jwt_keys) == 1
    assert last.jwt_keys[0] not in third.jwt_keys
    assert (last.setup_code, last.internal_secret) == (first.setup_code, first.internal_secret)


def test_what_only_asks_for_the_keys_draws_none(data_dir: Path) -> None:
    with pytest.raises(SecretsError, match=r"there is no .*secrets\.json"):
        SecretsFile(data_dir).keys()
    assert not data_dir.exists()
    assert SecretsFile(data_dir, (GIVEN, OLDER)).keys() == (key_of(GIVEN), key_of(OLDER))


def test_given_keys_take_the_place_of_the_files_and_are_not_stored(data_dir: Path) -> None:
    stored = SecretsFile(data_dir).load()
    given = SecretsFile(data_dir, (GIVEN, OLDER))
    assert given.load().jwt_keys == (key_of(GIVEN), key_of(OLDER))
    assert given.load().setup_code == stored.setup_code
    with pytest.raises(SecretsError, match="JWT_SECRET"):
        given.rotate()
    assert SecretsFile(data_dir).load() == stored
    assert GIVEN not in given.path.read_text()


def test_the_name_of_a_given_key_is_alike_in_every_process_and_does_not_hold_it() -> None:
    assert key_of(GIVEN) == key_of(GIVEN)
    assert key_of(GIVEN).kid != key_of(OLDER).kid
    assert key_of(GIVEN).secret == GIVEN.encode()
    assert key_of("\udcff" * 32).secret == b"\xff" * 32
    assert key_of(GIVEN).kid == "66b620b84ba88ccf"  # a change would end the sessions of every installation


def test_the_setup_code_is_recognised_as_people_type_it_and_only_while_it_lives(data_dir: Path) -> None:
    file = SecretsFile(data_dir)
    assert not file.is_setup_code("")
    code = file.load().setup_code
    assert code is not None
    assert file.is_setup_code(code)
    assert file.is_setup_code(f"  {code.lower().replace('-', ' ')}\n")
    for wrong in ("", code[:-1], code + "A", "Ж", "----", "\ud800"):
        assert not file.is_setup_code(wrong)
    file.delete_setup_code()
    assert not file.is_setup_code(code)
    assert not file.is_setup_code("")
    assert file.load().setup_code is None


def test_a_server_without_accounts_always_has_a_setup_code(data_dir: Path) -> None:
    file = SecretsFile(data_dir)
    first = file.ensure_setup_code()
    assert file.ensure_setup_code() == first == file.load().setup_code
    file.delete_setup_code()
    second = file.ensure_setup_code()
    assert second != first
    assert file.is_setup_code(second)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"\xff\xfe",
        b'{"jwt_keys": [], "setup_code": null, "internal_secret": "x"}',
        b'{"jwt_keys": [{"kid": "a", "secret": "c2hvcnQ="}], "setup_code": null, "internal_secret": "x"}',
        b'{"jwt_keys": "leaked", "setup_code": null, "internal_secret": "x"}',
    ],
)
def test_a_damaged_file_is_refused_and_left_for_its_owner(tmp_path: Path, content: bytes) -> None:
    file = SecretsFile(tmp_path)
    file.path.write_bytes(content)
    for use in (file.load, file.rotate, file.ensure_setup_code):
        with pytest.raises(SecretsError, match="damaged") as caught:
            use()
        assert "leaked" not in str(caught.value)
    assert file.path.read_bytes() == content


def test_a_directory_that_cannot_be_made_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SecretsError, match=r"secrets\.json cannot be used"):
        SecretsFile(tmp_path / "file").load()


def test_a_write_that_fails_leaves_the_old_file_and_no_other(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = SecretsFile(data_dir)
    before = file.load()

    def full_disk(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(secrets_file.os, "fsync", full_disk)
    with pytest.raises(SecretsError, match="No space left"):
        file.rotate()
    monkeypatch.undo()
    assert file.load() == before
    assert [path.name for path in data_dir.iterdir()] == ["secrets.json"]


def test_processes_that_start_together_agree(data_dir: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: SecretsFile(data_dir).load(), range(16)))
    assert len({secrets.internal_secret for secrets in found}) == 1


def test_changes_from_several_sides_do_not_undo_each_other(data_dir: Path) -> None:
    file = SecretsFile(data_dir)
    file.load()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda turn: file.delete_setup_code() if turn == 3 else file.rotate(), range(12)))
    assert file.load().setup_code is None
    assert len(file.load().jwt_keys) == 12


def test_the_repr_of_secrets_shows_none(data_dir: Path) -> None:
    found: Secrets = SecretsFile(data_dir).load()
    stored = json.loads((data_dir / "secrets.json").read_text())
    shown = repr(found)
    assert stored["jwt_keys"][0]["kid"] in shown
    for secret in (stored["jwt_keys"][0]["secret"], stored["setup_code"], stored["internal_secret"]):
        assert secret not in shown
    assert repr(found.jwt_keys[0].secret) not in shown
