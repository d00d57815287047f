"""The directory: what is cached is never older than the last event that was applied."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from replyx import directory
from replyx.conversations.assistants import NewAssistant, create
from replyx.conversations.visitors import Arrival, arrive
from replyx.conversations.widgets import NewWidget
from replyx.conversations.widgets import create as create_widget
from replyx.delivery import eventlog
from replyx.delivery.hub import Hub
from replyx.delivery.store import Store, Transaction
from replyx.directory import Cache, Directory
from replyx.schemas.events import DIRECTORY, DirectoryChanged


def with_directory(tmp_path: Path, scene: Callable[[Store, Directory], Awaitable[None]]) -> None:
    """Play ``scene`` on a store with an assistant, a widget, a visitor and a session."""

    async def play() -> None:
        store = Store.open(tmp_path / "replyx.db", lambda: 1_700_000_000.0)
        hub = Hub(store, "5f3a", 0)
        store.on_commit = hub.deliver
        known = Directory(store, hub)
        store.start(asyncio.get_running_loop())
        try:
            await store.commit(furnish)
            await asyncio.wait_for(scene(store, known), 30)
        finally:
            await store.close()

    asyncio.run(play())


def furnish(tx: Transaction) -> None:
    create(tx, NewAssistant("Support", "Hello"))
    create_widget(tx, NewWidget(1, "Shop"))
    arrive(tx, 1, None, Arrival("anna"))
    tx.execute(
        "INSERT INTO account (email, name, role, password_hash, active, created_at) VALUES ('b@x', 'Boris', 'manager',"
        " '', 1, 0)"
    )
    tx.execute(
        "INSERT INTO session (id, account_id, refresh_id, expires_at, ended, created_at) VALUES ('s', 1, 'r', 0, 0, 0)"
    )


def end_session(tx: Transaction) -> None:
    tx.execute("UPDATE session SET ended = 1 WHERE id = 's'")
    tx.append((DIRECTORY,), DirectoryChanged(["session:s"]))


def test_a_session_that_ended_is_unknown_to_the_next_request(tmp_path: Path) -> None:
    async def scene(store: Store, known: Directory) -> None:
        for _ in range(2):
            session = await known.session("s")
            assert session is not None
            assert (session.account_id, session.name, session.role) == (1, "Boris", "manager")
        await store.commit(end_session)
        assert await known.session("s") is None

    with_directory(tmp_path, scene)


def test_what_is_cached_is_not_read_again_and_what_is_missing_is(tmp_path: Path) -> None:
    async def scene(store: Store, known: Directory) -> None:
        assert await known.visitor(1, "nobody") is None
        first = await known.visitor(1, "anna")
        await store.commit(lambda tx: tx.execute("UPDATE visitor SET guest_digest = 'changed in silence'"))
        assert await known.visitor(1, "anna") is first
        await store.commit(lambda tx: arrive(tx, 1, None, Arrival("nobody")))
        assert await known.visitor(1, "nobody") is not None

    with_directory(tmp_path, scene)


def test_a_disabled_account_has_no_session(tmp_path: Path) -> None:
    async def scene(store: Store, known: Directory) -> None:
        await store.commit(lambda tx: tx.execute("UPDATE account SET active = 0"))
        assert await known.session("s") is None

    with_directory(tmp_path, scene)


def test_a_widget_is_found_with_its_domains(tmp_path: Path) -> None:
    async def scene(store: Store, known: Directory) -> None:
        widget = await known.widget(1)
        assert widget is not None
        assert (widget.assistant_id, widget.name, widget.deleted) == (1, "Shop", False)
        assert "localhost" in widget.domains
        assert await known.assistant_domains(1) == tuple(sorted(widget.domains))
        assert await known.assistant_domains(2) == ()
        assert await known.widget(2) is None

    with_directory(tmp_path, scene)


def test_an_answer_that_was_read_before_a_change_is_not_kept_after_it() -> None:
    cache: Cache[str, int] = Cache()
    generation = cache.generation
    cache.clear()
    cache.put("anna", 1, generation)
    assert cache.get("anna") is None
    cache.put("anna", 2, cache.generation)
    assert cache.get("anna") == 2


def test_a_cache_is_bounded_and_forgets_the_oldest() -> None:
    cache: Cache[int, int] = Cache()
    for number in range(directory.KEPT + 10):
        cache.put(number, number, cache.generation)
    assert cache.get(9) is None
    assert cache.get(10) == 10


def test_nothing_stays_cached_when_a_change_was_pruned_before_it_came(tmp_path: Path) -> None:
    """A process that was cut off for longer than events are kept went on to believe in a session that had ended."""

    async def scene(store: Store, known: Directory) -> None:
        assert await known.session("s") is not None
        hub, store.on_commit = cast(Any, store.on_commit).__self__, lambda events: None
        await store.commit(end_session)
        await store.commit(lambda tx: eventlog.prune(tx, 0, 0))
        hub._skip_to(hub.last + 1)
        assert await known.session("s") is None

    with_directory(tmp_path, scene)
