"""Where the person behind a connection is writing, so that it can be taken back when the connection is lost."""

from __future__ import annotations

from replyx.conversations.dialogs import Dialogs
from replyx.schemas.events import TypingStop

MOST = 200  # dialogs at once; who writes in more has stopped in the first


class Writing:
    """The dialogs in which one connection has said that somebody writes, and not that they stopped."""

    __slots__ = ("_stops",)

    def __init__(self) -> None:
        self._stops: dict[int, TypingStop] = {}

    def told(self, stop: TypingStop, begins: bool) -> None:
        """Somebody began to write or stopped; ``stop`` is the event that ends it."""
        self._stops.pop(stop.dialog_id, None)
        if begins:
            self._stops[stop.dialog_id] = stop
        if len(self._stops) > MOST:
            del self._stops[next(iter(self._stops))]

    def sent(self, dialog_id: int) -> None:
        """A message ends the writing by itself."""
        self._stops.pop(dialog_id, None)

    def take_back(self, dialogs: Dialogs, dialog_id: int | None = None) -> None:
        """Tell the others that nobody writes here any more, in one dialog or in all of them."""
        for each in [*self._stops] if dialog_id is None else [dialog_id]:
            stop = self._stops.pop(each, None)
            if stop is not None:
                dialogs.stop_typing(stop)
