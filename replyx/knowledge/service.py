"""What assistants know and say, put together: the parts of this package, and the followers that do its work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from replyx.conversations.dialog_rules import Rules
from replyx.delivery.followers import Follower
from replyx.delivery.hub import Hub
from replyx.delivery.store import Store
from replyx.knowledge.answerer import Answerer
from replyx.knowledge.gaps import Gaps
from replyx.knowledge.gathering import Gatherer
from replyx.knowledge.librarian import Librarian
from replyx.knowledge.questions import Questions
from replyx.knowledge.reader import Reader
from replyx.knowledge.sources import Sources
from replyx.outside.calls import Outside
from replyx.outside.fetching import Fetcher
from replyx.settings_values import IpNetwork


class Knowledge:
    """``allowed`` are private networks from which sources may be read. ``followers`` are to be started and stopped."""

    def __init__(
        self, store: Store, hub: Hub, rules: Rules, allowed: Sequence[IpNetwork], clock: Callable[[], float]
    ) -> None:
        outside = Outside(allowed, setting="SOURCE_PRIVATE_NETWORKS")
        self._fetcher = Fetcher(outside)
        reading = Follower(store, None, Librarian(store, Gatherer(outside, self._fetcher, Reader()), clock), clock)
        answerer = Answerer(store, rules, clock)
        answering = Follower(store, hub, answerer, clock)
        answerer.wake = answering.wake
        self.followers: tuple[Follower[Any, Any], ...] = (reading, answering)
        self.sources = Sources(store, outside, reading.wake)
        self.questions = Questions(store)
        self.gaps = Gaps(store, reading.wake)

    def close(self) -> None:
        """Let go of what requests have left open."""
        self._fetcher.close()
