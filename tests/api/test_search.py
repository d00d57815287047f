"""Search: what was said anywhere is found by its words, and no query is ever anything but words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from replyx.conversations.search_words import words_of
from tests.scenario import Visitor, as_json, guest, problem
from tests.server import Server
from tests.stored import stored

SEARCH = "/api/search"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """A demo server that does not slow its tests down."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=["--rate-limits", "off"]) as running:
        yield running


def say(http: httpx.Client, visitor: Visitor, text: str) -> int:
    """Send as the visitor; the message's id."""
    return int(visitor.say(http, text)["message"]["id"])


def skip_ids(server: Server, to: int) -> None:
    """The next message's id is larger than ``to``."""
    with stored(server.data_dir) as database:
        if Server.database_of:
            database.execute("SELECT setval(pg_get_serial_sequence('message', 'id'), ?)", (to,))
        else:
            database.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'message'", (to,))


def search(boris: httpx.Client, q: str, **query: Any) -> Any:
    """A page of results."""
    return as_json(boris.get(SEARCH, params={"q": q, **query}))


def ids(boris: httpx.Client, q: str, **query: Any) -> list[int]:
    """The ids of the messages found."""
    return [item["message"]["id"] for item in search(boris, q, **query)["items"]]


def walked(boris: httpx.Client, q: str, limit: int) -> list[int]:
    """The ids of the messages found, page by page to the end."""
    found: list[int] = []
    before: dict[str, int] = {}
    while True:
        page = search(boris, q, limit=limit, **before)
        found += [item["message"]["id"] for item in page["items"]]
        if page["next"] is None:
            return found
        before = {"before": page["next"]}


def test_every_word_counts_and_the_last_may_be_a_beginning(http: httpx.Client, boris: httpx.Client) -> None:
    anna = guest(http)
    both = say(http, anna, "Где мои Ёлочные ГИРЛЯНДЫ? Order №77-AB, please")
    one = say(http, anna, "Ёлочные шары")
    for q in ("елочные гирлянды", "ЁЛОЧНЫЕ гирл", "гирлянды ёлочн", "order 77", "77 ab", "please гирлянды", "№77"):
        assert ids(boris, q) == [both], q
    assert ids(boris, "елоч") == [one, both], "the newest first"
    for q in ("гирлянды шары", "гирл ёлочные", "rder", "77a"):
        assert ids(boris, q) == [], q


def test_a_result_says_where_it_is_and_marks_what_was_found(http: httpx.Client, boris: httpx.Client) -> None:
    anna = guest(http)
    long = "слово " * 100
    message = say(http, anna, f"{long}квитанция <b>№5</b> и Квитанции, {long}")
    (item,) = search(boris, "квитанци")["items"]
    assert item["dialog_id"] == anna.dialog_id
    assert item["message"]["id"] == message
    assert item["ticket_id"] is None
    assert [piece["text"] for piece in item["excerpt"] if piece["hit"]] == ["квитанция", "Квитанции"]
    text = "".join(piece["text"] for piece in item["excerpt"])
    assert text.startswith("…")
    assert text.endswith("…")
    assert "квитанция <b>№5</b> и Квитанции, слово" in text


def test_a_ticket_is_found_by_its_messages_too(http: httpx.Client, boris: httpx.Client) -> None:
    ticket = {"subject": "Возврат", "description": "Не подошёл размер"}
    ticket_id = as_json(http.post("/api/support/tickets", json=ticket))["id"]
    body = {"content": "Прикладываю накладную", "senderType": "USER"}
    assert http.post(f"/api/support/tickets/{ticket_id}/messages", json=body).status_code == 201
    (item,) = search(boris, "накладную")["items"]
    assert (item["ticket_id"], item["subject"]) == (ticket_id, "Возврат")


def test_pages_follow_one_another_without_gap_or_repeat(http: httpx.Client, boris: httpx.Client) -> None:
    anna = guest(http)
    said = [say(http, anna, f"страница номер {number}") for number in range(7)]
    assert walked(boris, "страница", limit=3) == said[::-1]


def test_messages_that_lie_far_apart_are_found_in_the_order_of_their_ids(
    server: Server, http: httpx.Client, boris: httpx.Client
) -> None:
    """The index is cut into bands of ids (at most 65,536); a page may begin in one and end in another."""
    anna = guest(http)
    said = [say(http, anna, "полоса"), say(http, anna, "полоса вторая")]
    for far in (1 << 14, 1 << 16, 5 << 16, (9 << 16) - 2):
        skip_ids(server, far)
        said += [say(http, anna, "полоса"), say(http, anna, "полоса вторая"), say(http, anna, "между")]
    said = [message for number, message in enumerate(said) if number < 2 or number % 3 != 1]
    assert ids(boris, "полоса") == said[::-1]
    assert ids(boris, "полоса втор") == said[1::2][::-1]
    for limit in (1, 3, 4):
        assert walked(boris, "полос", limit=limit) == said[::-1]
    assert ids(boris, "полоса", before=1) == ids(boris, "полоса", before=0) == []
    assert ids(boris, "полоса", before=1 << 62) == said[::-1]


@pytest.mark.parametrize("q", ["", "   ", "?!", '"', "_", "№"])
def test_a_query_without_a_word_is_refused(boris: httpx.Client, q: str) -> None:
    problem(boris.get(SEARCH, params={"q": q}), 422, "invalid")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(q=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40))
@example('"')
@example("слово' OR 1=1 --")
@example('a" OR "b')
@example("NOT слово AND (x NEAR y) words:x ^x* -x")
@example("'а' & !'б' | 'в':* <-> г")
@example("\\' \\\\ % _ $$ ﷺ ½ ⅷ İ ß")
def test_no_query_is_syntax(anna: Visitor, http: httpx.Client, boris: httpx.Client, q: str) -> None:
    """Whatever is asked, the answer is a page or "no word in it"; and a message with just that text is found."""
    if not words_of(q):
        problem(boris.get(SEARCH, params={"q": q}), 422, "invalid")
        return
    message = say(http, anna, q)
    assert message in ids(boris, q)


def test_only_operators_search(http: httpx.Client, anna: Visitor) -> None:
    problem(http.get(SEARCH, params={"q": "слово"}), 401, "credential_missing")
