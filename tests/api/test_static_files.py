"""Files of the pages over HTTP: what is compressed, what browsers keep for good, and what they ask about again."""

from __future__ import annotations

import gzip
import re
from html import unescape

import httpx
import pytest

from tests.scenario import problem
from tests.server import ROOT

FOR_GOOD = "public, max-age=31536000, immutable"
LINK = re.compile(r'(?:href|src)="(/static/[^"]+)"')


def raw(http: httpx.Client, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """The answer, and its body as it came over the wire."""
    with http.stream("GET", path, headers=headers) as answer:
        return answer, b"".join(answer.iter_raw())


@pytest.mark.parametrize("page", ["/admin", "/chat/1", "/demo/", "/demo-site/", "/webapp/", "/docs", "/docs/errors"])
def test_whatever_a_page_names_is_kept_for_good_and_comes_compressed(http: httpx.Client, page: str) -> None:
    named = [unescape(each) for each in LINK.findall(http.get(page).text)]
    assert named
    for address in named:
        answer, body = raw(http, address, **{"Accept-Encoding": "gzip"})
        assert (answer.status_code, answer.headers["cache-control"]) == (200, FOR_GOOD), address
        if len(body) > 400:
            assert answer.headers["content-encoding"] == "gzip", address
            assert len(body) < len(gzip.decompress(body))
        assert int(answer.headers["content-length"]) == len(body)


def test_a_page_preloads_all_modules_that_its_script_imports(http: httpx.Client) -> None:
    html = http.get("/admin").text
    preloaded = set(re.findall(r'<link rel="modulepreload" href="([^"]+)">', html))
    [script] = re.findall(r'<script type="module" src="([^"]+)">', html)
    waiting, seen = [script], {script}
    while waiting:
        address = waiting.pop()
        code = re.sub(r"/\*.*?\*/", "", http.get(address).text, flags=re.DOTALL)
        for name in re.findall(r"""(?:from|import)\s+['"](\.[^'"]+)['"]""", code):
            found = str(httpx.URL(address).join(name))
            waiting += [] if found in seen else [found]
            seen.add(found)
    assert len(seen) > 20
    assert preloaded == seen


@pytest.mark.parametrize("path", ["/widget.js", "/widget.js?token=a.b.c&theme=%23ff0000", "/push-worker.js"])
def test_the_loader_and_the_worker_keep_their_addresses_and_are_asked_for_anew(http: httpx.Client, path: str) -> None:
    answer, body = raw(http, path, **{"Accept-Encoding": "br, gzip;q=0.5"})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    assert len(body) <= 5 * 1024
    again = http.get(path, headers={"If-None-Match": answer.headers["etag"], "Accept-Encoding": "gzip"})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("query", ["", "?v=", "?v=0123456789abcdef", "?v=1&v=2", "?v=%00"])
def test_an_address_without_the_present_digest_is_not_kept(http: httpx.Client, query: str) -> None:
    answer = http.get(f"/static/shared/dom.js{query}")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("GZIP, br", True),
        ("*", True),
        ("br;q=1, gzip;q=0.001", True),
        ("identity", False),
        ("", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0", False),
        ("gzipped", False),
    ],
)
def test_gzip_is_sent_to_whoever_takes_it(http: httpx.Client, accepted: str, packed: bool) -> None:
    plain = (ROOT / "static" / "shared" / "tokens.css").read_bytes()
    answer, body = raw(http, "/static/shared/tokens.css", **{"Accept-Encoding": accepted})
    assert answer.headers["vary"] == "Accept-Encoding"
    assert ("content-encoding" in answer.headers) == packed
    assert (gzip.decompress(body) if packed else body) == plain
    # Neither form is taken for the other.
    other = "identity" if packed else "gzip"
    again = http.get(
        "/static/shared/tokens.css", headers={"If-None-Match": answer.headers["etag"], "Accept-Encoding": other}
    )
    assert again.status_code == 200


def test_a_head_says_what_a_get_would(http: httpx.Client) -> None:
    for accepted in ("gzip", "identity"):
        got, body = raw(http, "/static/shared/dom.js", **{"Accept-Encoding": accepted})
        head = http.head("/static/shared/dom.js", headers={"Accept-Encoding": accepted})
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-length", "content-type", "etag", "cache-control", "vary"):
            assert head.headers[name] == got.headers[name]
        assert int(head.headers["content-length"]) == len(body)


@pytest.mark.parametrize(
    "path", ["/static/", "/static/shared", "/static/none.js", "/static/%00", "/static/shared/dom.js%00", "/static/%ff"]
)
def test_what_is_no_file_is_not_found(http: httpx.Client, path: str) -> None:
    problem(http.get(path), 404, "not_found")
