"""Pages end at bytes too: whatever was written, no list answers with more than 256 KB, and no item is left out."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from replyx.delivery.store import Store
from replyx.errors import StoreUnavailable
from replyx.paging import PAGE_BYTES
from tests.scenario import as_json, guest, operator
from tests.server import Server
from tests.stored import place_of

LETTERS = 'aя🙂"\x01'  # of one, two and four bytes; JSON writes the last two as two and as six
LARGEST = 70_000  # 10,000 characters as JSON, and what stands around them


@dataclass(frozen=True)
class Listed:
    """A list, and the ids of all its items, the oldest first."""

    path: str
    ids: list[Any]
    newest_first: bool
    by: str = "id"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """A demo server that does not slow its tests down."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=["--rate-limits", "off"]) as running:
        yield running


@pytest.fixture(scope="module")
def lists(server: Server, http: httpx.Client, boris: httpx.Client) -> dict[str, Listed]:
    """A few lists in which small and large items stand as they come."""
    drawn = random.Random(17)  # noqa: S311 - no secret, the same every time

    def texts(count: int) -> Iterator[str]:
        for _ in range(count):
            yield "x" + drawn.choice(LETTERS) * (drawn.choice((1, 30, 300, 3_000, 9_990)) - 1)

    anna = guest(http)
    messages = [anna.say(http, text)["message"]["id"] for text in texts(120)]
    with operator(server, "shop@example.com") as shop:
        products = [_made(shop, "/api/v1/products", name="x", price=1, description=text) for text in texts(80)]
    others, last_words = [], []
    for text in texts(60):
        others.append(guest(http))
        last_words.append(others[-1].say(http, text)["message"]["id"])
    dialogs = [anna.dialog_id, *(other.dialog_id for other in others)]
    tickets = [_made(http, "/api/support/tickets", subject="y", description=text) for text in texts(60)]
    speaking = f"/api/support/tickets/{tickets[0]}/messages"
    in_ticket = [item["id"] for item in as_json(boris.get(speaking))["items"]]
    for text in texts(60):
        said = as_json(http.post(speaking, json={"content": text, "senderType": "USER", "messageType": "TEXT"}))
        in_ticket.append(said["message"]["id"])
    return {
        "messages": Listed(f"/api/dialogs/{anna.dialog_id}/messages", messages, newest_first=False),
        "messages of a ticket": Listed(speaking, in_ticket, newest_first=False),
        "dialogs": Listed("/api/dialogs?kind=dialog", dialogs, newest_first=True),
        "tickets": Listed("/api/support/tickets", tickets, newest_first=True),
        "products to decide about": Listed("/api/v1/admin/products?status=pending", products, newest_first=True),
        "search": Listed("/api/search?q=x", [*messages, *last_words, *in_ticket], newest_first=True, by="message"),
    }


KINDS = ("messages", "messages of a ticket", "dialogs", "tickets", "products to decide about", "search")


@pytest.mark.parametrize("limit", [200, 7])
@pytest.mark.parametrize("kind", KINDS)
def test_all_pages_together_are_every_item_once_and_in_order(
    lists: dict[str, Listed], maria: httpx.Client, kind: str, limit: int
) -> None:
    listed = lists[kind]
    pages = walked(maria, listed, "before", limit)
    ids = [each for page in pages for each in (page if listed.newest_first else page[::-1])]
    mine = [each for each in ids if each in set(listed.ids)]  # the demo has some of its own
    assert mine == listed.ids[::-1]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "search"])
def test_the_way_back_brings_the_same_items(lists: dict[str, Listed], maria: httpx.Client, kind: str) -> None:
    listed = lists[kind]
    pages = walked(maria, listed, "after", 200, listed.ids[0])
    ids = [each for page in pages for each in (page[::-1] if listed.newest_first else page)]
    assert [each for each in ids if each in set(listed.ids)] == listed.ids[1:]


def walked(client: httpx.Client, listed: Listed, direction: str, limit: int, begin: Any = None) -> list[list[Any]]:
    """The ids of every page; each page is within its bounds, and ends where one of them is reached."""
    pages: list[list[Any]] = []
    place = begin
    while not pages or place is not None:
        where = {} if place is None else {direction: place}
        answer = client.get(httpx.URL(listed.path).copy_merge_params({"limit": limit, **where}))
        assert answer.status_code == 200, answer.text
        page = as_json(answer)
        place, size = page["next"], len(answer.content)
        assert 0 < len(page["items"]) <= limit
        assert size <= PAGE_BYTES
        assert place is None or len(page["items"]) == limit or size > PAGE_BYTES - LARGEST, "it ended early"
        pages.append([item[listed.by]["id"] if listed.by == "message" else item["id"] for item in page["items"]])
    return pages


def _made(client: httpx.Client, path: str, **fields: Any) -> Any:
    answer = client.post(path, json=fields)
    assert answer.status_code == 201, answer.text
    return as_json(answer)["id"]


def test_rows_behind_the_end_of_a_page_do_not_leave_the_database(server: Server) -> None:
    """Seen by a row that cannot be read at all: it is met by whoever reads on, and by nobody else."""
    impossible = "1 / (100 - n)" if Server.database_of else "abs(-9223372036854775807 - (n = 100))"
    numbers = f"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < ?) SELECT {impossible} FROM r"
    store = Store.open(place_of(server.data_dir), time.time)
    try:
        first = store.query(lambda rows: list(itertools.islice(rows.stream(numbers, (200,)), 60)))
        assert len(first) == 60
        with pytest.raises(StoreUnavailable):
            store.query(lambda rows: list(rows.stream(numbers, (200,))))
        assert len(store.query(lambda rows: list(rows.stream(numbers, (99,))))) == 99
    finally:
        store.disconnect()
