"""Messages over HTTP: history, sending, limits of a text, and repeats."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.scenario import EventStream, Visitor, as_json, bad_field, guest, hearing, problem
from tests.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """Every test opens a dialog of its own, which the limit on one address would stop."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=["--rate-limits", "off"]) as running:
        yield running


@pytest.fixture(scope="module")
def long_dialog(http: httpx.Client) -> tuple[Visitor, list[int]]:
    """A visitor with 55 messages, and their ids: more than one page."""
    visitor = guest(http)
    return visitor, [visitor.say(http, f"сообщение {number}")["message"]["id"] for number in range(55)]


class TestHistory:
    def test_a_new_dialogs_history_is_empty(self, http: httpx.Client, anna: Visitor) -> None:
        page = as_json(http.get(anna.url(), params=dict(anna.query)))
        assert (page["items"], page["next"]) == ([], None)

    def test_the_newest_page_comes_by_default_oldest_first(
        self, http: httpx.Client, long_dialog: tuple[Visitor, list[int]]
    ) -> None:
        visitor, ids = long_dialog
        page = as_json(http.get(visitor.url(), params=dict(visitor.query)))
        assert [item["id"] for item in page["items"]] == ids[5:]
        assert page["next"] == ids[5]

    def test_pages_join_in_both_directions(self, boris: httpx.Client, long_dialog: tuple[Visitor, list[int]]) -> None:
        visitor, ids = long_dialog
        url = f"/api/dialogs/{visitor.dialog_id}/messages"
        back: list[int] = []
        before = None
        while len(back) < len(ids):
            page = as_json(boris.get(url, params={"limit": 20} | ({"before": before} if before else {})))
            back = [item["id"] for item in page["items"]] + back
            before = page["next"]
        assert (back, before) == (ids, None)
        on: list[int] = []
        after: int | None = 0
        while after is not None:
            page = as_json(boris.get(url, params={"limit": 20, "after": after}))
            on += [item["id"] for item in page["items"]]
            after = page["next"]
        assert on == ids
        assert as_json(boris.get(url, params={"after": ids[-1]}))["items"] == []

    @pytest.mark.parametrize(("limit", "count"), [(1, 1), (200, 55)])
    def test_a_page_holds_at_most_its_limit(
        self, boris: httpx.Client, long_dialog: tuple[Visitor, list[int]], limit: int, count: int
    ) -> None:
        visitor, ids = long_dialog
        page = as_json(boris.get(f"/api/dialogs/{visitor.dialog_id}/messages", params={"limit": limit}))
        assert [item["id"] for item in page["items"]] == ids[-count:]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("limit", "201"),
            ("limit", "0"),
            ("limit", "abc"),
            ("limit", ""),
            ("before", "x"),
            ("after", "1.5"),
            ("after", "99999999999999999999"),
        ],
    )
    def test_a_wrong_page_is_named(self, boris: httpx.Client, anna: Visitor, field: str, value: str) -> None:
        bad_field(boris.get(f"/api/dialogs/{anna.dialog_id}/messages", params={field: value}), field)

    def test_the_cursor_of_a_history_continues_exactly_behind_it(
        self, server: Server, http: httpx.Client, anna: Visitor
    ) -> None:
        anna.say(http, "в истории")
        page = as_json(http.get(anna.url(), params=dict(anna.query)))
        missed = [anna.say(http, text)["message"]["id"] for text in ("первое", "второе")]
        path = f"/api/dialogs/{anna.dialog_id}/events"
        with EventStream(server, path, {**anna.query, "last_event_id": page["cursor"]}) as stream:
            assert [item["text"] for item in page["items"]] == ["в истории"]
            assert [stream.next().data["message"]["id"] for _ in missed] == missed


class TestSending:
    def test_both_sides_and_the_stream_see_the_same_message(
        self, server: Server, http: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        with hearing(server, boris, anna.dialog_id) as heard:
            asked = http.post(anna.url(), params=dict(anna.query), json={"text": "  Есть 42 размер?  "})
            answered = boris.post(f"/api/dialogs/{anna.dialog_id}/messages", json={"text": "Есть", "client_id": "o1"})
        assert (asked.status_code, answered.status_code) == (201, 201)
        first, second = as_json(asked)["message"], as_json(answered)["message"]
        assert (first["sender"], first["text"], first["author"]) == ("user", "Есть 42 размер?", None)
        assert (second["sender"], second["author"], second["client_id"]) == ("manager", "Борис", "o1")
        assert first["timestamp"].endswith("Z")
        for page in (
            http.get(anna.url(), params=dict(anna.query)),
            boris.get(f"/api/dialogs/{anna.dialog_id}/messages"),
        ):
            assert as_json(page)["items"] == [first, second]
        expected = [{"type": "message:new", "dialog_id": anna.dialog_id, "message": each} for each in (first, second)]
        assert [event for event in heard if event["type"] == "message:new"] == expected

    def test_only_the_visitors_own_stream_hears_the_receipt(
        self, server: Server, http: httpx.Client, anna: Visitor
    ) -> None:
        with EventStream(server, f"/api/dialogs/{anna.dialog_id}/events", anna.query) as stream:
            message = anna.say(http, "Тест")["message"]
            new, receipt = sorted([stream.next(), stream.next()], key=lambda event: event.id is None)
        assert new.data["message"] == message
        assert new.id
        assert receipt.id is None
        assert receipt.data == {
            "type": "message_received",
            "dialog_id": anna.dialog_id,
            "message": "Ваше сообщение получено",
            "timestamp": message["timestamp"],
        }

    @pytest.mark.parametrize("sender", ["manager", "assistant", "system", "User", ""])
    def test_a_visitor_speaks_for_nobody_else(
        self, server: Server, http: httpx.Client, boris: httpx.Client, anna: Visitor, sender: str
    ) -> None:
        with hearing(server, boris, anna.dialog_id) as heard:
            answer = http.post(anna.url(), params=dict(anna.query), json={"text": "x", "sender": sender})
        problem(answer, 403, "sender_not_allowed")
        assert heard == []

    def test_each_credential_may_name_itself(self, http: httpx.Client, boris: httpx.Client, anna: Visitor) -> None:
        assert anna.say(http, "x", sender="user")["message"]["sender"] == "user"
        url = f"/api/dialogs/{anna.dialog_id}/messages"
        assert boris.post(url, json={"text": "x", "sender": "manager"}).status_code == 201
        problem(boris.post(url, json={"text": "x", "sender": "user"}), 403, "sender_not_allowed")

    def test_a_bot_account_speaks_as_the_assistant(
        self, server: Server, maria: httpx.Client, http: httpx.Client, anna: Visitor
    ) -> None:
        email = f"bot-{anna.dialog_id}@example.com"
        made = maria.post("/api/v1/accounts", json={"email": email, "password": "password", "role": "bot"})
        assert made.status_code == 201, made.text
        with server.client(headers={"Authorization": f"Bearer {server.login(email)}"}) as bot:
            sent = as_json(bot.post(f"/api/dialogs/{anna.dialog_id}/messages", json={"text": "Добрый день"}))
        assert sent["message"]["sender"] == "assistant"
        page = as_json(http.get(anna.url(), params=dict(anna.query)))
        assert [item["text"] for item in page["items"]] == ["Добрый день"]


class TestText:
    @pytest.mark.parametrize("text", ["", "   ", "\n\t ", "\u00a0\u2003", "x" * 10_001, "😀" * 10_001, "a\u0000b"])
    def test_a_text_outside_its_bounds_is_not_stored(self, http: httpx.Client, anna: Visitor, text: str) -> None:
        bad_field(http.post(anna.url(), params=dict(anna.query), json={"text": text}), "text")
        assert as_json(http.get(anna.url(), params=dict(anna.query)))["items"] == []

    @pytest.mark.parametrize(
        "text",
        [
            "x",
            "x" * 10_000,
            "😀" * 10_000,
            "👩‍👩‍👧‍👦 שלום \u202e",
            "</script><img src=x onerror=alert(1)>",
            "a\r\nb\u2028c\u0085d",
            "a\u0001\u007fb",
        ],
    )
    def test_a_text_arrives_as_it_was_sent(self, server: Server, http: httpx.Client, anna: Visitor, text: str) -> None:
        with EventStream(server, f"/api/dialogs/{anna.dialog_id}/events", anna.query) as stream:
            assert anna.say(http, text)["message"]["text"] == text
            # Of two processes the receipt, which is no event of the log, may come first.
            assert stream.until(lambda data: data["type"] == "message:new")[-1].data["message"]["text"] == text
        assert as_json(http.get(anna.url(), params=dict(anna.query)))["items"][0]["text"] == text

    @pytest.mark.parametrize(
        "text", ["  " + "x" * 10_000 + "\n", "x" * 9_999 + " y".strip()], ids=["spaces around", "exactly"]
    )
    def test_the_limit_counts_what_is_left_after_trimming(self, http: httpx.Client, anna: Visitor, text: str) -> None:
        assert anna.say(http, text)["message"]["text"] == text.strip()

    def test_a_lone_surrogate_is_refused(self, http: httpx.Client, anna: Visitor) -> None:
        answer = http.post(
            anna.url(),
            params=dict(anna.query),
            content=b'{"text": "\\ud800"}',
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code in (400, 422)
        problem(answer, answer.status_code)


class TestRepeats:
    def test_a_repeat_returns_the_first_message_and_publishes_nothing(
        self, server: Server, http: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        with hearing(server, boris, anna.dialog_id) as heard:
            first = http.post(anna.url(), params=dict(anna.query), json={"text": "раз", "client_id": "c-1"})
            again = http.post(anna.url(), params=dict(anna.query), json={"text": "другой", "client_id": "c-1"})
        assert (first.status_code, again.status_code) == (201, 200)
        assert as_json(first)["duplicate"] is False
        assert as_json(again) == {**as_json(first), "duplicate": True}
        assert [event["type"] for event in heard] == ["message:new"]

    def test_fifty_at_once_are_one_message(
        self, server: Server, http: httpx.Client, boris: httpx.Client, anna: Visitor
    ) -> None:
        with hearing(server, boris, anna.dialog_id) as heard, ThreadPoolExecutor(10) as pool:
            sent = list(pool.map(lambda _: anna.say(http, "раз", client_id="same"), range(50)))
        assert sorted(answer["duplicate"] for answer in sent) == [False] + [True] * 49
        assert len({answer["message"]["id"] for answer in sent}) == 1
        assert [event["type"] for event in heard] == ["message:new"]
        assert len(as_json(http.get(anna.url(), params=dict(anna.query)))["items"]) == 1

    def test_the_same_client_id_in_two_dialogs_is_two_messages(self, http: httpx.Client, anna: Visitor) -> None:
        other = guest(http)
        first, second = (visitor.say(http, "раз", client_id="same") for visitor in (anna, other))
        assert (first["duplicate"], second["duplicate"]) == (False, False)
        assert first["message"]["id"] != second["message"]["id"]

    def test_messages_without_a_client_id_never_repeat(self, http: httpx.Client, anna: Visitor) -> None:
        for client_id in ({}, {"client_id": None}):
            assert anna.say(http, "раз", **client_id)["duplicate"] is False
        assert len(as_json(http.get(anna.url(), params=dict(anna.query)))["items"]) == 2

    def test_a_client_id_has_1_to_64_characters(self, http: httpx.Client, anna: Visitor) -> None:
        assert anna.say(http, "раз", client_id="я" * 64)["duplicate"] is False
        for client_id in ("", "x" * 65, 7, "a\u0000b"):
            answer = http.post(anna.url(), params=dict(anna.query), json={"text": "x", "client_id": client_id})
            bad_field(answer, "client_id")
