"""The wheel of open streams, turned by hand: no clock, no socket."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import cast

import msgspec
import pytest

from replyx.delivery.eventlog import LoggedEvent
from replyx.delivery.hub import Hub
from replyx.delivery.store import Store
from replyx.delivery.streams import EXPIRED_KEPT, SOCKET_SLOTS, SSE_SLOTS, Streams
from replyx.errors import BAD_CREDENTIAL, GOING_AWAY, CloseCode
from replyx.schemas.events import DIRECTORY, DirectoryChanged

NOW = 1_700_000_000.0


class Open:
    """A stream that notes what is asked of it."""

    def __init__(
        self,
        streams: Streams,
        *,
        heartbeat_s: int = SSE_SLOTS,
        expires_at: float | None = None,
        grant: str | None = None,
    ) -> None:
        self.kind = "sse" if heartbeat_s == SSE_SLOTS else "dialog"
        self.heartbeat_s = heartbeat_s
        self.grant = grant
        self.expires_at = expires_at
        self.beats = 0
        self.ended: list[CloseCode] = []
        self._streams = streams
        streams.add(self)

    def heartbeat(self) -> None:
        self.beats += 1

    def end(self, why: CloseCode) -> None:
        self.ended.append(why)
        self._streams.remove(self)


@pytest.fixture
def hub() -> Hub:
    return Hub(cast(Store, None), "5f3a", 0)


@pytest.fixture
def streams(hub: Hub) -> Streams:
    return Streams(hub, lambda: NOW)


@pytest.mark.parametrize("period", [SSE_SLOTS, SOCKET_SLOTS])
def test_every_stream_gets_one_heartbeat_per_period(streams: Streams, period: int) -> None:
    opened = [Open(streams, heartbeat_s=period) for _ in range(100)]
    for turn in range(3 * period):
        streams.turn(NOW + turn)
    assert {stream.beats for stream in opened} == {3}


def test_heartbeats_are_spread_over_the_period(streams: Streams) -> None:
    opened = [Open(streams) for _ in range(SSE_SLOTS * 4)]
    for turn in range(SSE_SLOTS):
        before = sum(stream.beats for stream in opened)
        streams.turn(NOW + turn)
        assert sum(stream.beats for stream in opened) == before + 4


def test_a_stream_ends_in_the_second_in_which_its_token_runs_out(streams: Streams) -> None:
    short, long, endless = Open(streams, expires_at=NOW + 5), Open(streams, expires_at=NOW + 50), Open(streams)
    streams.turn(NOW + 4)
    assert short.ended == []
    streams.turn(NOW + 5)
    assert short.ended == [BAD_CREDENTIAL]
    assert long.ended == endless.ended == []
    assert len(streams) == 2
    streams.turn(NOW + 1000)
    assert long.ended == [BAD_CREDENTIAL]
    assert endless.ended == []


def test_a_stream_that_left_before_its_token_ran_out_is_not_ended(streams: Streams) -> None:
    stream = Open(streams, expires_at=NOW + 5)
    streams.remove(stream)
    streams.remove(stream)
    streams.turn(NOW + 6)
    assert stream.ended == []
    assert stream.beats == 0


def test_closed_streams_are_not_kept_until_their_tokens_would_have_run_out(streams: Streams) -> None:
    """A visitor's token is good for weeks; each closed stream stayed in memory for as long, socket handler and all."""
    staying = Open(streams, expires_at=NOW + 5)
    watched: list[weakref.ref[Open]] = []
    for _ in range(5 * EXPIRED_KEPT):
        stream = Open(streams, expires_at=NOW + 30 * 86400)
        watched.append(weakref.ref(stream))
        streams.remove(stream)
    del stream
    gc.collect()
    assert sum(reference() is not None for reference in watched) <= EXPIRED_KEPT + 2
    streams.turn(NOW + 5)
    assert staying.ended == [BAD_CREDENTIAL], "who stays is still ended in time"


def changed(hub: Hub, id: int, *sessions: str) -> None:
    hub.deliver([LoggedEvent(id, (DIRECTORY,), msgspec.json.encode(DirectoryChanged(list(sessions))))])


def test_the_end_of_a_grant_ends_its_streams_and_no_others(hub: Hub, streams: Streams) -> None:
    boris, also_boris = Open(streams, grant="boris"), Open(streams, grant="boris", heartbeat_s=SOCKET_SLOTS)
    maria, visitor = Open(streams, grant="maria"), Open(streams)
    changed(hub, 1)
    assert len(streams) == 4
    changed(hub, 2, "boris", "somebody who is not here")
    assert boris.ended == also_boris.ended == [BAD_CREDENTIAL]
    assert maria.ended == visitor.ended == []


def test_streams_are_counted_by_kind(streams: Streams) -> None:
    first = Open(streams)
    Open(streams)
    Open(streams, heartbeat_s=SOCKET_SLOTS)
    assert streams.by_kind() == {"sse": 2, "dialog": 1}
    streams.remove(first)
    assert streams.by_kind() == {"sse": 1, "dialog": 1}


async def _close(streams: Streams) -> None:
    streams.start()
    await streams.close()


def test_closing_sends_everybody_away(streams: Streams) -> None:
    opened = [Open(streams) for _ in range(3)]
    asyncio.run(_close(streams))
    assert [stream.ended for stream in opened] == [[GOING_AWAY]] * 3
    assert streams.stopping
    assert len(streams) == 0


def test_who_may_have_lost_the_right_to_listen_unheard_must_come_back(hub: Hub, streams: Streams) -> None:
    """The end of a session was pruned before it came to this process: nobody knows whose it was."""
    stream = Open(streams, grant="session:boris")
    hub._skip_to(5)
    assert stream.ended == [GOING_AWAY]
    assert len(streams) == 0
