"""The pages that the server shows, and what they let in."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.scenario import as_json, new_widget, problem


def test_the_chat_may_be_framed_by_the_widgets_domains_alone(http: httpx.Client, boris: httpx.Client) -> None:
    widget = new_widget(boris, "shoes.example", "*.boots.example:8443", name="</script><b>")
    answer = http.get(f"/chat/{widget['id']}")
    assert answer.status_code == 200
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
    sources = set(policy["frame-ancestors"].split())
    assert {"https://shoes.example:*", "http://localhost:*", "https://*.boots.example:8443", "'self'"} <= sources
    assert not sources & {"*", "https:", "http:"}
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "</script><b>" not in answer.text
    assert widget["token"] not in answer.text
    problem(http.get("/chat/999999"), 404, "widget_not_found")


def test_the_demo_shop_embeds_its_widget_by_the_real_code(http: httpx.Client, boris: httpx.Client) -> None:
    answer = http.get("/demo-site/")
    assert answer.status_code == 200
    found = re.search(r'<script src="([^"]+/widget\.js\?[^"]+)" async></script>', answer.text)
    assert found, answer.text
    query = httpx.URL(found[1].replace("&amp;", "&")).params
    assert query["assistant_id"] == "3"
    assert as_json(http.get("/api/widgets/check", params={"token": query["token"]}))["valid"]
    assert httpx.URL(query["host"]).port == http.base_url.port


def test_the_loader_may_be_loaded_from_anywhere(http: httpx.Client) -> None:
    answer = http.get("/widget.js", headers={"Origin": "https://shoes.example"})
    assert answer.status_code == 200
    assert "javascript" in answer.headers["content-type"]
    assert answer.headers["access-control-allow-origin"] == "*"
    again = http.get("/widget.js", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/errors", "/admin", "/demo-site/"])
def test_every_page_keeps_scripts_of_others_out(http: httpx.Client, path: str) -> None:
    answer = http.get(path, follow_redirects=True)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*(src=|application/json))", answer.text), "an inline script"
    assert not re.search(r"\son\w+=|javascript:", answer.text)
