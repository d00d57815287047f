"""Search: what was said anywhere is found by its words, and no query is ever anything but words."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from replyx.conversations.search_words import words_of
from tests.api.search_pairs import PAIRS
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
    return [item["message"]["id"] for item in search(boris, q, **query)["items"] if item["message"] is not None]


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
    for q in ("гирлянды шары", "гирл ёлочные", "rder", "77b"):
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


def test_what_people_type_finds_what_others_wrote(http: httpx.Client, boris: httpx.Client) -> None:
    """Every pair of the table; each message has a dialog of its own and a word that tells it from the others'."""
    wrong = []
    assert len({pair.script for pair in PAIRS}) >= 15
    for number, pair in enumerate(PAIRS):
        only = f"zq{number}zq"
        message = say(http, guest(http), f"{pair.written} {only}")
        assert ids(boris, only) == [message]
        items = search(boris, f"{only} {pair.typed}")["items"]
        if [item["message"]["id"] for item in items] != ([message] if pair.found else []):
            wrong.append(pair)
        elif pair.marked is not None and pair.found:
            pieces = items[0]["excerpt"]
            assert "".join(piece["text"] for piece in pieces) == f"{pair.written} {only}"
            marks = [piece["text"] for piece in pieces if piece["hit"]]
            if "|".join(marks) != f"{pair.marked}|{only}":
                wrong.append((pair, marks))
    assert wrong == []


LETTERS = "aéßłøæıİΣςάёйֹשׁאأةىیकख़िीਸ਼ไทย中国ァがｶﾞ가각ﬁ１٣²Ⅷ\u0301\u0327\u05b0\u064b\u093c"
BETWEEN = " -'’.,()+№\u00ad\u200b\u200c\u200d\n"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from(LETTERS + BETWEEN), min_size=1, max_size=20))
def test_every_way_to_write_a_text_finds_it_and_marks_it(
    anna: Visitor, http: httpx.Client, boris: httpx.Client, text: str
) -> None:
    """Composed or not, in capitals or not, and each of its beginnings up to a word's end."""
    if not words_of(text) or not text.strip():
        return
    message = say(http, anna, text)
    for form in ("NFC", "NFD"):
        typed = unicodedata.normalize(form, text)
        (item,) = (each for each in search(boris, typed)["items"] if each["message"]["id"] == message)
        assert any(piece["hit"] for piece in item["excerpt"])
        assert "".join(piece["text"] for piece in item["excerpt"]) == text.strip()
    for typed in (text.upper(), text.casefold()):
        if words_of(typed) == words_of(text):
            assert message in ids(boris, typed)


class TestNamesAndSubjects:
    def test_a_visitor_is_found_by_the_name_that_holds(self, http: httpx.Client, boris: httpx.Client) -> None:
        come = {"assistant_id": 3, "guest_id": "the-guest-of-this-very-test"}
        opened = as_json(http.post("/api/widget/dialogs", json={**come, "name": "Zoë Quuxová"}))
        dialog_id = opened["dialog"]["id"]
        assert search(boris, "quuxova")["items"] == [], "nothing was said yet"
        address = f"/api/widget/dialogs/{dialog_id}/messages"
        sent = [as_json(http.post(address, params=come, json={"text": text})) for text in ("Первое", "Второе, Quux")]
        (item,) = search(boris, "quuxova")["items"]
        assert (item["dialog_id"], item["message"]["text"]) == (dialog_id, "Второе, Quux")
        assert item["title"] == [{"text": "Zoë ", "hit": False}, {"text": "Quuxová", "hit": True}]
        assert ids(boris, "zoe quux") == [sent[1]["message"]["id"]], "once, though the name and the message are found"
        http.post("/api/widget/dialogs", json={**come, "name": "Other"})
        assert search(boris, "quuxova")["items"] == []
        assert ids(boris, "quux") == [sent[1]["message"]["id"]]
        http.post("/api/widget/dialogs", json={**come, "name": None})
        assert [item["dialog_id"] for item in search(boris, "other")["items"]] == []

    def test_a_ticket_is_found_by_its_subject_before_and_after_its_first_message(
        self, http: httpx.Client, boris: httpx.Client
    ) -> None:
        ticket = {"subject": "Возврат Xyzzyé", "description": "Не подошёл plughé"}
        opened = as_json(http.post("/api/support/tickets", json=ticket))
        (item,) = search(boris, "xyzzye")["items"]
        assert (item["ticket_id"], item["subject"], item["message"]) == (opened["id"], ticket["subject"], None)
        assert [piece["text"] for piece in item["title"] if piece["hit"]] == ["Xyzzyé"]
        assert "".join(piece["text"] for piece in item["excerpt"]) == ticket["description"]
        body = {"content": "Прикладываю", "senderType": "USER"}
        assert http.post(f"/api/support/tickets/{opened['id']}/messages", json=body).status_code == 201
        (item,) = search(boris, "xyzzye")["items"]
        assert item["message"]["text"] == "Прикладываю"

    def test_dialogs_and_messages_are_in_one_order_and_pages_join(
        self, http: httpx.Client, boris: httpx.Client
    ) -> None:
        said = []
        for number in range(4):
            come = {"assistant_id": 3, "guest_id": f"guest-{number}-of-grault-and-others", "name": "Grault"}
            opened = as_json(http.post("/api/widget/dialogs", json=come))
            address = f"/api/widget/dialogs/{opened['dialog']['id']}/messages"
            said.append(as_json(http.post(address, params=come, json={"text": "Без имени"}))["message"]["id"])
            said.append(say(http, guest(http), f"grault {number}"))
        for limit in (1, 2, 3, 5, 50):
            assert walked(boris, "grault", limit=limit) == said[::-1]

    def test_tickets_in_which_nothing_was_said_come_first_and_once(
        self, http: httpx.Client, boris: httpx.Client
    ) -> None:
        message = say(http, guest(http), "garply")
        for number in range(3):
            ticket = {"subject": f"Garply {number}", "description": "d"}
            assert http.post("/api/support/tickets", json=ticket).status_code == 201
        items = search(boris, "garply", limit=3)
        assert [item["subject"] for item in items["items"]] == ["Garply 2", "Garply 1", "Garply 0"]
        assert ids(boris, "garply", before=items["next"]) == [message]
        assert [item["subject"] for item in search(boris, "garply")["items"]] == [
            "Garply 2",
            "Garply 1",
            "Garply 0",
            None,
        ]


def test_letters_that_are_everywhere_and_never_together_end_a_page_early(
    http: httpx.Client, boris: httpx.Client
) -> None:
    """What the index finds by pairs of letters is looked for in the text: a run must be there as it was typed."""
    anna = guest(http)
    for _ in range(3):
        say(http, anna, "甲乙 乙丙")
    whole = say(http, anna, "x甲乙丙x")
    assert walked(boris, "甲乙丙", limit=1) == [whole]
    assert search(boris, "甲乙丙")["items"][0]["excerpt"][1] == {"text": "甲乙丙", "hit": True}


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
