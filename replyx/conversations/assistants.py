"""Assistants: who answers first in a widget's dialogs."""

from __future__ import annotations

from typing import Annotated

import msgspec

from replyx.database import models
from replyx.database.rows import Delete, Insert, Update, exists, given_in, select
from replyx.delivery.store import Snapshot, Store, Transaction
from replyx.errors import AssistantInUse, AssistantNotFound
from replyx.paging import Paging, oldest_first, read_page
from replyx.schemas import sizes
from replyx.schemas.dialogs import NO_NUL, Assistant, Page
from replyx.schemas.languages import Language, written
from replyx.schemas.texts import LINE, TEXT, Written

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=sizes.PERSON, pattern=NO_NUL), LINE]
Greeting = Annotated[str, msgspec.Meta(max_length=sizes.GREETING, pattern=NO_NUL), TEXT]


class NewAssistant(Written):
    """An assistant to add. ``greeting`` is for every language that ``greetings`` has none of."""

    name: Name
    greeting: Greeting = ""
    greetings: dict[Language, Greeting] = msgspec.field(default_factory=dict)


class AssistantChange(Written):
    """What is left out stays."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    greeting: Greeting | msgspec.UnsetType = msgspec.UNSET
    greetings: dict[Language, Greeting] | msgspec.UnsetType = msgspec.UNSET


_ASSISTANTS = select(Assistant, models.Assistant)
_ASSISTANT = _ASSISTANTS.where(f"{models.Assistant.id} = ?")
_ADD = Insert(models.Assistant)
_CHANGE = Update(models.Assistant, f"{models.Assistant.id} = ?")
_DROP = Delete(models.Assistant, f"{models.Assistant.id} = ?")
_REFERENCES = (models.Widget.assistant_id, models.Visitor.assistant_id, models.Dialog.assistant_id)
_HAS = {str(column.model): exists(column.model, f"{column} = ?") for column in _REFERENCES}


class Assistants:
    """Keeps assistants. Every method raises :class:`AssistantNotFound` for an unknown id."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(self, paging: Paging) -> Page[Assistant]:
        """A page of assistants, oldest first."""

        def query(rows: Snapshot) -> Page[Assistant]:
            items, following = read_page(rows, _ASSISTANTS, models.Assistant.id, paging)
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
            load(tx, assistant_id)
            given = given_in(change)
            if "greetings" in given:
                given["greetings"] = written(given["greetings"])
            if given:
                _CHANGE.change(tx, assistant_id, **given)
            return load(tx, assistant_id)

        return await self._store.commit(unit)

    async def delete(self, assistant_id: int) -> None:
        """Remove an assistant that nothing refers to. Raises :class:`AssistantInUse`."""

        def unit(tx: Transaction) -> None:
            load(tx, assistant_id)
            for table, has in _HAS.items():
                if has(tx, assistant_id):
                    raise AssistantInUse(f"Assistant {assistant_id} has {table}s; its history must not lose its owner.")
            _DROP.drop(tx, assistant_id)

        await self._store.commit(unit)


def create(tx: Transaction, new: NewAssistant) -> Assistant:
    """Insert an assistant."""
    assistant_id = _ADD.numbered(
        tx, name=new.name, greeting=new.greeting, greetings=written(new.greetings), created_at=tx.now_ms
    )
    return load(tx, assistant_id)


def load(rows: Snapshot, assistant_id: int) -> Assistant:
    """The assistant as clients see it. Raises :class:`AssistantNotFound`."""
    assistant = _ASSISTANT.one(rows, assistant_id)
    if assistant is None:
        raise AssistantNotFound(f"There is no assistant {assistant_id}.")
    return assistant


def load_all(rows: Snapshot) -> list[Assistant]:
    """Every assistant, the oldest first."""
    return _ASSISTANTS.where("TRUE", f"ORDER BY {models.Assistant.id}").all(rows)
