"""The wire formats, byte for byte."""

from __future__ import annotations

import json

import pytest

from replyx.delivery.eventlog import LoggedEvent
from replyx.delivery.wire import Wire
from replyx.wire.mobile import MobileWire
from replyx.wire.sse import HEARTBEAT, SSE, farewell, opening
from replyx.wire.webapp import WEBAPP
from replyx.wire.websocket import WEBSOCKET, ping_frame, text_frame
from tests.listeners import SseParser

EVENT = LoggedEvent(120, ("shoes",), '{"type":"message:new","text":"да"}'.encode())


def test_sse_event() -> None:
    assert SSE.durable(EVENT, "5f3a") == 'id: 5f3a-120\ndata: {"type":"message:new","text":"да"}\n\n'.encode()
    assert SSE.ephemeral(b'{"type":"typing_start"}') == b'data: {"type":"typing_start"}\n\n'
    assert SSE.resync("epoch", "5f3a", 7) == b'id: 5f3a-7\ndata: {"type":"resync","reason":"epoch"}\n\n'


def test_sse_opening_heartbeat_and_farewell() -> None:
    assert opening("5f3a", 9) == b"retry: 5000\n: heartbeat\nid: 5f3a-9\n\n"
    assert HEARTBEAT == b": heartbeat\n\n"
    assert farewell(1234) == b"retry: 1234\n\n"


def test_an_sse_parser_finds_the_same_blocks_wherever_the_stream_is_cut() -> None:
    stream = opening("5f3a", 9) + HEARTBEAT + SSE.durable(EVENT, "5f3a") + SSE.resync("ahead", "5f3a", 9) + farewell(7)
    whole = SseParser().feed(stream)
    assert [(cursor, retry) for cursor, _, retry in whole] == [
        ("5f3a-9", 5000),
        (None, None),
        ("5f3a-120", None),
        ("5f3a-9", None),
        (None, 7),
    ]
    for cut in range(len(stream)):
        parser = SseParser()
        assert parser.feed(stream[:cut]) + parser.feed(stream[cut:]) == whole


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, "8100"),
        (1, "8101"),
        (125, "817d"),
        (126, "817e007e"),
        (65535, "817effff"),
        (65536, "817f0000000000010000"),
    ],
)
def test_a_text_frame_has_the_shortest_length_that_fits(size: int, head: str) -> None:
    # RFC 6455, 5.2: 7 bits, 16 bits or 64 bits, always the fewest
    frame = text_frame(b"x" * size)
    assert frame.hex().startswith(head)
    assert frame == bytes.fromhex(head) + b"x" * size


def test_a_ping_is_empty_and_unmasked() -> None:
    assert ping_frame() == b"\x89\x00"  # RFC 6455, 5.5.2


def test_websocket_events_carry_their_cursor_last() -> None:
    payload = '{"type":"message:new","text":"да","cursor":"5f3a-120"}'.encode()
    assert WEBSOCKET.durable(EVENT, "5f3a") == bytes([0x81, len(payload)]) + payload
    resync = b'{"type":"resync","reason":"retention","cursor":"5f3a-9"}'
    assert WEBSOCKET.resync("retention", "5f3a", 9) == bytes([0x81, len(resync)]) + resync
    assert WEBSOCKET.ephemeral(b'{"type":"pong"}') == b'\x81\x0f{"type":"pong"}'


@pytest.mark.parametrize("size", [0, 60, 125 - 57, 126 - 57, 70_000])
def test_both_formats_carry_the_same_object(size: int) -> None:
    event = LoggedEvent(1, ("shoes",), json.dumps({"type": "message:new", "text": "x" * size}).encode())
    (block,) = SseParser().feed(SSE.durable(event, "ab"))
    frame = WEBSOCKET.durable(event, "ab")
    skip = {126: 4, 127: 10}.get(frame[1], 2)
    over_socket = json.loads(frame[skip:])
    assert over_socket.pop("cursor") == block[0] == "ab-1"
    assert over_socket == json.loads(str(block[1]))


def test_both_formats_are_wires() -> None:
    wires: list[Wire] = [SSE, WEBSOCKET]
    assert all(wire.durable(EVENT, "5f3a").count(b"5f3a-120") == 1 for wire in wires)


MOBILE = MobileWire(lambda: 0.5)
APPROVED = b'{"type":"product.approved","timestamp":"2026-03-09T10:30:00.000Z","data":{"a":[{"b":1,"body":{}}]}}'
BODY = '{"orderId":9,"type":"order_status","статус":"да","x":1.10}'.encode()
BROADCAST = b'{"type":"order_status","timestamp":"2026-03-09T10:30:00.000Z","body":%s}' % BODY


def test_mobile_clients_get_an_event_in_their_envelope() -> None:
    frame = MOBILE.durable(LoggedEvent(7, ("clients:user",), APPROVED), "5f3a")
    assert frame == text_frame(
        b'{"event":"product.approved","timestamp":"2026-03-09T10:30:00.000Z","data":{"a":[{"b":1,"body":{}}]},'
        b'"id":7,"cursor":"5f3a-7"}'
    )
    assert MOBILE.ephemeral(APPROVED) == text_frame(APPROVED.replace(b"type", b"event", 1))
    assert MOBILE.resync("epoch", "5f3a", 9) == text_frame(
        b'{"event":"resync","timestamp":"1970-01-01T00:00:00.500Z","data":{"reason":"epoch"},"type":"resync",'
        b'"reason":"epoch","cursor":"5f3a-9"}'
    )


def test_a_broadcast_is_the_data_of_the_envelope_and_the_whole_frame_of_a_webapp() -> None:
    event = LoggedEvent(7, ("broadcasts",), BROADCAST)
    assert WEBAPP.durable(event, "5f3a") == text_frame(BODY[:-1] + b',"cursor":"5f3a-7"}')
    assert MOBILE.durable(event, "5f3a") == text_frame(
        b'{"event":"order_status","timestamp":"2026-03-09T10:30:00.000Z","data":%s,"id":7,"cursor":"5f3a-7"}' % BODY
    )


def test_a_webapp_in_a_room_gets_other_events_as_every_websocket() -> None:
    event = LoggedEvent(7, ("room:shop:1",), APPROVED)
    assert WEBAPP.durable(event, "5f3a") == WEBSOCKET.durable(event, "5f3a")
