"""The language of a visitor: who says it, what is said in it, and what stands in where there is none."""

from __future__ import annotations

import httpx
import pytest

from tests.scenario import EventStream, Json, Visitor, as_json, guest, new_widget, problem, site_visitor
from tests.server import Server

RECEIVED = {"ru": "Ваше сообщение получено", "en": "Your message has been received"}


def receipt(server: Server, http: httpx.Client, visitor: Visitor) -> str:
    """What the visitor is told of a message that has arrived."""
    with EventStream(server, f"/api/dialogs/{visitor.dialog_id}/events", visitor.query) as stream:
        visitor.say(http, "Hello")
        told = stream.until(lambda data: data["type"] == "message_received")[-1].data["message"]
    assert isinstance(told, str)
    return told


@pytest.mark.parametrize(
    ("locale", "widget", "accepted", "told"),
    [
        (None, None, None, "ru"),
        ("en", None, None, "en"),
        ("en-GB", "ru", "ru", "en"),
        ("EN_us", "ru", None, "en"),
        ("de", "en", "ru", "en"),
        ("", "en", None, "en"),
        ("x" * 5000, None, "en", "en"),
        (None, "en", "ru", "en"),
        (None, None, "de-DE, en;q=0.5, ru;q=0.9", "ru"),
        (None, None, "de, en-US;q=0.7, ru;q=0.3", "en"),
        (None, None, "en;q=0", "ru"),
        (None, None, "*, ;q=x,,;;=", "ru"),
        ("ru", None, "en", "ru"),
    ],
)
def test_a_receipt_is_in_the_visitors_language(
    server: Server,
    http: httpx.Client,
    boris: httpx.Client,
    locale: str | None,
    widget: str | None,
    accepted: str | None,
    told: str,
) -> None:
    token = new_widget(boris, assistant_id=3, locale=widget)["token"]
    headers = {} if accepted is None else {"Accept-Language": accepted}
    body = {"site_token": token, **({} if locale is None else {"locale": locale})}
    session = as_json(http.post("/api/site/session", json=body, headers=headers))
    query = {"site_token": session["site_token"]}
    visitor = Visitor("site", session["dialog"]["id"], session["guest_id"], query, session["cursor"])
    assert receipt(server, http, visitor) == RECEIVED[told]


def test_a_guest_of_an_assistant_has_a_language_too_and_the_last_one_known_holds(
    server: Server, http: httpx.Client
) -> None:
    anna = guest(http)
    assert receipt(server, http, anna) == RECEIVED["ru"]
    for body, headers, told in (
        ({"locale": "en"}, {}, "en"),
        ({}, {}, "en"),
        ({"locale": "fr"}, {}, "en"),
        ({}, {"Accept-Language": "ru"}, "ru"),
    ):
        assert http.post("/api/widget/dialogs", params=dict(anna.query), json=body, headers=headers).status_code == 200
        assert receipt(server, http, anna) == RECEIVED[told]


class TestGreetingsAndTitles:
    def test_each_language_has_its_own(self, http: httpx.Client, boris: httpx.Client) -> None:
        assistant = as_json(
            boris.post(
                "/api/assistants",
                json={"name": "Магазин", "greeting": "Здравствуйте!", "greetings": {"en": "Hello!", "ru": ""}},
            )
        )
        assert (assistant["greeting"], assistant["greetings"]) == ("Здравствуйте!", {"en": "Hello!"})
        widget = new_widget(boris, assistant_id=assistant["id"], name="Чат", titles={"en": "Chat"})
        assert (widget["name"], widget["titles"]) == ("Чат", {"en": "Chat"})
        face = as_json(http.get("/api/widgets/check", params={"token": widget["token"], "domain": "localhost"}))[
            "widget"
        ]
        assert (face["title"], face["titles"]) == ("Чат", {"en": "Chat"})
        assert (face["greeting"], face["greetings"]) == ("Здравствуйте!", {"en": "Hello!"})

    def test_a_change_replaces_all_of_them_and_leaves_them_where_it_names_none(self, boris: httpx.Client) -> None:
        made: Json = as_json(
            boris.post("/api/assistants", json={"name": "x", "greetings": {"en": "Hi", "ru": "Привет"}})
        )
        url = f"/api/assistants/{made['id']}"
        assert as_json(boris.patch(url, json={"name": "y"}))["greetings"] == {"en": "Hi", "ru": "Привет"}
        assert as_json(boris.patch(url, json={"greetings": {"ru": "День добрый"}}))["greetings"] == {
            "ru": "День добрый"
        }
        assert as_json(boris.patch(url, json={"greetings": {}}))["greetings"] == {}
        widget = new_widget(boris, titles={"ru": "Чат"})
        assert as_json(boris.patch(f"/api/widgets/{widget['id']}", json={"titles": {"en": "Chat"}}))["titles"] == {
            "en": "Chat"
        }

    @pytest.mark.parametrize("given", [{"de": "Hallo"}, {"en": "x" * 1001}, {"en": 7}, ["en"], None, {"en": "\0"}])
    def test_a_wrong_value_is_named_and_changes_nothing(self, boris: httpx.Client, given: object) -> None:
        refused = problem(boris.post("/api/assistants", json={"name": "x", "greetings": given}), 422, "invalid")
        assert refused["errors"][0]["field"].startswith("greetings")
        widget = new_widget(boris, titles={"ru": "Чат"})
        refused = problem(boris.patch(f"/api/widgets/{widget['id']}", json={"titles": given}), 422, "invalid")
        assert refused["errors"][0]["field"].startswith("titles")
        assert as_json(boris.get(f"/api/widgets/{widget['id']}"))["titles"] == {"ru": "Чат"}


def test_a_widgets_visitor_of_the_tests_has_no_language(
    server: Server, http: httpx.Client, boris: httpx.Client
) -> None:
    """What the other tests rely on: clients that name none are told in Russian, as it always was."""
    assert receipt(server, http, site_visitor(http, new_widget(boris)["token"])) == RECEIVED["ru"]
