"""Outgoing webhooks with a real receiver: who may, what is sent, and that nothing is lost or doubled."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from replyx.outside.webhooks import signing
from tests.certificates import Authority
from tests.docs_pages import written
from tests.receiver import Answer, Received, Receiver
from tests.scenario import PATIENCE_S, Json, Visitor, as_json, bad_field, eventually, guest, operator, problem
from tests.server import Server

FLAGS = ["--webhook-private-networks", "127.0.0.0/8", "--webhook-retry-seconds", "1", "--rate-limits", "off"]
HOOKS = "/api/v1/webhooks"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whose certificates the server trusts."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Server]:
    """A server that may send to receivers on loopback, and does not wait long before it sends again."""
    trusting = {"SSL_CERT_FILE": str(authority.file)}
    with Server(tmp_path_factory.mktemp("server") / "data", flags=FLAGS, env=trusting) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Takes everything unless told otherwise."""
    with Receiver() as listening:
        yield listening


def moment(text: str) -> datetime:
    """The time that a timestamp names."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def add(maria: httpx.Client, url: str, *events: str, **fields: Any) -> Json:
    """A webhook of a test."""
    answer = maria.post(HOOKS, json={"url": url, "events": list(events or ["message"]), **fields})
    assert answer.status_code == 201, answer.text
    return as_json(answer)


def deliveries(maria: httpx.Client, hook: Json) -> list[Json]:
    """The newest deliveries of a webhook, the newest first."""
    items: list[Json] = as_json(maria.get(f"{HOOKS}/{hook['id']}/deliveries?limit=200"))["items"]
    return items


def only_delivery(maria: httpx.Client, hook: Json, status: str) -> Json:
    """The one delivery of a webhook, as soon as it has come to ``status``."""

    def look() -> Json | None:
        found = deliveries(maria, hook)
        assert len(found) <= 1
        return found[0] if found and found[0]["status"] == status else None

    return eventually(look, status, 2 * PATIENCE_S)


def with_attempts(maria: httpx.Client, hook: Json) -> Json | None:
    """The one delivery of a webhook, if it was attempted and is not done."""
    (found,) = deliveries(maria, hook) or [{"attempts": 0}]
    return found if found["attempts"] and found["status"] == "pending" else None


@pytest.fixture(autouse=True)
def nothing_is_left(maria: httpx.Client) -> Iterator[None]:
    """Each test has its webhooks alone."""
    yield
    for hook in as_json(maria.get(f"{HOOKS}?after=0&limit=200"))["items"]:
        assert maria.delete(f"{HOOKS}/{hook['id']}").status_code == 204


class TestManaging:
    def test_only_admins_may(self, boris: httpx.Client, maria: httpx.Client, receiver: Receiver) -> None:
        hook = add(maria, receiver.url)
        own = f"{HOOKS}/{hook['id']}"
        for method, path in (
            *(("GET", HOOKS), ("POST", HOOKS), ("GET", own), ("PATCH", own), ("DELETE", own)),
            *(("POST", f"{own}/secret"), ("POST", f"{own}/test"), ("GET", f"{own}/deliveries")),
            ("POST", f"{own}/deliveries/1/replay"),
        ):
            problem(boris.request(method, path, json=None if method in ("GET", "DELETE") else {}), 403, "forbidden")
        assert receiver.received == []

    def test_the_secret_is_shown_at_creation_and_never_again(self, maria: httpx.Client, receiver: Receiver) -> None:
        hook = add(maria, receiver.url, "message", "ticket:updated", description="CRM")
        assert hook.pop("secret").startswith("whsec_")
        assert as_json(maria.get(f"{HOOKS}/{hook['id']}")) == hook
        assert (hook["events"], hook["description"], hook["active"]) == (["message", "ticket:updated"], "CRM", True)
        assert hook in as_json(maria.get(HOOKS))["items"]
        assert "secret" not in maria.get(HOOKS).text.replace("old_secret_until", "")

    def test_what_is_not_named_stays_when_a_webhook_is_changed(self, maria: httpx.Client, receiver: Receiver) -> None:
        hook = add(maria, receiver.url, description="CRM")
        changed = as_json(maria.patch(f"{HOOKS}/{hook['id']}", json={"events": ["ticket"], "active": False}))
        assert (changed["events"], changed["active"]) == (["ticket"], False)
        assert (changed["url"], changed["description"]) == (receiver.url, "CRM")

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"url": "http://10.0.0.1/"}, "url"),
            ({"url": "http://169.254.169.254/latest/meta-data"}, "url"),
            ({"url": "http://[::ffff:a9fe:a9fe]/"}, "url"),
            ({"url": "https://user:word@shop.example/"}, "url"),
            ({"url": "ftp://shop.example/"}, "url"),
            ({"url": "http://shop.example:22/"}, "url"),
            ({"url": 5}, "url"),
            ({"events": ["messages"]}, "events"),
            ({"events": []}, "events"),
            ({"description": "x" * 201}, "description"),
            ({"description": "\0"}, "description"),
            ({"active": "yes"}, "active"),
        ],
    )
    def test_a_wrong_value_is_named_and_nothing_is_kept(
        self, maria: httpx.Client, receiver: Receiver, fields: Json, field: str
    ) -> None:
        bad_field(maria.post(HOOKS, json={"url": receiver.url, "events": ["message"], **fields}), field)
        assert as_json(maria.get(HOOKS))["items"] == []
        hook = add(maria, receiver.url)
        bad_field(maria.patch(f"{HOOKS}/{hook['id']}", json=fields), field)
        del hook["secret"]
        assert as_json(maria.get(f"{HOOKS}/{hook['id']}")) == hook

    def test_a_deleted_one_is_gone_and_sends_nothing(
        self, http: httpx.Client, maria: httpx.Client, receiver: Receiver
    ) -> None:
        kept, deleted = add(maria, receiver.url), add(maria, f"{receiver.url}/deleted")
        assert maria.delete(f"{HOOKS}/{deleted['id']}").status_code == 204
        guest(http).say(http, "hello")
        receiver.wait_for(1)
        for method, tail in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/secret"), ("POST", "/test")):
            problem(maria.request(method, f"{HOOKS}/{deleted['id']}{tail}"), 404, "webhook_not_found")
        assert [each.path for each in receiver.received] == ["/hook"]
        assert deliveries(maria, kept)

    def test_a_refused_address_has_a_code_that_a_client_can_explain(self, maria: httpx.Client) -> None:
        refused = problem(maria.post(HOOKS, json={"url": "http://10.0.0.1/", "events": ["message"]}), 422, "invalid")
        (wrong,) = refused["errors"]
        assert (wrong["field"], wrong["code"], wrong["reason"]) == ("url", "network_not_allowed", "network_not_allowed")
        assert wrong["params"] == {"host": "10.0.0.1", "setting": "WEBHOOK_PRIVATE_NETWORKS"}
        refused = problem(maria.post(HOOKS, json={"url": "ftp://shop.example/", "events": ["message"]}), 422, "invalid")
        (wrong,) = refused["errors"]
        assert (wrong["code"], wrong["params"], "reason" in wrong) == ("not_a_url", {"schemes": "http or https"}, False)

    def test_everything_that_can_be_listened_to_is_listed_and_can_be_asked_for(
        self, maria: httpx.Client, receiver: Receiver
    ) -> None:
        groups = as_json(maria.get(f"{HOOKS}/event-types"))["items"]
        assert {"group": "message", "types": ["message:new", "message:read"]} in groups
        names = [name for each in groups for name in (each["group"], *each["types"])]
        assert add(maria, receiver.url, *names)["events"] == names

    def test_the_list_says_how_each_fared_last(
        self, http: httpx.Client, maria: httpx.Client, receiver: Receiver
    ) -> None:
        hook, idle = add(maria, receiver.url), add(maria, receiver.url, "ticket")
        guest(http).say(http, "hello")
        sent = only_delivery(maria, hook, "delivered")
        listed = {each["id"]: each["last_delivery"] for each in as_json(maria.get(HOOKS))["items"]}
        assert listed == {hook["id"]: sent, idle["id"]: None}
        tried = as_json(maria.post(f"{HOOKS}/{hook['id']}/test"))
        assert as_json(maria.get(f"{HOOKS}/{hook['id']}"))["last_delivery"] == tried

    def test_there_is_a_most(self, maria: httpx.Client, receiver: Receiver) -> None:
        for _ in range(100):
            add(maria, receiver.url, active=False)
        problem(maria.post(HOOKS, json={"url": receiver.url, "events": ["message"]}), 409, "too_many_webhooks")


class TestSending:
    def test_each_event_comes_once_to_each_webhook_that_asked_for_it(
        self, http: httpx.Client, maria: httpx.Client, receiver: Receiver
    ) -> None:
        anna = guest(http)
        anna.say(http, "before anybody listened")
        add(maria, receiver.url, "message")
        add(maria, f"{receiver.url}/dialogs", "dialog:updated")
        said = [anna.say(http, f"number {number}") for number in range(20)]
        assert maria.post(f"/api/dialogs/{anna.dialog_id}/close").status_code == 200
        receiver.wait_for(21)
        messages = [each.notice for each in receiver.received if each.path == "/hook"]
        assert sorted(each["data"]["message"]["id"] for each in messages) == [each["message"]["id"] for each in said]
        assert {each["type"] for each in messages} == {"message:new"}
        (closed,) = [each.notice for each in receiver.received if each.path == "/hook/dialogs"]
        assert (closed["type"], closed["data"]["dialog"]["status"]) == ("dialog:updated", "closed")

    def test_a_dialog_is_told_of_with_its_first_message(
        self, http: httpx.Client, maria: httpx.Client, receiver: Receiver
    ) -> None:
        add(maria, receiver.url, "dialog", "message")
        guest(http)
        anna = guest(http)
        anna.say(http, "Здравствуйте")
        receiver.wait_for(2)
        told = sorted(receiver.notices(), key=lambda notice: int(notice["id"].rpartition("-")[2]))
        assert [(each["type"], each["data"].get("dialog_id")) for each in told] == [
            ("dialog:updated", None),
            ("message:new", anna.dialog_id),
        ]
        assert told[0]["data"]["dialog"]["id"] == anna.dialog_id

    def test_a_product_that_is_approved_is_told_without_its_envelope(
        self, server: Server, maria: httpx.Client, receiver: Receiver
    ) -> None:
        add(maria, receiver.url, "product.approved")
        with operator(server, "shop@example.com") as shop:
            product = as_json(shop.post("/api/v1/products", json={"name": "Scarf", "description": "", "price": 10}))
        answer = maria.post(f"/api/v1/admin/products/{product['id']}/approve", json={"moderation_notes": "good"})
        assert answer.status_code == 200, answer.text
        (received,) = receiver.wait_for(1)
        assert received.notice["type"] == "product.approved"
        data = received.notice["data"]
        assert (data["product_id"], data["product_name"], data["moderation_notes"]) == (product["id"], "Scarf", "good")

    def test_a_request_has_an_id_a_time_and_a_signature(
        self, http: httpx.Client, maria: httpx.Client, receiver: Receiver
    ) -> None:
        hook = add(maria, receiver.url)
        anna = guest(http)
        anna.say(http, "Добрый день")
        (received,) = receiver.wait_for(1)
        assert re.fullmatch(r"[0-9a-f]+-\d+", received.event_id)
        assert received.event_id == received.notice["id"]
        assert received.event_id.partition("-")[0] == anna.cursor.partition("-")[0]
        assert received.headers["content-type"] == "application/json"
        assert received.headers["user-agent"].startswith("ReplyX/")
        timestamp = int(received.headers["replyx-timestamp"])
        assert received.headers["replyx-signature"] == signing.signature(hook["secret"], timestamp, received.body)
        assert only_delivery(maria, hook, "delivered")["response_status"] == 200

    def test_what_is_not_taken_comes_again_with_the_same_id(
        self, http: httpx.Client, maria: httpx.Client, receiver: Receiver
    ) -> None:
        closed = "the connection was closed before an answer came"
        cases: dict[str, tuple[Answer, int | None, str | None]] = {
            "/broken": (Answer(500, b"broken"), 500, None),
            "/unknown": (Answer(404, b""), 404, None),
            "/moved": (Answer(302, headers=(("Location", "http://127.0.0.1:1/"),)), 302, "redirects are not followed"),
            "/cut": (Answer(cut=True), None, closed),
            "/nonsense": (Answer(raw=b"nonsense\r\n\r\n"), None, closed),
        }

        def of(path: str) -> list[Received]:
            return [each for each in list(receiver.received) if each.path == path]

        receiver.behave = lambda received: cases[received.path][0] if len(of(received.path)) < 3 else Answer()
        origin = receiver.url.removesuffix("/hook")
        hooks = {path: add(maria, origin + path) for path in cases}
        guest(http).say(http, "hello")
        for path, (_, status, error) in cases.items():
            failed = eventually(lambda path=path: with_attempts(maria, hooks[path]), "a failure")
            assert (failed["response_status"], failed["error"], failed["finished_at"]) == (status, error, None), path
        for path, hook in hooks.items():
            done = only_delivery(maria, hook, "delivered")
            assert (done["attempts"], done["response_status"], done["response_body"]) == (3, 200, "ok"), path
            first, *again = of(path)
            assert [(each.event_id, each.body) for each in again] == [(first.event_id, first.body)] * 2

    def test_a_busy_receiver_is_asked_again_no_sooner_than_it_wants(
        self, http: httpx.Client, maria: httpx.Client, receiver: Receiver
    ) -> None:
        """Our own first delay is at most 1 s here, so an hour can only be theirs."""
        later = datetime.now(UTC) + timedelta(hours=2)
        cases = {
            "/seconds": (Answer(429, headers=(("Retry-After", "3600"),)), timedelta(hours=1)),
            "/date": (Answer(503, headers=(("Retry-After", format_datetime(later, usegmt=True)),)), timedelta(hours=2)),
            "/year": (Answer(503, headers=(("Retry-After", "31536000"),)), timedelta(hours=24)),
            "/nonsense": (Answer(503, headers=(("Retry-After", "soon"),)), timedelta(0)),
        }
        receiver.behave = lambda received: cases[received.path][0]
        origin = receiver.url.removesuffix("/hook")
        hooks = {path: add(maria, origin + path) for path in cases}
        guest(http).say(http, "hello")
        for path, (_, asked) in cases.items():
            waiting = eventually(lambda path=path: with_attempts(maria, hooks[path]), "a failure")
            tried, following = (moment(waiting[name]) for name in ("attempted_at", "next_attempt_at"))
            assert asked - timedelta(minutes=2) < following - tried < asked + timedelta(minutes=2), path
        receiver.behave = lambda _: Answer()
        hurried = with_attempts(maria, hooks["/year"]) or {}
        maria.post(f"{HOOKS}/{hooks['/year']['id']}/deliveries/{hurried['id']}/replay")
        only_delivery(maria, hooks["/year"], "delivered")

    def test_410_turns_the_webhook_off(self, http: httpx.Client, maria: httpx.Client, receiver: Receiver) -> None:
        receiver.behave = lambda _: Answer(410)
        hook = add(maria, receiver.url)
        anna = guest(http)
        anna.say(http, "hello")
        only_delivery(maria, hook, "failed")
        off = as_json(maria.get(f"{HOOKS}/{hook['id']}"))
        assert (off["active"], off["off_reason"]) == (False, "gone")
        anna.say(http, "is anybody there?")
        receiver.behave = lambda _: Answer()
        on = as_json(maria.patch(f"{HOOKS}/{hook['id']}", json={"active": True}))
        assert (on["active"], on["off_reason"]) == (True, None)
        anna.say(http, "hello again")
        receiver.wait_for(2)
        assert [each["data"]["message"]["text"] for each in receiver.notices()] == ["hello", "hello again"]

    def test_a_receiver_that_hangs_delays_nobody_else(
        self, http: httpx.Client, maria: httpx.Client, receiver: Receiver
    ) -> None:
        release = threading.Event()

        def hang(_: Received) -> Answer:
            release.wait(PATIENCE_S)
            return Answer()

        with Receiver(hang) as slow:
            slow_hook = add(maria, slow.url)
            add(maria, receiver.url)
            anna = guest(http)
            for number in range(40):
                anna.say(http, f"number {number}")
            assert len({each.event_id for each in receiver.wait_for(40)}) == 40
            assert 1 <= len(slow.received) <= 4, "no more than its share at a time"
            assert {each["status"] for each in deliveries(maria, slow_hook)} == {"pending"}
            release.set()

    def test_nothing_secret_is_in_the_log(self, server: Server, maria: httpx.Client, receiver: Receiver) -> None:
        hook = add(maria, f"{receiver.url}?key=in-the-address")
        assert maria.post(f"{HOOKS}/{hook['id']}/test").status_code == 200
        assert hook["secret"] not in server.log
        assert "in-the-address" not in server.log
        assert "Traceback" not in server.log


class TestTls:
    def test_a_good_certificate_is_taken_and_a_bad_one_fails_with_its_reason_and_is_tried_again(
        self, http: httpx.Client, maria: httpx.Client, authority: Authority, tmp_path: Path
    ) -> None:
        certificates = {
            "good": authority.server("localhost"),
            "of another name": authority.server("shop.example"),
            "of strangers": Authority(tmp_path, "strangers").server("localhost"),
            "of yesterday": authority.server("localhost", expired=True),
        }
        reasons = {
            "of another name": "Hostname mismatch, certificate is not valid for 'localhost'.",
            "of strangers": "unable to get local issuer certificate",
            "of yesterday": "certificate has expired",
        }
        with contextlib.ExitStack() as stack:
            there = {name: stack.enter_context(Receiver(tls=tls)) for name, tls in certificates.items()}
            hooks = {name: add(maria, receiver.tls_url()) for name, receiver in there.items()}
            guest(http).say(http, "hello")
            taken = only_delivery(maria, hooks["good"], "delivered")
            assert (taken["attempts"], taken["response_status"], taken["error"]) == (1, 200, None)
            (received,) = there["good"].received
            assert received.headers["replyx-signature"] == signature_of(received, hooks["good"]["secret"])
            for name, reason in reasons.items():

                def twice(hook: Json = hooks[name]) -> Json | None:
                    found = with_attempts(maria, hook)
                    return found if found and found["attempts"] >= 2 else None

                refused = eventually(twice, "a second attempt", 2 * PATIENCE_S)
                assert refused["error"] == f"the certificate was refused: {reason}", name
                assert (refused["response_status"], refused["finished_at"]) == (None, None)
                assert there[name].received == [], "nothing was said to a stranger"

    def test_a_receiver_whose_certificate_was_replaced_gets_what_waited(
        self, http: httpx.Client, maria: httpx.Client, authority: Authority
    ) -> None:
        with Receiver(tls=authority.server("shop.example")) as receiver:
            hook = add(maria, receiver.tls_url())
            guest(http).say(http, "hello")
            eventually(lambda: with_attempts(maria, hook), "a failure")
            with Receiver(tls=authority.server("localhost")) as renewed:
                maria.patch(f"{HOOKS}/{hook['id']}", json={"url": renewed.tls_url()})
                only_delivery(maria, hook, "delivered")
                assert [each["data"]["message"]["text"] for each in renewed.notices()] == ["hello"]


class TestTestingAndReplaying:
    def test_a_test_is_sent_at_once_and_only_once(self, maria: httpx.Client, receiver: Receiver) -> None:
        receiver.behave = lambda _: Answer(500, b"not today")
        hook = add(maria, receiver.url, active=False)
        result = as_json(maria.post(f"{HOOKS}/{hook['id']}/test"))
        assert (result["type"], result["status"], result["attempts"]) == ("webhook.test", "failed", 1)
        assert (result["response_status"], result["response_body"]) == (500, "not today")
        receiver.behave = lambda _: Answer()
        assert as_json(maria.post(f"{HOOKS}/{hook['id']}/test"))["status"] == "delivered"
        assert [each["type"] for each in receiver.notices()] == ["webhook.test"] * 2
        assert len(set(receiver.ids())) == 2
        assert [each["status"] for each in deliveries(maria, hook)] == ["delivered", "failed"]

    def test_a_test_of_what_cannot_be_reached_says_why(self, maria: httpx.Client) -> None:
        with Receiver() as closed:
            url = closed.url
        result = as_json(maria.post(f"{HOOKS}/{add(maria, url)['id']}/test"))
        assert (result["status"], result["error"]) == ("failed", "the connection was refused")
        assert result["failure"] == {"code": "refused"}
        result = as_json(maria.post(f"{HOOKS}/{add(maria, 'https://nothing.invalid/')['id']}/test"))
        assert (result["status"], result["error"]) == ("failed", "the name cannot be resolved")

    def test_a_replay_sends_the_same_event_again(
        self, http: httpx.Client, maria: httpx.Client, receiver: Receiver
    ) -> None:
        hook = add(maria, receiver.url)
        guest(http).say(http, "hello")
        done = only_delivery(maria, hook, "delivered")
        replay = f"{HOOKS}/{hook['id']}/deliveries/{done['id']}/replay"
        assert as_json(maria.post(replay))["status"] == "pending"
        first, second = receiver.wait_for(2)
        assert (first.event_id, first.body) == (second.event_id, second.body)
        assert only_delivery(maria, hook, "delivered")["attempts"] == 1

    def test_what_cannot_be_replayed_says_why(
        self, http: httpx.Client, maria: httpx.Client, receiver: Receiver
    ) -> None:
        hook, other = add(maria, receiver.url), add(maria, receiver.url, "ticket")
        guest(http).say(http, "hello")
        done = only_delivery(maria, hook, "delivered")
        elsewhere = f"{HOOKS}/{other['id']}/deliveries/{done['id']}/replay"
        problem(maria.post(elsewhere), 404, "delivery_not_found")
        maria.patch(f"{HOOKS}/{hook['id']}", json={"active": False})
        problem(maria.post(f"{HOOKS}/{hook['id']}/deliveries/{done['id']}/replay"), 409, "webhook_off")

    def test_deliveries_page_from_the_newest_back(
        self, http: httpx.Client, maria: httpx.Client, receiver: Receiver
    ) -> None:
        hook = add(maria, receiver.url)
        anna = guest(http)
        for number in range(5):
            anna.say(http, f"number {number}")
        receiver.wait_for(5)
        everything = [each["id"] for each in deliveries(maria, hook)]
        page = as_json(maria.get(f"{HOOKS}/{hook['id']}/deliveries?limit=2"))
        found = [each["id"] for each in page["items"]]
        while page["next"] is not None:
            page = as_json(maria.get(f"{HOOKS}/{hook['id']}/deliveries?limit=2&before={page['next']}"))
            found += [each["id"] for each in page["items"]]
        assert found == everything == sorted(everything, reverse=True)


class TestSecrets:
    def test_both_secrets_sign_during_a_rotation(self, maria: httpx.Client, receiver: Receiver) -> None:
        hook = add(maria, receiver.url)
        own = f"{HOOKS}/{hook['id']}"
        rotated = as_json(maria.post(f"{own}/secret", json={"overlap_hours": 1}))
        assert rotated["secret"] != hook["secret"]
        assert rotated["old_secret_until"] is not None
        maria.post(f"{own}/test")
        at_once = as_json(maria.post(f"{own}/secret", json={"overlap_hours": 0}))
        assert at_once["old_secret_until"] is None
        maria.post(f"{own}/test")
        during, after = receiver.wait_for(2)
        assert during.headers["replyx-signature"].split(", ") == [
            signature_of(during, secret) for secret in (rotated["secret"], hook["secret"])
        ]
        assert after.headers["replyx-signature"] == signature_of(after, at_once["secret"])
        bad_field(maria.post(f"{own}/secret", json={"overlap_hours": 169}), "overlap_hours")

    def test_the_examples_for_receivers_tell_true_from_false(
        self, node: Path, maria: httpx.Client, receiver: Receiver, tmp_path: Path
    ) -> None:
        hook = add(maria, receiver.url)
        new = as_json(maria.post(f"{HOOKS}/{hook['id']}/secret", json={}))["secret"]
        maria.post(f"{HOOKS}/{hook['id']}/test")
        (received,) = receiver.wait_for(1)
        sent = int(received.headers["replyx-timestamp"])
        body = received.body.decode()
        cases = [
            (new, body, sent, True),
            (hook["secret"], body, sent, True),
            (new, body, sent + 299, True),
            (new, body, sent + 301, False),
            (new, body, sent - 301, False),
            (new, body + " ", sent, False),
            (new + "x", body, sent, False),
        ]
        expected = [good for *_, good in cases]
        scope: dict[str, Any] = {}
        exec(example("python"), scope)  # noqa: S102
        headers = {name.title().replace("Replyx", "ReplyX"): value for name, value in received.headers.items()}
        judged = [scope["verify"](secret, headers, text.encode(), now) for secret, text, now, _ in cases]
        assert judged == expected
        script = tmp_path / "verify.cjs"
        script.write_text(
            example("js")
            + f"const cases = {json.dumps(cases)}\nconst headers = {json.dumps(dict(received.headers))}\n"
            + "console.log(JSON.stringify(cases.map(([s, b, n]) => verify(s, headers, Buffer.from(b), n))))\n"
        )
        ran = subprocess.run([node, script], capture_output=True, text=True, timeout=60, check=True)
        assert json.loads(ran.stdout) == expected


def signature_of(received: Received, secret: str) -> str:
    """What the signature of a request must be."""
    return signing.signature(secret, int(received.headers["replyx-timestamp"]), received.body)


def example(language: str) -> str:
    """The code that docs/webhooks.md gives to receivers."""
    found = re.search(rf"^```{language}\n(.*?)^```", written("docs/webhooks.md"), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


class TestDying:
    def talk(self, server: Server, anna: Visitor, start: int, count: int) -> list[int]:
        """Send messages; their ids."""
        with server.client() as http:
            return [
                anna.say(http, f"number {start + n}", client_id=str(start + n))["message"]["id"] for n in range(count)
            ]

    def check(self, receiver: Receiver, said: list[int]) -> None:
        """Every message came, and every one with one id."""
        by_id = {each["id"]: each["data"]["message"]["id"] for each in receiver.notices()}
        assert sorted(by_id.values()) == sorted(said), "an event was lost or has two ids"

    def test_kill_9_in_the_middle_of_repetitions_loses_nothing_and_makes_no_second_id(
        self, tmp_path: Path, receiver: Receiver
    ) -> None:
        broken = threading.Event()
        broken.set()
        receiver.behave = lambda _: Answer(503) if broken.is_set() else Answer()
        with Server(tmp_path / "data", flags=FLAGS) as server:
            with operator(server) as maria, server.client() as http:
                hook = add(maria, receiver.url)
                anna = guest(http)
            said = self.talk(server, anna, 0, 20)
            receiver.wait_for(5)
            server.restart_after_kill()
            said += self.talk(server, anna, 20, 10)
            server.kill()
            broken.clear()
            server.start()
            said += self.talk(server, anna, 30, 10)

            with operator(server) as maria:
                eventually(
                    lambda: [each["status"] for each in deliveries(maria, hook)] == ["delivered"] * 40,
                    "40 deliveries",
                    60,
                )
            self.check(receiver, said)

    def test_of_two_servers_on_one_database_one_sends_and_the_other_goes_on_when_it_is_killed(
        self, tmp_path: Path, receiver: Receiver
    ) -> None:
        with Server(tmp_path / "data", flags=FLAGS) as first, Server(tmp_path / "data", flags=FLAGS) as second:
            with operator(first) as maria, first.client() as http:
                add(maria, receiver.url)
                anna = guest(http)
            said = self.talk(first, anna, 0, 10) + self.talk(second, anna, 10, 10)
            receiver.wait_for(20)
            assert len(receiver.received) == len(set(receiver.ids())) == 20
            first.kill()
            said += self.talk(second, anna, 20, 10)
            # What the first had sent and not yet written down comes again, under the same id.
            eventually(lambda: len(set(receiver.ids())) == 30, "30 events", 2 * PATIENCE_S)
            self.check(receiver, said)
