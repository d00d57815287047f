"""Keyset paging: a page is named by an item's id, so its cost does not grow with what lies before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Annotated, TypeVar

import msgspec
from peewee import Field

from replyx.database.rows import Rows, Select
from replyx.errors import invalid
from replyx.faults import Fault

T = TypeVar("T")

LAST_ID = 1 << 62

ItemId = Annotated[int, msgspec.Meta(ge=0, le=LAST_ID)]


class Paging(msgspec.Struct):
    """``limit`` items before or after the item of the given id."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    before: ItemId | None = None
    after: ItemId | None = None

    def __post_init__(self) -> None:
        if self.before is not None and self.after is not None:
            raise invalid("after", Fault.NOT_TOGETHER, other="before")

    @property
    def forward(self) -> bool:
        """Whether the page goes towards newer items."""
        return self.after is not None

    def window(self) -> tuple[str, str, int]:
        """Comparison, order and bound over ids that grow with time; the newest page when nothing is named."""
        if self.after is not None:
            return (">", "ASC", self.after)
        return ("<", "DESC", LAST_ID if self.before is None else self.before)


def read_page(
    rows: Rows,
    query: Select[T],
    key: Field[int],
    paging: Paging,
    given: Mapping[str, object] | None = None,
    fixed: Sequence[str] = (),
) -> tuple[list[T], int | None]:
    """A page of what ``query`` reads, in the order of ``key``, which its records have as a field; the id that goes on.

    ``given`` are further conditions with the value of each, None for one that is not asked for; ``fixed`` need none.
    """
    comparison, order, bound = paging.window()
    asked = {condition: value for condition, value in (given or {}).items() if value is not None}
    condition = " AND ".join((*fixed, *asked, f"{key} {comparison} ?"))
    found = query.where(condition, f"ORDER BY {key} {order} LIMIT ?").all(
        rows, *asked.values(), bound, paging.limit + 1
    )
    return cut(found, paging, attrgetter(key.name))


def cut(found: Sequence[T], paging: Paging, id_of: Callable[[T], int]) -> tuple[list[T], int | None]:
    """From what was read in the page's direction, one item more than asked: the page, and the id that continues."""
    items = list(found[: paging.limit])
    return items, id_of(items[-1]) if len(found) > paging.limit else None


def oldest_first(items: list[T], paging: Paging) -> list[T]:
    """Turn a page round that was read towards older items."""
    return items if paging.forward else items[::-1]


def newest_first(items: list[T], paging: Paging) -> list[T]:
    """Turn a page round that was read towards newer items."""
    return items[::-1] if paging.forward else items
