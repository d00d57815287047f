"""The Engine.IO session, input by input, with sinks and clocks of the test's own."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from replyx.socketio import engineio_codec as codec
from replyx.socketio.engineio_errors import Refusal, Refused
from replyx.socketio.engineio_ports import EngineSettings
from replyx.socketio.engineio_session import LEAVING_S, TOO_MUCH_BYTES, EngineSession, State
from tests.unit.socketio.test_engineio_codec import frames_in

SETTINGS = EngineSettings(ping_interval_s=25, ping_timeout_s=20, upgrade_timeout_s=10)


class Sink:
    """Takes everything, or keeps it back."""

    def __init__(self) -> None:
        self.data = b""
        self.stalled = False
        self.unsent = 0

    @property
    def full(self) -> bool:
        return self.unsent > 65536

    def write(self, data: bytes) -> bool:
        self.data += data
        self.unsent += len(data) if self.stalled else 0
        return not self.full


class Socket:
    """A WebSocket of the test's."""

    def __init__(self) -> None:
        self.sink = Sink()
        self.closed = 0

    def close(self) -> None:
        self.closed += 1

    @property
    def frames(self) -> list[str | bytes]:
        return frames_in(self.sink.data)


class Poll:
    """A GET of the test's."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []

    @property
    def payload(self) -> bytes | None:
        """The answer; None while it waits."""
        return self.answers[0] if self.answers else None

    def answer(self, payload: bytes) -> None:
        self.answers.append(payload)
        assert len(self.answers) == 1, "answered twice"


class Ears:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def flush_due(self) -> None:
        self.heard.append("flush due")

    def drained(self) -> None:
        self.heard.append("drained")

    def upgraded(self) -> None:
        self.heard.append("upgraded")

    def closed(self, reason: str) -> None:
        self.heard.append(reason)


def polling() -> tuple[EngineSession, Ears]:
    """A session that was opened by a GET at second 0."""
    ears = Ears()
    session = EngineSession("sid", SETTINGS, ears)
    session.open_polling(Poll(), 0)
    return session, ears


def on_websocket() -> tuple[EngineSession, Ears, Socket]:
    """A session that was opened by a WebSocket at second 0; its handshake is forgotten."""
    ears, socket = Ears(), Socket()
    session = EngineSession("sid", SETTINGS, ears)
    session.open_websocket(socket, 0)
    socket.sink.data = b""
    return session, ears, socket


def polled(session: EngineSession, now: float = 1) -> bytes | None:
    """The answer to a GET; None while it waits."""
    poll = Poll()
    session.poll(poll, now)
    return poll.payload


def test_the_handshake_says_the_settings_in_milliseconds() -> None:
    poll, socket = Poll(), Socket()
    EngineSession("a", SETTINGS, Ears()).open_polling(poll, 0)
    EngineSession("b", SETTINGS, Ears()).open_websocket(socket, 0)
    rest = '"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'
    assert poll.payload == f'0{{"sid":"a","upgrades":["websocket"],{rest}'.encode()
    assert socket.frames == [f'0{{"sid":"b","upgrades":[],{rest}']


def test_a_poll_waits_until_the_turn_in_which_something_came_is_over() -> None:
    session, ears = polling()
    poll = Poll()
    session.poll(poll, 1)
    session.send(codec.message("a"))
    session.send(codec.message(b"\1"))
    assert poll.answers == []
    assert ears.heard == ["flush due"]
    session.flush()
    assert poll.payload == b"4a\x1ebAQ=="
    assert ears.heard == ["flush due", "drained"]
    session.flush()
    assert polled(session) is None


def test_a_ping_is_sent_on_time_and_a_pong_starts_the_next_interval() -> None:
    session, _, socket = on_websocket()
    assert session.deadline == 25
    session.tick(24.9)
    assert socket.frames == []
    session.tick(25)
    assert socket.frames == ["2"]
    assert session.deadline == 45
    session.frame(socket, "3", 30)
    assert session.deadline == 55
    session.frame(socket, "3", 31)
    assert session.deadline == 55, "a pong that nobody asked for changes nothing"


def test_a_client_that_is_silent_after_a_ping_is_closed() -> None:
    session, ears, socket = on_websocket()
    session.tick(25)
    session.tick(44.9)
    assert session.alive
    session.tick(45)
    assert ears.heard == ["ping timeout"]
    assert socket.closed
    assert session.deadline == inf


def test_a_client_that_sends_lives_though_its_pong_is_late() -> None:
    session, ears, socket = on_websocket()
    session.tick(25)
    assert session.frame(socket, "4still uploading", 40) == "still uploading"
    session.tick(45)
    assert session.alive
    session.tick(60)
    assert ears.heard == ["ping timeout"]


def test_a_ping_that_a_late_wheel_sends_leaves_no_more_time_and_one_after_a_pause_leaves_it_all() -> None:
    late, _, _ = on_websocket()
    late.tick(26)
    assert late.deadline == 45
    paused, _, _ = on_websocket()
    paused.tick(1000)
    assert paused.deadline == 1015


def test_a_session_that_must_settle_ends_unless_it_does() -> None:
    session, ears, _ = on_websocket()
    session.settle(10)
    assert session.deadline == 10
    session.tick(10)
    assert ears.heard == ["forced close"]
    settled, _, _ = on_websocket()
    settled.settle(10)
    settled.settle()
    settled.tick(10)
    assert settled.alive


def test_a_second_poll_or_post_ends_the_session() -> None:
    session, ears = polling()
    first = Poll()
    session.poll(first, 1)
    with pytest.raises(Refused) as refused:
        session.poll(Poll(), 1)
    assert refused.value.refusal is Refusal.BAD_REQUEST
    assert first.payload == b"1"
    assert ears.heard == ["transport error"]

    session, ears = polling()
    assert session.post(b"4a", 1) == ["a"]
    with pytest.raises(Refused):
        session.post(b"4b", 1)
    assert ears.heard == ["transport error"]
    session, ears = polling()
    session.post(b"4a", 1)
    session.posted()
    assert session.post(b"4b", 1) == ["b"]


def test_what_waited_for_a_poll_moves_to_the_websocket() -> None:
    session, ears = polling()
    socket, poll = Socket(), Poll()
    session.poll(poll, 1)
    session.probe(socket, 1)
    assert session.frame(socket, "2probe", 1) is None
    assert (socket.frames, poll.payload) == (["3probe"], b"6")
    assert polled(session) == b"6"
    session.send(codec.message("a"))
    session.send(codec.message(b"\1"))
    session.frame(socket, "5", 2)
    assert socket.frames == ["3probe", "4a", b"\1"]
    assert ears.heard == ["upgraded"]
    session.send(codec.message("b"))
    assert socket.frames[-1] == "4b"
    with pytest.raises(Refused):
        session.poll(Poll(), 3)
    with pytest.raises(Refused):
        session.probe(Socket(), 3)
    assert session.alive


def test_an_upgrade_that_takes_too_long_is_given_up_and_may_be_tried_again() -> None:
    session, _ = polling()
    socket = Socket()
    session.probe(socket, 1)
    session.frame(socket, "2probe", 1)
    assert session.deadline == 11
    session.tick(11)
    assert socket.closed
    assert session.alive
    assert polled(session) is None
    session.probe(Socket(), 12)


def test_an_upgrade_needs_a_probe() -> None:
    session, ears = polling()
    socket = Socket()
    session.probe(socket, 1)
    session.frame(socket, "5", 1)
    assert socket.closed
    assert session.transport == "polling"
    assert session.frame(socket, "4x", 1) is None, "what a dismissed socket says counts for nothing"
    assert ears.heard == []


def test_closing_lets_the_last_words_arrive() -> None:
    session, ears = polling()
    session.send(codec.message("bye"))
    session.close()
    assert ears.heard == ["forced close"]
    assert not session.send(codec.message("too late"))
    session.tick(5)
    assert polled(session) == b"4bye"
    assert polled(session) == b"1"
    assert session.state is State.CLOSED
    assert ears.heard == ["forced close"]


def test_closing_tells_a_poll_that_waits_what_was_sent_and_the_next_one_the_end() -> None:
    session, ears = polling()
    poll = Poll()
    session.poll(poll, 1)
    session.send(codec.message("bye"))
    session.close()
    assert poll.payload == b"4bye"
    assert polled(session) == b"1"
    assert (session.state, ears.heard) == (State.CLOSED, ["flush due", "drained", "forced close"])


def test_closing_waits_for_the_last_poll_only_so_long() -> None:
    session, ears = polling()
    session.close()
    session.tick(5)
    assert session.deadline == 25
    session.tick(25)
    assert session.state is State.CLOSED
    assert ears.heard == ["forced close"]


def test_a_poll_that_was_sent_with_the_word_that_the_client_leaves_is_answered_in_either_order() -> None:
    """Two requests on two connections: which of them is read first is chance."""
    for poll_first in (True, False):
        session, ears = polling()
        poll = Poll()
        if poll_first:
            session.poll(poll, 1)
        session.post(b"1", 1)
        session.posted()
        assert (ears.heard, session.alive) == (["transport close"], False)
        if not poll_first:
            session.poll(poll, 1)
        assert poll.payload == b"6"
        with pytest.raises(Refused) as refused:
            session.poll(Poll(), 1)
        assert refused.value.refusal is Refusal.SESSION_UNKNOWN


def test_a_client_that_has_left_is_waited_for_only_a_moment() -> None:
    session, ears = polling()
    session.post(b"1", 1)
    session.posted()
    session.tick(1)
    assert session.deadline == 1 + LEAVING_S
    session.tick(1 + LEAVING_S)
    assert (session.state, session.deadline, ears.heard) == (State.CLOSED, inf, ["transport close"])


def test_a_client_that_takes_nothing_loses_its_session() -> None:
    session, ears = polling()
    block = codec.message("x" * 60_000)
    assert session.send(block)
    assert not session.send(block), "full: a subscription falls behind here"
    for _ in range(TOO_MUCH_BYTES // 60_000):
        session.send(block)
    assert ears.heard == ["transport error"]
    session, ears, socket = on_websocket()
    socket.sink.stalled = True
    for _ in range(TOO_MUCH_BYTES // 60_000 + 1):
        session.send(block)
    assert ears.heard == ["transport error"]


def test_a_lost_transport_ends_the_session_and_a_lost_candidate_does_not() -> None:
    session, ears = polling()
    candidate = Socket()
    session.probe(candidate, 1)
    session.lost(candidate)
    assert session.alive
    session.poll_lost()
    assert ears.heard == ["transport close"]
    session, ears, socket = on_websocket()
    session.lost(Socket())
    assert session.alive
    session.lost(socket)
    assert ears.heard == ["transport close"]


PACKETS = st.sampled_from(["4a", "3", "1", "6", "2", "2probe", "5", "0", "x", "", "b", "bAQ==", "4b\x1e4c", "4b\x1e1"])


class AnyOrder(RuleBasedStateMachine):
    """Whatever comes in whatever order: one end, no answer twice, nothing after the end, no exception but refusals."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.ears = Ears()
        self.session = EngineSession("sid", SETTINGS, self.ears)
        self.sockets: list[Socket] = []
        self.polls: list[Poll] = []
        self.opened = False

    @precondition(lambda self: not self.opened)
    @rule(websocket=st.booleans())
    def open(self, websocket: bool) -> None:
        self.opened = True
        if websocket:
            self.sockets.append(Socket())
            self.session.open_websocket(self.sockets[0], self.now)
        else:
            self.session.open_polling(Poll(), self.now)

    @precondition(lambda self: self.opened)
    @rule()
    def poll(self) -> None:
        poll = Poll()
        try:
            self.session.poll(poll, self.now)
        except Refused:
            assert poll.payload is None
        else:
            self.polls.append(poll)

    @precondition(lambda self: self.opened)
    @rule(body=PACKETS, finish=st.booleans())
    def post(self, body: str, finish: bool) -> None:
        try:
            self.session.post(body.encode(), self.now)
        except Refused:
            return
        if finish:
            self.session.posted()

    @precondition(lambda self: self.opened)
    @rule()
    def probe(self) -> None:
        socket = Socket()
        try:
            self.session.probe(socket, self.now)
        except Refused:
            return
        self.sockets.append(socket)

    @precondition(lambda self: self.sockets)
    @rule(data=st.data(), packet=PACKETS | st.binary(max_size=2))
    def frame(self, data: st.DataObject, packet: str | bytes) -> None:
        alive = self.session.alive
        message = self.session.frame(data.draw(st.sampled_from(self.sockets)), packet, self.now)
        assert message is None or alive

    @precondition(lambda self: self.sockets)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        self.session.lost(data.draw(st.sampled_from(self.sockets)))

    @precondition(lambda self: self.opened)
    @rule()
    def lose_poll(self) -> None:
        self.session.poll_lost()

    @precondition(lambda self: self.opened)
    @rule(size=st.sampled_from([1, 70_000, 2_000_000]))
    def send(self, size: int) -> None:
        self.session.send(codec.message("x" * size))

    @precondition(lambda self: self.opened)
    @rule()
    def flush(self) -> None:
        self.session.flush()

    @precondition(lambda self: self.opened)
    @rule()
    def close(self) -> None:
        self.session.close()

    @precondition(lambda self: self.opened)
    @rule(seconds=st.floats(0, 60))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.session.tick(self.now)
        assert self.session.deadline > self.now or self.session.deadline == self.now == 0

    @invariant()
    def ends_once(self) -> None:
        ends = [each for each in self.ears.heard if each not in ("flush due", "drained", "upgraded")]
        assert len(ends) == (0 if self.session.alive else 1)

    @invariant()
    def leaves_nothing_behind(self) -> None:
        if self.session.state is State.CLOSED:
            assert self.session.deadline == inf
            assert all(socket.closed for socket in self.sockets)
            assert all(poll.payload is not None for poll in self.polls[:-1])


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
