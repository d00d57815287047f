"""Assistants: who answers first in a widget's dialogs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import AssistantInUse, AssistantNotFound
from replyx.paging import Paging, cut, oldest_first
from replyx.schemas.dialogs import NO_NUL, Assistant, Page, timestamp

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=NO_NUL)]
Greeting = Annotated[str, msgspec.Meta(max_length=1000, pattern=NO_NUL)]

COLUMNS = "id, name, greeting, created_at"


class NewAssistant(msgspec.Struct):
    """An assistant to add."""

    name: Name
    greeting: Greeting = ""


class AssistantChange(msgspec.Struct):
    """What is left out stays."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    greeting: Greeting | msgspec.UnsetType = msgspec.UNSET


class Assistants:
    """Keeps assistants. Every method raises :class:`AssistantNotFound` for an unknown id."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(self, paging: Paging) -> Page[Assistant]:
        """A page of assistants, oldest first."""

        def query(rows: Snapshot) -> Page[Assistant]:
            comparison, order, bound = paging.window()
            found = rows.execute(
                f"SELECT {COLUMNS} FROM assistant WHERE id {comparison} ? ORDER BY id {order} LIMIT ?",
                (bound, paging.limit + 1),
            ).fetchall()
            items, following = cut([_assistant(row) for row in found], paging, lambda assistant: assistant.id)
            return Page(oldest_first(items, paging), following)

        return await self._store.read(query)

    async def get(self, assistant_id: int) -> Assistant:
        """One assistant."""
        return await self._store.read(lambda rows: load(rows, assistant_id))

    async def create(self, new: NewAssistant) -> Assistant:
        """Add an assistant."""
        return await self._store.commit(lambda tx: create(tx, new))

    async def change(self, assistant_id: int, change: AssistantChange) -> Assistant:
        """Change what is given, leave the rest."""

        def unit(tx: Transaction) -> Assistant:
            before = load(tx, assistant_id)
            name = before.name if change.name is msgspec.UNSET else change.name
            greeting = before.greeting if change.greeting is msgspec.UNSET else change.greeting
            tx.execute("UPDATE assistant SET name = ?, greeting = ? WHERE id = ?", (name, greeting, assistant_id))
            return load(tx, assistant_id)

        return await self._store.commit(unit)

    async def delete(self, assistant_id: int) -> None:
        """Remove an assistant that nothing refers to. Raises :class:`AssistantInUse`."""

        def unit(tx: Transaction) -> None:
            load(tx, assistant_id)
            for table in ("widget", "visitor", "dialog"):
                if tx.execute(f"SELECT 1 FROM {table} WHERE assistant_id = ? LIMIT 1", (assistant_id,)).fetchone():
                    raise AssistantInUse(f"Assistant {assistant_id} has {table}s; its history must not lose its owner.")
            tx.execute("DELETE FROM assistant WHERE id = ?", (assistant_id,))

        await self._store.commit(unit)


def create(tx: Transaction, new: NewAssistant) -> Assistant:
    """Insert an assistant."""
    row = tx.execute(
        "INSERT INTO assistant (name, greeting, created_at) VALUES (?, ?, ?) RETURNING id",
        (new.name, new.greeting, tx.now_ms),
    ).fetchone()
    return load(tx, int(row[0]))


def load(rows: Snapshot, assistant_id: int) -> Assistant:
    """The assistant as clients see it. Raises :class:`AssistantNotFound`."""
    row = rows.execute(f"SELECT {COLUMNS} FROM assistant WHERE id = ?", (assistant_id,)).fetchone()
    if row is None:
        raise AssistantNotFound(f"There is no assistant {assistant_id}.")
    return _assistant(row)


def load_all(rows: Snapshot) -> list[Assistant]:
    """Every assistant, the oldest first."""
    return [_assistant(row) for row in rows.execute(f"SELECT {COLUMNS} FROM assistant ORDER BY id").fetchall()]


def _assistant(row: Sequence[Any]) -> Assistant:
    return Assistant(row[0], row[1], row[2], timestamp(row[3]))
