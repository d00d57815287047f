"""What a WebSocket client sends: bytes in, whole messages and control frames out (RFC 6455, 5).

No socket and no clock. Every rule stands beside the section that it comes from; the first broken one ends the reading
for good, with the code to close with in ``failure``.
"""

from __future__ import annotations

from codecs import utf_8_decode

from replyx.errors import FRAME_TOO_LARGE, NOT_UTF8, PROTOCOL_BROKEN, CloseCode

try:
    from tornado.speedups import websocket_mask as unmask
except ImportError:  # Tornado was installed without a compiler

    def unmask(mask: bytes, data: bytes) -> bytes:
        """``data`` with its bytes XORed by those of ``mask`` in turn (5.3)."""
        size = len(data)
        key = (mask * (size // 4 + 1))[:size]
        return (int.from_bytes(data, "little") ^ int.from_bytes(key, "little")).to_bytes(size, "little")


CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA  # 5.2
OPCODES = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})

FINAL, RESERVED, OPCODE = 0x80, 0x70, 0x0F  # of the first byte
MASKED, LENGTH = 0x80, 0x7F  # of the second byte
CONTROL_BYTES = 125  # 5.5

# What a close frame may hold (7.4). 1004 to 1006 and 1015 never travel; the registry has added 1012 to 1014.
CLOSE_CODES = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})

Frame = tuple[int, bytes]


class FrameReader:
    """Puts one client's messages together, each of at most ``max_bytes``.

    It keeps the beginning of an unfinished frame or message, and nothing while there is none.
    """

    __slots__ = (
        "_character",
        "_checked",
        "_ended",
        "_fragments",
        "_held",
        "_max_bytes",
        "_missing",
        "_opcode",
        "_payload_at",
        "failure",
    )

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held: bytearray | None = None  # an unfinished frame
        self._missing = 0  # bytes without which it stays unfinished
        self._fragments: bytearray | None = None  # an unfinished message
        self._opcode = 0  # what it will be
        self._character = b""  # the beginning of a character, at the end of what is known of a text
        self._payload_at = 0  # where in an unfinished frame its text begins; 0 if it is no text
        self._checked = 0  # bytes of that text that were looked at
        self._ended = False
        self.failure: CloseCode | None = None

    @property
    def held(self) -> int:
        """Bytes of an unfinished message."""
        return (0 if self._held is None else len(self._held)) + (0 if self._fragments is None else len(self._fragments))

    def give_up(self, why: CloseCode) -> None:
        """Forget what is unfinished, and read no more."""
        self._fail(why)

    def feed(self, data: bytes) -> list[Frame]:
        """Opcode and payload of every message and control frame that ``data`` completes, in order.

        Text is valid UTF-8. Nothing more comes after a close frame (5.5.1) or a ``failure``.
        """
        if self._held is not None:
            self._held += data
            self._missing -= len(data)
            if self._missing > 0:
                self._look_ahead()
                return []
            data, self._held = bytes(self._held), None
        found: list[Frame] = []
        at, size = 0, len(data)
        while not self._ended and (missing := 2 - (size - at)) <= 0:
            first, length, body = data[at], data[at + 1] & LENGTH, at + 6
            if length > CONTROL_BYTES:
                body += 2 if length == 126 else 8
                if (missing := body - size) > 0:
                    break
                length = int.from_bytes(data[at + 2 : body - 4], "big")
            if not self._admits(first, data[at + 1], length):
                break
            if (missing := body + length - size) > 0:
                self._payload_at = body - at if self._is_text(first) else 0
                break
            at = body + length
            payload = unmask(data[body - 4 : body], data[body:at]) if length else b""
            if first & FINAL and first & OPCODE:
                self._take(first & OPCODE, payload, found)
            else:
                self._join(first, payload, found)
            self._payload_at = self._checked = 0
        if at < size and not self._ended:
            self._held, self._missing = bytearray(data[at:]), missing
            self._look_ahead()
        return found

    def _admits(self, first: int, second: int, length: int) -> bool:
        """Whether a frame with this head may come here; looked at before its payload has arrived."""
        opcode, declared = first & OPCODE, second & LENGTH
        unfinished = self._fragments is not None
        if (
            not second & MASKED  # 5.1: a client masks every frame
            or first & RESERVED  # 5.2: no extension was agreed on
            or opcode not in OPCODES  # 5.2
            or (opcode >= CLOSE and (not first & FINAL or declared > CONTROL_BYTES))  # 5.5
            or (declared == 126 and length < 126)  # 5.2: the shortest form that holds the length
            or (declared == 127 and not 0xFFFF < length < 1 << 63)
            or (opcode == CONTINUATION and not unfinished)  # 5.4
            or (opcode in (TEXT, BINARY) and unfinished)  # 5.4
        ):
            return self._fail(PROTOCOL_BROKEN)
        held = len(self._fragments) if self._fragments is not None and opcode == CONTINUATION else 0
        if held + length > self._max_bytes:
            return self._fail(FRAME_TOO_LARGE)  # 10.4
        return True

    def _is_text(self, first: int) -> bool:
        """Whether the frame holds text, or a part of one."""
        return (first & OPCODE or self._opcode) == TEXT

    def _look_ahead(self) -> None:
        """Text that is broken already is refused before the rest of its frame has come (8.1)."""
        if not self._payload_at or self._held is None:
            return
        arrived = bytes(self._held[self._payload_at + self._checked :])
        if arrived:
            mask, turn = self._held[self._payload_at - 4 : self._payload_at], self._checked % 4
            self._checked += len(arrived)
            self._goes_on(unmask(bytes(mask[turn:] + mask[:turn]), arrived))

    def _goes_on(self, text: bytes) -> bool:
        """Whether ``text`` goes on in UTF-8, a character that it leaves unfinished aside (8.1); or fail."""
        if self._character:
            text = self._character + text
        elif text.isascii():
            return True
        try:
            _, whole = utf_8_decode(text, "strict", False)
        except UnicodeDecodeError:
            return self._fail(NOT_UTF8)
        self._character = text[whole:]
        return True

    def _take(self, opcode: int, payload: bytes, found: list[Frame]) -> None:
        """A whole message, or a control frame."""
        if opcode == TEXT:
            self._character = b""
            if not payload.isascii() and not is_utf8(payload):
                self._fail(NOT_UTF8)  # 8.1
                return
        if opcode == CLOSE:
            self._ended = True
            if wrong := broken_close(payload):
                self._fail(wrong)
                return
        found.append((opcode, payload))

    def _join(self, first: int, payload: bytes, found: list[Frame]) -> None:
        """A fragment (5.4)."""
        if self._is_text(first) and not self._goes_on(payload[self._checked :]):
            return
        if self._fragments is None:
            self._fragments, self._opcode = bytearray(payload), first & OPCODE
            return
        self._fragments += payload
        if first & FINAL:
            message, self._fragments = bytes(self._fragments), None
            if self._character:
                self._fail(NOT_UTF8)  # 8.1
            else:
                found.append((self._opcode, message))

    def _fail(self, why: CloseCode) -> bool:
        self.failure = why
        self._ended = True
        self._held = self._fragments = None
        return False


def is_utf8(payload: bytes) -> bool:
    """Whether text is valid UTF-8 (8.1), which leaves out surrogates and what is longer than it need be."""
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def broken_close(payload: bytes) -> CloseCode | None:
    """What is wrong with the payload of a close frame (5.5.1): a code that may not travel, or an unreadable reason."""
    if not payload:
        return None
    if len(payload) == 1 or int.from_bytes(payload[:2], "big") not in CLOSE_CODES:
        return PROTOCOL_BROKEN
    return None if is_utf8(payload[2:]) else NOT_UTF8
