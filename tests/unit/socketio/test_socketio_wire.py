"""Events of the hub on their way to Socket.IO clients."""

from __future__ import annotations

from replyx.delivery.eventlog import LoggedEvent
from replyx.socketio.wire import Wires
from tests.unit.socketio.test_engineio_codec import frames_in


def translate(payload: bytes) -> tuple[str, bytes] | None:
    """Everything but secrets."""
    return None if b"secret" in payload else ("message:new", payload)


def test_a_durable_event_ends_with_its_cursor_on_both_transports() -> None:
    event = LoggedEvent(12, ("t",), '{"text":"я"}'.encode())
    wires = Wires.of(translate)
    packet = '42["message:new",{"text":"я"},"5f-12"]'
    assert frames_in(wires.websocket.durable(event, "5f")) == [packet]
    assert wires.polling.durable(event, "5f") == packet.encode() + b"\x1e"


def test_other_events_do_not_move_the_clients_place_and_a_resync_does() -> None:
    wires = Wires.of(translate)
    assert frames_in(wires.websocket.ephemeral(b'{"a":1}')) == ['42["message:new",{"a":1}]']
    assert wires.polling.resync("retention", "5f", 7) == b'42["resync",{"reason":"retention"},"5f-7"]\x1e'


def test_what_is_not_for_clients_becomes_no_bytes() -> None:
    wires = Wires.of(translate)
    assert wires.websocket.durable(LoggedEvent(1, ("t",), b'{"secret":1}'), "5f") == b""
    assert wires.polling.ephemeral(b'{"secret":1}') == b""
