"""The frame reader: bytes and expectations, each rule by its section of RFC 6455."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyx.errors import FRAME_TOO_LARGE, NOT_UTF8, PROTOCOL_BROKEN, CloseCode
from replyx.wire.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, FrameReader

MASK = b"\x37\xfa\x21\x3d"
LIMIT = 1000


def sent(opcode: int, payload: bytes = b"", *, final: bool = True, reserved: int = 0, mask: bytes = MASK) -> bytes:
    """A frame as a client sends it."""
    size = len(payload)
    if size <= 125:
        length = bytes([0x80 | size])
    else:
        length = b"\xfe" + size.to_bytes(2, "big") if size < 65536 else b"\xff" + size.to_bytes(8, "big")
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes([(0x80 if final else 0) | reserved | opcode]) + length + mask + masked


def read(data: bytes, max_bytes: int = LIMIT) -> tuple[list[tuple[int, bytes]], CloseCode | None]:
    """What a new reader makes of ``data``."""
    reader = FrameReader(max_bytes)
    return reader.feed(data), reader.failure


payloads = st.one_of(
    st.binary(max_size=130).map(lambda data: (BINARY, data)),
    st.text(max_size=60).map(lambda text: (TEXT, text.encode())),
    st.binary(max_size=125).map(lambda data: (PING, data)),
    st.binary(max_size=125).map(lambda data: (PONG, data)),
)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[bytes, list[tuple[int, bytes]]]:
    """What a client sends, some messages in fragments with pings between them, and what must come out."""
    data, expected = b"", []
    for opcode, payload in draw(st.lists(payloads, max_size=6)):
        mask = draw(st.binary(min_size=4, max_size=4))
        cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=3))) if opcode < CLOSE else []
        parts = [payload[start:end] for start, end in zip([0, *cuts], [*cuts, len(payload)], strict=True)]
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            data += sent(CONTINUATION if index else opcode, part, final=last, mask=mask)
            if not last and draw(st.booleans()):
                data += sent(PING, b"between")
                expected.append((PING, b"between"))
        expected.append((opcode, payload))
    return data, expected


class TestMessages:
    @given(conversations(), st.data())
    def test_messages_come_out_whole_and_in_order_wherever_the_bytes_are_cut(
        self, conversation: tuple[bytes, list[tuple[int, bytes]]], data: st.DataObject
    ) -> None:
        stream, expected = conversation
        assert read(stream) == (expected, None)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
        reader, found = FrameReader(LIMIT), []
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            found += reader.feed(stream[start:end])
        assert (found, reader.failure) == (expected, None)

    def test_every_single_cut_of_a_conversation_gives_the_same(self) -> None:
        stream = b"".join(
            [
                sent(TEXT, "да".encode(), final=False),
                sent(PING, b"?"),
                sent(CONTINUATION, b"x" * 300),
                sent(BINARY),
                sent(BINARY, b"y" * 126),
                sent(CLOSE, b"\x03\xe8bye"),
            ]
        )
        whole = read(stream)
        assert [opcode for opcode, _ in whole[0]] == [PING, TEXT, BINARY, BINARY, CLOSE]
        for cut in range(len(stream) + 1):
            reader = FrameReader(LIMIT)
            assert (reader.feed(stream[:cut]) + reader.feed(stream[cut:]), reader.failure) == whole
        reader = FrameReader(LIMIT)
        assert [frame for byte in stream for frame in reader.feed(bytes([byte]))] == whole[0]

    def test_a_long_frame_has_its_length_in_64_bits(self) -> None:
        assert read(sent(BINARY, b"z" * 70_000), 100_000) == ([(BINARY, b"z" * 70_000)], None)

    def test_two_clients_messages_do_not_mix(self) -> None:
        one, other = FrameReader(LIMIT), FrameReader(LIMIT)
        one.feed(sent(TEXT, b"a", final=False))
        assert other.feed(sent(TEXT, b"b")) == [(TEXT, b"b")]
        assert one.feed(sent(CONTINUATION, b"c")) == [(TEXT, b"ac")]

    def test_the_example_of_the_rfc(self) -> None:
        assert read(bytes.fromhex("818537fa213d7f9f4d5158")) == ([(TEXT, b"Hello")], None)  # 5.7

    @given(st.binary(max_size=40), st.binary(min_size=4, max_size=4))
    def test_a_mask_is_undone(self, payload: bytes, mask: bytes) -> None:
        assert read(sent(BINARY, payload, mask=mask)) == ([(BINARY, payload)], None)  # 5.3


BROKEN = {
    "5.1: not masked": b"\x81\x01a",
    "5.2: a reserved bit, RSV1": sent(TEXT, b"a", reserved=0x40),
    "5.2: a reserved bit, RSV2": sent(PING, reserved=0x20),
    "5.2: a reserved bit, RSV3": sent(CONTINUATION, reserved=0x10),
    **{f"5.2: opcode {opcode} is reserved": sent(opcode) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "5.2: 125 bytes with a length of 16 bits": b"\x82\xfe\x00\x7d" + MASK + b"x" * 125,
    "5.2: 65535 bytes with a length of 64 bits": b"\x82\xff" + (65535).to_bytes(8, "big") + MASK,
    "5.2: a length with its highest bit": b"\x82\xff\x80" + bytes(7) + MASK,
    "5.4: a continuation of nothing": sent(CONTINUATION, b"a"),
    "5.4: the last continuation of nothing": sent(TEXT, b"a") + sent(CONTINUATION, b"b"),
    "5.4: a new text inside a message": sent(TEXT, b"a", final=False) + sent(TEXT, b"b"),
    "5.4: new data inside a message": sent(TEXT, b"a", final=False) + sent(BINARY, b"b", final=False),
    "5.5: a ping over 125 bytes": sent(PING, b"x" * 126),
    "5.5: a close over 125 bytes": sent(CLOSE, b"\x03\xe8" + b"x" * 124),
    "5.5: a ping in fragments": sent(PING, b"a", final=False),
    "5.5: a close in fragments": sent(CLOSE, final=False),
    "5.5.1: a close of one byte": sent(CLOSE, b"\x03"),
    **{
        f"7.4: the close code {code}": sent(CLOSE, code.to_bytes(2, "big"))
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
}

NOT_TEXT = {
    "a byte that never occurs": b"a\xff",
    "a lone continuation byte": b"\x80",
    "a sequence without its end": b"\xce\xba\xe1",
    "a surrogate": b"\xed\xa0\x80",
    "longer than it need be": b"\xc0\xaf",
    "past U+10FFFF": b"\xf4\x90\x80\x80",
}


def never_text(data: bytes) -> bool:
    """Whether nothing that could follow makes UTF-8 of ``data``."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return True
    return False


class TestRules:
    @pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
    def test_a_broken_rule_is_a_protocol_error(self, data: bytes) -> None:
        before = sent(PING, b"good")
        reader = FrameReader(100_000)
        assert reader.feed(before + data)[0] == (PING, b"good"), "what came before still counts"
        assert reader.failure is PROTOCOL_BROKEN
        assert reader.feed(before) == [], "nothing comes after it"

    @pytest.mark.parametrize("text", NOT_TEXT.values(), ids=NOT_TEXT)
    def test_text_that_is_not_utf_8_is_refused(self, text: bytes) -> None:
        assert read(sent(TEXT, text)) == ([], NOT_UTF8)  # 8.1
        assert read(sent(TEXT, b"a", final=False) + sent(CONTINUATION, text)) == ([], NOT_UTF8)
        assert read(sent(CLOSE, b"\x03\xe8" + text)) == ([], NOT_UTF8)  # 5.5.1
        assert read(sent(BINARY, text)) == ([(BINARY, text)], None)

    @pytest.mark.parametrize(
        "text", [text for text in NOT_TEXT.values() if text != NOT_TEXT["a sequence without its end"]]
    )
    @pytest.mark.parametrize("before", [b"", "κόσμε".encode(), b"x" * 300])
    def test_it_is_refused_at_the_byte_that_breaks_it(self, text: bytes, before: bytes) -> None:
        """8.1, and Autobahn's 6.4.1 to 6.4.4: by fragments, and inside of one frame, whatever was to follow."""
        breaks = next(at for at in range(1, len(text) + 1) if never_text(text[:at]))
        whole = before + text + b"edited"
        reader = FrameReader(LIMIT)
        for at in range(len(before) + breaks):
            first = not at
            assert reader.feed(sent(TEXT if first else CONTINUATION, whole[at : at + 1], final=False)) == []
            assert reader.failure is (NOT_UTF8 if at == len(before) + breaks - 1 else None)
        for data in (sent(TEXT, whole), sent(TEXT, b"a", final=False) + sent(CONTINUATION, whole)):
            reader = FrameReader(LIMIT)
            at = len(data) - len(b"edited") - len(text) + breaks
            assert (reader.feed(data[: at - 1]), reader.failure) == ([], None)
            assert (reader.feed(data[at - 1 : at]), reader.failure) == ([], NOT_UTF8)
            assert read(data[:at]) == ([], NOT_UTF8)

    @given(st.lists(st.text(max_size=8), max_size=5), st.binary(min_size=4, max_size=4))
    def test_no_text_is_refused_for_how_it_is_cut(self, parts: list[str], mask: bytes) -> None:
        whole = "".join(parts).encode()
        cuts = [whole[at : at + 1] for at in range(len(whole))] or [b""]
        data = b"".join(
            sent(CONTINUATION if at else TEXT, cut, final=at == len(cuts) - 1, mask=mask) for at, cut in enumerate(cuts)
        )
        assert read(data, len(data)) == ([(TEXT, whole)], None)

    def test_a_character_may_be_cut_by_fragments(self) -> None:
        euro = "€".encode()
        assert read(sent(TEXT, euro[:1], final=False) + sent(CONTINUATION, euro[1:])) == ([(TEXT, euro)], None)

    @pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 4000, 4999])
    def test_the_codes_that_a_client_may_close_with(self, code: int) -> None:
        payload = code.to_bytes(2, "big") + "ну".encode()
        assert read(sent(CLOSE, payload) + sent(TEXT, b"late")) == ([(CLOSE, payload)], None)

    def test_a_message_over_the_limit_is_refused_by_its_head(self) -> None:
        assert read(sent(TEXT, b"x" * LIMIT))[1] is None
        assert read(sent(TEXT, b"x" * (LIMIT + 1))[:8]) == ([], FRAME_TOO_LARGE)
        assert read(b"\x82\xff" + (1 << 40).to_bytes(8, "big") + MASK) == ([], FRAME_TOO_LARGE)

    def test_fragments_count_together_and_controls_do_not(self) -> None:
        begun = sent(BINARY, b"x" * (LIMIT - 1), final=False) + sent(PING, b"y" * 100)
        assert read(begun + sent(CONTINUATION, b"z"))[1] is None
        assert read(begun + sent(CONTINUATION, b"zz")) == ([(PING, b"y" * 100)], FRAME_TOO_LARGE)

    def test_an_idle_reader_keeps_nothing(self) -> None:
        reader = FrameReader(LIMIT)
        reader.feed(sent(TEXT, b"a" * 500, final=False) + sent(CONTINUATION, b"b"))
        assert {name: getattr(reader, name) for name in ("_held", "_fragments")} == {"_held": None, "_fragments": None}

    @given(st.binary(max_size=200))
    def test_no_bytes_make_it_raise_and_cuts_change_nothing(self, data: bytes) -> None:
        whole = read(data)
        reader = FrameReader(LIMIT)
        assert ([frame for byte in data for frame in reader.feed(bytes([byte]))], reader.failure) == whole
