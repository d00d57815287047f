"""A feed from a real hub, whose log is short enough to be all in memory, to a client that changes under it."""

from __future__ import annotations

from pathlib import Path

import pytest

from replyx.delivery.eventlog import Cursor, LoggedEvent
from replyx.delivery.hub import Hub
from replyx.delivery.store import Store
from replyx.socketio.engineio_ports import EngineSettings
from replyx.socketio.engineio_session import EngineSession
from replyx.socketio.feed import Feed
from replyx.socketio.outbox import FULL_BYTES
from replyx.socketio.wire import Wires
from tests.unit.socketio.test_engineio_session import Ears, Poll, Socket, polled, polling

WIRES = Wires.of(lambda payload: ("e", payload))


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """A hub with nothing behind it."""
    return Hub(Store.open(tmp_path / "replyx.db", lambda: 0.0), "ab", 0)


def publish(hub: Hub, topic: str, payload: bytes = b"{}") -> None:
    """The next event of ``topic``."""
    hub.deliver([LoggedEvent(hub.last + 1, (topic,), payload)])


def upgrade(session: EngineSession, feed: Feed) -> Socket:
    """Move the session to a WebSocket, and the feed with it as connections do."""
    socket = Socket()
    session.probe(socket, 1)
    session.frame(socket, "2probe", 1)
    session.frame(socket, "5", 1)
    feed.move()
    socket.sink.data = socket.sink.data.partition(b"3probe")[2]
    return socket


def ids(frames: list[str | bytes]) -> list[int]:
    """The ids at the ends of events."""
    return [int(str(frame).rpartition("-")[2].rstrip('"]')) for frame in frames]


def test_each_event_comes_once_over_whichever_transport_there_is(hub: Hub) -> None:
    session, _ = polling()
    feed = Feed(hub, session, frozenset({"a"}), WIRES)
    feed.start(None)
    publish(hub, "a")
    publish(hub, "b")
    assert polled(session) == b'42["e",{},"ab-1"]'
    session.poll_lost()
    session, _ = polling()
    feed = Feed(hub, session, frozenset({"a"}), WIRES)
    feed.start(Cursor("ab", 0))
    publish(hub, "a")
    socket = upgrade(session, feed)
    publish(hub, "a")
    assert ids(socket.frames) == [1, 3, 4]


def test_a_client_that_does_not_poll_falls_behind_and_is_caught_up_without_a_gap(hub: Hub) -> None:
    session, ears = polling()
    feed = Feed(hub, session, frozenset({"a"}), WIRES)
    feed.start(None)
    block = b'{"x":"%s"}' % (b"x" * 10_000)
    for _ in range(30):
        publish(hub, "a", block)
    assert FULL_BYTES < session.outbox.unsent < FULL_BYTES + 2 * len(block)
    seen: list[int] = []
    while (payload := polled(session)) is not None:
        seen += ids(list(payload.decode().split("\x1e")))
        feed.drained()
        session.flush()
    assert seen == list(range(1, 31))
    assert "drained" in ears.heard


def test_a_client_that_is_behind_when_it_upgrades_misses_nothing(hub: Hub) -> None:
    session, _ = polling()
    feed = Feed(hub, session, frozenset({"a"}), WIRES)
    feed.start(None)
    for _ in range(30):
        publish(hub, "a", b'{"x":"%s"}' % (b"x" * 10_000))
    socket = upgrade(session, feed)
    publish(hub, "a")
    assert ids(socket.frames) == list(range(1, 32))


def test_other_topics_begin_where_the_client_stands_and_the_old_ones_go_on(hub: Hub) -> None:
    socket = Socket()
    session = EngineSession("sid", EngineSettings(), Ears())
    session.open_websocket(socket, 0)
    socket.sink.data = b""
    feed = Feed(hub, session, frozenset({"a"}), WIRES)
    feed.start(None)
    publish(hub, "b")
    publish(hub, "a")
    feed.change(frozenset({"a", "b"}))
    publish(hub, "b")
    feed.change(frozenset({"b"}))
    publish(hub, "a")
    publish(hub, "b")
    assert ids(socket.frames) == [2, 3, 5]
    assert feed.position == Cursor("ab", 5)


def test_a_closed_feed_brings_nothing_and_stays_closed(hub: Hub) -> None:
    session, _ = polling()
    feed = Feed(hub, session, frozenset({"a"}), WIRES)
    feed.start(None)
    assert hub.topics == 1
    feed.close()
    feed.close()
    feed.start(None)
    feed.move()
    publish(hub, "a")
    assert hub.topics == 0
    poll = Poll()
    session.poll(poll, 1)
    assert poll.answers == []
