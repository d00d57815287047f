"""Socket.IO packets: every one comes back as it was, and nothing else is one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyx.socketio.engineio_codec import BadPacket
from replyx.socketio.socketio_codec import MAX_ACK_ID, RESERVED, Decoder, Kind, Packet, encode

# Whole numbers that JavaScript counts exactly, fractions that no parser writes as whole numbers; keys that are neither
# a placeholder's nor special to JavaScript objects or to the tests' own way to write bytes.
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(-1e6, 1e6).map(lambda x: round(x, 3)).filter(lambda x: x % 1 != 0)
KEYS = st.text('abcäя_"\\', max_size=4)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
MIXED = st.recursive(
    st.booleans() | TEXT | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=6,
)
NAMESPACES = st.just("/") | st.text("abя1-[{/?", min_size=1, max_size=6).map(lambda name: "/" + name)
NAMES = TEXT.filter(lambda name: name not in RESERVED)
ACK_IDS = st.none() | st.integers(0, MAX_ACK_ID)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=3)

PACKETS: st.SearchStrategy[Packet] = st.one_of(
    st.builds(Packet, st.just(Kind.CONNECT), NAMESPACES, st.none() | OBJECTS),
    st.builds(Packet, st.just(Kind.DISCONNECT), NAMESPACES),
    st.builds(
        Packet,
        st.just(Kind.EVENT),
        NAMESPACES,
        st.builds(lambda name, args: [name, *args], NAMES, st.lists(JSON | MIXED, max_size=3)),
        ACK_IDS,
    ),
    st.builds(Packet, st.just(Kind.ACK), NAMESPACES, st.lists(JSON | MIXED, max_size=3), st.integers(0, MAX_ACK_ID)),
    st.builds(Packet, st.just(Kind.CONNECT_ERROR), NAMESPACES, OBJECTS),
).filter(lambda packet: len(encode(packet)[1]) <= 10)


def fed(*messages: str | bytes) -> Packet | None:
    """What a fresh decoder makes of the last of ``messages``."""
    decoder = Decoder()
    result = None
    for message in messages:
        result = decoder.feed(message)
    return result


@given(st.lists(PACKETS, min_size=1, max_size=3))
def test_packets_come_back_one_after_the_other(packets: list[Packet]) -> None:
    decoder = Decoder()
    for packet in packets:
        text, attachments = encode(packet)
        messages: list[str | bytes] = [text.decode(), *attachments]
        assert [decoder.feed(message) for message in messages] == [None] * len(attachments) + [packet]


@given(PACKETS)
def test_a_packet_cut_anywhere_is_a_packet_or_refused(packet: Packet) -> None:
    text = encode(packet)[0].decode()
    for cut in range(len(text)):
        try:
            Decoder().feed(text[:cut])
        except BadPacket:
            continue


@given(st.text('0123456789-/,[]{}"a:tru\\ud8', max_size=30) | st.text(max_size=10))
def test_any_text_is_a_packet_or_refused(text: str) -> None:
    try:
        packet = Decoder().feed(text)
    except BadPacket:
        return
    assert packet is None or packet.kind in set(Kind)


@pytest.mark.parametrize(
    ("text", "packet"),
    [
        ("0", Packet(Kind.CONNECT)),
        ("0/admin,", Packet(Kind.CONNECT, "/admin")),
        ("0/admin", Packet(Kind.CONNECT, "/admin")),
        ('0/admin,{"sid":"x"}', Packet(Kind.CONNECT, "/admin", {"sid": "x"})),
        ('4{"message":"no"}', Packet(Kind.CONNECT_ERROR, "/", {"message": "no"})),
        ('2["foo"]', Packet(Kind.EVENT, "/", ["foo"])),
        ('2/admin,["bar"]', Packet(Kind.EVENT, "/admin", ["bar"])),
        ('212["foo"]', Packet(Kind.EVENT, "/", ["foo"], 12)),
        ("2[1]", Packet(Kind.EVENT, "/", [1])),
        ('3/admin,13["bar"]', Packet(Kind.ACK, "/admin", ["bar"], 13)),
        ("312[]", Packet(Kind.ACK, "/", [], 12)),
        ("1", Packet(Kind.DISCONNECT)),
        ("1/admin,", Packet(Kind.DISCONNECT, "/admin")),
    ],
)
def test_the_examples_of_the_protocol(text: str, packet: Packet) -> None:
    assert fed(text) == packet
    if text != "0/admin":
        assert encode(packet) == (text.encode(), [])


def test_attachments_stand_in_the_order_of_their_placeholders() -> None:
    packet = Packet(Kind.EVENT, "/admin", ["baz", b"\1", {"deep": [b"\2", bytearray(b"\3")]}], 7)
    text, attachments = encode(packet)
    assert text == (
        b'53-/admin,7["baz",{"_placeholder":true,"num":0},'
        b'{"deep":[{"_placeholder":true,"num":1},{"_placeholder":true,"num":2}]}]'
    )
    assert attachments == [b"\1", b"\2", b"\3"]
    assert encode(Packet(Kind.ACK, "/", [memoryview(b"x")], 1)) == (
        b'61-1[{"_placeholder":true,"num":0}]',
        [b"x"],
    )


@pytest.mark.parametrize("namespace", ["/a,b", "admin", ""])
def test_a_namespace_that_could_not_be_read_is_not_written(namespace: str) -> None:
    with pytest.raises(ValueError):
        encode(Packet(Kind.CONNECT, namespace))


@pytest.mark.parametrize(
    "messages",
    [
        [""],
        ["7"],
        ["0[]"],
        ["0null"],
        ["05"],
        ["1{}"],
        ["2"],
        ["2null"],
        ["2[]"],
        ["2[true]"],
        ['2["connect_error"]'],
        ['2["a"'],
        ['2["a"]x'],
        ['2["a",NaN,"\\ud800"]'],
        ['21-["a"]'],
        ['29007199254740992["a"]'],
        ['2٤["a"]'],
        ["3[]"],
        ["4[]"],
        ["4"],
        ['5["a"]'],
        ['50-["a"]'],
        ['511-["a"]'],
        ['5-1-["a"]'],
        ["2[" + "[" * 100_000],
        ["2[" + '"\\ud800",[' * 10_000],
        [b"a"],
        ['51-["a",{"_placeholder":true,"num":0}]', '2["b"]'],
        ['51-["a",{"_placeholder":true,"num":1}]', b""],
        ['51-["a",{"_placeholder":true}]', b""],
        ['51-["a",{"_placeholder":true,"num":true}]', b""],
    ],
)
def test_what_is_no_packet_is_refused(messages: list[str | bytes]) -> None:
    with pytest.raises(BadPacket):
        fed(*messages)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('2["\\ud83d"]', ["\ufffd"]),
        ('2["a\\udc00b",{"\\ud800":["\\ud83d\\ude00"]}]', ["a\ufffdb", {"\ufffd": ["😀"]}]),
    ],
)
def test_half_an_emoji_becomes_a_replacement_character(text: str, data: list[Any]) -> None:
    packet = fed(text)
    assert packet is not None
    assert packet.data == data


def test_an_object_that_looks_like_a_placeholder_in_a_plain_event_stays_what_it_is() -> None:
    packet = fed('2["a",{"_placeholder":true,"num":0}]')
    assert packet is not None
    assert packet.data == ["a", {"_placeholder": True, "num": 0}]
