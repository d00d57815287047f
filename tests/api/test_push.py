"""Web Push against a push service on loopback: who is woken, what arrives, and what becomes of dead devices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.certificates import Authority
from tests.push_browser import PushBrowser, claims, encoded
from tests.receiver import Answer, Receiver
from tests.scenario import EventStream, as_json, bad_field, eventually, guest, operator, problem, too_many
from tests.server import Server

PUSH = "/api/v1/push"
SUBSCRIPTIONS = f"{PUSH}/subscriptions"
BROADCAST = "/api/internal/broadcast"
SECRET = "correct-horse-battery-staple-and-more"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whose certificates the server trusts."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Server]:
    """A server that may send to loopback."""
    flags = ["--webhook-private-networks", "127.0.0.0/8", "--rate-limits", "off"]
    flags += ["--push-contact", "mailto:admin@chat.example"]
    data = tmp_path_factory.mktemp("server") / "data"
    with Server(data, flags=flags, env={"SSL_CERT_FILE": str(authority.file), "INTERNAL_SECRET": SECRET}) as running:
        yield running


@pytest.fixture
def service(authority: Authority) -> Iterator[Receiver]:
    """A push service."""
    with Receiver(lambda _: Answer(201, b""), tls=authority.server("localhost")) as listening:
        yield listening


@pytest.fixture
def phone(service: Receiver) -> PushBrowser:
    """A browser that the push service knows."""
    return PushBrowser(service.tls_url())


def register(account: httpx.Client, browser: PushBrowser, locale: str = "en") -> int:
    """Turn notices on; the device's id."""
    answer = account.post(SUBSCRIPTIONS, json=browser.subscription(locale=locale))
    assert answer.status_code == 201, answer.text
    return int(as_json(answer)["id"])


def forget(account: httpx.Client, browser: PushBrowser) -> httpx.Response:
    """Turn notices off."""
    return account.request("DELETE", SUBSCRIPTIONS, json={"endpoint": browser.endpoint})


class TestDevices:
    def test_the_key_is_drawn_once_and_survives_a_restart(self, tmp_path: Path) -> None:
        with Server(tmp_path / "data") as server:
            assert '"push_key":null' in (tmp_path / "data" / "secrets.json").read_text().replace(" ", "")
            with operator(server) as maria:
                key = as_json(maria.get(f"{PUSH}/key"))["key"]
                assert as_json(maria.get(f"{PUSH}/key"))["key"] == key
            server.stop()
            server.start()
            with operator(server) as maria:
                assert as_json(maria.get(f"{PUSH}/key"))["key"] == key

    def test_a_browser_is_registered_once_and_forgotten_once(
        self, boris: httpx.Client, maria: httpx.Client, phone: PushBrowser
    ) -> None:
        assert register(boris, phone) == register(boris, phone, "ru")
        problem(forget(maria, phone), 404, "push_device_not_found")
        assert forget(boris, phone).status_code == 204
        problem(forget(boris, phone), 404, "push_device_not_found")

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"endpoint": "http://push.example/1"}, "endpoint"),
            ({"endpoint": "https://10.0.0.1/1"}, "endpoint"),
            ({"endpoint": "https://[::ffff:192.168.0.1]/1"}, "endpoint"),
            ({"endpoint": "https://user@push.example/1"}, "endpoint"),
            ({"endpoint": "https://push.example:25/1"}, "endpoint"),
            ({"endpoint": "x"}, "endpoint"),
            ({"keys": {"p256dh": "AAAA", "auth": encoded(b"x" * 16)}}, "keys.p256dh"),
            ({"keys": {"p256dh": encoded(b"\x04" + b"\1" * 64), "auth": encoded(b"x" * 16)}}, "keys.p256dh"),
            ({"locale": "de"}, "locale"),
        ],
    )
    def test_a_wrong_subscription_is_named(
        self, boris: httpx.Client, phone: PushBrowser, fields: dict[str, object], field: str
    ) -> None:
        bad_field(boris.post(SUBSCRIPTIONS, json={**phone.subscription(), **fields}), field)

    def test_a_wrong_secret_is_named(self, boris: httpx.Client, phone: PushBrowser) -> None:
        subscription = phone.subscription()
        subscription["keys"]["auth"] = "AAAA"
        bad_field(boris.post(SUBSCRIPTIONS, json=subscription), "keys.auth")


class TestChangedSubscriptions:
    """A browser has another subscription: it says so with the old one's secret, or its page does at the next visit."""

    @staticmethod
    def changed(old: PushBrowser, new: PushBrowser, **fields: object) -> dict[str, object]:
        """What the service worker sends."""
        return {**new.subscription(), "old": {**old.subscription(), **fields}}

    def test_the_old_ones_secret_moves_the_notices_without_a_login(
        self, http: httpx.Client, boris: httpx.Client, service: Receiver, phone: PushBrowser
    ) -> None:
        device = register(boris, phone, "ru")
        new = PushBrowser(f"{service.tls_url()}/new")
        answer = http.put(SUBSCRIPTIONS, json=self.changed(phone, new))
        assert (answer.status_code, as_json(answer)["id"], as_json(answer)["locale"]) == (200, device, "ru")
        assert as_json(boris.post(f"{PUSH}/test")) == {"sent": 1, "failed": 0}
        (received,) = service.wait_for(1)
        assert received.path.endswith("/new")
        assert new.shown(received)["title"] == "Уведомления работают"
        problem(http.put(SUBSCRIPTIONS, json=self.changed(phone, new)), 404, "push_device_not_found")
        problem(forget(boris, phone), 404, "push_device_not_found")
        assert forget(boris, new).status_code == 204

    def test_who_does_not_know_the_secret_moves_nothing(
        self, http: httpx.Client, boris: httpx.Client, maria: httpx.Client, phone: PushBrowser
    ) -> None:
        register(boris, phone)
        thief = PushBrowser(f"{phone.endpoint}/thief")
        guessed = self.changed(phone, thief, keys={"auth": encoded(b"x" * 16)})
        for client in (http, boris, maria):
            problem(client.put(SUBSCRIPTIONS, json=guessed), 404, "push_device_not_found")
        problem(http.put(SUBSCRIPTIONS, json=self.changed(thief, phone)), 404, "push_device_not_found")
        bad_field(http.put(SUBSCRIPTIONS, json=self.changed(phone, thief, keys={"auth": "AAAA"})), "old.keys.auth")
        bad_field(http.put(SUBSCRIPTIONS, json={**self.changed(phone, thief), "endpoint": "http://x/"}), "endpoint")
        bad_field(http.put(SUBSCRIPTIONS, json=thief.subscription()), "old")
        assert forget(boris, phone).status_code == 204

    def test_a_subscription_that_is_registered_already_takes_the_old_ones_place(
        self, http: httpx.Client, boris: httpx.Client, service: Receiver, phone: PushBrowser
    ) -> None:
        new = PushBrowser(f"{service.tls_url()}/new")
        register(boris, phone)
        register(boris, new)
        assert http.put(SUBSCRIPTIONS, json=self.changed(phone, new)).status_code == 200
        assert as_json(boris.post(f"{PUSH}/test")) == {"sent": 1, "failed": 0}
        assert forget(boris, new).status_code == 204

    def test_who_tries_secrets_is_told_to_wait(self, tmp_path: Path) -> None:
        browser = PushBrowser("https://push.example/1")
        with Server(tmp_path / "data") as server, server.client() as http:
            too_many(http.build_request("PUT", SUBSCRIPTIONS, json=self.changed(browser, browser)))

    def test_a_page_that_registers_names_what_it_replaces(
        self, boris: httpx.Client, maria: httpx.Client, service: Receiver, phone: PushBrowser
    ) -> None:
        new = PushBrowser(f"{service.tls_url()}/new")
        register(boris, phone)
        body = new.subscription(replaces=phone.endpoint)
        assert maria.post(SUBSCRIPTIONS, json=body).status_code == 201
        assert forget(maria, new).status_code == 204
        assert boris.post(SUBSCRIPTIONS, json=body).status_code == 201
        assert boris.post(SUBSCRIPTIONS, json=new.subscription(replaces=new.endpoint)).status_code == 201
        problem(forget(boris, phone), 404, "push_device_not_found")
        assert forget(boris, new).status_code == 204


class TestSending:
    def test_a_test_arrives_sealed_and_signed(self, boris: httpx.Client, service: Receiver, phone: PushBrowser) -> None:
        register(boris, phone, "ru")
        assert as_json(boris.post(f"{PUSH}/test")) == {"sent": 1, "failed": 0}
        (received,) = service.wait_for(1)
        shown = phone.shown(received)
        assert (shown["title"], shown["test"], shown["url"]) == ("Уведомления работают", True, "/admin")
        signed = claims(received, as_json(boris.get(f"{PUSH}/key"))["key"])
        assert signed["aud"] == f"https://localhost:{service.port}"
        assert signed["sub"] == "mailto:admin@chat.example"
        assert received.headers["content-encoding"] == "aes128gcm"
        assert int(received.headers["ttl"]) > 0
        assert received.headers["urgency"] == "high"
        forget(boris, phone)

    @pytest.mark.one_process("a process knows only its own streams, and wakes who listens at another")
    def test_a_visitors_message_wakes_operators_who_have_no_inbox_open(
        self, http: httpx.Client, server: Server, service: Receiver
    ) -> None:
        asleep, awake = PushBrowser(service.tls_url()), PushBrowser(f"{service.tls_url()}/awake")
        with operator(server) as maria, operator(server, "manager@example.com") as boris:
            register(maria, asleep)
            register(boris, awake)
            anna = guest(http)
            headers = {"Authorization": boris.headers["Authorization"]}
            with EventStream(server, "/api/inbox/events", headers=headers) as inbox:
                anna.say(http, "Есть 42-й размер?")
                inbox.until(lambda data: data["type"] == "message:new")
                service.wait_for(1)
            boris.post(f"/api/dialogs/{anna.dialog_id}/messages", json={"text": "Да, есть"})
            eventually(lambda: as_json(boris.get("/api/sse/health"))["connections"] == 0, "the stream's end")
            anna.say(http, "Беру!")
            service.wait_for(3)
            seen = {
                path: [browser.shown(each)["body"] for each in service.received if each.path == path]
                for path, browser in (("/hook", asleep), ("/hook/awake", awake))
            }
            assert seen == {"/hook": ["Есть 42-й размер?", "Беру!"], "/hook/awake": ["Беру!"]}
            shown = asleep.shown(service.received[0])
            assert shown["url"] == f"/admin#/dialogs/{anna.dialog_id}"
            forget(maria, asleep)
            forget(boris, awake)

    def test_a_decision_wakes_users_and_the_shop_it_concerns(
        self, server: Server, maria: httpx.Client, service: Receiver
    ) -> None:
        people = {who: PushBrowser(f"{service.tls_url()}/{who}") for who in ("user", "shop", "admin")}
        accounts = {who: operator(server, f"{who}@example.com") for who in people}
        for who, browser in people.items():
            register(accounts[who], browser)
        products = {
            name: as_json(
                accounts["shop"].post("/api/v1/products", json={"name": name, "description": "", "price": 10})
            )
            for name in ("Scarf", "Coat")
        }
        decide = "/api/v1/admin/products/{}/{}"
        maria.post(decide.format(products["Scarf"]["id"], "approve"), json={})
        maria.post(decide.format(products["Coat"]["id"], "reject"), json={"moderation_notes": "No pictures"})
        shown = []
        for each in service.wait_for(3):
            who = each.path.rpartition("/")[2]
            notice = people[who].shown(each)
            shown.append((who, notice["title"], notice["body"]))
        assert sorted(shown) == [
            ("shop", "Your product was approved", "Scarf"),
            ("shop", "Your product was rejected", "Coat: No pictures"),
            ("user", "New product", "Scarf"),
        ]
        for who, browser in people.items():
            assert forget(accounts[who], browser).status_code == 204
            accounts[who].close()

    def test_a_broadcast_under_the_name_of_an_event_wakes_nobody_and_stops_nothing(
        self, http: httpx.Client, server: Server, boris: httpx.Client, service: Receiver, phone: PushBrowser
    ) -> None:
        """Its members are the bot's: read as a product's, they once ended the task that sends, and the server."""
        register(boris, phone)
        for kind in ("product.approved", "product.rejected", "message:new"):
            answer = http.post(BROADCAST, headers={"x-internal-secret": SECRET}, json={"type": kind, "shopId": 1})
            assert answer.status_code == 200, answer.text
        guest(http).say(http, "hello")
        (received,) = service.wait_for(1)
        assert phone.shown(received)["body"] == "hello"
        assert server.running
        forget(boris, phone)

    @pytest.mark.parametrize("status", [404, 410])
    def test_a_device_that_is_gone_is_forgotten(
        self, boris: httpx.Client, service: Receiver, phone: PushBrowser, status: int
    ) -> None:
        register(boris, phone)
        service.behave = lambda _: Answer(status, b"")
        assert as_json(boris.post(f"{PUSH}/test")) == {"sent": 0, "failed": 1}
        assert as_json(boris.post(f"{PUSH}/test")) == {"sent": 0, "failed": 0}
        assert len(service.received) == 1

    def test_a_push_service_that_stumbles_is_asked_again(
        self, boris: httpx.Client, service: Receiver, phone: PushBrowser
    ) -> None:
        service.behave = lambda _: Answer(503) if len(service.received) < 2 else Answer(201)
        register(boris, phone)
        assert as_json(boris.post(f"{PUSH}/test")) == {"sent": 1, "failed": 0}
        assert len(service.received) == 2
        forget(boris, phone)

    def test_signing_out_ends_the_notices_of_that_device(
        self, server: Server, service: Receiver, phone: PushBrowser
    ) -> None:
        with operator(server, "manager@example.com") as leaving, operator(server, "manager@example.com") as staying:
            register(leaving, phone)
            leaving.post("/api/v1/auth/logout")
            assert as_json(staying.post(f"{PUSH}/test")) == {"sent": 0, "failed": 0}
        assert service.received == []

    def test_the_certificate_must_be_of_the_name(self, authority: Authority, boris: httpx.Client) -> None:
        with Receiver(lambda _: Answer(201), tls=authority.server("elsewhere.example")) as false:
            browser = PushBrowser(false.tls_url())
            register(boris, browser)
            assert as_json(boris.post(f"{PUSH}/test")) == {"sent": 0, "failed": 1}
            assert false.received == []
            forget(boris, browser)
