"""Events of the hub on their way to Socket.IO clients."""

from __future__ import annotations

import pytest

from replyx.delivery.eventlog import Cursor, LoggedEvent
from replyx.socketio import wire
from replyx.socketio.wire import Recovery, Wires, new_pid, recovery_of
from tests.unit.test_engineio_codec import frames_in


def translate(payload: bytes) -> tuple[str, bytes] | None:
    """Everything but secrets."""
    return None if b"secret" in payload else ("message:new", payload)


def test_a_durable_event_ends_with_its_cursor_on_both_transports() -> None:
    event = LoggedEvent(12, ("t",), '{"text":"я"}'.encode())
    main, admin = Wires.of(translate), Wires.of(translate, "/admin")
    packet = '42["message:new",{"text":"я"},"5f-12"]'
    assert frames_in(main.websocket.durable(event, "5f")) == [packet]
    assert main.polling.durable(event, "5f") == packet.encode() + b"\x1e"
    assert frames_in(admin.websocket.durable(event, "5f")) == [packet.replace("42", "42/admin,", 1)]


def test_other_events_do_not_move_the_clients_place_and_a_resync_does() -> None:
    wires = Wires.of(translate)
    assert frames_in(wires.websocket.ephemeral(b'{"a":1}')) == ['42["message:new",{"a":1}]']
    assert wires.polling.resync("retention", "5f", 7) == b'42["resync",{"reason":"retention"},"5f-7"]\x1e'


def test_what_is_not_for_clients_becomes_no_bytes() -> None:
    wires = Wires.of(translate)
    assert wires.websocket.durable(LoggedEvent(1, ("t",), b'{"secret":1}'), "5f") == b""
    assert wires.polling.ephemeral(b'{"secret":1}') == b""


def test_an_event_for_many_is_encoded_once() -> None:
    frames = wire.event("typing", [{"on": True}, b"\1"], "/admin")
    assert frames_in(frames.websocket) == ['451-/admin,["typing",{"on":true},{"_placeholder":true,"num":0}]', b"\1"]
    assert frames.websocket is frames.websocket


def test_a_client_comes_back_with_its_offset_or_with_where_it_began() -> None:
    pid = new_pid("5f", 10)
    assert new_pid("5f", 10) != pid
    assert recovery_of({"pid": pid, "offset": "5f-12", "token": "x"}) == Recovery(pid, Cursor("5f", 12))
    assert recovery_of({"pid": pid}) == Recovery(pid, Cursor("5f", 10))


@pytest.mark.parametrize(
    "auth", [{}, {"pid": 1}, {"pid": ""}, {"pid": "abc"}, {"pid": "x~5f-1", "offset": "?"}, {"pid": "я~5f-1"}]
)
def test_a_claim_that_cannot_be_read_is_none(auth: dict[str, object]) -> None:
    assert recovery_of(auth) is None


def test_a_pid_is_bounded() -> None:
    assert recovery_of({"pid": "x" * 100 + "~5f-1"}) is not None
    assert recovery_of({"pid": "x" * 200 + "~5f-1"}) is None
