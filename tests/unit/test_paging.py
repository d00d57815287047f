"""Pages: where one ends, and that nothing behind its end is read."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from replyx.paging import AROUND_BYTES, PAGE_BYTES, cut


class Item(msgspec.Struct):
    """Something of any size."""

    id: int
    text: str


def read(sizes: list[int], seen: list[int]) -> Iterator[Item]:
    """Items of these sizes as JSON; the ids of those that were read."""
    for number, size in enumerate(sizes):
        seen.append(number)
        yield Item(number, "x" * (size - len(msgspec.json.encode(Item(number, "")))))


@pytest.mark.parametrize(
    ("sizes", "limit", "held", "taken"),
    [
        ([], 3, 0, 0),
        ([100] * 3, 3, 3, 3),
        ([100] * 9, 3, 3, 4),
        ([PAGE_BYTES * 2, 100], 3, 1, 2),
        ([100, PAGE_BYTES * 2, 100], 3, 1, 2),
        ([PAGE_BYTES // 2 - AROUND_BYTES] * 9, 200, 2, 3),
        ([PAGE_BYTES // 10] * 50, 200, 9, 10),
    ],
)
def test_a_page_ends_at_its_items_or_bytes_and_reads_one_item_more(
    sizes: list[int], limit: int, held: int, taken: int
) -> None:
    seen: list[int] = []
    items, following = cut(read(sizes, seen), limit, lambda item: item.id)
    assert (len(items), len(seen)) == (held, taken)
    assert following == (items[-1].id if held < len(sizes) else None)
