"""The secrets that a server draws for itself at its first start and keeps in ``<data_dir>/secrets.json``.

The file belongs to one installation: all its processes, and the command line beside them, read and change it
under a lock. Everything here reads or writes a disk and may wait for the lock, so the event loop calls it from
a thread or before it starts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import hmac
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from replyx.outside.push.sealing import new_private_key
from replyx.tokens import SigningKey

if sys.platform != "win32":
    import fcntl

FILE_NAME = "secrets.json"
MOST_KEYS = 100  # as many as anybody will ever draw; each keeps the embed codes alive that it has signed

_CODE_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"  # without I, L, O, U, 0 and 1, which people misread
_CODE_GROUPS, _CODE_GROUP = 4, 4  # 16 letters of 30: 78 bits


class SecretsError(Exception):
    """The file of secrets cannot be used; the text says what to do, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the file holds: signing keys (newest first), the first admin's one-time code, the demo's internal secret.

    ``push_key`` is the private key of push messages in hex, None until somebody has used them.
    """

    jwt_keys: tuple[SigningKey, ...]
    setup_code: str | None = field(repr=False)
    internal_secret: str = field(repr=False)
    push_key: str | None = field(default=None, repr=False)


def key_of(secret: str) -> SigningKey:
    """The signing key of a ``JWT_SECRET``: its ``kid`` is a short digest, alike in every process."""
    return _key(secret.encode(errors="surrogateescape"))  # an environment variable may hold any bytes


class SecretsFile:
    """The file of one data directory. ``jwt_secret`` (newest first), where given, takes the place of its keys."""

    def __init__(self, data_dir: Path, jwt_secret: Sequence[str] = ()) -> None:
        self.path = data_dir / FILE_NAME
        self._given_keys = tuple(key_of(secret) for secret in jwt_secret)

    def load(self) -> Secrets:
        """The secrets; draws and stores them where there are none yet.

        Directories that are missing are made, the last one with mode 0700. Raises :class:`SecretsError` when the
        file is damaged or cannot be read or written.
        """
        with self._locked():
            found = self._read_or_draw()
        return dataclasses.replace(found, jwt_keys=self._given_keys) if self._given_keys else found

    def keys(self) -> tuple[SigningKey, ...]:
        """The signing keys, newest first; draws none. Raises :class:`SecretsError` where there are none yet."""
        if self._given_keys:
            return self._given_keys
        if not self.path.is_file():
            raise SecretsError(f"there is no {self.path}: name the --data-dir of the server, or set its JWT_SECRET")
        return self.load().jwt_keys

    def rotate(self, *, forget: bool = False) -> Secrets:
        """Draw a new signing key. The older ones stay valid for what they have signed, unless they are to be forgotten.

        Running servers take the new key at their next start. Raises :class:`SecretsError`, also where ``JWT_SECRET``
        holds the keys.
        """
        if self._given_keys:
            raise SecretsError("JWT_SECRET holds the signing keys: set it to 'new,old' to replace one")
        with self._locked():
            found = self._read_or_draw()
            older = () if forget else found.jwt_keys[: MOST_KEYS - 1]
            return self._write(dataclasses.replace(found, jwt_keys=(_new_key(), *older)))

    def ensure_setup_code(self) -> str:
        """The one-time code for the first admin, of a server without accounts; a used one is replaced by a new one."""
        with self._locked():
            found = self._read_or_draw()
            if found.setup_code is not None:
                return found.setup_code
            code = _new_code()
            self._write(dataclasses.replace(found, setup_code=code))
            return code

    def is_setup_code(self, code: str) -> bool:
        """Whether ``code`` is the one-time code; case, spaces and dashes do not count. Constant time."""
        with self._locked():
            found = self._read()
        if found is None or found.setup_code is None:
            return False
        return hmac.compare_digest(_bare(code), _bare(found.setup_code))

    def delete_setup_code(self) -> None:
        """Forget the one-time code, once the first account is stored; nobody can use it again."""
        with self._locked():
            found = self._read()
            if found is not None and found.setup_code is not None:
                self._write(dataclasses.replace(found, setup_code=None))

    def ensure_push_key(self) -> bytes:
        """The private key of push messages (P-256, 32 bytes); draws it where there is none yet."""
        with self._locked():
            found = self._read_or_draw()
            if found.push_key is None:
                found = self._write(dataclasses.replace(found, push_key=new_private_key().hex()))
            return bytes.fromhex(found.push_key or "")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes and threads out; turns the operating system's refusals into :class:`SecretsError`."""
        try:
            self.path.parent.parent.mkdir(parents=True, exist_ok=True)
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            with _directory_lock(self.path.parent):
                yield
        except OSError as error:
            raise SecretsError(f"{self.path} cannot be used: {error.strerror}") from error

    def _read_or_draw(self) -> Secrets:
        return self._read() or self._write(Secrets((_new_key(),), _new_code(), secrets.token_urlsafe(32)))

    def _read(self) -> Secrets | None:
        """The stored secrets, or None before the first start. A file that others may read is closed to them."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        if self.path.stat().st_mode & 0o077:
            self.path.chmod(0o600)
        try:
            found = msgspec.json.decode(content, type=Secrets)
        except (msgspec.DecodeError, UnicodeDecodeError):
            found = None
        if found is None or not found.jwt_keys:
            advice = "restore it from a backup, or delete it, which ends every session and embed code"
            raise SecretsError(f"{self.path} is damaged: {advice}")
        return found

    def _write(self, new: Secrets) -> Secrets:
        """Replace the file so that a power cut leaves the old one or the new one, never a part."""
        content = msgspec.json.format(msgspec.json.encode(new), indent=2) + b"\n"
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=FILE_NAME)  # made with mode 0600
        try:
            with open(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(name, self.path)
        except BaseException:
            os.unlink(name)
            raise
        sync_directory(self.path.parent)
        return new


def _key(secret: bytes) -> SigningKey:
    digest = hashlib.sha256(b"replyx signing key\0" + secret)
    return SigningKey(digest.hexdigest()[:16], secret)


def _new_key() -> SigningKey:
    return _key(secrets.token_bytes(48))


def _new_code() -> str:
    groups = ("".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_GROUP)) for _ in range(_CODE_GROUPS))
    return "-".join(groups)


def _bare(code: str) -> bytes:
    """What counts of a code that somebody typed; what is no text at all becomes ``?``, which is in no code."""
    return "".join(code.split()).replace("-", "").upper().encode(errors="replace")


@contextlib.contextmanager
def _directory_lock(directory: Path) -> Iterator[None]:
    """Hold ``directory`` for this thread, or wait; the system frees it when the process dies. None on Windows."""
    if sys.platform == "win32":
        yield
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def sync_directory(directory: Path) -> None:
    """Make a rename in ``directory`` survive a power cut; Windows knows no such call."""
    if sys.platform == "win32":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
