"""Engine.IO packets: every one comes back as it was, and nothing else is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyx.socketio import engineio_codec as codec
from replyx.socketio.engineio_codec import BadPacket, Frames, Packet
from replyx.wire.websocket import frame

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x1e"))
PACKETS = st.one_of(
    st.builds(Packet, st.sampled_from("0123456"), TEXT),
    st.builds(Packet, st.just(codec.MESSAGE), st.binary()),
)


def frames_in(data: bytes) -> list[str | bytes]:
    """Read unmasked frames (RFC 6455, 5.2), by other means than the code under test."""
    found: list[str | bytes] = []
    while data:
        first, size, start = data[0], data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10], "big"), 10
        payload, data = data[start : start + size], data[start + size :]
        assert len(payload) == size
        found.append(payload.decode() if first == 0x81 else payload)
        assert first in (0x81, 0x82)
    return found


@given(PACKETS)
def test_a_packet_comes_back_from_a_frame(packet: Packet) -> None:
    (frame,) = frames_in(codec.encode_frame(packet))
    assert codec.decode_frame(frame) == packet


@given(st.lists(PACKETS, min_size=1))
def test_chunks_for_a_poll_are_the_same_frames_after_an_upgrade(packets: list[Packet]) -> None:
    chunks = b"".join(codec.chunk(packet) for packet in packets)
    assert codec.decode_payload(chunks[:-1]) == packets
    assert codec.reframe(chunks) == b"".join(codec.encode_frame(packet) for packet in packets)


@given(st.binary(max_size=40))
def test_any_bytes_are_packets_or_refused(body: bytes) -> None:
    try:
        packets = codec.decode_payload(body)
    except BadPacket:
        return
    assert packets
    assert all(packet.type in codec.TYPES for packet in packets)


@given(st.lists(PACKETS, min_size=1, max_size=4), st.data())
def test_a_payload_cut_anywhere_is_packets_or_refused(packets: list[Packet], data: st.DataObject) -> None:
    body = b"".join(codec.chunk(packet) for packet in packets)[:-1]
    for cut in range(len(body)):
        try:
            codec.decode_payload(body[:cut])
        except BadPacket:
            continue


@pytest.mark.parametrize("text", ["", "7", "a", "b!", "bA", "bAAA", "bAA=A", "\x1e", "４", "٤"])
def test_what_is_no_packet_is_refused(text: str) -> None:
    with pytest.raises(BadPacket):
        codec.decode_text(text)


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_frames_say_their_size_in_each_of_the_three_ways(size: int) -> None:
    assert frames_in(frame(codec.BINARY_FRAME, b"x" * size)) == [b"x" * size]


@given(st.none() | TEXT, st.lists(st.binary(), max_size=3))
def test_frames_are_the_same_message_on_both_transports_and_encoded_once(text: str | None, binary: list[bytes]) -> None:
    frames = Frames(None if text is None else text.encode(), binary)
    wanted = ([] if text is None else ["4" + text]) + list(binary)
    assert frames_in(frames.websocket) == wanted
    assert codec.reframe(frames.polling) == frames.websocket
    assert frames.websocket is frames.websocket
    assert frames.polling is frames.polling


def test_the_frame_reader_of_these_tests_would_notice_a_mask() -> None:
    masked = bytes([0x81, 0x80 | 2]) + b"abcd" + bytes([ord("a") ^ ord("h"), ord("b") ^ ord("i")])
    with pytest.raises(AssertionError):
        frames_in(masked)
