"""From which pages a browser may call: CORS, preflights, and the Origin of sockets and streams."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.scenario import (
    EventStream,
    Visitor,
    frame,
    guest,
    new_widget,
    problem,
    problem_document,
    site_visitor,
    socket_of,
    token_of,
)
from tests.server import PASSWORD, Server

SHOP = "https://shoes.example"
CONFIGURED = "https://desk.example"
FOREIGN = (
    "https://evil.example",
    "https://shoes.example.evil.example",
    "http://desk.example",
    "null",
    "file://",
    "x",
    "*",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose API one more origin may call."""
    data = tmp_path_factory.mktemp("server") / "data"
    with Server(data, flags=["--rate-limits", "off"], env={"CORS_ORIGINS": CONFIGURED}) as running:
        yield running


@pytest.fixture(scope="module")
def widget_token(boris: httpx.Client) -> str:
    """The token of a widget that stands on the shop's pages; its assistant has no other widget."""
    answer = boris.post("/api/assistants", json={"name": "Обувь"})
    token: str = new_widget(boris, "shoes.example", assistant_id=answer.json()["id"])["token"]
    return token


@pytest.fixture
def shopper(http: httpx.Client, widget_token: str) -> Visitor:
    """A visitor of the shop's pages."""
    return site_visitor(http, widget_token)


def readable(answer: httpx.Response, origin: str) -> bool:
    """Whether a browser lets the page of ``origin`` read the answer."""
    allowed = answer.headers.get("access-control-allow-origin")
    if allowed is None:
        return False
    assert allowed == origin, "never a wildcard where credentials are"
    assert "origin" in answer.headers.get("vary", "").lower()
    return True


class TestVisitors:
    def test_the_shops_own_page_may_do_all_that_a_visitor_does(
        self, http: httpx.Client, widget_token: str, shopper: Visitor
    ) -> None:
        headers = {"Origin": SHOP}
        opened = http.post("/api/site/session", params={"site_token": widget_token}, json={}, headers=headers)
        sent = http.post(shopper.url(), params=dict(shopper.query), json={"text": "x"}, headers=headers)
        page = http.get(shopper.url(), params=dict(shopper.query), headers=headers)
        assert [answer.status_code for answer in (opened, sent, page)] == [200, 201, 200]
        assert all(readable(answer, SHOP) for answer in (opened, sent, page))

    def test_a_refusal_can_be_read_by_the_page_too(self, http: httpx.Client, shopper: Visitor) -> None:
        answer = http.post(shopper.url(), params=dict(shopper.query), json={"text": ""}, headers={"Origin": SHOP})
        problem(answer, 422)
        assert readable(answer, SHOP)
        assert "Retry-After" in answer.headers["access-control-expose-headers"]

    @pytest.mark.parametrize("origin", FOREIGN)
    def test_another_page_may_do_nothing_of_it(
        self, http: httpx.Client, boris: httpx.Client, widget_token: str, shopper: Visitor, origin: str
    ) -> None:
        headers = {"Origin": origin}
        visitor = guest(http, 3)
        new_widget(boris, "shoes.example")
        answers = [
            http.post("/api/site/session", params={"site_token": widget_token}, json={}, headers=headers),
            http.post("/api/widget/dialogs", json={"assistant_id": 3}, headers=headers),
            http.post(shopper.url(), params=dict(shopper.query), json={"text": "x"}, headers=headers),
            http.get(shopper.url(), params=dict(shopper.query), headers=headers),
            http.post(visitor.url(), params=dict(visitor.query), json={"text": "x"}, headers=headers),
            http.get(visitor.url(), params=dict(visitor.query), headers=headers),
        ]
        for answer in answers:
            problem(answer, 403, "origin_refused")
            assert not readable(answer, origin)
        assert http.get(shopper.url(), params=dict(shopper.query)).json()["items"] == []

    def test_a_guest_may_call_from_any_page_of_the_assistants_widgets(
        self, http: httpx.Client, boris: httpx.Client
    ) -> None:
        new_widget(boris, "boots.example", assistant_id=2)
        new_widget(boris, "*.slippers.example", assistant_id=2)
        visitor = guest(http, 2)
        for origin, status in (
            ("https://boots.example", 200),
            ("https://my.slippers.example", 200),
            ("https://slippers.example", 403),
        ):
            headers = {"Origin": origin}
            assert http.get(visitor.url(), params=dict(visitor.query), headers=headers).status_code == status
            assert http.post("/api/widget/dialogs", json={"assistant_id": 2}, headers=headers).status_code == status

    def test_a_deleted_widgets_pages_are_foreign_again(self, http: httpx.Client, boris: httpx.Client) -> None:
        assistant_id = boris.post("/api/assistants", json={"name": "x"}).json()["id"]
        widget = new_widget(boris, "boots.example", assistant_id=assistant_id)
        visitor, headers = guest(http, assistant_id), {"Origin": "https://boots.example"}
        assert http.get(visitor.url(), params=dict(visitor.query), headers=headers).status_code == 200
        boris.delete(f"/api/widgets/{widget['id']}")
        problem(http.get(visitor.url(), params=dict(visitor.query), headers=headers), 403, "origin_refused")


class TestOperators:
    @pytest.mark.parametrize("path", ["/api/dialogs", "/api/widgets", "/api/v1/auth/me", "/api/v1/accounts"])
    def test_the_configured_origins_and_the_servers_own_may_call(
        self, server: Server, boris: httpx.Client, path: str
    ) -> None:
        for origin in (CONFIGURED, server.url, f"http://localhost:{server.port}"):
            answer = boris.get(path, headers={"Origin": origin})
            assert (answer.status_code, readable(answer, origin)) == (200, True)

    @pytest.mark.parametrize("origin", [*FOREIGN, SHOP])
    @pytest.mark.parametrize("path", ["/api/dialogs", "/api/widgets", "/api/v1/auth/me"])
    def test_no_other_page_may(self, boris: httpx.Client, path: str, origin: str) -> None:
        answer = boris.get(path, headers={"Origin": origin})
        problem(answer, 403, "origin_refused")
        assert not readable(answer, origin)

    @pytest.mark.parametrize("path", ["/api/v1/auth/login", "/admin/session"])
    def test_nobody_logs_in_from_another_page(self, http: httpx.Client, path: str) -> None:
        body = {"email": "manager@example.com", "password": PASSWORD}
        answer = http.post(path, json=body, headers={"Origin": FOREIGN[0]})
        problem(answer, 403, "origin_refused")
        assert "set-cookie" not in answer.headers
        answer = http.post(path, json=body, headers={"Origin": CONFIGURED})
        assert (answer.status_code, readable(answer, CONFIGURED)) == (200, True)
        http.cookies.clear()

    def test_cookies_are_never_for_other_origins(self, boris: httpx.Client) -> None:
        answer = boris.get("/api/dialogs", headers={"Origin": CONFIGURED})
        assert "access-control-allow-credentials" not in answer.headers

    def test_without_an_origin_a_credential_is_enough(self, boris: httpx.Client) -> None:
        assert boris.get("/api/dialogs").status_code == 200


ASK = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,authorization"}


class TestPreflights:
    @pytest.mark.parametrize(
        ("path", "origin"),
        [
            ("/api/dialogs/1/messages", CONFIGURED),
            ("/api/site/session", SHOP),
            ("/api/site/dialogs/1/messages", SHOP),
            ("/api/widget/dialogs", SHOP),
            ("/api/widget/dialogs/1/messages", SHOP),
            ("/api/dialogs/1/events", SHOP),
            ("/api/widgets/check", SHOP),
        ],
    )
    def test_one_from_a_page_that_may_call_allows_the_call(self, http: httpx.Client, path: str, origin: str) -> None:
        answer = http.options(path, headers={"Origin": origin, **ASK})
        assert (answer.status_code, answer.content) == (204, b"")
        assert readable(answer, origin)
        assert "POST" in answer.headers["access-control-allow-methods"]
        allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
        assert {"authorization", "content-type", "last-event-id"} <= set(allowed)

    @pytest.mark.parametrize(
        "asked",
        [
            "cache-control",
            "pragma,x-requested-with",
            "if-none-match, if-modified-since,if-match,if-unmodified-since,range",
            "accept,accept-language,x-client-version,traceparent,baggage,sentry-trace",
            ",".join(f"x-{number}" for number in range(30)),
        ],
    )
    def test_polyfills_and_libraries_may_add_headers_of_their_own(self, http: httpx.Client, asked: str) -> None:
        headers = {"Origin": SHOP, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": asked}
        answer = http.options("/api/dialogs/1/events", headers=headers)
        allowed = set(answer.headers["access-control-allow-headers"].lower().split(", "))
        assert {name.strip() for name in asked.split(",")} | {"authorization", "content-type"} <= allowed

    def test_nothing_but_names_comes_back_of_what_was_asked(self, http: httpx.Client) -> None:
        asked = ("a b;c\u00e9<d>: " + "x" * 3_000 + ",y" * 3_000).encode("latin-1")
        headers = {b"Origin": SHOP.encode(), b"Access-Control-Request-Headers": asked}
        allowed = http.options("/api/dialogs/1/events", headers=headers).headers["access-control-allow-headers"]
        assert len(allowed) < 4_000
        assert re.fullmatch(r"[\w-]+(, [\w-]+)*", allowed)

    @pytest.mark.parametrize(
        "path", ["/api/dialogs/1/messages", "/api/widgets", "/api/v1/auth/login", "/api/v1/accounts"]
    )
    @pytest.mark.parametrize("origin", FOREIGN)
    def test_one_from_another_page_allows_nothing(self, http: httpx.Client, path: str, origin: str) -> None:
        answer = http.options(path, headers={"Origin": origin, **ASK})
        assert "access-control-allow-origin" not in answer.headers
        assert "access-control-allow-methods" not in answer.headers


class TestStreams:
    def test_streams_open_for_their_own_pages_and_for_no_page_at_all(
        self, server: Server, boris: httpx.Client, shopper: Visitor
    ) -> None:
        path = f"/api/dialogs/{shopper.dialog_id}/events"
        for headers in ({}, {"Origin": SHOP}, {"Origin": server.url}):
            with EventStream(server, path, shopper.query, headers) as stream:
                assert stream.answer.status_code == 200
                assert readable(stream.answer, headers["Origin"]) if headers else True
        token = {"token": token_of(boris)}
        for headers in ({}, {"Origin": CONFIGURED}, {"Origin": server.url}):
            for url in (path, "/api/inbox/events"):
                with EventStream(server, url, token, headers) as stream:
                    assert stream.answer.status_code == 200

    @pytest.mark.parametrize("origin", FOREIGN)
    def test_streams_stay_shut_for_other_pages(
        self, server: Server, boris: httpx.Client, shopper: Visitor, origin: str
    ) -> None:
        path, headers = f"/api/dialogs/{shopper.dialog_id}/events", {"Origin": origin}
        token = {"token": token_of(boris)}
        for url, query in ((path, shopper.query), (path, token), ("/api/inbox/events", token)):
            with EventStream(server, url, query, headers) as stream:
                problem(stream.answer, 403, "origin_refused")
                assert not readable(stream.answer, origin)

    def test_an_operators_token_opens_nothing_on_the_shops_page(
        self, server: Server, boris: httpx.Client, shopper: Visitor
    ) -> None:
        token = {"token": token_of(boris)}
        with EventStream(server, f"/api/dialogs/{shopper.dialog_id}/events", token, {"Origin": SHOP}) as stream:
            problem(stream.answer, 403, "origin_refused")


class TestSockets:
    @pytest.fixture
    def urls(self, http: httpx.Client, boris: httpx.Client, shopper: Visitor) -> dict[str, str]:
        """A good address of each kind of socket, by the origin whose pages may open it."""
        new_widget(boris, "boots.example")
        token = token_of(boris)
        return {
            SHOP: shopper.ws(),
            "https://boots.example": guest(http).ws(),
            CONFIGURED: f"/ws/dialogs/{shopper.dialog_id}?token={token}",
        }

    def test_sockets_open_for_their_own_pages_and_for_no_page_at_all(
        self, server: Server, urls: dict[str, str]
    ) -> None:
        for own, url in urls.items():
            for origin in (None, own, server.url):
                with socket_of(server, url, origin=origin) as connection:
                    assert frame(connection)["type"] == "connected"

    @pytest.mark.parametrize("origin", FOREIGN)
    def test_sockets_stay_shut_for_other_pages(self, server: Server, urls: dict[str, str], origin: str) -> None:
        for url in [*urls.values(), "/ws/dialogs/1", "/ws/site/dialogs/1?site_token=x", "/ws/widget/dialogs/1"]:
            with pytest.raises(InvalidStatus) as refused:
                socket_of(server, url, origin=origin)
            assert refused.value.response.headers["content-type"] == "application/problem+json"
            problem_document(refused.value.response.body or b"", 403, "origin_refused")

    def test_the_shops_page_opens_no_operators_socket(self, server: Server, urls: dict[str, str]) -> None:
        with pytest.raises(InvalidStatus) as refused:
            socket_of(server, urls[CONFIGURED], origin=SHOP)
        assert refused.value.response.status_code == 403
