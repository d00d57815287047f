"""Every function that reads a text of a client does work in proportion to it, whatever the text is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Literal

import msgspec
import pytest

from handlers.decoding import field_error
from handlers.http_parser import HttpLimits, RequestParser
from replyx.conversations.search_excerpt import excerpt
from replyx.conversations.search_words import asked, words_of
from replyx.delivery.eventlog import Cursor
from replyx.errors import Problem
from replyx.origins import Origin, normalise_domain
from replyx.outside.calls import Outside
from replyx.outside.webhooks.schedule import asked_for
from replyx.socketio import engineio_codec, socketio_codec
from tests.effort import disproportionate

WIDE = HttpLimits(header_bytes=1 << 20, uri_bytes=1 << 20)


class Chosen(msgspec.Struct):
    """A request whose refusal repeats what was sent."""

    word: Literal["a", "b"]


def refused_word(text: str) -> None:
    """The answer to a word that is none of the known ones."""
    try:
        msgspec.convert({"word": text}, Chosen)
    except msgspec.ValidationError as error:
        field_error(str(error))


def request(head: str) -> Callable[[str], None]:
    """Reads a request in whose head the text stands at ``{}``."""

    def read(text: str) -> None:
        RequestParser(WIDE).feed(head.format(text).encode())

    return read


READERS: dict[str, tuple[Callable[[str], object], tuple[str, ...]]] = {
    "an origin": (lambda text: Origin.parse(f"https://{text}"), ("a", "a.", "a-", "[", "xn--", "é", "0x", "1")),
    "the scheme of an origin": (Origin.parse, ("a", "a+", "://", "a://")),
    "a domain": (normalise_domain, ("a.", "*.", "https://", " ", "/")),
    "a cursor": (Cursor.parse, ("a", "1", "1-", "a-1")),
    "words": (words_of, ("a", "a ", "ё", "-", "\u0301", "a\u0301", "_")),
    "an excerpt": (lambda text: excerpt(text, asked("a b")), ("a", "a ", "b ", "ab-", "é", "…")),
    "a webhook's address": (lambda text: Outside([]).check_url(f"https://a{text}", "url"), (".", "/", "?", "@", ":1")),
    "a moment to come back": (lambda text: asked_for(text, 0), ("1", " ", "1:", "Mon, ", "(", "((", '"', "\\")),
    "a Socket.IO packet": (
        lambda text: socketio_codec.Decoder().feed(f"2{text}"),
        ("/", "/a", "1", "1-", ",", "[", '"'),
    ),
    "an Engine.IO payload": (lambda text: engineio_codec.decode_payload(text.encode()), ("4", "4\x1e", "b", "bQQ==")),
    "a refused value": (refused_word, (" - at `$", "`", " - at `$.`", "' got `")),
    "a request's target": (request("GET {} HTTP/1.1\r\nHost: a\r\n\r\n"), ("/", "/a", "?", "//", "a://", "%25", "#")),
    "a request's host": (request("GET / HTTP/1.1\r\nHost: {}\r\n\r\n"), ("a", "a:", "[", "[:", "1", ".")),
    "a request's fields": (request("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n"), ("a: b\r\n", "Cookie: a=b\r\n", "a: \r\n")),
}


@pytest.mark.parametrize("what", READERS)
def test_twice_the_text_is_no_more_than_twice_the_work(what: str) -> None:
    read, units = READERS[what]

    def tried(text: str) -> None:
        with suppress(Problem, ValueError):
            read(text)

    assert disproportionate(tried, units, ("", "\0", "x")) == []
