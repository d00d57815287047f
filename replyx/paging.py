"""Keyset paging: a page is named by an item's id, so its cost does not grow with what lies before it.

A page ends after as many items as were asked for, or before the one with which it would be larger than
:data:`PAGE_BYTES`: what a single request makes the server hold has a bound, whatever was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Annotated, TypeVar

import msgspec
from peewee import Field

from replyx.database.rows import Rows, Select
from replyx.errors import invalid
from replyx.faults import Fault

T = TypeVar("T")

LAST_ID = 1 << 62

PAGE_BYTES = 256 * 1024
"""What a page may have as JSON, unless its first item alone has more."""

AROUND_BYTES = 512  # of a page that are not its items: their name, the cursor, ``next``

_encode = msgspec.json.Encoder().encode

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

    Conditions are those of :func:`read_on`.
    """
    return cut(read_on(rows, query, key, paging, given, fixed), paging.limit, attrgetter(key.name))


def read_on(
    rows: Rows,
    query: Select[T],
    key: Field[int],
    paging: Paging,
    given: Mapping[str, object] | None = None,
    fixed: Sequence[str] = (),
) -> Iterator[T]:
    """What ``query`` reads in the page's direction, in the order of ``key``, each row when it is asked for.

    One item more than the page may have, so that its end shows. ``given`` are further conditions with the value of
    each, None for one that is not asked for; ``fixed`` need none.
    """
    comparison, order, bound = paging.window()
    asked = {condition: value for condition, value in (given or {}).items() if value is not None}
    condition = " AND ".join((*fixed, *asked, f"{key} {comparison} ?"))
    ordered = query.where(condition, f"ORDER BY {key} {order} LIMIT ?")
    return ordered.each(rows, *asked.values(), bound, paging.limit + 1)


def cut(found: Iterable[T], limit: int, id_of: Callable[[T], int]) -> tuple[list[T], int | None]:
    """The page at the beginning of ``found``, items as they will be answered, and the id that continues.

    Takes one item more than the page has, which shows that it goes on, and none after it. A first item that is larger
    than a page is one.
    """
    items: list[T] = []
    room = PAGE_BYTES - AROUND_BYTES
    for item in found:
        room -= len(_encode(item)) + len(",")
        if items and (len(items) == limit or room < 0):
            return items, id_of(items[-1])
        items.append(item)
    return items, None


def oldest_first(items: list[T], paging: Paging) -> list[T]:
    """Turn a page round that was read towards older items."""
    return items if paging.forward else items[::-1]


def newest_first(items: list[T], paging: Paging) -> list[T]:
    """Turn a page round that was read towards newer items."""
    return items[::-1] if paging.forward else items
