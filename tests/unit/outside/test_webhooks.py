"""Webhooks below HTTP: when to try again, what the signature covers, and that an event becomes one delivery, once."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replyx.database import models
from replyx.delivery import eventlog
from replyx.delivery.followers import record_page
from replyx.delivery.store import Store, Transaction
from replyx.errors import Invalid
from replyx.outside.calls import Outside, Reply
from replyx.outside.failures import Failure, Why
from replyx.outside.webhooks import dispatch, pruning, rows, signing
from replyx.outside.webhooks.courier import Courier
from replyx.outside.webhooks.rows import Parcel
from replyx.outside.webhooks.schedule import GIVE_UP_S, LAST_S, LONGEST_S, asked_for, next_attempt, postponed

NOW = 1_700_000_000.0
DAY_S = 86_400.0
CLOSED = Failure.of(Why.CLOSED)
OK, FAILED, GONE = Reply(200, "ok", None), Reply(500, "no", None), Reply(410, "", None)


class Happened(msgspec.Struct, tag_field="type", tag="message:new"):
    """An event with a number."""

    number: int


class Approved(msgspec.Struct, tag_field="type", tag="ticket:updated"):
    """An event in an envelope."""

    timestamp: str
    data: dict[str, Any]


class Post:
    """A store with webhooks, whose time passes only when told to."""

    def __init__(self, path: Path) -> None:
        self.now = NOW
        self.path = path
        self.store = Store.open(path, lambda: self.now)
        self.courier = Courier(self.store, Outside([]), "ep", 10, lambda: self.now)

    def hook(self, *names: str, active: bool = True) -> int:
        """Add a webhook as its service does."""

        def unit(tx: Transaction) -> int:
            row = tx.execute(
                "INSERT INTO webhook (url, description, events, active, secret, since, deleted, created_at, updated_at)"
                " VALUES ('https://a.example/', '', ?, ?, 'secret', 0, ?, 0, 0) RETURNING id",
                (json.dumps(names), False, False),
            ).fetchone()
            if active:
                since = dispatch.begin(tx)
                tx.execute("UPDATE webhook SET active = ?, since = ? WHERE id = ?", (True, since, row[0]))
            return int(row[0])

        return self.store.change(unit)

    def happen(self, count: int, event: msgspec.Struct | None = None) -> None:
        """Log events."""
        self.store.change(lambda tx: [tx.append(("inbox",), event or Happened(n)) for n in range(count)])

    def dispatch(self) -> None:
        """Follow the log to its end."""
        while self.store.change(lambda tx: record_page(tx, self.courier))[1]:
            pass

    def deliveries(self, hook: int) -> list[tuple[Any, ...]]:
        """Event id, status, attempts, next attempt and end of each delivery."""
        return self.store.query(
            lambda reading: reading.execute(
                "SELECT event_id, status, attempts, next_attempt_at, finished_at FROM webhook_delivery"
                " WHERE webhook_id = ? ORDER BY id",
                (hook,),
            ).fetchall()
        )

    def ids(self, hook: int) -> list[int]:
        """The numbers of the events of a webhook's deliveries."""
        return [int(row[0].removeprefix("ep-")) for row in self.deliveries(hook)]

    def attempt(self, hook: int, reply: Reply) -> str:
        """Send the next due delivery and get ``reply``; the status that it has then."""
        now_ms = int(self.now * 1000)
        receiver = self.store.query(lambda reading: rows.receivers(reading, now_ms, hook)[0])
        parcel: Parcel = self.store.query(lambda reading: rows.due(reading, receiver, now_ms, 1)[0])
        return self.store.change(lambda tx: rows.record(tx, parcel, reply, 10, 0.5))


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    made = Post(tmp_path / "replyx.db")
    yield made
    models.database.close()


class TestSchedule:
    def test_delays_double_from_the_first_up_to_two_hours(self) -> None:
        delays = [next_attempt(NOW, failures, 10, 0) - NOW for failures in range(1, 13)]
        assert delays == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 7200, 7200]

    @given(st.integers(1, 10_000), st.integers(1, 3600), st.floats(0, 1))
    def test_a_delay_is_cut_by_at_most_half_and_never_over_the_longest(
        self, failures: int, first: int, random: float
    ) -> None:
        uncut = next_attempt(0, failures, first, 0)
        assert uncut / 2 <= next_attempt(0, failures, first, random) <= uncut <= LONGEST_S

    def test_a_day_holds_some_twenty_attempts(self) -> None:
        now, failures = 0.0, 0
        while now < GIVE_UP_S:
            failures += 1
            now = next_attempt(now, failures, 10, 0.5)
        assert 18 <= failures <= 30


class TestRetryAfter:
    @pytest.mark.parametrize("date", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"])
    def test_a_date_is_a_moment(self, date: str) -> None:
        assert asked_for(date, NOW) == 784_111_777

    def test_the_date_without_a_zone_is_in_utc_wherever_the_server_stands(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        try:
            assert asked_for("Sun Nov  6 08:49:37 1994", NOW) == 784_111_777
        finally:
            monkeypatch.undo()
            time.tzset()

    def test_a_number_is_in_seconds(self) -> None:
        assert (asked_for("0", NOW), asked_for("120", NOW)) == (NOW, NOW + 120)

    @pytest.mark.parametrize("value", ["", "soon", "-5", "1.5", "²", "Mon, 99 Nov 2026 00:00:00 GMT", "1 2 3 4:5:6 +"])
    def test_what_names_no_moment_asks_for_nothing(self, value: str) -> None:
        assert asked_for(value, NOW) == NOW

    @given(
        st.text(max_size=40)
        | st.from_regex(r"[A-Za-z]{3}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ ?[+-]?\w*", fullmatch=True)
    )
    def test_nothing_that_a_receiver_writes_does_harm(self, value: str) -> None:
        moment = postponed(NOW + 10, asked_for(value, NOW), NOW + DAY_S)
        assert NOW + 10 <= moment <= NOW + DAY_S - LAST_S

    def test_more_digits_than_a_number_has_are_cut_to_what_is_left_of_the_day(self) -> None:
        assert postponed(NOW + 10, asked_for("9" * 5000, NOW), NOW + DAY_S) == NOW + DAY_S - LAST_S

    def test_nobody_makes_us_hurry(self) -> None:
        assert postponed(NOW + 10, asked_for("1", NOW), NOW + DAY_S) == NOW + 10


class TestSignature:
    def test_it_is_the_hmac_over_timestamp_and_body(self) -> None:
        digest = hmac.new(b"whsec_x", b'1700000000.{"a":1}', hashlib.sha256).hexdigest()
        assert signing.signature("whsec_x", 1_700_000_000, b'{"a":1}') == f"v1={digest}"

    def test_each_live_secret_signs(self) -> None:
        made = signing.headers("ep-1", ("new", "old"), 5, b"{}")
        assert made["ReplyX-Signature"] == f"{signing.signature('new', 5, b'{}')}, {signing.signature('old', 5, b'{}')}"
        assert (made["ReplyX-Event-Id"], made["ReplyX-Timestamp"]) == ("ep-1", "5")

    def test_secrets_are_long_and_never_the_same(self) -> None:
        drawn = {signing.new_secret() for _ in range(100)}
        assert len(drawn) == 100
        assert all(each.startswith("whsec_") and len(each) > 45 for each in drawn)


class TestEvents:
    def test_types_and_groups_are_taken_once_each(self) -> None:
        assert dispatch.checked_events(["message", "dialog:updated", "message"]) == ["message", "dialog:updated"]
        assert {"dialog", "message", "ticket"} <= set(dispatch.GROUPS)

    @pytest.mark.parametrize("name", ["", "messages", "message:", "typing_start", "directory:changed", "webhook.test"])
    def test_what_is_no_durable_event_is_refused(self, name: str) -> None:
        with pytest.raises(Invalid) as refused:
            dispatch.checked_events(["message", name])
        assert refused.value.errors[0].field == "events"


class TestDispatch:
    def test_each_webhook_gets_what_it_asked_for_from_its_creation_on(self, post: Post) -> None:
        post.happen(3)
        everything, tickets = post.hook("message", "ticket"), post.hook("ticket:updated")
        post.happen(2)
        post.happen(1, Approved("now", {"id": 7}))
        late = post.hook("message:new")
        post.happen(1)
        post.dispatch()
        assert (post.ids(everything), post.ids(tickets), post.ids(late)) == ([4, 5, 6, 7], [6], [7])

    @pytest.mark.parametrize("topics", [("broadcasts", "room:shop:1"), ("room:order:9",), ()])
    def test_what_a_bot_broadcasts_under_an_events_name_is_none(self, post: Post, topics: tuple[str, ...]) -> None:
        hook = post.hook("message")
        post.store.change(lambda tx: tx.append(topics, Happened(1)))
        post.happen(1)
        post.dispatch()
        assert post.ids(hook) == [2]

    def test_an_event_becomes_one_delivery_however_often_the_log_is_followed(self, post: Post) -> None:
        hook = post.hook("message")
        for _ in range(3):
            post.happen(eventlog.PAGE_EVENTS)
            post.dispatch()
            post.dispatch()
        assert post.ids(hook) == list(range(1, 3 * eventlog.PAGE_EVENTS + 1))

    def test_a_transaction_that_is_lost_takes_the_place_and_the_deliveries_with_it(self, post: Post) -> None:
        """As kill -9 between the two would, if there were anything between them."""
        hook = post.hook("message")
        post.happen(5)

        def dies(tx: Transaction) -> None:
            assert record_page(tx, post.courier) == ((), False)
            raise RuntimeError("killed")

        with pytest.raises(RuntimeError, match="killed"):
            post.store.change(dies)
        assert post.ids(hook) == []
        post.dispatch()
        assert post.ids(hook) == [1, 2, 3, 4, 5]

    def test_the_body_has_the_event_and_nothing_of_its_envelope(self, post: Post) -> None:
        hook = post.hook("message", "ticket")
        post.happen(1)
        post.happen(1, Approved("now", {"id": 7}))
        post.dispatch()
        receiver = post.store.query(lambda reading: rows.receivers(reading, 0, hook)[0])
        bodies = [json.loads(each.body) for each in post.store.query(lambda r: rows.due(r, receiver, 1 << 50, 9))]
        assert bodies == [
            {"id": "ep-1", "type": "message:new", "created_at": "2023-11-14T22:13:20.000Z", "data": {"number": 0}},
            {"id": "ep-2", "type": "ticket:updated", "created_at": "2023-11-14T22:13:20.000Z", "data": {"id": 7}},
        ]

    def test_what_was_pruned_before_its_turn_is_reported_and_the_rest_goes_on(
        self, post: Post, caplog: pytest.LogCaptureFixture
    ) -> None:
        hook = post.hook("message")
        post.happen(10)
        post.store.change(lambda tx: eventlog.prune(tx, 0, 4))
        with caplog.at_level(logging.ERROR):
            post.dispatch()
        assert post.ids(hook) == [7, 8, 9, 10]
        assert "events 1 to 6 were pruned" in caplog.text

    def test_while_nobody_listens_the_log_may_be_pruned_without_a_word(
        self, post: Post, caplog: pytest.LogCaptureFixture
    ) -> None:
        post.hook("message", active=False)
        post.happen(10)
        post.store.change(lambda tx: eventlog.prune(tx, 0, 4))
        hook = post.hook("message")
        post.happen(1)
        with caplog.at_level(logging.WARNING):
            post.dispatch()
        assert (post.ids(hook), caplog.text) == ([11], "")


class TestAttempts:
    def test_a_taken_delivery_is_done(self, post: Post) -> None:
        hook = post.hook("message")
        post.happen(1)
        post.dispatch()
        assert post.attempt(hook, OK) == "delivered"
        assert post.deliveries(hook) == [("ep-1", "delivered", 1, None, NOW * 1000)]

    @pytest.mark.parametrize("reply", [FAILED, Reply(302, "", None), Reply(404, "", None), Reply(None, "", CLOSED)])
    def test_anything_else_is_tried_again_until_a_day_is_over(self, post: Post, reply: Reply) -> None:
        hook = post.hook("message")
        post.happen(1)
        post.dispatch()
        attempts = 0
        status = "pending"
        while status == "pending":
            (_, _, tried, following, _), *_ = post.deliveries(hook)
            assert tried == attempts
            post.now = following / 1000
            status = post.attempt(hook, reply)
            attempts += 1
        assert status == "failed"
        assert 18 <= attempts <= 30
        assert NOW + DAY_S - LONGEST_S <= post.now <= NOW + DAY_S
        assert post.deliveries(hook)[0][3] is None

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_busy_receiver_is_left_alone_for_as_long_as_it_asks_and_tried_again_at_the_end_of_the_day(
        self, post: Post, status: int
    ) -> None:
        hook = post.hook("message")
        post.happen(1)
        post.dispatch()
        assert post.attempt(hook, Reply(status, "", None, "3600")) == "pending"
        assert post.deliveries(hook)[0][3] == (NOW + 3600) * 1000
        post.now = NOW + 3600
        assert post.attempt(hook, Reply(status, "", None, "999999")) == "pending"
        assert post.deliveries(hook)[0][3] == (NOW + DAY_S - LAST_S) * 1000
        post.now = NOW + DAY_S - LAST_S
        while post.attempt(hook, Reply(status, "", None, "999999")) == "pending":
            post.now = post.deliveries(hook)[0][3] / 1000
        assert post.now < NOW + DAY_S
        assert post.deliveries(hook)[0][1] == "failed"

    def test_other_answers_cannot_ask_for_time(self, post: Post) -> None:
        hook = post.hook("message")
        post.happen(1)
        post.dispatch()
        assert post.attempt(hook, Reply(500, "", None, "3600")) == "pending"
        assert post.deliveries(hook)[0][3] == (NOW + 7.5) * 1000

    def test_410_turns_the_webhook_off_and_keeps_what_waits(self, post: Post) -> None:
        hook = post.hook("message")
        post.happen(2)
        post.dispatch()
        assert post.attempt(hook, GONE) == "failed"
        assert [row[1] for row in post.deliveries(hook)] == ["failed", "pending"]
        loaded = post.store.query(lambda reading: rows.load(reading, hook))
        assert (loaded.active, loaded.off_reason) == (False, "gone")
        assert post.store.query(lambda reading: rows.receivers(reading, 0)) == []

    def test_an_attempt_that_ends_late_changes_nothing_of_what_is_finished(self, post: Post) -> None:
        """Two processes sent it, because one stood still and lost its lease."""
        hook = post.hook("message")
        post.happen(1)
        post.dispatch()
        now_ms = int(NOW * 1000)
        receiver = post.store.query(lambda reading: rows.receivers(reading, now_ms)[0])
        parcel = post.store.query(lambda reading: rows.due(reading, receiver, now_ms, 1)[0])
        post.attempt(hook, OK)
        assert post.store.change(lambda tx: rows.record(tx, parcel, FAILED, 10, 0)) == "delivered"
        assert post.deliveries(hook)[0][1:3] == ("delivered", 1)

    def test_the_old_secret_signs_until_the_overlap_is_over(self, post: Post) -> None:
        hook = post.hook("message")
        post.store.change(
            lambda tx: tx.execute(
                "UPDATE webhook SET old_secret = 'old', old_secret_until = 1000 WHERE id = ?", (hook,)
            )
        )
        assert post.store.query(lambda reading: rows.receivers(reading, 999)[0].secrets) == ("secret", "old")
        assert post.store.query(lambda reading: rows.receivers(reading, 1000)[0].secrets) == ("secret",)


class TestPruning:
    def prune(self, post: Post) -> None:
        """Until nothing is left to do."""
        while post.store.change(pruning.prune):
            pass

    def test_old_deliveries_go_and_younger_ones_stay(self, post: Post) -> None:
        hook = post.hook("message")
        for _ in range(2):
            post.happen(1)
            post.dispatch()
            post.attempt(hook, OK)
            post.now += 20 * DAY_S
        self.prune(post)
        assert post.ids(hook) == [2]

    def test_beyond_a_number_the_oldest_finished_ones_go(self, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pruning, "KEEP_EACH", 3)
        monkeypatch.setattr(pruning, "PIECE", 2)
        hook = post.hook("message")
        post.happen(8)
        post.dispatch()
        for _ in range(6):
            post.attempt(hook, OK)
        self.prune(post)
        assert post.ids(hook) == [6, 7, 8]

    def test_what_nobody_could_take_for_a_day_has_failed(self, post: Post) -> None:
        hook = post.hook("message")
        post.happen(1)
        post.dispatch()
        self.prune(post)
        assert post.deliveries(hook)[0][1] == "pending"
        post.now += DAY_S
        self.prune(post)
        assert post.deliveries(hook) == [("ep-1", "failed", 0, None, post.now * 1000)]

    def test_a_deleted_webhook_goes_with_its_deliveries(self, post: Post) -> None:
        hook, other = post.hook("message"), post.hook("message")
        post.happen(3)
        post.dispatch()
        post.store.change(lambda tx: tx.execute("UPDATE webhook SET deleted = ? WHERE id = ?", (True, hook)))
        self.prune(post)
        left = post.store.query(lambda reading: reading.execute("SELECT id FROM webhook").fetchall())
        assert [row[0] for row in left] == [other]
        assert (post.ids(hook), post.ids(other)) == ([], [1, 2, 3])
