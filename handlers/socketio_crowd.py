"""The sessions on polling, counted: they hold no connection that anybody else could count."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

from replyx.socketio.engineio_errors import Refusal, Refused
from replyx.socketio.engineio_session import EngineSession, State


class Member(Hashable, Protocol):
    """Who may be in the crowd: a session, and the address that opened it."""

    session: EngineSession
    address: str


M = TypeVar("M", bound=Member)


class Crowd(Generic[M]):
    """Who is on polling, at most ``most`` and ``most_of_address`` of one address.

    Where there is no room, the oldest that has not settled makes way for the newcomer: of the same address where
    that has its fill, else of all. A flood of sessions that never become clients so keeps no client out.
    """

    def __init__(self, most: int, most_of_address: int) -> None:
        self._most = most
        self._most_of_address = most_of_address
        self._counts: dict[str, int] = {}
        self._counted: set[M] = set()
        self._unsettled: dict[M, None] = {}
        self._unsettled_of: dict[str, dict[M, None]] = {}

    def leaver_for(self, address: str) -> M | None:
        """Who has to leave before one more of ``address`` may come. Raises :class:`Refused` where nobody can."""
        if self._counts.get(address, 0) >= self._most_of_address:
            return _oldest(self._unsettled_of.get(address), Refusal.TOO_MANY)
        if len(self._counted) >= self._most:
            return _oldest(self._unsettled, Refusal.FULL)
        return None

    def look(self, member: M) -> None:
        """Something happened to the session of ``member``, or it is new."""
        session, address = member.session, member.address
        polling = session.websocket is None and session.state is not State.CLOSED
        if polling and member not in self._counted:
            self._counted.add(member)
            self._counts[address] = self._counts.get(address, 0) + 1
        elif not polling and member in self._counted:
            self._counted.remove(member)
            self._counts[address] -= 1
            if not self._counts[address]:
                del self._counts[address]
        if polling and not session.settled:
            self._unsettled[member] = None
            self._unsettled_of.setdefault(address, {})[member] = None
        elif member in self._unsettled:
            del self._unsettled[member]
            del self._unsettled_of[address][member]
            if not self._unsettled_of[address]:
                del self._unsettled_of[address]


def _oldest(members: dict[M, None] | None, refusal: Refusal) -> M:
    if not members:
        raise Refused(refusal)
    return next(iter(members))
