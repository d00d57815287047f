"""What an assistant knows: sources over HTTP, read from a real site, and that nothing of it is lost or doubled."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.receiver import Answer, Received, Receiver
from tests.scenario import Json, as_json, bad_field, eventually, operator, problem
from tests.server import Server

FLAGS = ["--source-private-networks", "127.0.0.0/8"]
SOURCES = "/api/assistants/3/sources"
HTML = (("Content-Type", "text/html; charset=utf-8"),)
XML = (("Content-Type", "application/xml"),)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """A server that may read from loopback."""
    with Server(tmp_path_factory.mktemp("server") / "data", flags=FLAGS) as running:
        yield running


@pytest.fixture
def site() -> Iterator[Receiver]:
    """A site that has nothing unless told otherwise."""
    with Receiver(lambda _: Answer(404)) as listening:
        yield listening


def serve(site: Receiver, pages: dict[str, Answer]) -> None:
    """Let the site have these pages; the log of requests begins anew."""
    site.behave = lambda asked: pages.get(asked.path, Answer(404))
    site.received.clear()


def page(title: str, *paragraphs: str) -> bytes:
    """An HTML page with a menu around what it says."""
    text = "".join(f"<p>{each}</p>" for each in paragraphs)
    return f"<html><title>{title}</title><nav>Menu</nav><main>{text}</main><footer>(c)</footer></html>".encode()


def origin(site: Receiver) -> str:
    """Where the site is."""
    return f"http://127.0.0.1:{site.port}"


def add(maria: httpx.Client, kind: str, **fields: object) -> Json:
    """A source, as soon as it has been read."""
    answer = maria.post(SOURCES, json={"kind": kind, **fields})
    assert answer.status_code == 201, answer.text
    return settled(maria, as_json(answer))


def upload(maria: httpx.Client, kind: str, data: bytes, title: str = "File") -> Json:
    """A file, as soon as it has been read."""
    answer = maria.post(f"{SOURCES}/file", params={"kind": kind, "title": title}, content=data)
    assert answer.status_code == 201, answer.text
    return settled(maria, as_json(answer))


def settled(maria: httpx.Client, source: Json) -> Json:
    """The source when it is not waiting."""

    def look() -> Json | None:
        found = as_json(maria.get(f"{SOURCES}/{source['id']}"))
        return found if found["state"] != "waiting" else None

    return eventually(look, "the source was read", 60)


def again(maria: httpx.Client, source: Json) -> Json:
    """The source after it was fetched once more."""
    assert maria.post(f"{SOURCES}/{source['id']}/read").status_code == 200
    return settled(maria, source)


def passages(maria: httpx.Client, source: Json) -> list[Json]:
    """What is in force of a source."""
    items: list[Json] = as_json(maria.get(f"{SOURCES}/{source['id']}/passages?limit=200"))["items"]
    return items


def texts(maria: httpx.Client, source: Json) -> list[tuple[str, str]]:
    """Title and text of what is in force."""
    return [(each["title"], each["text"]) for each in passages(maria, source)]


class TestManaging:
    def test_only_admins_may_and_only_under_the_assistant_that_has_it(
        self, maria: httpx.Client, boris: httpx.Client
    ) -> None:
        source = add(maria, "faq", title="Where are you?", text="In Riga.")
        own = f"{SOURCES}/{source['id']}"
        assert maria.get(own).status_code == 200
        for method, path in (
            *(("GET", SOURCES), ("POST", SOURCES), ("GET", own), ("PATCH", own), ("DELETE", own)),
            *(("POST", f"{own}/read"), ("GET", f"{own}/passages"), ("POST", f"{SOURCES}/file?kind=pdf&title=x")),
        ):
            problem(boris.request(method, path, json=None if method in ("GET", "DELETE") else {}), 403, "forbidden")
        problem(maria.get(f"/api/assistants/1/sources/{source['id']}"), 404, "source_not_found")
        problem(maria.get("/api/assistants/99/sources"), 404, "assistant_not_found")
        problem(
            maria.post("/api/assistants/99/sources/file?kind=pdf&title=x", content=b"x"), 404, "assistant_not_found"
        )
        assert source["id"] in [each["id"] for each in as_json(maria.get(f"{SOURCES}?limit=200"))["items"]]

    def test_a_text_is_cut_at_its_headings_and_a_change_replaces_it(self, maria: httpx.Client) -> None:
        source = add(maria, "text", title="Магазин", text="Мы работаем с 2009 года.\n# Адрес\nРига, Бривибас 1")
        assert (source["state"], source["passages"]) == ("ready", 2)
        assert texts(maria, source) == [("Магазин", "Мы работаем с 2009 года."), ("Адрес", "Рига, Бривибас 1")]
        maria.patch(f"{SOURCES}/{source['id']}", json={"text": "# Адрес\nРига, Бривибас 2"})
        changed = settled(maria, source)
        assert texts(maria, changed) == [("Адрес", "Рига, Бривибас 2")]
        assert (changed["title"], changed["passages"]) == ("Магазин", 1)
        assert maria.delete(f"{SOURCES}/{source['id']}").status_code == 204
        problem(maria.get(f"{SOURCES}/{source['id']}"), 404, "source_not_found")
        problem(maria.get(f"{SOURCES}/{source['id']}/passages"), 404, "source_not_found")

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"kind": "faq", "title": "Why?"}, "text"),
            ({"kind": "faq", "text": "Because."}, "title"),
            ({"kind": "text", "title": " ", "text": "x"}, "title"),
            ({"kind": "page"}, "url"),
            ({"kind": "page", "url": "ftp://example.com/"}, "url"),
            ({"kind": "site", "url": "http://10.0.0.1/"}, "url"),
            ({"kind": "book", "title": "x", "text": "x"}, "kind"),
            ({"kind": "page", "url": "https://example.com/", "refetch_hours": 0}, "refetch_hours"),
            ({"kind": "text", "title": "x", "text": "x" * 100_001}, "text"),
        ],
    )
    def test_what_cannot_be_a_source_names_the_field(self, maria: httpx.Client, fields: Json, field: str) -> None:
        bad_field(maria.post(SOURCES, json=fields), field)

    def test_a_refused_network_names_the_setting_that_opens_it(self, maria: httpx.Client) -> None:
        answer = problem(maria.post(SOURCES, json={"kind": "page", "url": "http://192.168.1.1/"}), 422)
        assert answer["errors"][0]["params"]["setting"] == "SOURCE_PRIVATE_NETWORKS"

    def test_an_assistant_with_sources_is_not_deleted(self, maria: httpx.Client) -> None:
        made = as_json(maria.post("/api/assistants", json={"name": "Short"}))
        own = f"/api/assistants/{made['id']}"
        source = as_json(maria.post(f"{own}/sources", json={"kind": "faq", "title": "a", "text": "b"}))
        problem(maria.delete(own), 409, "assistant_in_use")
        maria.delete(f"{own}/sources/{source['id']}")
        eventually(lambda: maria.delete(own).status_code == 204, "what was read is gone")


class TestFetching:
    def test_a_page_is_read_without_what_stands_around_it_and_fetched_whole_only_when_it_has_changed(
        self, maria: httpx.Client, site: Receiver
    ) -> None:
        tagged = (*HTML, ("ETag", '"one"'))
        serve(site, {"/help": Answer(200, page("Доставка", "Курьер приедет завтра."), tagged)})
        source = add(maria, "page", url=f"{origin(site)}/help")
        assert (source["title"], source["pages"], source["failure"]) == ("Доставка", 1, None)
        (before,) = passages(maria, source)
        assert (before["text"], before["url"], before["language"]) == (
            "Курьер приедет завтра.",
            f"{origin(site)}/help",
            "ru",
        )
        serve(site, {"/help": Answer(304)})
        same = again(maria, source)
        assert site.received[0].headers["if-none-match"] == '"one"'
        assert (same["changed_at"], passages(maria, source)) == (source["changed_at"], [before])
        assert same["checked_at"] > source["checked_at"]
        serve(site, {"/help": Answer(200, page("Доставка", "Курьер приедет сегодня."), HTML)})
        assert again(maria, source)["changed_at"] > source["changed_at"]
        assert texts(maria, source) == [("Доставка", "Курьер приедет сегодня.")]

    def test_a_page_that_is_away_leaves_what_was_read_and_says_so(self, maria: httpx.Client, site: Receiver) -> None:
        serve(site, {"/help": Answer(200, page("Hours", "Nine to five."), HTML)})
        source = add(maria, "page", url=f"{origin(site)}/help")
        serve(site, {"/help": Answer(503)})
        failed = again(maria, source)
        assert (failed["state"], failed["failure"]["code"], failed["passages"]) == ("failed", "status", 1)
        assert failed["next_at"] is not None
        assert texts(maria, source) == [("Hours", "Nine to five.")]

    def test_a_site_is_read_by_its_sitemaps_as_far_as_its_robots_allow(
        self, maria: httpx.Client, site: Receiver
    ) -> None:
        def named(*paths: str, kind: str = "url") -> Answer:
            inner = "".join(f"<{kind}><loc>{each}</loc></{kind}>" for each in paths)
            outer = "urlset" if kind == "url" else "sitemapindex"
            space = "http://www.sitemaps.org/schemas/sitemap/0.9"
            return Answer(200, f'<{outer} xmlns="{space}">{inner}</{outer}>'.encode(), XML)

        here = origin(site)
        old = "<html><meta charset=windows-1251><title>Возврат</title><p>Вернём деньги.</p>".encode("cp1251")
        pages = {
            "/robots.txt": Answer(200, f"User-agent: *\nDisallow: /help/secret\nSitemap: {here}/maps.xml\n".encode()),
            "/maps.xml": named(f"{here}/maps.xml", f"{here}/a.xml", f"{here}/bad.xml", kind="sitemap"),
            "/a.xml": named(
                *(f"{here}/help/{name}" for name in ("old", "new", "secret", "gone")),
                f"{here}/shop/else",
                "http://example.com/help/foreign",
            ),
            "/bad.xml": Answer(200, b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">]><urlset><url>', XML),
            "/help/old": Answer(200, old, (("Content-Type", "text/html"),)),
            "/help/new": Answer(200, page("Обмен", "Обменяем размер."), HTML),
        }
        serve(site, pages)
        source = add(maria, "site", url=f"{here}/help/")
        assert sorted(texts(maria, source)) == [("Возврат", "Вернём деньги."), ("Обмен", "Обменяем размер.")]
        assert (source["pages"], source["failure"]["code"]) == (2, "incomplete")
        asked = [each.path for each in site.received]
        assert not {"/help/secret", "/shop/else", "/help/foreign"} & set(asked)
        assert len(asked) == len(set(asked)), "something was fetched twice"

        kept = {each["title"]: each["id"] for each in passages(maria, source)}
        serve(site, {**pages, "/help/new": Answer(200, page("Обмен", "Обменяем цвет."), HTML)})
        again(maria, source)
        after = {each["title"]: each["id"] for each in passages(maria, source)}
        assert after["Возврат"] == kept["Возврат"], "a page that has not changed keeps its passages"
        assert after["Обмен"] != kept["Обмен"]

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            (
                Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000000000\r\n\r\n<p>"),
                "too_large",
            ),
            (Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + b"<p>a" * 5_100_000), "too_large"),
            (Answer(200, b"<p>a" * 1_100_000, HTML), "too_large"),
            (Answer(200, b"<html><body><img src=x>", HTML), "no_text"),
            (Answer(200, b"\x89PNG", (("Content-Type", "image/png"),)), "wrong_type"),
            (Answer(302, headers=(("Location", "http://192.168.0.1/"),)), "redirect"),
            (Answer(302, headers=(("Location", "/help"),)), "redirect"),
            (Answer(cut=True), "closed"),
        ],
    )
    def test_a_page_that_cannot_be_read_says_why(
        self, maria: httpx.Client, site: Receiver, answer: Answer, code: str
    ) -> None:
        serve(site, {"/help": answer})
        source = add(maria, "page", url=f"{origin(site)}/help")
        assert source["failure"]["code"] == code, source
        assert maria.delete(f"{SOURCES}/{source['id']}").status_code == 204


def pdf(text: str) -> bytes:
    """A PDF of one page."""
    stream = f"BT /F1 12 Tf 50 700 Td ({text}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body = b"%PDF-1.4\n" + b"".join(b"%d 0 obj%s endobj\n" % (n, each) for n, each in enumerate(objects, 1))
    return body + b"trailer<</Root 1 0 R/Size 6>>\n%%EOF"


def docx(document: bytes) -> bytes:
    """A Word file that holds nothing but its text."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", document)
    return out.getvalue()


def paragraphs(*texts: str) -> bytes:
    """The XML of a Word file; the first paragraph is a heading."""
    first, *rest = texts
    inner = f'<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>{first}</w:t></w:r></w:p>'
    inner += "".join(f"<w:p><w:r><w:t>{each}</w:t></w:r></w:p>" for each in rest)
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    return f'<w:document xmlns:w="{space}"><w:body>{inner}</w:body></w:document>'.encode()


class TestFiles:
    def test_files_are_read_and_then_forgotten(self, maria: httpx.Client, server: Server) -> None:
        assert texts(maria, upload(maria, "pdf", pdf("Warranty lasts two years."), "Manual")) == [
            ("Manual", "Warranty lasts two years.")
        ]
        word = upload(maria, "docx", docx(paragraphs("Оплата", "Картой", "Наличными")))
        assert texts(maria, word) == [("Оплата", "Картой\nНаличными")]
        long = "\n".join(f"# Part {n}\n{'word ' * 100}" for n in range(2_000)).encode()
        assert upload(maria, "text", long)["passages"] == 2_000

    @pytest.mark.parametrize(
        ("kind", "data", "code"),
        [
            ("pdf", b"%PDF-1.4 and nothing", "broken"),
            ("docx", b"PK\x03\x04", "broken"),
            ("docx", docx(b"<broken"), "broken"),
            ("docx", docx(b"<w>" + b" " * 60_000_000), "too_large"),
            ("pdf", pdf(""), "no_text"),
        ],
    )
    def test_a_file_that_cannot_be_read_says_why(self, maria: httpx.Client, kind: str, data: bytes, code: str) -> None:
        source = upload(maria, kind, data)
        assert (source["state"], source["failure"]["code"], source["next_at"]) == ("failed", code, None)

    def test_a_file_that_is_too_large_or_empty_leaves_nothing(self, maria: httpx.Client) -> None:
        before = as_json(maria.get(f"{SOURCES}?limit=200"))["items"]
        problem(
            maria.post(f"{SOURCES}/file", params={"kind": "pdf", "title": "x"}, content=b"x" * 20_000_001),
            413,
            "body_too_large",
        )
        bad_field(maria.post(f"{SOURCES}/file", params={"kind": "pdf", "title": "x"}, content=b""), "body")
        bad_field(maria.post(f"{SOURCES}/file", params={"kind": "exe", "title": "x"}, content=b"x"), "kind")
        assert as_json(maria.get(f"{SOURCES}?limit=200"))["items"] == before


class TestDying:
    def test_of_two_servers_one_reads_and_what_a_killed_one_had_in_hand_is_read_by_the_other(
        self, tmp_path: Path, site: Receiver
    ) -> None:
        hang = threading.Event()

        def behave(asked: Received) -> Answer:
            if len(site.received) == 1:
                hang.wait(60)
            return Answer(200, page("Hours", "Nine to five."), HTML)

        site.behave = behave
        with Server(tmp_path / "data", flags=FLAGS) as first, Server(tmp_path / "data", flags=FLAGS) as second:
            with operator(first) as maria:
                made = as_json(maria.post(SOURCES, json={"kind": "page", "url": f"{origin(site)}/help"}))
            eventually(lambda: bool(site.received), "it is being fetched")
            first.kill()
            with operator(second) as maria:
                source = settled(maria, made)
                assert (source["state"], texts(maria, source)) == ("ready", [("Hours", "Nine to five.")])
            hang.set()
        assert len(site.received) == 2
