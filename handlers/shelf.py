"""The files of the pages as they go out: read once, compressed once, each with an address that names its contents.

A script names others by relative paths. On the shelf each of these paths is followed by the digest of the file that it
leads to, and the digest of a script covers what it names; so one address means one content for good, whichever server
or host it is asked of. There is no build: what lies on the disk works as it is, and a file that is changed there is
read again.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import posixpath
import re
import stat
from dataclasses import dataclass
from pathlib import Path

DIGEST_LENGTH = 16
# Comments are passed over: types are imported there. What else looks like a relative path, and leads nowhere, stays.
NAMED = re.compile(r"""/\*.*?\*/|(?P<quote>['"])(?P<path>\.{1,2}/[\w./-]+\.(?:js|css))(?P=quote)""", re.DOTALL)
IMPORTED = re.compile(r"(?:\bfrom|\bimport)\s*$")


@dataclass(frozen=True, slots=True)
class ShelvedFile:
    """A file as it is sent. ``packed`` is its gzipped form, or None where that is no smaller.

    ``names`` are the files that it names, with the digests that it says of them; ``imports`` those that must be there
    before it can begin.
    """

    body: bytes
    packed: bytes | None
    digest: str
    media_type: str
    imports: tuple[str, ...]
    names: dict[str, str | None]
    stamp: tuple[int, int]


# What one look has found; None while a file is being looked at.
Seen = dict[str, ShelvedFile | None]


class Shelf:
    """The files below ``folder``, by their paths from there. Raises ``KeyError`` for what is not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, ShelvedFile] = {}

    @property
    def is_there(self) -> bool:
        """Whether the folder exists."""
        return self._folder.is_dir()

    def find(self, name: str, digest: str | None = None) -> ShelvedFile:
        """The file as it is now; with the ``digest`` of its present address the disk is not looked at."""
        known = self._files.get(name)
        if known is not None and known.digest == digest:
            return known
        return self._fresh(name, {})

    def address(self, name: str) -> str:
        """The address that means this content and no other, from the root of the server."""
        return f"/static/{name}?v={self.find(name).digest}"

    def preloads(self, name: str) -> list[str]:
        """The addresses of all modules that ``name`` needs before it can begin, itself first."""
        self._fresh(name, {})
        found: dict[str, None] = {name: None}
        waiting = [name]
        while waiting:
            for each in self._files[waiting.pop(0)].imports:
                if each not in found:
                    found[each] = None
                    waiting.append(each)
        return [f"/static/{each}?v={self._files[each].digest}" for each in found]

    def _fresh(self, name: str, seen: Seen) -> ShelvedFile:
        """The file, read again where it or one that it names has changed; ``seen`` is what this look has found."""
        if name in seen:
            found = seen[name]
            if found is None:
                raise ValueError(f"{name} imports itself by way of {', '.join(seen)}")
            return found
        path, stamp = self._place(name)
        seen[name] = None
        known = self._files.get(name)
        if known is None or known.stamp != stamp or self._moved(known, seen):
            known = self._files[name] = self._read(name, path, stamp, seen)
        seen[name] = known
        return known

    def _moved(self, known: ShelvedFile, seen: Seen) -> bool:
        """Whether one that ``known`` names has another address than it says."""
        return any(self._digest(name, seen) != digest for name, digest in known.names.items())

    def _digest(self, name: str, seen: Seen) -> str | None:
        """The digest of a file now, or None where there is none."""
        try:
            return self._fresh(name, seen).digest
        except KeyError:
            return None

    def _place(self, name: str) -> tuple[Path, tuple[int, int]]:
        path = self._folder / name
        try:
            status = path.stat()
        except (OSError, ValueError):  # ValueError: a name with a zero byte
            raise KeyError(name) from None
        if posixpath.normpath(name) != name or name.startswith(("/", "..")) or not stat.S_ISREG(status.st_mode):
            raise KeyError(name)
        return path, (status.st_mtime_ns, status.st_size)

    def _read(self, name: str, path: Path, stamp: tuple[int, int], seen: Seen) -> ShelvedFile:
        body = path.read_bytes()
        imports: list[str] = []
        names: dict[str, str | None] = {}
        if path.suffix == ".js":
            body = self._addressed(name, body.decode(), imports, names, seen).encode()
        packed = gzip.compress(body, mtime=0)
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        is_text = kind.startswith("text/") or kind.endswith(("javascript", "json", "+xml"))
        return ShelvedFile(
            body=body,
            packed=packed if len(packed) < len(body) else None,
            digest=hashlib.sha256(body).hexdigest()[:DIGEST_LENGTH],
            media_type=f"{kind}; charset=utf-8" if is_text else kind,
            imports=tuple(imports),
            names=names,
            stamp=stamp,
        )

    def _addressed(self, name: str, text: str, imports: list[str], names: dict[str, str | None], seen: Seen) -> str:
        """``text`` with a digest behind each path that leads to a file here."""

        def with_digest(found: re.Match[str]) -> str:
            if found["path"] is None:
                return found[0]
            other = posixpath.normpath(posixpath.join(posixpath.dirname(name), found["path"]))
            digest = names[other] = self._digest(other, seen)
            if digest is None:
                return found[0]
            if IMPORTED.search(text, max(0, found.start() - 10), found.start()):
                imports.append(other)
            return f"{found['quote']}{found['path']}?v={digest}{found['quote']}"

        return NAMED.sub(with_digest, text)
