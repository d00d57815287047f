"""One Engine.IO session: a state machine without a loop, a clock or a socket. Times are seconds, passed in.

A session lives on long-polling or on a WebSocket, and may change from the first to the second once. What it sends
goes into a sink: the outbox, which waits for polls, or the sink of its WebSocket. What it receives is handed back to
the caller, message by message. ``Ears.closed`` is called exactly once.
"""

from __future__ import annotations

from enum import Enum
from math import inf

from replyx.socketio import engineio_codec as codec
from replyx.socketio.engineio_codec import BadPacket, Frames, Packet
from replyx.socketio.engineio_errors import Refusal, Refused
from replyx.socketio.engineio_ports import Ears, EngineSettings, MeasuredSink, Poll, WebSocket
from replyx.socketio.outbox import Outbox

PING_CHUNK = codec.chunk(Packet(codec.PING))
PING_FRAME = codec.encode_frame(Packet(codec.PING))
PROBED_FRAME = codec.encode_frame(Packet(codec.PONG, "probe"))
CLOSE_TEXT = codec.CLOSE.encode()
NOOP_TEXT = codec.NOOP.encode()

# A client that takes nothing out of this much is not slow but gone, or means harm: its session ends.
TOO_MUCH_BYTES = 1024 * 1024

# A client that leaves may have sent its last poll at the same moment, over another connection that is read later.
LEAVING_S = 0.2


class State(Enum):
    """Closing: the end is decided, but a polling client learns of it with its next poll."""

    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class EngineSession:
    """One client. ``deadline`` is when :meth:`tick` has to be called next."""

    def __init__(self, sid: str, settings: EngineSettings, ears: Ears) -> None:
        self.sid = sid
        self.settings = settings
        self.ears = ears
        self.state = State.OPEN
        self.outbox = Outbox(self._waiting_more)
        self.websocket: WebSocket | None = None
        self._candidate: WebSocket | None = None
        self._probed = False
        self._poll: Poll | None = None
        self._posting = False
        self._leaving = False
        self._farewell = CLOSE_TEXT
        self._patience_s = settings.ping_timeout_s
        self._flush_due = False
        self._heard = 0.0
        self._ping_at = inf
        self._pong_by = inf
        self._upgrade_by = inf
        self._close_by = inf
        self._settle_by = inf

    # Opening

    def open_polling(self, poll: Poll, now: float) -> None:
        """The session begins with a GET, which gets the handshake."""
        self._start(now)
        poll.answer(codec.encode_text(Packet(codec.OPEN, self.settings.handshake(self.sid, ["websocket"]))))

    def open_websocket(self, websocket: WebSocket, now: float) -> None:
        """The session begins with a WebSocket, and stays on it."""
        self.websocket = websocket
        self._start(now)
        websocket.sink.write(codec.encode_frame(Packet(codec.OPEN, self.settings.handshake(self.sid, []))))

    def _start(self, now: float) -> None:
        self._heard = now
        self._ping_at = now + self.settings.ping_interval_s

    # What the client does

    def poll(self, poll: Poll, now: float) -> None:
        """A GET arrived; it is answered now or when there is something. Raises :class:`Refused`."""
        self._refuse_unless_polling()
        if self._poll is not None:
            self.fail("transport error")  # "a client MUST NOT have more than one active GET request"
            raise Refused(Refusal.BAD_REQUEST)
        self._poll = poll
        if self.state is State.CLOSING:
            self._say_goodbye()
        elif self.outbox.unsent:
            self.flush()
        elif self._probed:
            self._answer(NOOP_TEXT)

    def poll_lost(self) -> None:
        """A GET went away before its answer was out; with it went what it was to bring."""
        if self.websocket is None:
            self._poll = None
            self.fail("transport close")

    def post(self, body: bytes, now: float) -> list[str | bytes]:
        """A POST arrived: its messages, to be worked off before :meth:`posted`. Raises :class:`Refused`.

        One bad packet makes the whole body bad: none of its messages is handed on, and the session ends.
        """
        self._refuse_unless_polling()
        if self.state is not State.OPEN:
            raise Refused(Refusal.SESSION_UNKNOWN)
        if self._posting:
            self.fail("transport error")  # "a client MUST NOT have more than one active POST request"
            raise Refused(Refusal.BAD_REQUEST)
        try:
            packets = codec.decode_payload(body)
        except BadPacket:
            packets = [Packet(codec.OPEN)]
        if any(packet.type in (codec.OPEN, codec.PING, codec.UPGRADE) for packet in packets):
            self.fail("parse error")
            raise Refused(Refusal.BAD_REQUEST)
        self._posting = True
        return self._messages(packets, now)

    def _messages(self, packets: list[Packet], now: float) -> list[str | bytes]:
        messages: list[str | bytes] = []
        self._heard = now
        for packet in packets:
            if packet.type == codec.MESSAGE:
                messages.append(packet.data)
            elif packet.type == codec.PONG:
                self._ponged(now)
            elif packet.type == codec.CLOSE:
                self._leaving = True
                break
        return messages

    def posted(self) -> None:
        """The messages of the POST were worked off."""
        self._posting = False
        if not self._leaving or self.state is not State.OPEN:
            return
        self._farewell, self._patience_s = NOOP_TEXT, LEAVING_S
        self._close("transport close")

    def refuse_body(self) -> None:
        """A POST was too large to be looked at; the session cannot go on without it."""
        self._refuse_unless_polling()
        self.fail("transport error")

    @property
    def auditioning(self) -> bool:
        """Whether a WebSocket is about to become the transport."""
        return self._candidate is not None

    def probe(self, websocket: WebSocket, now: float) -> None:
        """A WebSocket wants to become the transport. Raises :class:`Refused`; the session goes on as it is.

        It may not where one has, one tries, or it is too late.
        """
        if self.websocket is not None or self._candidate is not None or self.state is not State.OPEN:
            raise Refused(Refusal.BAD_REQUEST)
        self._candidate = websocket
        self._upgrade_by = now + self.settings.upgrade_timeout_s

    def frame(self, websocket: WebSocket, data: str | bytes, now: float) -> str | bytes | None:
        """A WebSocket frame arrived: its message, if it holds one."""
        if self.state is State.CLOSED or websocket not in (self.websocket, self._candidate):
            return None
        try:
            packet = codec.decode_frame(data)
        except BadPacket:
            packet = None
        if websocket is self._candidate:
            self._hear_candidate(packet)
            return None
        self._heard = now
        if packet is None or packet.type in (codec.OPEN, codec.PING, codec.UPGRADE):
            self.fail("parse error")
        elif packet.type == codec.PONG:
            self._ponged(now)
        elif packet.type == codec.CLOSE:
            self.fail("transport close")
        elif packet.type == codec.MESSAGE:
            return packet.data
        return None

    def lost(self, websocket: WebSocket) -> None:
        """A WebSocket is gone."""
        if websocket is self._candidate:
            self._dismiss()
        elif websocket is self.websocket:
            self.fail("transport close")

    # Changing the transport (Engine.IO protocol, "Upgrade")

    def _hear_candidate(self, packet: Packet | None) -> None:
        candidate = self._candidate
        assert candidate is not None
        if packet == (codec.PING, "probe"):
            self._probed = True
            candidate.sink.write(PROBED_FRAME)
            if self._poll is not None:
                self._answer(NOOP_TEXT)  # the client waits for its poll to end before it goes on
        elif packet == (codec.UPGRADE, "") and self._probed:
            self._upgrade(candidate)
        else:
            self._dismiss()

    def _upgrade(self, websocket: WebSocket) -> None:
        self.websocket, self._candidate = websocket, None
        self._probed, self._upgrade_by = False, inf
        if self._poll is not None:
            self._answer(NOOP_TEXT)
        waited = self.outbox.take()
        if waited:
            websocket.sink.write(codec.reframe(waited))
        if self.state is State.CLOSING:
            self._finish()
            websocket.close()
        else:
            self.ears.upgraded()

    def _dismiss(self) -> None:
        candidate, self._candidate = self._candidate, None
        self._probed, self._upgrade_by = False, inf
        if candidate is not None:
            candidate.close()

    # What the server does

    @property
    def alive(self) -> bool:
        """Whether something may still be sent."""
        return self.state is State.OPEN

    @property
    def transport(self) -> str:
        """``polling`` or ``websocket``."""
        return "polling" if self.websocket is None else "websocket"

    @property
    def sink(self) -> MeasuredSink:
        """Where bytes for the client go: chunks when the transport is polling, otherwise frames."""
        return self.outbox if self.websocket is None else self.websocket.sink

    def send(self, frames: Frames) -> bool:
        """Send messages. False: the client reads too slowly, or is gone."""
        if self.state is not State.OPEN:
            return False
        sink = self.sink
        taken = sink.write(frames.polling if self.websocket is None else frames.websocket)
        if not taken and sink.unsent > TOO_MUCH_BYTES:
            self.fail("transport error")
        return taken

    def flush(self) -> None:
        """Answer the poll that waits with everything that waits for it."""
        self._flush_due = False
        if self._poll is not None and self.outbox.unsent:
            self._answer(b"")

    def close(self) -> None:
        """End the session; what was sent before still arrives.

        A poll brings one or the other: stock clients forget the packets that come in one piece with the end.
        """
        self.flush()
        if self.state is State.OPEN:
            self._close("forced close")

    def fail(self, reason: str) -> None:
        """End the session at once."""
        self._end(reason, CLOSE_TEXT)

    def settle(self, by: float = inf) -> None:
        """The session ends at ``by`` unless this is called again; without a time it may stay."""
        self._settle_by = by

    @property
    def settled(self) -> bool:
        """Whether the session may stay: it is open, and nothing says that it ends unless its client does something."""
        return self.state is State.OPEN and self._settle_by == inf

    def tick(self, now: float) -> None:
        """Do what is due at ``now``."""
        if self._close_by == -inf:
            self._close_by = now + self._patience_s
        elif now >= self._close_by:
            self._finish()
        if now >= self._settle_by:
            self.fail("forced close")
        if now >= self._upgrade_by:
            self._dismiss()
        if now >= self._pong_by:
            # A client that is heard lives, though its pong may be stuck behind what it sends.
            self._pong_by = self._heard + self.settings.ping_timeout_s
            if now >= self._pong_by:
                self.fail("ping timeout")
        elif now >= self._ping_at:
            self._ping(now)

    @property
    def deadline(self) -> float:
        """When something is due next; never for a closed session."""
        return min(self._ping_at, self._pong_by, self._upgrade_by, self._close_by, self._settle_by)

    # Within

    def _ping(self, now: float) -> None:
        timeout = self.settings.ping_timeout_s
        # Counted from when it was due, so that the wheel's step makes no client live longer; unless this process slept.
        self._pong_by = max(self._ping_at, now - timeout / 4) + timeout
        self._ping_at = inf
        self.sink.write(PING_CHUNK if self.websocket is None else PING_FRAME)

    def _ponged(self, now: float) -> None:
        if self._pong_by < inf:
            self._pong_by = inf
            self._ping_at = now + self.settings.ping_interval_s

    def _refuse_unless_polling(self) -> None:
        if self.state is State.CLOSED:
            raise Refused(Refusal.SESSION_UNKNOWN)
        if self.websocket is not None:
            raise Refused(Refusal.BAD_REQUEST)

    def _waiting_more(self) -> None:
        if self._poll is not None and not self._flush_due:
            self._flush_due = True
            self.ears.flush_due()

    def _answer(self, last: bytes) -> None:
        """Answer the poll with what waits and ``last``; a noop is left out where there is anything else."""
        poll, self._poll = self._poll, None
        assert poll is not None
        waited = self.outbox.take()
        if waited and last in (b"", NOOP_TEXT):
            poll.answer(waited[:-1])
        else:
            poll.answer(waited + last)
        if waited and self.state is State.OPEN:
            self.ears.drained()

    def _say_goodbye(self) -> None:
        if self.outbox.unsent and self._farewell is CLOSE_TEXT:
            self._answer(b"")
            return
        self._finish()
        self._answer(self._farewell)

    def _close(self, reason: str) -> None:
        """End now where the client hears of it at once, otherwise with its next poll."""
        if self.websocket is not None or self._poll is not None:
            self._end(reason, self._farewell)
            return
        self.state = State.CLOSING
        self._ping_at = self._pong_by = self._settle_by = inf
        self._close_by = -inf  # the next tick says how long to wait for a last poll
        self.ears.closed(reason)

    def _end(self, reason: str, farewell: bytes) -> None:
        """Leave nothing open, and say so once."""
        if self.state is State.CLOSED:
            return
        told = self.state is State.CLOSING
        self._finish()
        if self._poll is not None:
            self._answer(farewell)
        if self.websocket is not None:
            self.websocket.close()
        if not told:
            self.ears.closed(reason)

    def _finish(self) -> None:
        self.state = State.CLOSED
        self._dismiss()
        self._ping_at = self._pong_by = self._close_by = self._settle_by = inf
