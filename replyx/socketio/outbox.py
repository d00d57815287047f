"""What waits for a client's next poll."""

from __future__ import annotations

from collections.abc import Callable

FULL_BYTES = 64 * 1024  # as for sockets: past this the client is behind, and is caught up from the log


class Outbox:
    """A sink whose bytes wait for a GET; they are chunks of ``engineio_codec``. ``written`` is called at each write."""

    __slots__ = ("_chunks", "_written", "unsent")

    def __init__(self, written: Callable[[], None]) -> None:
        self._chunks: list[bytes] = []
        self._written = written
        self.unsent = 0

    def write(self, data: bytes) -> bool:
        """Take ``data`` whole. False: no more until it was taken."""
        if data:
            self._chunks.append(data)
            self.unsent += len(data)
            self._written()
        return not self.full

    @property
    def full(self) -> bool:
        """Whether more than the bound waits."""
        return self.unsent > FULL_BYTES

    def take(self) -> bytes:
        """Everything that waited, and nothing waits any more."""
        data = b"".join(self._chunks)
        self._chunks.clear()
        self.unsent = 0
        return data
