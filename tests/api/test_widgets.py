"""Assistants and widgets: what operators keep, what a page's widget is told, and what its token is worth."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from replyx.secrets_file import key_of
from replyx.tokens import Tokens, domain_digest
from tests.scenario import Json, Visitor, as_json, bad_field, guest, new_widget, problem, site_visitor
from tests.server import Server

SECRET = "a signing secret of the widget tests that is long enough"
ALWAYS = ["localhost", "127.0.0.1", "[::1]"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose signing key the tests know, so that they can make tokens that are past their time."""
    with Server(tmp_path_factory.mktemp("server") / "data", env={"JWT_SECRET": SECRET}) as running:
        yield running


def check(http: httpx.Client, token: str, origin: str | None = None, **params: str) -> Json:
    """What the loader asks before it shows a widget."""
    headers = {"Origin": origin} if origin else {}
    answer = http.get("/api/widgets/check", params={"token": token, **params}, headers=headers)
    assert answer.status_code == 200, answer.text
    return as_json(answer)


class TestAssistants:
    def test_one_is_made_read_changed_listed_and_deleted(self, boris: httpx.Client) -> None:
        made = boris.post("/api/assistants", json={"name": "Консультант", "greeting": "Здравствуйте!"})
        assert made.status_code == 201
        assistant = as_json(made)
        url = f"/api/assistants/{assistant['id']}"
        assert as_json(boris.get(url)) == assistant
        changed = as_json(boris.patch(url, json={"greeting": ""}))
        assert changed == assistant | {"greeting": ""}
        page = as_json(boris.get("/api/assistants", params={"after": assistant["id"] - 1}))
        assert page["items"][0] == changed
        assert boris.delete(url).status_code == 204
        for method in ("GET", "DELETE"):
            problem(boris.request(method, url), 404, "assistant_not_found")
        problem(boris.patch(url, json={"name": "x"}), 404, "assistant_not_found")

    def test_one_that_is_in_use_stays(self, boris: httpx.Client, http: httpx.Client) -> None:
        for use in (lambda each: new_widget(boris, assistant_id=each), lambda each: guest(http, each)):
            assistant_id = as_json(boris.post("/api/assistants", json={"name": "x"}))["id"]
            use(assistant_id)
            problem(boris.delete(f"/api/assistants/{assistant_id}"), 409, "assistant_in_use")

    @pytest.mark.parametrize(
        ("field", "value"), [("name", ""), ("name", "x" * 101), ("greeting", "x" * 1001), ("name", 7), ("name", None)]
    )
    def test_a_wrong_value_is_named(self, boris: httpx.Client, field: str, value: object) -> None:
        bad_field(boris.post("/api/assistants", json={"name": "x", field: value}), field)
        bad_field(boris.patch("/api/assistants/1", json={field: value}), field)


class TestWidgets:
    def test_one_is_made_with_all_that_the_page_needs(self, server: Server, boris: httpx.Client) -> None:
        widget = new_widget(boris, "Shoes.example", "*.shoes.example", name="Обувь", theme="#ff0000")
        assert {
            "id",
            "assistant_id",
            "token",
            "embed_code",
            "allowed_domains",
            "theme",
            "type",
            "created_at",
        } <= widget.keys()
        assert widget["allowed_domains"] == ["shoes.example", "*.shoes.example", *ALWAYS]
        base = f"http://localhost:{server.port}"
        assert widget["embed_code"] == (
            f'<script src="{base}/widget.js?token={widget["token"]}&assistant_id=3&theme=%23ff0000'
            f'&type=floating&host={base}" async></script>'
        )

    def test_the_embed_code_names_the_public_address(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        data = tmp_path_factory.mktemp("server") / "data"
        with Server(data, env={"PUBLIC_URL": "https://chat.localhost"}) as public:
            headers = {"Authorization": f"Bearer {public.login()}"}
            with public.client(headers=headers) as boris:
                code = new_widget(boris)["embed_code"]
        assert code.startswith('<script src="https://chat.localhost/widget.js?token=')
        assert code.endswith('&host=https://chat.localhost" async></script>')

    def test_one_is_read_changed_listed_and_deleted(self, boris: httpx.Client) -> None:
        widget = new_widget(boris, "shoes.example")
        url = f"/api/widgets/{widget['id']}"
        varying = {"token": None, "embed_code": None}
        assert as_json(boris.get(url)) | varying == widget | varying
        changed = as_json(boris.patch(url, json={"theme": "#00ff00", "locale": "ru", "position": "bottom-left"}))
        wanted = widget | {"theme": "#00ff00", "locale": "ru", "position": "bottom-left"}
        assert changed | varying == wanted | varying
        page = as_json(boris.get("/api/widgets", params={"assistant_id": 3, "after": widget["id"] - 1}))
        assert page["items"][0]["id"] == widget["id"]
        assert as_json(boris.get("/api/widgets", params={"assistant_id": 2}))["items"] == []
        assert boris.delete(url).status_code == 204
        for method in ("GET", "DELETE"):
            problem(boris.request(method, url), 404, "widget_not_found")
        problem(boris.patch(url, json={"name": "x"}), 404, "widget_not_found")
        shown = as_json(boris.get("/api/widgets", params={"limit": 200}))["items"]
        assert widget["id"] not in [each["id"] for each in shown]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("theme", "red"),
            ("theme", '#ff0000" onload="x'),
            ("type", "popup"),
            ("position", "top"),
            ("locale", "de"),
            ("name", "x" * 101),
            ("allowed_domains", "shoes.example"),
            ("allowed_domains", ["*"]),
            ("allowed_domains", ["a b"]),
            ("allowed_domains", ["shoes.example/path"]),
            ("allowed_domains", ["*.com"]),
            ("allowed_domains", [""]),
            ("allowed_domains", ["shoes.example; script-src *"]),
            ("allowed_domains", [f"s{n}.example" for n in range(51)]),
        ],
    )
    def test_a_wrong_value_is_named(self, boris: httpx.Client, field: str, value: object) -> None:
        bad_field(boris.post("/api/widgets", json={"assistant_id": 3, field: value}), field)
        widget = new_widget(boris)
        bad_field(boris.patch(f"/api/widgets/{widget['id']}", json={field: value}), field)

    def test_it_belongs_to_an_assistant_that_exists(self, boris: httpx.Client) -> None:
        problem(boris.post("/api/widgets", json={"assistant_id": 999}), 404, "assistant_not_found")
        bad_field(boris.post("/api/widgets", json={}), "assistant_id")


class TestCheck:
    @pytest.fixture
    def widget(self, boris: httpx.Client) -> Json:
        """A widget for one shop."""
        return new_widget(boris, "shoes.example", "*.shoes.example", name="Обувь", theme="#ff0000")

    @pytest.mark.parametrize(
        "origin",
        [
            "https://shoes.example",
            "http://shoes.example:8080",
            "https://shop.shoes.example",
            "http://localhost:3000",
            "http://127.0.0.1",
            "http://[::1]:5000",
        ],
    )
    def test_on_its_own_pages_it_is_shown(self, http: httpx.Client, widget: Json, origin: str) -> None:
        answer = check(http, widget["token"], origin)
        assert (answer["valid"], answer["reason"]) == (True, "ok")
        shown = {
            "id": widget["id"],
            "assistant_id": 3,
            "theme": "#ff0000",
            "type": "floating",
            "position": "bottom-right",
            "locale": None,
            "title": "Обувь",
        }
        assert answer["widget"].items() >= shown.items()

    @pytest.mark.parametrize(
        "origin", ["https://evil.example", "https://evilshoes.example", "https://shoes.example.evil.example", "null"]
    )
    def test_elsewhere_it_is_not(self, http: httpx.Client, widget: Json, origin: str) -> None:
        assert check(http, widget["token"], origin) == {"valid": False, "reason": "domain not allowed", "widget": None}

    def test_a_page_may_be_asked_about_by_name(self, http: httpx.Client, widget: Json) -> None:
        for domain, reason in (
            ("shoes.example", "ok"),
            ("https://shop.shoes.example", "ok"),
            ("evil.example", "domain not allowed"),
        ):
            assert check(http, widget["token"], domain=domain)["reason"] == reason

    def test_other_domains_make_the_token_stale_and_the_new_one_good(
        self, http: httpx.Client, boris: httpx.Client, widget: Json
    ) -> None:
        changed = as_json(boris.patch(f"/api/widgets/{widget['id']}", json={"allowed_domains": ["boots.example"]}))
        assert check(http, widget["token"], "https://shoes.example")["reason"] == "domains changed"
        answer = http.post("/api/site/session", params={"site_token": widget["token"]}, json={})
        assert "domains changed" in problem(answer, 401, "credential_invalid")["detail"]
        assert check(http, changed["token"], "https://boots.example")["reason"] == "ok"

    def test_the_same_domains_in_another_order_keep_it_good(
        self, http: httpx.Client, boris: httpx.Client, widget: Json
    ) -> None:
        domains = ["*.SHOES.example", "localhost", "shoes.example"]
        boris.patch(f"/api/widgets/{widget['id']}", json={"allowed_domains": domains, "name": "Другое"})
        assert check(http, widget["token"], "https://shoes.example")["reason"] == "ok"

    def test_a_deleted_widget_is_revoked_with_all_that_came_of_it(
        self, http: httpx.Client, boris: httpx.Client, widget: Json
    ) -> None:
        anna = site_visitor(http, widget["token"])
        anna.say(http, "Тест")
        boris.delete(f"/api/widgets/{widget['id']}")
        assert check(http, widget["token"], "https://shoes.example")["reason"] == "revoked"
        again = http.post("/api/site/session", params={"site_token": widget["token"]}, json={})
        problem(again, 401, "credential_invalid")
        problem(http.post(anna.url(), params=dict(anna.query), json={"text": "x"}), 401, "credential_invalid")
        problem(http.get(f"/chat/{widget['id']}"), 404, "widget_not_found")
        assert as_json(boris.get(f"/api/dialogs/{anna.dialog_id}"))["dialog"]["last_message"]["text"] == "Тест"

    def test_a_token_past_its_time_is_expired(self, http: httpx.Client, widget: Json) -> None:
        digest = domain_digest(widget["allowed_domains"])
        tokens = Tokens([key_of(SECRET)])
        now = time.time()
        assert check(http, tokens.issue_widget(widget["id"], 3, digest, now, 60), "https://shoes.example")["valid"]
        old = tokens.issue_widget(widget["id"], 3, digest, now - 120, 60)
        assert check(http, old, "https://shoes.example") == {"valid": False, "reason": "expired", "widget": None}
        problem(http.post("/api/site/session", params={"site_token": old}, json={}), 401, "credential_expired")

    def test_what_is_no_widget_token_is_malformed(self, server: Server, http: httpx.Client, widget: Json) -> None:
        session = site_visitor(http, widget["token"]).query["site_token"]
        head, claims, _ = widget["token"].split(".")
        for token in (
            "",
            "x",
            "a.b.c",
            f"{head}.{claims}.",
            widget["token"][:-4] + "AAAA",
            server.login(),
            session,
            "я" * 10,
        ):
            assert check(http, token, "https://shoes.example")["reason"] == "malformed"
        bad_field(http.get("/api/widgets/check"), "token")


class TestSessions:
    @pytest.fixture
    def token(self, boris: httpx.Client) -> str:
        """A widget's token."""
        return str(new_widget(boris, "shoes.example")["token"])

    def test_a_token_in_the_query_or_in_the_body_is_exchanged(self, http: httpx.Client, token: str) -> None:
        by_query = http.post("/api/site/session", params={"site_token": token})
        by_body = http.post(
            "/api/site/session", json={"site_token": token, "page": "https://shoes.example/", "name": "Анна"}
        )
        assert by_query.status_code == by_body.status_code == 200
        first, second = as_json(by_query), as_json(by_body)
        assert {"site_token", "guest_id", "dialog", "cursor"} <= first.keys()
        assert token not in (first["site_token"], second["site_token"])
        assert first["dialog"]["id"] != second["dialog"]["id"]
        assert second["dialog"]["visitor"] == {"name": "Анна", "page": "https://shoes.example/"}
        problem(http.post("/api/site/session", json={}), 401, "credential_missing")

    def test_a_guest_who_returns_finds_the_dialog_again(self, http: httpx.Client, token: str) -> None:
        anna = site_visitor(http, token)
        anna.say(http, "Я вернусь")
        again = http.post("/api/site/session", params={"site_token": token}, json={"guest_id": anna.guest_id})
        opened = as_json(again)
        assert (opened["guest_id"], opened["dialog"]["id"]) == (anna.guest_id, anna.dialog_id)
        returned = Visitor(
            "site", anna.dialog_id, anna.guest_id, {"site_token": opened["site_token"]}, opened["cursor"]
        )
        page = as_json(http.get(returned.url(), params=dict(returned.query)))
        assert [item["text"] for item in page["items"]] == ["Я вернусь"]

    def test_a_session_is_not_exchanged_again(self, server: Server, http: httpx.Client, token: str) -> None:
        anna = site_visitor(http, token)
        for wrong in (anna.query["site_token"], server.login("user@example.com"), "x"):
            problem(http.post("/api/site/session", params={"site_token": wrong}, json={}), 401, "credential_invalid")

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("guest_id", ""),
            ("guest_id", "x" * 65),
            ("guest_id", "a b"),
            ("name", "x" * 201),
            ("page", "x" * 2001),
            ("name", "a\u0000b"),
            ("page", "a\u0000b"),
        ],
    )
    def test_a_wrong_value_is_named(self, http: httpx.Client, token: str, field: str, value: str) -> None:
        bad_field(http.post("/api/site/session", params={"site_token": token}, json={field: value}), field)
